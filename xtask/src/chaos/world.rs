//! What the controller works on: a region, nodes, and a `NodeENI` whose intent is known.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eni_operator::api::{NODE_ENI_LABEL, NodeENI, NodeENIAttachment};
use k8s_openapi::api::core::v1::Node as KubeNode;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::check::{self, Seen};
use super::controller::Controller;
use super::region::{Node, Region};
use crate::testbed::Testbed;

/// Label of the nodes of a world.
const WORLD: &str = "chaos/world";

/// Label of the nodes that are to have ENIs.
const WANTED: &str = "chaos/wanted";

/// How often to look.
const LOOK: Duration = Duration::from_millis(200);

/// What the `NodeENI` asks for.
#[derive(Debug, Clone)]
pub struct Want {
    /// The nodes that are to have ENIs.
    pub nodes: Vec<Node>,
    /// The Name tags of the subnets, in order.
    pub subnets: Vec<String>,
    /// The security group.
    pub group: String,
    /// The description in EC2.
    pub description: String,
    /// How many ENIs it takes, all in all, if none is made twice.
    pub made: usize,
}

impl Want {
    /// How many ENIs there are to be.
    #[must_use]
    pub fn enis(&self) -> usize {
        self.nodes.len() * self.subnets.len()
    }
}

/// What the controller works on.
pub struct World {
    /// What its objects are called, or begin with; and the cluster in the tags of its ENIs.
    pub name: String,
    /// EC2.
    pub region: Region,
    /// What is asked for.
    pub want: Want,
    client: Client,
}

impl World {
    /// A region, and a node for each of its instances. To be called inside a runtime.
    pub async fn make(testbed: &Testbed, name: &str) -> Result<Self> {
        let region = Region::make(testbed.ec2_endpoint().context("the testbed has no EC2")?, name)?;
        let want = Want {
            nodes: region.nodes.clone(),
            subnets: vec!["first".to_owned(), "second".to_owned()],
            group: region.groups[0].clone(),
            description: "of the first kind".to_owned(),
            made: 0,
        };
        let world = Self { name: name.to_owned(), region, want, client: testbed.kube_client()? };
        for node in &world.region.nodes {
            world.register(node).await?;
        }
        Ok(world)
    }

    fn nodes(&self) -> Api<KubeNode> {
        Api::all(self.client.clone())
    }

    fn node_enis(&self) -> Api<NodeENI> {
        Api::all(self.client.clone())
    }

    async fn register(&self, node: &Node) -> Result<()> {
        let object = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": node.name, "labels": {
                WORLD: self.name, WANTED: "true", "topology.kubernetes.io/zone": node.zone,
            } },
            "spec": { "providerID": format!("aws:///{}/{}", node.zone, node.instance) },
        });
        let params = PatchParams::apply("chaos").force();
        self.nodes().patch(&node.name, &params, &Patch::Apply(&object)).await?;
        let status = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": node.name },
            "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }] },
        });
        let params = PatchParams::apply("chaos-kubelet").force();
        self.nodes().patch_status(&node.name, &params, &Patch::Apply(&status)).await?;
        Ok(())
    }

    /// Applies the `NodeENI` as it is wanted now.
    pub async fn apply(&self) -> Result<()> {
        let object = json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI",
            "metadata": { "name": self.name },
            "spec": {
                "nodeSelector": { WORLD: self.name, WANTED: "true" }, "subnetNames": self.want.subnets,
                "securityGroupIDs": [self.want.group], "description": self.want.description,
                "deviceIndex": 1,
            },
        });
        let params = PatchParams::apply("chaos").force();
        self.node_enis().patch(&self.name, &params, &Patch::Apply(&object)).await?;
        Ok(())
    }

    /// Selects a node, or does so no more.
    pub async fn select(&mut self, number: usize, wanted: bool) -> Result<()> {
        let node = self.region.nodes.get(number).context("there is no such node")?.clone();
        let value = wanted.then_some("true");
        let patch = Patch::Merge(json!({ "metadata": { "labels": { WANTED: value } } }));
        self.nodes().patch(&node.name, &PatchParams::default(), &patch).await?;
        self.want.nodes.retain(|one| *one != node);
        if wanted {
            self.want.nodes.push(node);
        }
        Ok(())
    }

    /// Terminates a node's instance, and deletes the node when it is gone.
    pub async fn lose(&mut self, number: usize) -> Result<()> {
        let node = self.region.nodes.get(number).context("there is no such node")?.clone();
        self.region.terminate(&node.instance)?;
        let begun = Instant::now();
        while self.region.state()?.pointer(&format!("/instances/{}/state", node.instance))
            != Some(&json!("terminated"))
        {
            if begun.elapsed() > Duration::from_secs(20) {
                bail!("{} does not terminate", node.instance);
            }
            tokio::time::sleep(LOOK).await;
        }
        self.nodes().delete(&node.name, &DeleteParams::default()).await?;
        self.want.nodes.retain(|one| *one != node);
        Ok(())
    }

    /// Deletes the `NodeENI`. It stays until its ENIs are gone.
    pub async fn delete(&mut self) -> Result<()> {
        // It may be one that cannot be read.
        let any = Api::<PartialObjectMeta<NodeENI>>::all(self.client.clone());
        any.delete(&self.name, &DeleteParams::default()).await?;
        self.want.nodes.clear();
        Ok(())
    }

    /// Deletes the nodes.
    pub async fn end(&self) -> Result<()> {
        let ours = ListParams::default().labels(&format!("{WORLD}={}", self.name));
        for node in self.nodes().list(&ours).await?.items {
            self.nodes().delete(&node.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// The `NodeENI`, if it is there.
    pub async fn node_eni(&self) -> Result<Option<NodeENI>> {
        Ok(self.node_enis().get_opt(&self.name).await?)
    }

    /// Whether what is there is what is wanted: reads all of EC2's state, and the API server.
    pub async fn agrees(&self) -> Result<()> {
        let slots = Api::<NodeENIAttachment>::all(self.client.clone());
        let ours = ListParams::default().labels(&format!("{NODE_ENI_LABEL}={}", self.name));
        let labelled = ListParams::default().labels(&format!("{WORLD}={}", self.name));
        let seen = Seen {
            state: self.region.state()?,
            slots: slots.list(&ours).await?.items,
            node_eni: self.node_eni().await?,
            nodes: self.nodes().list(&labelled).await?.items,
            made: self.region.made()?.saturating_sub(self.region.nodes.len()),
        };
        check::agrees(&seen, &self.name, &self.region.nodes, &self.want)
    }

    /// Waits until what is there is what is wanted, while the controller lives.
    pub async fn settles(&self, controller: &mut Controller, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            controller.check_alive()?;
            match self.agrees().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    let told = self.node_eni().await?.and_then(|one| one.status).map(|status| json!(status));
                    let told = told.unwrap_or(Value::Null);
                    return Err(error.context(format!(
                        "after {within:?} it is not as it should be; the status is {told}; {}",
                        controller.last_words()
                    )));
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
