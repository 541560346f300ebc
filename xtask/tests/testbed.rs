//! The testbed is the real thing, and goes away.

#![allow(
    clippy::disallowed_methods,
    reason = "the bans keep clock and environment out of the operator's decisions"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use xtask::testbed::{Testbed, TestbedOptions};

#[tokio::test]
async fn crds_are_served_and_the_apiserver_comes_back_with_what_it_had() -> Result<()> {
    if !Testbed::obtainable()? {
        return Ok(());
    }
    let testbed = Testbed::start(&TestbedOptions::default())?;
    testbed.install_crds()?;
    let namespaces: Api<Namespace> = Api::all(testbed.kube_client()?);
    let namespace = serde_json::from_value(serde_json::json!({"metadata": {"name": "kept"}}))?;
    namespaces.create(&PostParams::default(), &namespace).await?;

    testbed.stop_apiserver()?;
    assert!(namespaces.get("kept").await.is_err());
    testbed.start_apiserver()?;
    assert_eq!(namespaces.get("kept").await?.metadata.name.as_deref(), Some("kept"));
    let enis: Api<eni_operator::api::NodeENI> = Api::all(testbed.kube_client()?);
    assert!(enis.list(&ListParams::default()).await?.items.is_empty());

    let folder = testbed.folder().to_owned();
    drop(testbed);
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn bad_argument_is_told_by_the_servers_own_words() -> Result<()> {
    if !Testbed::obtainable()? {
        return Ok(());
    }
    let options =
        TestbedOptions { apiserver_args: vec!["--no-such-flag".to_owned()], ..TestbedOptions::default() };
    let error = format!("{:#}", Testbed::start(&options).unwrap_err());
    assert!(error.starts_with("kube-apiserver ended early"), "{error}");
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
    Ok(())
}

#[test]
fn nothing_outlives_a_testbed_that_is_killed() -> Result<()> {
    if !Testbed::obtainable()? {
        return Ok(());
    }
    let mut testbed =
        Command::new(env!("CARGO_BIN_EXE_xtask")).arg("testbed").stdout(Stdio::piped()).spawn()?;
    let stdout = testbed.stdout.take().context("no standard output")?;
    let mut environment = BTreeMap::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        let (name, value) =
            line.strip_prefix("export ").and_then(|pair| pair.split_once('=')).context("no pair")?;
        environment.insert(name.to_owned(), value.to_owned());
        if name == "AWS_EC2_METADATA_DISABLED" {
            break;
        }
    }
    let kubeconfig = PathBuf::from(&environment["KUBECONFIG"]);
    let servers = [server_of(&kubeconfig)?, environment["AWS_ENDPOINT_URL"].replace("http://", "")];
    assert!(servers.iter().all(|server| TcpStream::connect(server).is_ok()));

    // By SIGKILL, which leaves it no last word.
    testbed.kill()?;
    testbed.wait()?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while kubeconfig.exists() || servers.iter().any(|server| TcpStream::connect(server).is_ok()) {
        assert!(Instant::now() < deadline, "something is left of {servers:?} and {}", kubeconfig.display());
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The address of the API server that a kubeconfig names.
fn server_of(kubeconfig: &Path) -> Result<String> {
    let kubeconfig: serde_json::Value = serde_json::from_slice(&fs::read(kubeconfig)?)?;
    let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().context("no server")?;
    Ok(server.replace("https://", ""))
}
