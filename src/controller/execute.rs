//! Carries out the steps of a slot's plan. It judges nothing.

use k8s_openapi::jiff::Timestamp;

use crate::api::CloudStatus;
use crate::clock::Clock;
use crate::ec2::{Answer, Ec2};
use crate::model::{Ec2Error, Ec2ErrorKind, EniChange, EniId, InstanceId, Thing};
use crate::plan::asks::Change;
use crate::plan::instance::Step;
use crate::plan::record;

/// What came of a slot's steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// The record, as far as EC2 has answered.
    pub(super) cloud: CloudStatus,
    /// The failure that ended the steps, if one did.
    pub(super) failure: Option<Ec2Error>,
    /// Whether an ENI was gone before it could be deleted.
    pub(super) already_gone: bool,
}

/// Carries out steps one after the other, until one fails.
pub(super) async fn execute(
    ec2: &impl Ec2,
    clock: &impl Clock,
    instance: &InstanceId,
    cloud: CloudStatus,
    steps: &[Step],
) -> Outcome {
    let mut outcome = Outcome { cloud, failure: None, already_gone: false };
    for step in steps {
        let done = perform(ec2, clock, instance, &outcome.cloud, step).await;
        match done {
            Ok(cloud) => {
                tracing::info!(%instance, eni = cloud.eni_id, %step, "done");
                outcome.cloud = cloud;
            }
            Err(error) if is_gone(step, &error) => {
                outcome.already_gone = true;
                outcome.cloud = absent(&outcome.cloud, step, clock.now());
            }
            Err(error) => {
                tracing::warn!(%instance, eni = outcome.cloud.eni_id, %step, error = &error as &dyn std::error::Error, "refused");
                if let (Step::Change(change), Ec2ErrorKind::NoAnswer) = (step, error.kind) {
                    outcome.cloud = record::unanswered(&outcome.cloud, change, clock.now());
                }
                outcome.failure = Some(error);
                break;
            }
        }
    }
    outcome
}

/// Performs one step, and brings the record up to EC2's answer.
async fn perform(
    ec2: &impl Ec2,
    clock: &impl Clock,
    instance: &InstanceId,
    cloud: &CloudStatus,
    step: &Step,
) -> Answer<CloudStatus> {
    match step {
        Step::Create(request) => {
            let eni = ec2.create(request).await?;
            Ok(record::created(cloud, &eni, clock.now()))
        }
        Step::Attach(at) => {
            let id = ec2.attach(&eni(cloud)?, instance, *at).await?;
            Ok(record::attaching(cloud, &id, *at, clock.now()))
        }
        Step::Change(Change::Assign(kind, count)) => {
            let given = ec2.assign(&eni(cloud)?, *kind, *count).await?;
            Ok(record::assigned(cloud, *kind, &given, clock.now()))
        }
        Step::Change(change) => {
            alter(ec2, cloud, change).await?;
            Ok(record::changed(cloud, change, clock.now()))
        }
        Step::Detach { force } => {
            ec2.detach(&record::attachment(cloud).ok_or_else(|| unrecorded("attachment"))?, *force).await?;
            Ok(record::detaching(cloud, clock.now()))
        }
        Step::Delete => {
            ec2.delete(&eni(cloud)?).await?;
            Ok(record::deleted(cloud, clock.now()))
        }
        Step::DetachSurplus(attachment) => ec2.detach(attachment, false).await.map(|()| cloud.clone()),
        Step::DeleteSurplus(eni) => ec2.delete(eni).await.map(|()| cloud.clone()),
    }
}

/// Whether a failure says that there is nothing left to do.
fn is_gone(step: &Step, error: &Ec2Error) -> bool {
    let gone = |thing| error.kind == Ec2ErrorKind::NotFound(thing);
    match step {
        Step::Detach { .. } | Step::DetachSurplus(_) => gone(Thing::Attachment),
        Step::Delete | Step::DeleteSurplus(_) => gone(Thing::Eni),
        Step::Create(_) | Step::Attach(_) | Step::Change(_) => false,
    }
}

/// The record after a step found nothing left to do.
fn absent(cloud: &CloudStatus, step: &Step, now: Timestamp) -> CloudStatus {
    match step {
        Step::Detach { .. } => record::detaching(cloud, now),
        Step::Delete => record::deleted(cloud, now),
        Step::DetachSurplus(_)
        | Step::DeleteSurplus(_)
        | Step::Create(_)
        | Step::Attach(_)
        | Step::Change(_) => cloud.clone(),
    }
}

/// Makes a change whose answer says nothing but that it is made.
async fn alter(ec2: &impl Ec2, cloud: &CloudStatus, change: &Change) -> Answer<()> {
    let eni = eni(cloud)?;
    let change = match change {
        Change::Tag(tags) => return ec2.tag(&eni, tags).await,
        Change::Untag(keys) => return ec2.untag(&eni, keys).await,
        Change::Assign(kind, count) => return ec2.assign(&eni, *kind, *count).await.map(drop),
        Change::Unassign(kind, addresses) => return ec2.unassign(&eni, *kind, addresses).await,
        Change::DeleteOnTermination(on) => EniChange::DeleteOnTermination {
            attachment: record::attachment(cloud).ok_or_else(|| unrecorded("attachment"))?,
            on: *on,
        },
        Change::SourceDestCheck(on) => EniChange::SourceDestCheck(*on),
        Change::Groups(ids) => {
            let ids = ids
                .iter()
                .map(|id| id.parse().map_err(|_| unrecorded("security group")))
                .collect::<Result<_, _>>()?;
            EniChange::Groups(ids)
        }
        Change::Description(text) => EniChange::Description(text.clone()),
    };
    ec2.modify(&eni, &change).await
}

/// The recorded ENI.
fn eni(cloud: &CloudStatus) -> Answer<EniId> {
    record::eni(cloud).ok_or_else(|| unrecorded("ENI"))
}

/// A step that needs an id which the record does not have, or has not in EC2's form.
fn unrecorded(what: &str) -> Ec2Error {
    Ec2Error {
        call: crate::model::Call::Modify,
        kind: Ec2ErrorKind::Refused,
        code: "NotRecorded".to_owned(),
        message: format!("the record has no {what}"),
    }
}
