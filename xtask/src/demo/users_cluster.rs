//! Manners in somebody else's cluster: nothing of theirs is touched, and nothing of ours stays.

use anyhow::{Result, ensure};
use eni_operator::api::NodeENI;
use kube::{Api, api::ListParams};

use super::{
    acts::Play,
    nodes,
    stage::{Cluster, Stage},
};
use crate::crds;

/// What was there before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    crds: bool,
}

/// Looks whether the cluster can be used at all, if it is the user's.
pub(super) async fn look(stage: &Stage) -> Result<Option<Before>> {
    let Cluster::Users(_) = stage.cluster else { return Ok(None) };
    println!(
        "The cluster is yours: the CRDs, nodes named eni-demo-… and a NodeENI are put into it, and taken out at the end."
    );
    println!(
        "Its cloud controller, if it has one, deletes such nodes: take a cluster without, such as kind's."
    );
    let node_enis: Api<NodeENI> = Api::all(stage.cluster.client()?);
    let crds = match node_enis.list_metadata(&ListParams::default().limit(1)).await {
        Ok(list) => {
            ensure!(
                list.items.is_empty(),
                "the cluster has NodeENI objects: the demonstration would take a simulated EC2 for theirs"
            );
            true
        }
        Err(kube::Error::Api(status)) if status.code == 404 => false,
        Err(error) => {
            return Err(anyhow::Error::from(error).context("look for NodeENI objects in the cluster"));
        }
    };
    Ok(Some(Before { crds }))
}

/// Takes everything out again, if the cluster is the user's.
pub(super) async fn clean_up(stage: &Stage, play: &mut Play<'_>, before: Option<Before>) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    println!("\ntaking everything out of your cluster again");
    let gone = play.remove_node_eni().await;
    let stopped = play.stop_controller();
    let removed = nodes::remove(&stage.cluster.client()?).await;
    // While its finalizer is on an object, deleting the CRD would hang for ever.
    gone?;
    if !before.crds {
        crds::remove(stage.cluster.config()?)?;
    }
    removed.and(stopped)
}
