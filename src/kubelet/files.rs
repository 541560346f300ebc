//! Files: which one it is, and changes that are whole or not there.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::whole_file;

/// Which file it is. The number of an inode is used again, so the time of its last change counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

/// Which file is there, if one is.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let found = fs::symlink_metadata(path).ok()?;
    Some(Identity { device: found.dev(), inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) })
}

/// Puts a file in the place of another, whole, and returns when it would outlive a power cut.
pub(super) fn replace(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(folder)?;
    // Nobody who looks for files by how their names end takes it for one.
    let unfinished = folder.join(format!(".{}.eni-operator", name.to_string_lossy()));
    whole_file::replace(path, &unfinished, text, Some(mode))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A short name for a text, and for no other.
pub(super) fn short(text: &str) -> String {
    let start = Sha256::digest(text.as_bytes()).into_iter().take(8);
    let number = start.fold(0_u64, |number, byte| (number << 8) | u64::from(byte));
    format!("{number:016x}")
}
