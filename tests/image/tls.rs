//! EC2 behind TLS, with a certificate of an authority of one's own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use xtask::process::{Guarded, Output};
use xtask::testbed::{Bearer, Testbed, TestbedOptions};

use crate::root::Image;

/// How long what is wanted may take to be there.
const PATIENCE: Duration = Duration::from_mins(1);

/// EC2 behind TLS.
struct Front {
    _runtime: Runtime,
    url: String,
    /// Connections whose other end trusted the certificate.
    trusted: Arc<AtomicUsize>,
    /// Connections whose other end did not.
    refused: Arc<AtomicUsize>,
}

impl Front {
    fn new(certificate: &Path, key: &Path, ec2: &str) -> Self {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_file_iter(certificate).unwrap().collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.unwrap(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let ec2 = ec2.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (trusted, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (trusted.clone(), refused.clone());
        runtime.spawn(async move {
            while let Ok((outer, _)) = listener.accept().await {
                let (acceptor, ec2, counts) = (acceptor.clone(), ec2.clone(), counts.clone());
                tokio::spawn(async move {
                    let Ok(mut outer) = acceptor.accept(outer).await else {
                        counts.1.fetch_add(1, Ordering::SeqCst);
                        return;
                    };
                    counts.0.fetch_add(1, Ordering::SeqCst);
                    let mut inner = TcpStream::connect(ec2).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                });
            }
        });
        Self { _runtime: runtime, url, trusted, refused }
    }
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_it_is_named_and_only_then() {
    let Some(image) = Image::new() else { return };
    if !Testbed::obtainable().unwrap() {
        return;
    }
    let options = TestbedOptions { ec2: true, ..TestbedOptions::default() };
    let testbed = Testbed::start(&options).unwrap();
    testbed.install_crds().unwrap();
    let key = testbed.ca_path().with_extension("key");
    let front = Front::new(testbed.ca_path(), &key, testbed.ec2_endpoint().unwrap());
    image.give("given/ca.pem", &std::fs::read_to_string(testbed.ca_path()).unwrap());
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": {
            "server": testbed.server_url(), "certificate-authority": "/given/ca.pem",
        } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        "users": [{ "name": "u", "user": { "token": testbed.token_of(Bearer::Controller).unwrap() } }],
    });
    image.give("given/kubeconfig", &kubeconfig.to_string());
    let start = |name: &str, trust: Option<&str>| {
        let mut command = image.command();
        command.args([
            "controller",
            "--leader-elect=false",
            "--metrics-addr=0",
            "--require-node-agent=false",
        ]);
        command.arg(format!("--cluster-id={name}"));
        command.envs(testbed.environment().into_iter().filter(|(name, _)| *name != "KUBECONFIG"));
        command.env("KUBECONFIG", "/given/kubeconfig").env("AWS_ENDPOINT_URL", &front.url);
        command.envs(trust.map(|file| ("SSL_CERT_FILE", file)));
        let log = testbed.folder().join(format!("{name}.log"));
        Guarded::spawn("the controller", &command, &Output::Log(log)).unwrap()
    };
    let until = |what: &str, count: &AtomicUsize, controller: &mut Guarded| {
        let begun = Instant::now();
        while count.load(Ordering::SeqCst) == 0 {
            controller.check_alive().unwrap();
            assert!(begun.elapsed() < PATIENCE, "waited for {what}: {}", controller.last_words());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let mut distrusts = start("distrusts", None);
    until("a refusal", &front.refused, &mut distrusts);
    assert_eq!(front.trusted.load(Ordering::SeqCst), 0);
    drop(distrusts);
    let mut trusts = start("trusts", Some("/given/ca.pem"));
    until("trust", &front.trusted, &mut trusts);
}
