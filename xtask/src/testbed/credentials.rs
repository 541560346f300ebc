//! Who may do what in a testbed, and the files that say so.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::json;

use super::ports::random;
use crate::pem::pem;

/// The file name of the kubeconfig.
pub(super) const KUBECONFIG: &str = "kubeconfig";
/// The file name of the list of tokens.
pub(super) const TOKENS: &str = "tokens.csv";
/// The file name of the key that signs service accounts' tokens.
pub(super) const SERVICE_ACCOUNT_KEY: &str = "service-accounts.key";
/// The file name of its public half.
pub(super) const SERVICE_ACCOUNT_PUBLIC_KEY: &str = "service-accounts.pub";

/// What an administrator needs.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) server: String,
    pub(super) token: String,
    pub(super) ca: PathBuf,
}

impl Credentials {
    /// Makes them, and writes the files that the API server and its users read.
    pub(super) fn write(certs: &Path, scratch: &Path, port: u16) -> Result<Self> {
        let credentials = Self {
            server: format!("https://127.0.0.1:{port}"),
            token: new_token(),
            // The server writes it when it starts: the certificate and the one that signed it.
            ca: certs.join("apiserver.crt"),
        };
        let write = |name, text: String| {
            let path = scratch.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        write(TOKENS, format!("{},admin,1,system:masters\n", credentials.token))?;
        let (private, public) = signing_keys()?;
        write(SERVICE_ACCOUNT_KEY, private)?;
        write(SERVICE_ACCOUNT_PUBLIC_KEY, public)?;
        write(KUBECONFIG, credentials.kubeconfig())?;
        Ok(credentials)
    }

    /// As the kube client takes it.
    pub(super) fn kube_config(&self) -> Result<kube::Config> {
        let kubeconfig =
            kube::config::Kubeconfig::from_yaml(&self.kubeconfig()).context("read our kubeconfig")?;
        let options = kube::config::KubeConfigOptions::default();
        crate::runtime::block_on(
            async move { kube::Config::from_custom_kubeconfig(kubeconfig, &options).await },
        )?
        .context("load our kubeconfig")
    }

    fn kubeconfig(&self) -> String {
        kubeconfig(&self.server, &self.ca, &self.token, "default")
    }
}

/// How somebody with a token reaches an API server, and which namespace is meant unless one is named. JSON is YAML too.
pub(crate) fn kubeconfig(server: &str, ca: &Path, token: &str, namespace: &str) -> String {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "testbed",
            "cluster": { "server": server, "certificate-authority": ca },
        }],
        "users": [{ "name": "bearer", "user": { "token": token } }],
        "contexts": [{
            "name": "testbed",
            "context": { "cluster": "testbed", "user": "bearer", "namespace": namespace },
        }],
        "current-context": "testbed",
    });
    format!("{kubeconfig:#}\n")
}

/// A token that nobody guesses.
pub(crate) fn new_token() -> String {
    format!("{:016x}{:016x}", random(), random())
}

/// A new pair of keys in PEM, the private one first.
pub(crate) fn signing_keys() -> Result<(String, String)> {
    let unspecified = |_| anyhow!("the cryptography library made no key");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(unspecified)?;
    let private = pair.to_pkcs8v1().map_err(unspecified)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(unspecified)?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}
