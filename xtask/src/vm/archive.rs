//! The machine's disk: an archive that the kernel unpacks into memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::guest::INIT;
use super::parts::Parts;

/// Modules of the kernel that the machine needs, with what they need in turn.
const MODULES: &[&str] =
    &["virtio_pci", "virtio_net", "e1000e", "macvlan", "ipvlan", "8021q", "veth", "af_packet"];

/// Folders of the disk.
const FOLDERS: &[&str] = &[
    "bin",
    "sbin",
    "usr",
    "usr/sbin",
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "var",
    "lib",
    "lib64",
    "lib/modules",
];

/// Kinds of files, and their rights.
const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// Writes the disk with these further files.
pub(super) fn write(to: &Path, parts: &Parts, files: &[(PathBuf, String)]) -> Result<()> {
    let file = File::create(to).with_context(|| format!("create {}", to.display()))?;
    let mut archive = Archive { out: BufWriter::new(file), made: BTreeSet::new(), inode: 1 };
    for folder in FOLDERS {
        archive.folder(folder)?;
    }
    archive.put("init", PROGRAM, INIT.as_bytes())?;
    archive.file(&parts.busybox(), "bin/busybox")?;
    let mut loads = vec![];
    for (number, module) in parts.modules(MODULES)?.iter().enumerate() {
        let at = format!("lib/modules/{number:02}.ko");
        archive.file(module, &at)?;
        loads.push(format!("/{at}\n"));
    }
    archive.put("modules", 0o100_644, loads.concat().as_bytes())?;
    for file in with_libraries(Path::new("/usr/sbin/ip"))? {
        let at = file.to_string_lossy().trim_start_matches('/').to_owned();
        archive.file(&file, &at)?;
    }
    for (from, at) in files {
        archive.file(from, at)?;
    }
    archive.finish()
}

/// A program of this machine and the libraries that it is linked to, as `ldd` finds them.
fn with_libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("run ldd")?;
    ensure!(output.status.success(), "ldd {} failed", program.display());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let libraries = text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(std::iter::once(program.to_owned()).chain(libraries).collect())
}

/// An archive in cpio's "new ASCII" form, the one that the kernel reads.
struct Archive {
    out: BufWriter<File>,
    made: BTreeSet<String>,
    inode: u32,
}

impl Archive {
    /// A file with the folders above it.
    fn file(&mut self, from: &Path, at: &str) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("read {}", from.display()))?;
        let above: Vec<&str> = at.split('/').collect();
        for depth in 1..above.len() {
            self.folder(&above[..depth].join("/"))?;
        }
        self.put(at, PROGRAM, &bytes)
    }

    fn folder(&mut self, at: &str) -> Result<()> {
        if self.made.insert(at.to_owned()) { self.put(at, FOLDER, &[]) } else { Ok(()) }
    }

    fn put(&mut self, at: &str, mode: u32, bytes: &[u8]) -> Result<()> {
        let size = u32::try_from(bytes.len()).context("a file is too big")?;
        let name = u32::try_from(at.len() + 1).context("a name is too long")?;
        let (inode, links) = (self.inode, 1);
        self.inode += 1;
        let fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name, 0];
        let fields = fields.map(|field| format!("{field:08X}")).concat();
        let mut head = format!("070701{fields}{at}\0").into_bytes();
        head.resize(head.len().next_multiple_of(4), 0);
        self.out.write_all(&head)?;
        self.out.write_all(bytes)?;
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.out.write_all(&[0; 3][..padding]).context("write the disk")
    }

    fn finish(mut self) -> Result<()> {
        self.put("TRAILER!!!", 0, &[])?;
        self.out.flush().context("write the disk")
    }
}
