//! What takes minutes to make is made once, outside the tree.
//!
//! An entry is a folder whose name holds a key of all that went into it. It counts once its marker is
//! there, which is written last; two runs at once make it once, because the maker holds a lock.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Written into an entry when it is whole.
const MARKER: &str = ".complete";

/// The folder of all entries: `eni-operator` in `XDG_CACHE_HOME`, or in `~/.cache`.
pub fn folder() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .context("no place for a cache: set XDG_CACHE_HOME or HOME")?;
    Ok(base.join("eni-operator"))
}

/// A short name for exactly these inputs.
#[must_use]
pub fn key(inputs: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        // The length keeps ["ab", "c"] apart from ["a", "bc"].
        hash.update(input.len().to_le_bytes());
        hash.update(input);
    }
    let digest = hash.finalize();
    let start = digest.iter().take(6).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{start:012x}")
}

/// Whether the entry `name` is there.
pub fn has(name: &str) -> Result<bool> {
    Ok(folder()?.join(name).join(MARKER).exists())
}

/// The folder of the entry `name`, made by `make` if it is not there yet.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    entry_in(&folder()?, name, make)
}

fn entry_in(cache: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let entry = cache.join(name);
    if entry.join(MARKER).exists() {
        return Ok(entry);
    }
    fs::create_dir_all(cache).with_context(|| format!("create the cache {}", cache.display()))?;
    let _lock = lock(cache, name)?;
    if entry.join(MARKER).exists() {
        return Ok(entry);
    }
    if entry.exists() {
        fs::remove_dir_all(&entry).with_context(|| format!("remove the unfinished {}", entry.display()))?;
    }
    fs::create_dir_all(&entry).with_context(|| format!("create {}", entry.display()))?;
    make(&entry)?;
    fs::write(entry.join(MARKER), "").with_context(|| format!("finish {}", entry.display()))?;
    Ok(entry)
}

/// The first of the folders `name`, `name-2`, `name-3`, … that no other process has, and the lock that keeps it so until
/// the file is closed.
pub fn first_free(name: &str) -> Result<(PathBuf, File)> {
    first_free_in(&folder()?, name)
}

fn first_free_in(cache: &Path, name: &str) -> Result<(PathBuf, File)> {
    fs::create_dir_all(cache).with_context(|| format!("create the cache {}", cache.display()))?;
    let mut number = 1;
    loop {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let path = cache.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok((cache.join(name), file)),
            Err(TryLockError::WouldBlock) => number += 1,
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
    }
}

/// Holds the lock of an entry until the file is closed, which the end of the process does too.
fn lock(cache: &Path, name: &str) -> Result<File> {
    let path = cache.join(format!("{name}.lock"));
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => eprintln!("waiting for another run that makes {name}"),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("lock {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn keys_differ_with_every_input_and_its_borders() {
        assert_eq!(key(&[b"ab", b"c"]), key(&[b"ab", b"c"]));
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_eq!(key(&[b"ab"]).len(), 12);
    }

    #[test]
    fn entry_is_made_once_by_many_at_once() {
        let cache = tempfile::tempdir().unwrap();
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    entry_in(cache.path(), "tool-1", |folder| {
                        made.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(50));
                        Ok(fs::write(folder.join("tool"), "binary")?)
                    })
                    .unwrap()
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn folder_that_another_has_is_not_the_first_free_one() {
        let cache = tempfile::tempdir().unwrap();
        let (first, lock) = first_free_in(cache.path(), "build").unwrap();
        let (second, _other) = first_free_in(cache.path(), "build").unwrap();
        assert_eq!((first, second), (cache.path().join("build"), cache.path().join("build-2")));
        drop(lock);
        assert_eq!(first_free_in(cache.path(), "build").unwrap().0, cache.path().join("build"));
    }

    #[test]
    fn unfinished_entry_is_made_anew() {
        let cache = tempfile::tempdir().unwrap();
        let broken = entry_in(cache.path(), "tool-1", |folder| {
            fs::write(folder.join("rest"), "")?;
            anyhow::bail!("no room")
        });
        assert!(broken.is_err());
        let entry = entry_in(cache.path(), "tool-1", |_| Ok(())).unwrap();
        assert!(!entry.join("rest").exists());
    }
}
