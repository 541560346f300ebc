//! One call for many askers, and none for what is known.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::model::{Call, Epoch, SecurityGroupId, Slot, SubnetId};

/// An EC2 that knows every instance and has one ENI for each, and counts what it is asked.
#[derive(Default)]
struct Counting {
    asked: Mutex<Vec<usize>>,
    conflict: AtomicBool,
}

fn id(n: u32) -> InstanceId {
    format!("i-{n:08x}").parse().unwrap()
}

fn cluster() -> ClusterId {
    ClusterId("c".to_owned())
}

fn instance(id: &InstanceId) -> Instance {
    Instance {
        id: id.clone(),
        state: InstanceState::Running,
        instance_type: "m6i.large".to_owned(),
        zone: "a".to_owned(),
        vpc: None,
        subnet: None,
        metadata_hop_limit: None,
        held: vec![],
    }
}

fn eni(instance: &InstanceId) -> Eni {
    let subnet: SubnetId = "subnet-00000001".parse().unwrap();
    let slot = Slot { node_eni: "n".to_owned(), instance: instance.clone(), subnet: subnet.clone() };
    let ownership = Ownership { cluster: cluster(), slot, epoch: Epoch(1), offset: 0 };
    Eni {
        id: format!("eni-{}", &instance.as_str()[2..]).parse().unwrap(),
        subnet,
        vpc: "vpc-00000001".parse().unwrap(),
        zone: "a".to_owned(),
        mac: String::new(),
        private_ip: None,
        secondary_private_ips: vec![],
        ipv4_prefixes: vec![],
        ipv6_addresses: vec![],
        groups: Vec::<SecurityGroupId>::new(),
        description: String::new(),
        source_dest_check: true,
        tags: ownership.tags("node", "uid", &BTreeMap::new()),
        attachment: None,
        available: true,
    }
}

impl Counting {
    fn count(&self, keys: usize) {
        lock(&self.asked).push(keys);
    }
}

impl Ec2 for Counting {
    async fn create(&self, _: &CreateEni) -> Answer<Eni> {
        unreachable!()
    }

    async fn attach(&self, _: &EniId, _: &InstanceId, _: Position) -> Answer<AttachmentId> {
        assert!(self.conflict.load(Ordering::SeqCst));
        let (code, message) = (String::new(), String::new());
        Err(Ec2Error { call: Call::Attach, kind: Ec2ErrorKind::PositionTaken, code, message })
    }

    async fn modify(&self, _: &EniId, _: &EniChange) -> Answer<()> {
        unreachable!()
    }

    async fn detach(&self, _: &AttachmentId, _: bool) -> Answer<()> {
        unreachable!()
    }

    async fn delete(&self, _: &EniId) -> Answer<()> {
        unreachable!()
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

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        let EniQuery::OfInstances(_, ids) = query else { unreachable!() };
        self.count(ids.len());
        Ok(ids.iter().map(eni).collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        self.count(ids.len());
        Ok(ids.iter().map(instance).collect())
    }

    async fn instance_types(&self, _: &[String]) -> Answer<Vec<InstanceType>> {
        unreachable!()
    }

    async fn subnets(&self, _: &SubnetQuery) -> Answer<Vec<Subnet>> {
        self.count(1);
        Ok(vec![])
    }

    async fn security_groups(&self, _: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        unreachable!()
    }
}

#[tokio::test]
async fn listings_that_are_asked_for_together_are_one_call_and_each_gets_its_own() {
    let ec2 = SharedEc2::new(Counting::default());
    let asks = (0..50).map(|n| {
        let query = EniQuery::OfInstances(cluster(), vec![id(n)]);
        let ec2 = &ec2;
        async move { (n, ec2.enis(&query).await.unwrap()) }
    });
    for (n, enis) in futures::future::join_all(asks).await {
        assert_eq!(enis, [eni(&id(n))]);
    }
    assert_eq!(*lock(&ec2.inner.asked), [50]);
}

#[tokio::test]
async fn a_listing_is_never_answered_from_memory() {
    let ec2 = SharedEc2::new(Counting::default());
    let query = EniQuery::OfInstances(cluster(), vec![id(1)]);
    ec2.enis(&query).await.unwrap();
    ec2.enis(&query).await.unwrap();
    assert_eq!(*lock(&ec2.inner.asked), [1, 1]);
}

#[tokio::test]
async fn an_instance_is_asked_about_once_until_an_attach_says_that_it_has_changed() {
    let ec2 = SharedEc2::new(Counting::default());
    ec2.instances(&[id(1), id(2)]).await.unwrap();
    assert_eq!(ec2.instances(&[id(2)]).await.unwrap(), [instance(&id(2))]);
    assert_eq!(*lock(&ec2.inner.asked), [2]);
    ec2.inner.conflict.store(true, Ordering::SeqCst);
    let eni = "eni-00000001".parse().unwrap();
    assert!(ec2.attach(&eni, &id(2), Position { card: 0, device: 1 }).await.is_err());
    ec2.instances(&[id(1), id(2)]).await.unwrap();
    assert_eq!(*lock(&ec2.inner.asked), [2, 1]);
}

#[tokio::test]
async fn subnets_that_many_ask_for_at_once_are_looked_up_once() {
    let ec2 = SharedEc2::new(Counting::default());
    let query = SubnetQuery::Ids(vec!["subnet-00000001".parse().unwrap()]);
    futures::future::join_all((0..20).map(|_| ec2.subnets(&query))).await;
    assert_eq!(*lock(&ec2.inner.asked), [1]);
}

#[tokio::test]
async fn what_is_known_of_an_instance_is_asked_for_again_once_it_is_out_of_date() {
    let ec2 = SharedEc2::new(Counting::default());
    ec2.instances(&[id(1), id(2)]).await.unwrap();
    ec2.forget(&id(1));
    ec2.instances(&[id(2)]).await.unwrap();
    assert_eq!(*lock(&ec2.inner.asked), [2]);
    ec2.instances(&[id(1)]).await.unwrap();
    assert_eq!(*lock(&ec2.inner.asked), [2, 1]);
}
