//! `cargo xtask image`: the image, for all its platforms, as one OCI archive.
//!
//! There is nothing in it but the static binary, the certificate authorities that it trusts, and what it was built of.
//! The same sources make the same bytes: [`verify`] builds twice and compares.

mod binary;
mod buildah;
mod emulated;
mod platform;
mod roots;
mod sbom;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sha2::{Digest, Sha256};

pub use self::binary::binary;
pub use self::platform::Platform;

pub(crate) use self::buildah::{Buildah, Recipe};
use crate::debian::said;
use crate::repo;

/// The name of the image unless another is asked for: the chart's.
const NAME: &str = "localhost/eni-operator";

/// How large an image may be, in bytes.
const LIMIT: u64 = 25 * 1024 * 1024;

/// Options of `cargo xtask image`.
#[derive(Debug, Clone, Args)]
pub struct ImageOptions {
    /// The platforms it is for.
    #[arg(long = "platform", value_enum, value_name = "ARCH", value_delimiter = ',', default_values_t = Platform::ALL)]
    pub platforms: Vec<Platform>,

    /// Its name, with the tag.
    #[arg(long, value_name = "NAME", default_value_t = default_name())]
    pub name: String,

    /// Where to write the archive.
    #[arg(long, value_name = "FILE", default_value_os_t = default_archive())]
    pub output: PathBuf,

    /// Build for all platforms, twice, the second time from nothing of ours; fail unless both are the same, and each
    /// binary runs, if need be under QEMU.
    #[arg(long)]
    pub verify: bool,
}

fn default_name() -> String {
    format!("{NAME}:{}", env!("CARGO_PKG_VERSION"))
}

fn default_archive() -> PathBuf {
    repo::at("target/image/eni-operator.tar")
}

/// Fails with the reason if an image cannot be built here.
pub fn obtainable() -> Result<()> {
    binary::obtainable()?;
    buildah::obtainable()
}

/// Builds what is asked for, and says what it is.
pub fn run(options: &ImageOptions) -> Result<()> {
    obtainable()?;
    if options.verify {
        return verify(options);
    }
    build(&options.platforms, &options.name, &options.output)?;
    print!("{}", describe(&options.output)?);
    Ok(())
}

/// The archive of the image for this machine, built once by this process.
pub fn archive() -> Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(archive) = &*built {
        return Ok(archive.clone());
    }
    let output = default_archive().with_file_name("eni-operator-amd64.tar");
    build(&[Platform::Amd64], &default_name(), &output)?;
    Ok(built.insert(output).clone())
}

fn build(platforms: &[Platform], name: &str, output: &Path) -> Result<()> {
    let context = tempfile::tempdir().context("make a folder for the image's files")?;
    fs::write(context.path().join("roots.pem"), roots::bundle()).context("write the authorities")?;
    for platform in platforms {
        let folder = context.path().join(platform.arch());
        fs::create_dir(&folder).context("make a platform's folder")?;
        let binary = binary(*platform)?;
        fs::copy(&binary, folder.join("eni-operator"))
            .with_context(|| format!("copy {}", binary.display()))?;
        fs::write(folder.join("sbom.cdx.json"), sbom::of(*platform)?)
            .context("write the bill of materials")?;
    }
    let revision = revision();
    let args = [("VERSION", env!("CARGO_PKG_VERSION")), ("REVISION", revision.as_str())];
    let buildah = Buildah::new()?;
    let recipe = Recipe { file: &repo::at("Containerfile"), context: context.path(), args: &args };
    for platform in platforms {
        buildah.add(name, *platform, &recipe)?;
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    // Nobody sees half an archive, and two that build at once do not meet.
    let part =
        tempfile::tempdir_in(folder).with_context(|| format!("make a folder in {}", folder.display()))?;
    let whole = part.path().join("archive");
    buildah.write(name, &whole)?;
    fs::rename(&whole, output).with_context(|| format!("write {}", output.display()))
}

/// The commit that is built, or nothing where there is none.
fn revision() -> String {
    let head = said(Command::new("git").args(["rev-parse", "HEAD"]).current_dir(repo::root()));
    head.map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// An archive's images, one to a line: platform, size, and digest.
fn describe(archive: &Path) -> Result<String> {
    let read = |path: &str| -> Result<serde_json::Value> {
        let text = said(Command::new("tar").arg("-xOf").arg(archive).arg(path))?;
        serde_json::from_str(&text).with_context(|| format!("read {path} of {}", archive.display()))
    };
    let blob = |digest: &serde_json::Value| {
        let digest = digest.as_str().unwrap_or_default();
        read(&format!("blobs/{}", digest.replace(':', "/")))
    };
    let index = read("index.json")?;
    let list = blob(&index["manifests"][0]["digest"])?;
    let mut text =
        format!("{} {}\n", archive.display(), index["manifests"][0]["digest"].as_str().unwrap_or("?"));
    for image in list["manifests"].as_array().context("the archive has no list of images")? {
        let manifest = blob(&image["digest"])?;
        let layers = manifest["layers"].as_array().context("an image has no layers")?;
        let size: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
        let arch = image["platform"]["architecture"].as_str().unwrap_or("?");
        ensure!(size <= LIMIT, "the image for {arch} has {size} bytes; {LIMIT} is the most");
        let digest = image["digest"].as_str().unwrap_or("?");
        // Writing to a string does not fail.
        let _ = writeln!(text, "linux/{arch} {} KiB {digest}", size / 1024);
    }
    Ok(text)
}

/// Builds twice and compares. The second time, nothing that is ours is taken from the first.
fn verify(options: &ImageOptions) -> Result<()> {
    let again = options.output.with_file_name("again.tar");
    build(&Platform::ALL, &options.name, &options.output)?;
    for platform in Platform::ALL {
        emulated::check(platform, &binary(platform)?)?;
        println!("linux/{}: its --help and crd-gen are as they should be", platform.arch());
        binary::forget(platform)?;
    }
    build(&Platform::ALL, &options.name, &again)?;
    let [first, second] = [hash(&options.output)?, hash(&again)?];
    print!("{}", describe(&options.output)?);
    ensure!(first == second, "two builds differ: sha256 {first} and {second}");
    println!("built twice, the same bytes: sha256 {first}");
    fs::remove_file(&again).context("remove the second archive")
}

fn hash(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    Ok(Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn platforms(line: &str) -> Vec<Platform> {
        let command = Cli::try_parse_from(line.split(' ')).unwrap().command;
        let Command::Image(options) = command else { panic!("{command:?}") };
        options.platforms
    }

    #[test]
    fn an_image_is_for_every_platform_unless_some_are_named() {
        assert_eq!(platforms("xtask image"), [Platform::Amd64, Platform::Arm64]);
        assert_eq!(platforms("xtask image --platform arm64"), [Platform::Arm64]);
        assert_eq!(platforms("xtask image --platform amd64,arm64"), Platform::ALL);
    }
}
