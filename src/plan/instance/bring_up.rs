//! A slot whose ENI should be there and attached.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;

use super::decide::{Decision, View};
use super::room::{NO_ROOM_PERIOD, wanted};
use super::{Step, slot_of};
use crate::api::{CloudState, CloudStatus, NodeENIAttachment, Reason};
use crate::model::{ClusterId, CreateEni, Eni, Epoch, Ownership, client_token, tag_key};
use crate::plan::asks::{self, Change};
use crate::plan::belief::{Belief, SlotView, moment};
use crate::plan::verdicts::{self, Standing};
use crate::plan::{Pace, addresses, record};

impl View<'_> {
    /// A slot whose ENI should be there and attached.
    pub(super) fn bring_up(&self, slot: &SlotView, belief: Belief) -> Decision {
        let now = self.world.now;
        match belief {
            Belief::Unasked => Decision::rest(None, Standing::AsBefore, Pace::Settled),
            Belief::Settling { cloud, until } => self.settle(slot, cloud, until),
            Belief::Nothing { last_epoch } => {
                let epoch =
                    Epoch(last_epoch.map_or(now.as_second(), |last| (last.0 + 1).max(now.as_second())));
                self.create(slot, record::intended(epoch, now))
            }
            Belief::Asked { cloud } if verdicts::token_was_reused(&slot.attachment) => {
                self.look_for_earlier_create(slot, cloud)
            }
            Belief::Asked { cloud } => {
                let again = CloudStatus { last_create: Time(now), last_change: Time(now), ..cloud };
                self.create(slot, again)
            }
            Belief::Present { cloud, adopted, surplus } => self.keep(slot, cloud, adopted, &surplus),
        }
    }

    /// A token of ours went with other parameters, so an ENI of ours may be out there.
    fn look_for_earlier_create(&self, slot: &SlotView, cloud: CloudStatus) -> Decision {
        let certain = moment(&cloud.last_create) + self.settings.listing_lag;
        let listed_at = slot.listing.as_ref().map(|listing| listing.at);
        if listed_at.is_some_and(|at| at >= certain) {
            let now = self.world.now;
            return self.create(slot, record::intended(Epoch((cloud.epoch + 1).max(now.as_second())), now));
        }
        let wait = certain.duration_since(self.world.now).max(SignedDuration::from_secs(1));
        Decision::rest(Some(cloud), Standing::LookingForEarlierCreate, Pace::Within(wait))
    }

    /// Creates the slot's ENI, attaches it and sets what a create and an attach leave unset.
    fn create(&self, slot: &SlotView, cloud: CloudStatus) -> Decision {
        let at = match self.place(slot) {
            Ok(at) => at,
            Err(decision) => return *decision,
        };
        let object = &slot.attachment;
        if let Some(decision) = self.too_many_addresses(object) {
            return decision;
        }
        let Some(request) = create_request(object, Epoch(cloud.epoch), &self.settings.cluster) else {
            return Decision::rest(None, Standing::Undecodable, Pace::Settled);
        };
        let mut steps = vec![Step::Create(Box::new(request)), Step::Attach(at)];
        if object.spec.delete_on_termination {
            steps.push(Step::Change(Change::DeleteOnTermination(true)));
        }
        if object.spec.source_dest_check == Some(false) {
            steps.push(Step::Change(Change::SourceDestCheck(false)));
        }
        Decision::act(record::with_asked(cloud, Some(wanted(object))), steps, Standing::Creating)
    }

    /// Waits, where the instance type cannot give an ENI the addresses that the spec wants: EC2 would refuse
    /// them for ever.
    fn too_many_addresses(&self, object: &NodeENIAttachment) -> Option<Decision> {
        let message = addresses::too_many(&object.spec, self.world.instance_type.as_ref()?)?;
        let standing = Standing::Blocked(Reason::TooManyAddresses, message);
        Some(Decision::rest(None, standing, Pace::Within(NO_ROOM_PERIOD)))
    }

    /// Keeps an ENI as it should be.
    ///
    /// Of one that does not tell which position was asked for, it was the one that the spec asks for.
    fn keep(&self, slot: &SlotView, cloud: CloudStatus, adopted: bool, surplus: &[Eni]) -> Decision {
        let asked = record::asked(&cloud).or(Some(wanted(&slot.attachment)));
        let cloud = record::with_asked(cloud, asked);
        let (changes, blocked) = self.changes(&slot.attachment, &cloud);
        let others: Vec<Step> = surplus.iter().filter_map(|eni| self.dispose(slot, eni)).collect();
        match cloud.state {
            Some(CloudState::Available) => self.attach(slot, cloud, adopted),
            Some(CloudState::Attaching | CloudState::Attached) => {
                let steps: Vec<Step> = changes.into_iter().map(Step::Change).chain(others).collect();
                let attached = cloud.state == Some(CloudState::Attached);
                let confirmed = self.confirmed(slot, &cloud);
                let standing =
                    if attached { Standing::Attached { adopted, confirmed } } else { Standing::Attaching };
                if !steps.is_empty() {
                    return Decision::act(cloud, steps, standing);
                }
                if let Some(blocked) = blocked.filter(|_| attached) {
                    return Decision { cloud: Some(cloud), ..blocked };
                }
                let look = Pace::Within(asks::poll(&cloud, self.world.now));
                let pace = match asks::unconfirmed(&slot.attachment, &cloud, self.settings.listing_lag) {
                    Some(at) if attached && !confirmed => {
                        Pace::Within(at.duration_since(self.world.now).max(SignedDuration::from_secs(1)))
                    }
                    _ if attached && surplus.is_empty() => Pace::Settled,
                    _ => look,
                };
                Decision::rest(Some(cloud), standing, pace)
            }
            Some(CloudState::Detaching) => {
                let look = Pace::Within(asks::poll(&cloud, self.world.now));
                Decision::rest(Some(cloud), Standing::DetachingUnasked, look)
            }
            Some(CloudState::Deleted) | None => {
                Decision::rest(Some(cloud), Standing::Settling, Pace::Within(SignedDuration::from_secs(5)))
            }
        }
    }

    /// The changes that EC2 takes, and why it does not take all of them, if that is so.
    fn changes(&self, object: &NodeENIAttachment, cloud: &CloudStatus) -> (Vec<Change>, Option<Decision>) {
        let mut changes = asks::changes(object, cloud);
        let blocked =
            if addresses::wants_more(object, cloud) { self.too_many_addresses(object) } else { None };
        if blocked.is_some() {
            changes.retain(|change| !matches!(change, Change::Assign(..)));
        }
        (changes, blocked)
    }

    /// Whether the listing is from so long after the last change that it shows what there is.
    fn confirmed(&self, slot: &SlotView, cloud: &CloudStatus) -> bool {
        let shown = moment(&cloud.last_change) + self.settings.listing_lag;
        slot.listing.as_ref().is_some_and(|listing| listing.at >= shown)
    }

    /// Attaches an ENI that exists, or deletes it where the instance has no room for it.
    fn attach(&self, slot: &SlotView, cloud: CloudStatus, adopted: bool) -> Decision {
        let at = match self.place(slot) {
            Ok(at) => at,
            Err(decision) if decision.standing.is_for_good() => {
                return Decision { cloud: Some(cloud), steps: vec![Step::Delete], ..*decision };
            }
            Err(decision) => return Decision { cloud: Some(cloud), ..*decision },
        };
        let cloud = record::with_asked(cloud, Some(wanted(&slot.attachment)));
        let mut steps = vec![Step::Attach(at)];
        if slot.attachment.spec.delete_on_termination {
            steps.push(Step::Change(Change::DeleteOnTermination(true)));
        }
        steps.extend(self.changes(&slot.attachment, &cloud).0.into_iter().map(Step::Change));
        let standing = if adopted { Standing::AttachingAdopted } else { Standing::Attaching };
        Decision::act(cloud, steps, standing)
    }
}

/// The create of a slot's ENI; `None` if the object is not one that the operator wrote.
#[must_use]
pub fn create_request(object: &NodeENIAttachment, epoch: Epoch, cluster: &ClusterId) -> Option<CreateEni> {
    let spec = &object.spec;
    let uid = object.metadata.uid.clone()?;
    let count = |value: Option<i64>| u32::try_from(value.unwrap_or_default()).ok();
    let ownership = Ownership {
        cluster: cluster.clone(),
        slot: slot_of(object)?,
        epoch,
        offset: u32::try_from(spec.offset).ok()?,
    };
    let mut tags = ownership.tags(&spec.node_name, &uid, &spec.tags);
    tags.insert(tag_key::ASKED.to_owned(), wanted(object).tag());
    Some(CreateEni {
        client_token: client_token(cluster, &uid, epoch),
        subnet: spec.subnet_id.parse().ok()?,
        groups: spec.security_group_ids.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
        description: spec.description.clone(),
        tags,
        secondary_private_ip_count: count(spec.secondary_private_ip_count)?,
        ipv4_prefix_count: count(spec.ipv4_prefix_count)?,
        ipv6_address_count: count(spec.ipv6_address_count)?,
    })
}
