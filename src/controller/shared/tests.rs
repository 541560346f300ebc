//! One call for many askers, and none for what is known.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::lock::lock;
use crate::model::{Call, Epoch, SecurityGroupId, Slot, SubnetId, VpcId};

/// An EC2 that knows every instance and has one ENI for each, and counts what it is asked.
#[derive(Default)]
struct Counting {
    asked: Mutex<Vec<usize>>,
    conflict: AtomicBool,
    /// What a lookup of names waits for.
    slow: Option<tokio::sync::Notify>,
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
        let (code, message) = (String::new(), String::new());
        Err(Ec2Error { call: Call::Create, kind: Ec2ErrorKind::SubnetFull, code, message })
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

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        let (vpc, names) = match query {
            SubnetQuery::Ids(ids) => {
                self.count(ids.len());
                return Ok(vec![]);
            }
            SubnetQuery::Names(vpc, names) => (vpc, names),
        };
        self.count(names.len());
        if let Some(slow) = &self.slow {
            slow.notified().await;
        }
        Ok(names.iter().filter(|name| *name != "none").map(|name| subnet(vpc, name)).collect())
    }

    async fn security_groups(&self, _: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        let (code, message) = ("UnauthorizedOperation".to_owned(), String::new());
        self.count(1);
        Err(Ec2Error { call: Call::DescribeSecurityGroups, kind: Ec2ErrorKind::Unauthorized, code, message })
    }
}

fn vpc(n: u32) -> VpcId {
    format!("vpc-{n:08x}").parse().unwrap()
}

fn subnet(vpc: &VpcId, name: &str) -> Subnet {
    Subnet {
        id: "subnet-00000001".parse().unwrap(),
        name: Some(name.to_owned()),
        vpc: vpc.clone(),
        zone: "a".to_owned(),
        cidr: String::new(),
        free_addresses: 1,
    }
}

fn names(n: u32, names: &[&str]) -> SubnetQuery {
    SubnetQuery::Names(vpc(n), names.iter().map(|&name| name.to_owned()).collect())
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
async fn a_subnet_is_asked_about_again_once_a_create_says_that_it_is_full() {
    let ec2 = SharedEc2::new(Counting::default());
    let found = ec2.subnets(&names(1, &["x"])).await.unwrap();
    let request = CreateEni {
        client_token: String::new(),
        subnet: found[0].id.clone(),
        groups: vec![],
        description: String::new(),
        tags: BTreeMap::new(),
        secondary_private_ip_count: 0,
        ipv4_prefix_count: 0,
        ipv6_address_count: 0,
    };
    assert!(ec2.create(&request).await.is_err());
    ec2.subnets(&names(1, &["x"])).await.unwrap();
    assert_eq!(*lock(&ec2.inner.asked), [1, 1]);
}

#[tokio::test]
async fn subnets_that_many_ask_for_are_looked_up_once_for_a_while() {
    let ec2 = SharedEc2::new(Counting::default());
    let (one, both) = (names(1, &["x"]), names(1, &["x", "y"]));
    let asks = (0..20).map(|n| ec2.subnets(if n % 2 == 0 { &one } else { &both }));
    for found in futures::future::join_all(asks).await {
        assert_eq!(found.unwrap()[0], subnet(&vpc(1), "x"));
    }
    assert_eq!(*lock(&ec2.inner.asked), [2]);
    assert_eq!(ec2.subnets(&both).await.unwrap().len(), 2);
    assert_eq!(*lock(&ec2.inner.asked), [2]);
}

#[tokio::test]
async fn a_name_means_another_subnet_in_another_vpc() {
    let ec2 = SharedEc2::new(Counting::default());
    let (here, there) = (names(1, &["x"]), names(2, &["x"]));
    let (here, there) = futures::join!(ec2.subnets(&here), ec2.subnets(&there));
    assert_eq!((here.unwrap(), there.unwrap()), (vec![subnet(&vpc(1), "x")], vec![subnet(&vpc(2), "x")]));
    assert_eq!(*lock(&ec2.inner.asked), [1, 1]);
}

#[tokio::test]
async fn what_was_found_and_what_was_not_are_believed_for_a_life_of_their_own() {
    let (short, long) = (Duration::ZERO, Duration::from_hours(1));
    for (lives, expected) in [
        (lookup::Lives { found: long, missing: short }, vec![vec![1, 2], vec![2]]),
        (lookup::Lives { found: short, missing: long }, vec![vec![1, 2], vec![1]]),
        (lookup::Lives { found: long, missing: long }, vec![vec![1, 2]]),
    ] {
        let lookup = lookup::Lookup::with_lives(lives);
        let asked = Arc::new(Mutex::new(vec![]));
        let noted = asked.clone();
        let call = move |keys: Vec<u32>| {
            lock(&noted).push(keys);
            async { Ok(BTreeMap::from([(1, vec!["one"])])) }.boxed()
        };
        for _ in 0..2 {
            assert_eq!(lookup.ask([1, 2], call.clone()).await.unwrap(), ["one"]);
        }
        assert_eq!(*lock(&asked), expected);
    }
}

#[tokio::test]
async fn a_slow_lookup_holds_up_nobody_who_asks_for_something_else() {
    let ec2 = SharedEc2::new(Counting { slow: Some(tokio::sync::Notify::new()), ..Counting::default() });
    let (slow, ids) = (names(1, &["x"]), SubnetQuery::Ids(vec!["subnet-00000001".parse().unwrap()]));
    let mut first = Box::pin(ec2.subnets(&slow));
    // The second is asked for only once the first is under way.
    let second = async {
        while lock(&ec2.inner.asked).is_empty() {
            tokio::task::yield_now().await;
        }
        ec2.subnets(&ids).await
    };
    let second = futures::future::select(&mut first, Box::pin(second)).await;
    assert!(matches!(second, futures::future::Either::Right((Ok(_), _))));
    // Whoever asks for the same joins the call that is under way.
    let second = ec2.subnets(&slow);
    ec2.inner.slow.as_ref().unwrap().notify_one();
    let (first, second) = futures::join!(first, second);
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(*lock(&ec2.inner.asked), [1, 1]);
}

#[tokio::test]
async fn a_lookup_that_failed_is_made_again() {
    let ec2 = SharedEc2::new(Counting::default());
    let query = SecurityGroupQuery::Ids(vec!["sg-00000001".parse().unwrap()]);
    for _ in 0..2 {
        assert!(ec2.security_groups(&query).await.is_err());
    }
    assert_eq!(*lock(&ec2.inner.asked), [1, 1]);
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
