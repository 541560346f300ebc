//! The testbed is the real thing, and goes away.

use anyhow::Result;
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
