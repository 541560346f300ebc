//! Takes over the ENIs of the Go system that this operator replaces.

use k8s_openapi::jiff::SignedDuration;

use super::PassError;
use super::context::Context;
use crate::api::NodeENI;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::ec2::{Ec2, EniQuery};
use crate::plan::Pace;
use crate::plan::events::Event;
use crate::plan::takeover::{Claim, Stage, claims, ours, stage};

/// When to look whether the tags are listed.
const LISTED_SOON: SignedDuration = SignedDuration::from_secs(5);

/// Takes over what an object has of the other system. Says when to look again, if the ordinary pass has to
/// wait for that.
pub(super) async fn take_over<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    context: &Context<C, E, K>,
) -> Result<Option<Pace>, PassError> {
    let now = context.clock.now();
    match stage(object, now) {
        Stage::None => return Ok(None),
        Stage::StillWritten(until) => {
            let message = "another controller still writes this object's status; its ENIs are taken over when it has been silent for six minutes";
            tell(object, true, "OtherController", message.to_owned(), context).await;
            return Ok(Some(Pace::Within(until.duration_since(now))));
        }
        Stage::Due if object.spec.paused == Some(true) => return Ok(None),
        Stage::Due => {}
    }
    let name = object.metadata.name.clone().unwrap_or_default();
    let listed = context.ec2.enis(&EniQuery::OfReference(vec![name.clone()])).await?;
    let cluster = &context.settings.cluster;
    let claims = claims(object, &listed, &context.cluster.nodes(), cluster, now);
    if !claims.is_empty() {
        return claim(object, &claims, context).await.map(Some);
    }
    // What the ordinary pass will list must show them as well.
    let query = EniQuery::OfNodeEnis(cluster.clone(), vec![name]);
    let found = context.ec2.enis(&query).await?;
    context.memory.take_over(object.metadata.name.as_deref().unwrap_or_default(), now);
    let missing = ours(&listed, cluster).difference(&ours(&found, cluster)).count();
    Ok((missing > 0).then_some(Pace::Within(LISTED_SOON)))
}

/// Puts our tags on ENIs.
async fn claim<C: Cluster, E: Ec2, K: Clock>(
    object: &NodeENI,
    claims: &[Claim],
    context: &Context<C, E, K>,
) -> Result<Pace, PassError> {
    for claim in claims {
        context.ec2.tag(&claim.eni, &claim.tags).await?;
        tracing::info!(nodeeni = object.metadata.name, eni = %claim.eni, "taken over from another controller");
    }
    let message = format!("took over {} ENIs of another controller, by tags alone", claims.len());
    tell(object, false, "ENIsTakenOver", message, context).await;
    Ok(Pace::Within(LISTED_SOON))
}

async fn tell<C: Cluster, E, K>(
    object: &NodeENI,
    warning: bool,
    reason: &'static str,
    message: String,
    context: &Context<C, E, K>,
) {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    context.cluster.tell(name, Event { warning, reason, message }).await;
}
