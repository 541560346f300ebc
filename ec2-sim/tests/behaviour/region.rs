//! The region that most tests start from, and short forms of the calls they make.

use std::time::Duration;

use ec2_sim::api::{
    AttachNetworkInterface, Call, CreateNetworkInterface, DescribeNetworkInterfaces, DetachNetworkInterface,
    NetworkInterface,
};
use ec2_sim::{Failure, Seed, SeedGroup, SeedInstance, SeedSubnet, SeedVpc, Seeded, Settings, Simulator};

/// A VPC with two zones, a second VPC, and an instance of a few types.
pub(crate) struct Region {
    pub(crate) sim: Simulator,
    pub(crate) ids: Seeded,
}

fn subnet(key: &str, zone: &str, cidr: &str) -> SeedSubnet {
    SeedSubnet { key: key.into(), zone: zone.into(), cidr: cidr.into(), ipv6: true, ..SeedSubnet::default() }
}

fn instance(key: &str, subnet: &str, kind: &str) -> SeedInstance {
    SeedInstance {
        key: key.into(),
        subnet: subnet.into(),
        instance_type: kind.into(),
        ..SeedInstance::default()
    }
}

pub(crate) fn seed() -> Seed {
    let vpc = |key: &str, cidr: &str| SeedVpc {
        key: key.into(),
        cidr: cidr.into(),
        ipv6: true,
        ..SeedVpc::default()
    };
    let group =
        |key: &str, vpc: &str| SeedGroup { key: key.into(), vpc: Some(vpc.into()), ..SeedGroup::default() };
    Seed {
        vpcs: vec![vpc("main", "10.0.0.0/16"), vpc("other", "10.1.0.0/16")],
        subnets: vec![
            SeedSubnet { vpc: Some("main".into()), ..subnet("a", "a", "10.0.1.0/24") },
            SeedSubnet { vpc: Some("main".into()), ..subnet("b", "b", "10.0.2.0/24") },
            SeedSubnet { vpc: Some("main".into()), ..subnet("tiny", "a", "10.0.3.0/28") },
            SeedSubnet { vpc: Some("other".into()), ..subnet("foreign", "a", "10.1.1.0/24") },
        ],
        security_groups: vec![group("g", "main"), group("h", "main"), group("foreign", "other")],
        instances: vec![
            instance("m5", "a", "m5.large"),
            instance("far", "b", "m5.large"),
            instance("cards", "a", "c6in.32xlarge"),
            SeedInstance {
                state: ec2_sim::world::InstanceState::Stopped,
                ..instance("off", "a", "c6in.32xlarge")
            },
        ],
    }
}

impl Region {
    pub(crate) fn new() -> Self {
        Self::with(Settings::unthrottled())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut sim = Simulator::new(settings);
        let ids = sim.apply_seed(&seed()).unwrap();
        Self { sim, ids }
    }

    pub(crate) fn subnet(&self, key: &str) -> String {
        self.ids.subnets[key].clone()
    }

    pub(crate) fn group(&self, key: &str) -> String {
        self.ids.security_groups[key].clone()
    }

    pub(crate) fn instance(&self, key: &str) -> String {
        self.ids.instances[key].clone()
    }

    pub(crate) fn create(&self, subnet: &str) -> CreateNetworkInterface {
        CreateNetworkInterface { subnet_id: self.subnet(subnet), ..CreateNetworkInterface::default() }
    }

    /// Makes an ENI in the subnet, and answers with its id.
    pub(crate) fn eni(&mut self, subnet: &str) -> String {
        let request = self.create(subnet);
        self.sim.send(request).unwrap().network_interface.network_interface_id
    }

    pub(crate) fn attach(&self, eni: &str, instance: &str, device: i32) -> AttachNetworkInterface {
        AttachNetworkInterface {
            network_interface_id: eni.into(),
            instance_id: self.instance(instance),
            device_index: Some(device),
            ..AttachNetworkInterface::default()
        }
    }

    /// Makes an ENI, and attaches it until it is attached. Answers with its id and the attachment's.
    pub(crate) fn attached(&mut self, subnet: &str, instance: &str, device: i32) -> (String, String) {
        let eni = self.eni(subnet);
        let request = self.attach(&eni, instance, device);
        let attachment = self.sim.send(request).unwrap().attachment_id;
        self.wait(2000);
        (eni, attachment)
    }

    pub(crate) fn detach(&mut self, attachment: &str) -> Result<(), Failure> {
        let request =
            DetachNetworkInterface { attachment_id: attachment.into(), ..DetachNetworkInterface::default() };
        self.sim.send(request).map(drop)
    }

    pub(crate) fn describe(&mut self, eni: &str) -> Result<NetworkInterface, Failure> {
        let request =
            DescribeNetworkInterfaces { network_interface_ids: vec![eni.into()], ..Default::default() };
        self.sim.send(request).map(|mut answer| answer.network_interfaces.remove(0))
    }

    pub(crate) fn free(&self, subnet: &str) -> u64 {
        self.sim.state().subnets.get(&self.ids.subnets[subnet]).unwrap().free()
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.sim.advance(Duration::from_millis(millis));
    }

    /// The code that the call is refused with.
    pub(crate) fn refusal<C: Call>(&mut self, request: C) -> String {
        match self.sim.send(request) {
            Ok(_) => panic!("the call was not refused"),
            Err(failure) => failure.code().unwrap_or("no answer").to_owned(),
        }
    }
}
