//! The image's root, unpacked.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// An image, and its root in a folder.
pub(crate) struct Image {
    folder: TempDir,
    pub(crate) manifest: Value,
    pub(crate) config: Value,
}

impl Image {
    /// None where it cannot be built.
    pub(crate) fn new() -> Option<Self> {
        if !xtask::parts::has(xtask::image::obtainable()).unwrap() {
            return None;
        }
        let archive = xtask::image::archive().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (layout, root) = (folder.path().join("layout"), folder.path().join("root"));
        unpack(&archive, &layout);
        let read = |path: PathBuf| -> Value {
            serde_json::from_slice(&std::fs::read(layout.join(path)).unwrap()).unwrap()
        };
        let blob = |digest: &Value| Path::new("blobs").join(digest.as_str().unwrap().replace(':', "/"));
        let index = read("index.json".into());
        let list = read(blob(&index["manifests"][0]["digest"]));
        assert_eq!(list["manifests"].as_array().unwrap().len(), 1);
        assert_eq!(list["manifests"][0]["platform"]["architecture"], "amd64");
        let manifest = read(blob(&list["manifests"][0]["digest"]));
        let config = read(blob(&manifest["config"]["digest"]));
        for layer in manifest["layers"].as_array().unwrap() {
            unpack(&layout.join(blob(&layer["digest"])), &root);
        }
        Some(Self { folder, manifest, config })
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// All files, by their paths from the root.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = vec![];
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path().strip_prefix(self.root()).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    /// Gives the image a file, as a volume of its pod would.
    pub(crate) fn give(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The image's entry point in its root, as its user, with nothing of this machine's environment.
    pub(crate) fn command(&self) -> Command {
        let user = self.config["config"]["User"].as_str().unwrap();
        let entry = self.config["config"]["Entrypoint"][0].as_str().unwrap();
        let mut command = Command::new("chroot");
        let path = std::env::var_os("PATH").unwrap();
        command.env_clear().env("PATH", path);
        command.arg(format!("--userspec={user}")).arg(self.root()).arg(entry);
        command
    }
}

fn unpack(archive: &Path, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let done = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder).status().unwrap();
    assert!(done.success(), "unpack {}", archive.display());
}
