//! What is in the image.

use serde_json::{Value, json};

use crate::root::Image;

#[test]
fn it_has_the_binary_the_authorities_and_what_it_was_built_of_and_nothing_else() {
    let Some(image) = Image::new() else { return };
    assert_eq!(image.files(), ["eni-operator", "etc/ssl/certs/ca-certificates.crt", "sbom.cdx.json"]);
    let config = &image.config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/eni-operator"]));
    let labels = &config["Labels"];
    assert_eq!(labels["org.opencontainers.image.title"], "eni-operator");
    assert_eq!(labels["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(image.config["created"], "1970-01-01T00:00:00Z");
    let layers = image.manifest["layers"].as_array().unwrap();
    let size: u64 = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
    println!("the image has {size} bytes");
    assert!(size <= 25 * 1024 * 1024, "{size} bytes");
    let bill: Value =
        serde_json::from_slice(&std::fs::read(image.root().join("sbom.cdx.json")).unwrap()).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert!(bill["components"].as_array().unwrap().iter().any(|one| one["name"] == "aws-sdk-ec2"));
}

#[test]
fn its_binary_runs_where_there_is_nothing_else() {
    let Some(image) = Image::new() else { return };
    let said = |word: &str| {
        let output = image.command().arg(word).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for command in ["controller", "node-agent", "drain", "crd-gen"] {
        assert!(said("--help").contains(command));
    }
    assert!(said("crd-gen").contains("nodeeniattachments.networking.k8s.aws"));
}

#[test]
fn no_folder_of_the_machine_that_built_it_is_in_its_binary() {
    let Some(image) = Image::new() else { return };
    let binary = std::fs::read(image.root().join("eni-operator")).unwrap();
    for home in ["HOME", "CARGO_HOME"].into_iter().filter_map(std::env::var_os) {
        let words = home.as_encoded_bytes().to_vec();
        // A home such as `/` or `/root` may be a word of something else: with what is in it.
        let words = [words.as_slice(), b"/."].concat();
        assert!(!binary.windows(words.len()).any(|window| window == words), "{}", home.display());
    }
    let clone = xtask::repo::root().display().to_string();
    assert!(!binary.windows(clone.len()).any(|window| window == clone.as_bytes()), "{clone}");
}
