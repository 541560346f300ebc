//! Where things are in this repository.

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A file or folder, by its path from the root.
#[must_use]
pub fn at(path: impl AsRef<Path>) -> PathBuf {
    root().join(path)
}
