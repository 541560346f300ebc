//! A tiny EC2 that does at once, or at the next look, what it is asked; and a pass over it.

use std::collections::BTreeMap;

use eni_operator::api::{
    CloudStatus, ConditionType, HostStatus, NodeENIAttachment, Reason, Verdict, set_condition,
};
use eni_operator::model::{
    AddressKind, Attachment, AttachmentState, Call, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniId,
    HeldPosition, Instance, InstanceState, Ownership, Position,
};
use eni_operator::plan::asks::Change;
use eni_operator::plan::belief::{Listing, SlotView};
use eni_operator::plan::instance::{Plan, Sighting, SlotPlan, Step, World, is_doubtful, plan};
use eni_operator::plan::verdicts::{self, Standing};
use eni_operator::plan::{Pace, Settings, record, slot_status};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::make::{eni_id, slot_key};

/// EC2 and the objects of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Ideal {
    pub(crate) world: World,
    pub(crate) enis: BTreeMap<EniId, Eni>,
    pub(crate) tokens: BTreeMap<String, EniId>,
    pub(crate) creates: Vec<CreateEni>,
    pub(crate) calls: usize,
    pub(crate) refused: usize,
    /// How many ENIs EC2 takes on the instance, whatever its type's numbers say.
    pub(crate) secret_limit: Option<usize>,
    next: u32,
}

impl Ideal {
    /// Takes what a world lists for what there is.
    pub(crate) fn of(mut world: World) -> Self {
        let listed =
            world.slots.iter().filter_map(|slot| slot.listing.as_ref()).flat_map(|one| one.enis.clone());
        let enis: BTreeMap<EniId, Eni> = listed.map(|eni| (eni.id.clone(), eni)).collect();
        if world.instance == Sighting::NotAsked {
            world.instance = Sighting::Seen(crate::make::instance(1, "a"));
        }
        if let Sighting::Seen(instance) = &mut world.instance {
            instance.held.retain(|held| !enis.contains_key(&held.eni));
        }
        Self {
            world,
            enis,
            tokens: BTreeMap::new(),
            creates: vec![],
            calls: 0,
            refused: 0,
            secret_limit: None,
            next: 0x9000,
        }
    }

    /// The world as a pass sees it: what is asked for, and no more; a sweep asks for everything.
    pub(crate) fn observed(&self, sweep: bool) -> World {
        let now = self.world.now;
        let acts = |slot: &&SlotView| slot.retry_at.is_none_or(|at| at <= now);
        let asks = crate::make::asks(self.world.slots.iter().filter(acts).map(|slot| &slot.attachment), now);
        let slots = self.world.slots.iter().map(|slot| SlotView {
            listing: (asks.enis || sweep).then(|| Listing { at: now, enis: self.listed(&slot.attachment) }),
            ..slot.clone()
        });
        let slots_ = self.world.slots.iter().map(|slot| &slot.attachment);
        let doubtful = is_doubtful(self.world.node.as_ref(), slots_);
        let instance = if asks.instance || doubtful || sweep { self.sight() } else { Sighting::NotAsked };
        World { instance, slots: slots.collect(), ..self.world.clone() }
    }

    /// The ENIs that bear a slot's tags.
    pub(crate) fn listed(&self, object: &NodeENIAttachment) -> Vec<Eni> {
        let key = slot_key(object);
        let owned = |eni: &&Eni| Ownership::read(&eni.tags).is_some_and(|owner| owner.slot == key);
        self.enis.values().filter(owned).cloned().collect()
    }

    fn sight(&self) -> Sighting {
        let Sighting::Seen(instance) = &self.world.instance else { return self.world.instance.clone() };
        let own = self.enis.values();
        let own =
            own.filter_map(|eni| Some(HeldPosition { at: eni.attachment.as_ref()?.at, eni: eni.id.clone() }));
        let held = instance.held.iter().cloned().chain(own).collect();
        Sighting::Seen(Instance { held, ..instance.clone() })
    }

    /// One pass, and the time until the next. Returns the plan and whether anything changed.
    pub(crate) fn pass(&mut self, settings: &Settings) -> (Plan, bool) {
        if let Sighting::Seen(instance) = self.sight() {
            self.world.refusals.observe(&instance);
        }
        self.pass_over(&self.observed(false), settings)
    }

    /// A pass to which a sweep has told everything.
    pub(crate) fn sweep(&mut self, settings: &Settings) -> bool {
        self.pass_over(&self.observed(true), settings).1
    }

    fn pass_over(&mut self, world: &World, settings: &Settings) -> (Plan, bool) {
        let plan = plan(world, settings);
        let before = (self.world.slots.clone(), self.enis.clone());
        let mut kept = vec![];
        for (slot, planned) in std::mem::take(&mut self.world.slots).into_iter().zip(&plan.slots) {
            kept.extend(self.carry_out(slot, planned, settings));
        }
        self.world.slots = kept;
        let changed = before != (self.world.slots.clone(), self.enis.clone());
        let acted = plan.slots.iter().any(|slot| !slot.steps.is_empty());
        let wait = match plan.pace {
            _ if acted => SignedDuration::from_secs(5),
            Pace::Within(wait) => wait,
            // Something else wakes the instance.
            Pace::Settled => SignedDuration::from_secs(100),
        };
        self.go_on(wait);
        (plan, changed || acted)
    }

    /// Time passes: what EC2 was working on is done.
    pub(crate) fn go_on(&mut self, wait: SignedDuration) {
        self.world.now = self.world.now.checked_add(wait).unwrap();
        if self.instance_has_ended() {
            let stays = |eni: &Eni| eni.attachment.as_ref().is_none_or(|one| !one.delete_on_termination);
            self.enis.retain(|_, eni| stays(eni));
            for eni in self.enis.values_mut() {
                eni.attachment = None;
            }
        }
        for eni in self.enis.values_mut() {
            match eni.attachment.as_mut().map(|attachment| &mut attachment.state) {
                Some(state @ (AttachmentState::Attaching | AttachmentState::Unsettled)) => {
                    *state = AttachmentState::Attached;
                }
                Some(AttachmentState::Detaching) => {
                    eni.attachment = None;
                    eni.available = true;
                }
                Some(AttachmentState::Attached) => {}
                None => eni.available = true,
            }
        }
    }

    /// Whether EC2 has taken the ENIs off by itself.
    pub(crate) fn instance_has_ended(&self) -> bool {
        match &self.world.instance {
            Sighting::Seen(instance) => instance.state == InstanceState::Terminated,
            Sighting::Absent => true,
            Sighting::NotAsked => false,
        }
    }

    /// The agent lets go of every device that is to go.
    pub(crate) fn agent_lets_go(&mut self) {
        let now = self.world.now;
        for slot in self.world.slots.iter_mut().filter(|slot| slot.attachment.spec.release) {
            let generation = slot.attachment.metadata.generation;
            let status = slot.attachment.status.get_or_insert_default();
            status.host.get_or_insert_with(HostStatus::default);
            let verdict = Verdict::new(ConditionType::Released, Some(true), Reason::AsSpecified, "");
            set_condition(&mut status.conditions, &verdict, generation, now);
        }
    }

    /// Carries out one slot's plan, as the pass does; `None` if its object is gone.
    fn carry_out(&mut self, mut slot: SlotView, planned: &SlotPlan, settings: &Settings) -> Option<SlotView> {
        let now = self.world.now;
        if planned.let_go {
            return None;
        }
        if planned.steps.is_empty() {
            publish(&mut slot, planned.cloud.clone(), &planned.verdicts, now);
            return Some(slot);
        }
        publish(&mut slot, planned.cloud.clone(), &planned.verdicts, now);
        let mut cloud = planned.cloud.clone().unwrap();
        let mut failure = None;
        for step in &planned.steps {
            self.calls += 1;
            match self.perform(&cloud, step, now) {
                Ok(after) => cloud = after,
                Err(error) => {
                    self.refused += 1;
                    slot.retry_at = Some(now.checked_add(SignedDuration::from_secs(30)).unwrap());
                    failure = Some(error);
                    break;
                }
            }
        }
        if planned.let_go_after && failure.is_none() {
            return None;
        }
        slot.newborn = false;
        let standing: Standing = verdicts::after(&slot.attachment, &cloud, failure);
        let verdicts = verdicts::of(&slot.attachment, Some(&cloud), &standing, settings);
        publish(&mut slot, Some(cloud), &verdicts, now);
        Some(slot)
    }

    fn perform(&mut self, cloud: &CloudStatus, step: &Step, now: Timestamp) -> Result<CloudStatus, Ec2Error> {
        Ok(match step {
            Step::Create(request) => record::created(cloud, &self.create(request), now),
            Step::Attach(at) => {
                let attachment = self.attach(&record::eni(cloud).unwrap(), *at)?;
                record::attaching(cloud, &attachment.id, *at, now)
            }
            Step::Change(Change::Assign(kind, count)) => {
                let given = self.assign(&record::eni(cloud).unwrap(), *kind, *count);
                record::assigned(cloud, *kind, &given, now)
            }
            Step::Change(change) => {
                self.modify(&record::eni(cloud).unwrap(), change);
                record::changed(cloud, change, now)
            }
            Step::Detach { .. } => {
                self.detach(&cloud.attachment_id.clone().unwrap());
                record::detaching(cloud, now)
            }
            Step::Delete => {
                self.delete(&record::eni(cloud).unwrap());
                record::deleted(cloud, now)
            }
            Step::DetachSurplus(attachment) => {
                self.detach(attachment.as_str());
                cloud.clone()
            }
            Step::DeleteSurplus(eni) => {
                self.delete(eni);
                cloud.clone()
            }
        })
    }

    fn create(&mut self, request: &CreateEni) -> Eni {
        if let Some(known) = self.tokens.get(&request.client_token) {
            return self.enis[known].clone();
        }
        self.next += 1;
        let made = |count: u32| (0..count).map(|n| format!("created-{n}")).collect();
        let eni = Eni {
            id: eni_id(self.next),
            subnet: request.subnet.clone(),
            vpc: crate::make::vpc(1),
            zone: "a".to_owned(),
            mac: format!("02:00:00:00:{:02x}:{:02x}", self.next / 256 % 256, self.next % 256),
            private_ip: None,
            secondary_private_ips: made(request.secondary_private_ip_count),
            ipv4_prefixes: made(request.ipv4_prefix_count),
            ipv6_addresses: made(request.ipv6_address_count),
            groups: request.groups.clone(),
            description: request.description.clone(),
            source_dest_check: true,
            tags: request.tags.clone(),
            attachment: None,
            available: false,
        };
        self.tokens.insert(request.client_token.clone(), eni.id.clone());
        self.creates.push(request.clone());
        self.enis.insert(eni.id.clone(), eni.clone());
        eni
    }

    fn attach(&mut self, id: &EniId, at: Position) -> Result<Attachment, Ec2Error> {
        let Sighting::Seen(instance) = self.sight() else { panic!("attach to no instance") };
        if instance.held.iter().any(|held| held.at == at) {
            return Err(refusal(Ec2ErrorKind::PositionTaken));
        }
        let known = self.world.instance_type.as_ref();
        let card = known.map(|known| known.cards.iter().find(|card| card.index == at.card).unwrap());
        let load = instance.held.iter().filter(|held| held.at.card == at.card).count();
        if card.is_some_and(|card| load >= card.max_enis as usize)
            || self.secret_limit.is_some_and(|limit| load >= limit)
        {
            self.world.refusals.refused(at.card, self.world.now);
            return Err(refusal(Ec2ErrorKind::InstanceFull));
        }
        self.next += 1;
        let attachment = Attachment {
            id: format!("eni-attach-{:08x}", self.next).parse().unwrap(),
            instance: instance.id.clone(),
            at,
            state: AttachmentState::Attaching,
            delete_on_termination: false,
        };
        self.world.refusals.taken(at.card);
        let eni = self.enis.get_mut(id).expect("attach of an ENI that is not there");
        assert!(eni.attachment.is_none(), "attach of an ENI that is attached");
        eni.available = false;
        eni.attachment = Some(attachment.clone());
        Ok(attachment)
    }

    fn modify(&mut self, id: &EniId, change: &Change) {
        let eni = self.enis.get_mut(id).expect("modify of an ENI that is not there");
        match change {
            Change::DeleteOnTermination(on) => {
                eni.attachment.as_mut().expect("no attachment").delete_on_termination = *on;
            }
            Change::SourceDestCheck(on) => eni.source_dest_check = *on,
            Change::Groups(ids) => eni.groups = ids.iter().map(|id| id.parse().unwrap()).collect(),
            Change::Description(text) => eni.description.clone_from(text),
            Change::Tag(tags) => eni.tags.extend(tags.clone()),
            Change::Untag(keys) => eni.tags.retain(|key, _| !keys.contains(key)),
            Change::Assign(..) => panic!("its answer says which"),
            Change::Unassign(kind, gone) => {
                let there = addresses(eni, *kind);
                assert!(gone.iter().all(|one| there.contains(one)), "unassign of what is not there");
                there.retain(|one| !gone.contains(one));
            }
        }
    }

    fn assign(&mut self, id: &EniId, kind: AddressKind, count: u32) -> Vec<String> {
        let given: Vec<String> = (0..count).map(|n| format!("address-{}", self.next + n)).collect();
        self.next += count;
        addresses(self.enis.get_mut(id).expect("assign to an ENI that is not there"), kind)
            .extend(given.clone());
        given
    }

    fn detach(&mut self, attachment: &str) {
        let attached =
            |eni: &&mut Eni| eni.attachment.as_ref().is_some_and(|one| one.id.as_str() == attachment);
        if let Some(eni) = self.enis.values_mut().find(attached) {
            eni.attachment.as_mut().unwrap().state = AttachmentState::Detaching;
        }
    }

    fn delete(&mut self, id: &EniId) {
        let Some(eni) = self.enis.remove(id) else { return };
        assert!(eni.attachment.is_none(), "delete of an ENI that is attached");
    }
}

fn addresses(eni: &mut Eni, kind: AddressKind) -> &mut Vec<String> {
    match kind {
        AddressKind::SecondaryIpv4 => &mut eni.secondary_private_ips,
        AddressKind::Ipv4Prefix => &mut eni.ipv4_prefixes,
        AddressKind::Ipv6 => &mut eni.ipv6_addresses,
    }
}

fn refusal(kind: Ec2ErrorKind) -> Ec2Error {
    Ec2Error { call: Call::Attach, kind, code: "Refused".to_owned(), message: "no room".to_owned() }
}

fn publish(slot: &mut SlotView, cloud: Option<CloudStatus>, verdicts: &[Verdict], now: Timestamp) {
    let written = slot_status::build(&slot.attachment, cloud, verdicts, now);
    let status = slot.attachment.status.get_or_insert_default();
    let ours: Vec<String> = written.conditions.iter().map(|one| one.type_.clone()).collect();
    status.conditions.retain(|one| !ours.contains(&one.type_));
    status.conditions.extend(written.conditions);
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
    status.cloud = written.cloud;
    status.observed_generation = written.observed_generation;
}
