//! A disk that outlives machines.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::on_path;

/// Its size in bytes. What is not written takes no room.
const SIZE: u64 = 32 << 20;

/// Where its program is, on a path of users without rights too.
const FORMAT: &str = "mke2fs";

/// An empty disk in a folder, for [`super::VmOptions::state`].
pub fn empty(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("state.img");
    File::create(&path).and_then(|file| file.set_len(SIZE)).context("make a disk")?;
    let mut format = Command::new(on_path(FORMAT).unwrap_or_else(|| Path::new("/usr/sbin").join(FORMAT)));
    let output = format.args(["-q", "-t", "ext4"]).arg(&path).output().context("run mke2fs")?;
    ensure!(output.status.success(), "mke2fs: {}", String::from_utf8_lossy(&output.stderr));
    Ok(path)
}
