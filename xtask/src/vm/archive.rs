//! The machine's disk: an archive that the kernel unpacks into memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::VmOptions;
use super::guest::INIT;
use super::parts::Parts;

/// Modules of the kernel that every machine has loaded, with what they need in turn.
const LOADED: &[&str] = &[
    "virtio_pci",
    "virtio_net",
    "virtio_blk",
    "virtio_console",
    "crc32c_generic",
    "ext4",
    "e1000e",
    "macvlan",
    "ipvlan",
    "8021q",
    "veth",
    "af_packet",
];

/// Modules that are on its disk, for who loads them.
const AT_HAND: &[&str] = &["vfio_pci", "vfio_iommu_type1", "uio_pci_generic"];

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

/// Writes the disk with what the options add.
pub(super) fn write(to: &Path, parts: &Parts, options: &VmOptions) -> Result<()> {
    let file = File::create(to).with_context(|| format!("create {}", to.display()))?;
    let mut archive = Archive { out: BufWriter::new(file), made: BTreeSet::new(), inode: 1 };
    for folder in FOLDERS {
        archive.folder(folder)?;
    }
    archive.put("init", PROGRAM, INIT.as_bytes())?;
    archive.file(&parts.busybox(), "bin/busybox")?;
    archive.modules(parts, &options.modules)?;
    let ip = Path::new("/usr/sbin/ip");
    archive.file(ip, "usr/sbin/ip")?;
    let libraries = libraries(ip)?;
    ensure!(!libraries.is_empty(), "ldd knows no libraries of {}", ip.display());
    archive.libraries(&libraries)?;
    for (from, at) in &options.files {
        archive.file(from, at)?;
        if at.starts_with("bin/") {
            // A static one has none.
            archive.libraries(&self::libraries(from)?)?;
        }
    }
    archive.finish()
}

/// The libraries that a program of this machine is linked to, as `ldd` finds them.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("run ldd")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}

/// An archive in cpio's "new ASCII" form, the one that the kernel reads.
struct Archive {
    out: BufWriter<File>,
    made: BTreeSet<String>,
    inode: u32,
}

impl Archive {
    /// Modules where the kernel's own folder has them, and the list of those that are loaded at the start.
    fn modules(&mut self, parts: &Parts, further: &[&str]) -> Result<()> {
        let names = [LOADED, further].concat();
        let at = |path: &Path| -> Result<String> {
            let path = path.strip_prefix(parts.root()).context("a module is elsewhere")?;
            Ok(path.to_string_lossy().into_owned())
        };
        let mut loads = vec![];
        for module in parts.modules(&names)? {
            loads.push(format!("/{}\n", at(&module)?));
        }
        self.put("modules", 0o100_644, loads.concat().as_bytes())?;
        let lists = ["modules.dep", "modules.builtin"].map(|name| parts.of_modules(name));
        for file in lists.into_iter().chain(parts.modules(&[&names, AT_HAND].concat())?.into_iter().map(Ok)) {
            let file = file?;
            self.file(&file, &at(&file)?)?;
        }
        Ok(())
    }

    /// Libraries where this machine has them.
    fn libraries(&mut self, all: &[PathBuf]) -> Result<()> {
        all.iter().try_for_each(|file| self.file(file, file.to_string_lossy().trim_start_matches('/')))
    }

    /// A file with the folders above it, once.
    fn file(&mut self, from: &Path, at: &str) -> Result<()> {
        if !self.made.insert(at.to_owned()) {
            return Ok(());
        }
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
