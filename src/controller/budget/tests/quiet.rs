//! An EC2 that says yes, or that it is asked too often.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::clock::LeapingTimer;
use crate::controller::budget::timer::Timer;
use crate::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery};
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId, Instance,
    InstanceId, InstanceType, Position, SecurityGroup, Subnet,
};

/// An EC2 that says yes, or that it is asked too often.
pub(super) struct Quiet {
    timer: LeapingTimer,
    throttles: AtomicBool,
    takes: Mutex<Duration>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

pub(super) fn eni(n: u32) -> EniId {
    format!("eni-{n:08x}").parse().unwrap()
}

pub(super) fn instance(n: u32) -> InstanceId {
    format!("i-{n:08x}").parse().unwrap()
}

pub(super) fn attachment(n: u32) -> AttachmentId {
    format!("eni-attach-{n:08x}").parse().unwrap()
}

impl Quiet {
    pub(super) fn new(timer: LeapingTimer) -> Self {
        Self {
            timer,
            throttles: AtomicBool::default(),
            takes: Mutex::default(),
            in_flight: AtomicUsize::default(),
            most: AtomicUsize::default(),
        }
    }

    pub(super) fn throttle(&self, on: bool) {
        self.throttles.store(on, Ordering::SeqCst);
    }

    pub(super) fn answer_after(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    async fn answer<A>(&self, call: Call, answer: A) -> Answer<A> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(in_flight, Ordering::SeqCst);
        let takes = *self.takes.lock().unwrap();
        self.timer.until(self.timer.now() + takes).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        if self.throttles.load(Ordering::SeqCst) {
            let (code, message) = ("RequestLimitExceeded".to_owned(), String::new());
            return Err(Ec2Error { call, kind: Ec2ErrorKind::Throttled, code, message });
        }
        Ok(answer)
    }
}

impl Ec2 for Quiet {
    async fn create(&self, _: &CreateEni) -> Answer<Eni> {
        unreachable!()
    }

    async fn attach(&self, _: &EniId, _: &InstanceId, _: Position) -> Answer<AttachmentId> {
        self.answer(Call::Attach, attachment(1)).await
    }

    async fn modify(&self, _: &EniId, _: &EniChange) -> Answer<()> {
        self.answer(Call::Modify, ()).await
    }

    async fn detach(&self, _: &AttachmentId, _: bool) -> Answer<()> {
        self.answer(Call::Detach, ()).await
    }

    async fn delete(&self, _: &EniId) -> Answer<()> {
        self.answer(Call::Delete, ()).await
    }

    async fn tag(&self, _: &EniId, _: &BTreeMap<String, String>) -> Answer<()> {
        unreachable!()
    }

    async fn untag(&self, _: &EniId, _: &[String]) -> Answer<()> {
        unreachable!()
    }

    async fn assign(&self, _: &EniId, _: AddressKind, _: u32) -> Answer<Vec<String>> {
        unreachable!()
    }

    async fn unassign(&self, _: &EniId, _: AddressKind, _: &[String]) -> Answer<()> {
        unreachable!()
    }

    async fn set_hop_limit(&self, _: &InstanceId, _: u32) -> Answer<()> {
        unreachable!()
    }

    async fn may_create(&self, _: &CreateEni) -> Answer<()> {
        unreachable!()
    }

    async fn enis(&self, _: &EniQuery) -> Answer<Vec<Eni>> {
        unreachable!()
    }

    async fn instances(&self, _: &[InstanceId]) -> Answer<Vec<Instance>> {
        unreachable!()
    }

    async fn instance_types(&self, _: &[String]) -> Answer<Vec<InstanceType>> {
        unreachable!()
    }

    async fn subnets(&self, _: &SubnetQuery) -> Answer<Vec<Subnet>> {
        unreachable!()
    }

    async fn security_groups(&self, _: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        unreachable!()
    }
}
