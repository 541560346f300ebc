//! Files that are whole or as they were before, whatever happens while they are written.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Puts a file in the place of another, and returns when it would outlive a power cut.
///
/// What is not finished stands in a file of its own beside it.
pub(crate) fn replace(path: &Path, unfinished: &Path, text: &[u8], mode: Option<u32>) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = File::create(unfinished)?;
    file.write_all(text)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    // The new name is in the folder, and that is a file of its own.
    File::open(folder)?.sync_all()
}
