//! The CRDs in a cluster: applied, waited for, removed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eni_operator::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, Config, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};

use crate::runtime::block_on;

/// Who applies them, for server-side apply.
const MANAGER: &str = "xtask";
/// How long a CRD may take to be served; it takes a tenth of a second.
const SERVED_WITHIN: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Applies the CRDs of this version, and returns when they are served.
pub fn install(config: Config) -> Result<()> {
    block_on(async { install_with(&client(config)?).await })?
}

/// Deletes the CRDs, and with them all of their objects.
pub fn remove(config: Config) -> Result<()> {
    block_on(async { remove_with(&client(config)?).await })?
}

fn client(config: Config) -> Result<Client> {
    Client::try_from(config).context("make a client for the cluster")
}

async fn install_with(client: &Client) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in api::crds() {
        let name = crd.name_any();
        let apply = PatchParams::apply(MANAGER).force();
        crds.patch(&name, &apply, &Patch::Apply(&crd))
            .await
            .with_context(|| format!("apply the CRD {name}"))?;
    }
    for crd in api::crds() {
        until_established(&crds, &crd.name_any()).await?;
    }
    Ok(())
}

async fn until_established(crds: &Api<CustomResourceDefinition>, name: &str) -> Result<()> {
    let deadline = Instant::now() + SERVED_WITHIN;
    while !established(&crds.get(name).await.with_context(|| format!("get the CRD {name}"))?) {
        ensure!(Instant::now() < deadline, "the CRD {name} is not established after 30 s");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
}

async fn remove_with(client: &Client) -> Result<()> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in api::crds() {
        let name = crd.name_any();
        match crds.delete(&name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error).with_context(|| format!("delete the CRD {name}")),
        }
    }
    Ok(())
}
