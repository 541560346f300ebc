//! The journal on disk: whole or as it was before, whatever happens while it is written.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::host::Journal;
use crate::whole_file;

const NAME: &str = "journal.json";
const UNFINISHED: &str = "journal.json.new";
const UNREADABLE: &str = "journal.json.unreadable";
const LOCK: &str = "lock";

/// The journal of this start of the machine, held by this process alone.
#[derive(Debug)]
pub struct JournalFile {
    folder: PathBuf,
    current: Journal,
    fault: Option<String>,
    /// Dropping it lets the next agent begin. The kernel does, too, when the process ends.
    _lock: File,
}

/// The journal cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another agent holds it.
    #[error("another node agent works on this host")]
    Held,
    /// Its folder cannot be used.
    #[error("{}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl JournalFile {
    /// Opens the journal in a folder, which is made if it is not there.
    ///
    /// `boot_id` is the kernel's id of this start of the machine. A journal that cannot be read is set aside:
    /// what it said is then not known, and nothing that is not known is taken back.
    pub fn open(folder: &Path, boot_id: &str) -> Result<Self, JournalError> {
        let failed = |error| JournalError::Folder { folder: folder.to_owned(), error };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Held),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let current = read(folder).map_err(failed)?.of_boot(boot_id);
        Ok(Self { folder: folder.to_owned(), current, fault: None, _lock: lock })
    }

    /// The journal as it was last written.
    #[must_use]
    pub fn current(&self) -> &Journal {
        &self.current
    }

    /// Why it could not be written when that was last tried.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Writes the journal, if it is another one, and returns when it would outlive a power cut.
    pub fn write(&mut self, next: &Journal) -> io::Result<()> {
        if *next == self.current && self.fault.is_none() {
            return Ok(());
        }
        let written = put(&self.folder, next);
        self.fault = written.as_ref().err().map(|error| format!("{}: {error}", self.folder.display()));
        if written.is_ok() {
            self.current = next.clone();
        }
        written
    }
}

fn read(folder: &Path) -> io::Result<Journal> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Journal::default()),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&text).or_else(|error| {
        tracing::error!(path = %path.display(), %error, "the journal cannot be read, and is set aside");
        fs::rename(&path, folder.join(UNREADABLE))?;
        Ok(Journal::default())
    })
}

fn put(folder: &Path, journal: &Journal) -> io::Result<()> {
    whole_file::replace(&folder.join(NAME), &folder.join(UNFINISHED), &serde_json::to_vec(journal)?, None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::MacAddress;
    use crate::plan::host::Record;

    fn journal(boot: &str) -> Journal {
        let record = Record {
            slot: "a".to_owned(),
            pci: "0000:00:06.0".parse().ok(),
            first_name: "ens6".to_owned(),
            first_mtu: 1500,
            alt_names: BTreeSet::from(["eth2".to_owned()]),
            rebound: None,
        };
        let devices = [(MacAddress([2, 0, 0, 0, 0, 1]), record)].into();
        Journal { boot_id: boot.to_owned(), devices, let_no_iommu: false }
    }

    #[test]
    fn what_was_written_is_read_by_the_next_agent_and_not_after_a_reboot() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("made");
        let mut file = JournalFile::open(&at, "boot-1").unwrap();
        file.write(&journal("boot-1")).unwrap();
        drop(file);
        let again = JournalFile::open(&at, "boot-1").unwrap();
        assert_eq!(*again.current(), journal("boot-1"));
        drop(again);
        let rebooted = JournalFile::open(&at, "boot-2").unwrap();
        assert_eq!(*rebooted.current(), Journal { boot_id: "boot-2".to_owned(), ..Journal::default() });
    }

    #[test]
    fn of_two_agents_the_second_waits_until_the_first_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = JournalFile::open(folder.path(), "b").unwrap();
        assert!(matches!(JournalFile::open(folder.path(), "b"), Err(JournalError::Held)));
        drop(first);
        assert!(JournalFile::open(folder.path(), "b").is_ok());
    }

    #[test]
    fn half_a_journal_is_set_aside_and_an_unfinished_one_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "{\"bootId\":").unwrap();
        fs::write(folder.path().join(UNFINISHED), "{").unwrap();
        let file = JournalFile::open(folder.path(), "b").unwrap();
        assert!(file.current().devices.is_empty());
        assert!(folder.path().join(UNREADABLE).exists());
    }

    #[test]
    fn a_journal_that_cannot_be_written_says_so_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = JournalFile::open(folder.path(), "b").unwrap();
        // Not even root writes a file where there is a folder.
        fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
        assert!(file.write(&journal("b")).is_err());
        assert!(file.fault().is_some() && file.current().devices.is_empty());
        fs::remove_dir(folder.path().join(UNFINISHED)).unwrap();
        file.write(&journal("b")).unwrap();
        assert_eq!((file.fault(), file.current()), (None, &journal("b")));
    }
}
