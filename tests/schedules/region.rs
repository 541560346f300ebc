//! What is in the region: subnets by zone, groups, instances, and ENIs of strangers.

use std::collections::BTreeMap;
use std::time::Duration;

use ec2_sim::{Seed, SeedEni, SeedGroup, SeedInstance, SeedSubnet, SeedVpc, Settings, Simulator};
use eni_operator::cluster::node::{SlimNode, SlimSpec, SlimStatus};
use k8s_openapi::api::core::v1::NodeCondition;

/// What is in the region, by the names that a schedule uses.
#[derive(Debug, Clone, Default)]
pub struct Region {
    /// Ids of the listed subnets, by zone.
    pub subnets: BTreeMap<String, Vec<String>>,
    /// Ids of security groups.
    pub groups: Vec<String>,
    /// The machines.
    pub machines: Vec<Machine>,
}

/// An instance, and the node that runs on it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Name of the node.
    pub node: String,
    /// Id of the instance.
    pub instance: String,
    /// Its zone.
    pub zone: String,
    /// ENIs that its type carries.
    pub carries: usize,
}

/// How a region is laid out.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Zones, by letter, and how many subnets each has.
    pub zones: Vec<(char, usize)>,
    /// Instances: zone and type, and the positions on which strangers' ENIs hang.
    pub instances: Vec<(char, &'static str, Vec<u32>)>,
    /// How long EC2's reads may lag.
    pub lag: Duration,
    /// Where EC2's chance comes from.
    pub seed: u64,
}

/// ENIs that the types of our instances carry.
pub fn carries(instance_type: &str) -> usize {
    match instance_type {
        "t3.micro" => 2,
        "m5.large" => 3,
        "m5.xlarge" | "m5.2xlarge" => 4,
        _ => 8,
    }
}

/// The name of a zone.
pub fn zone(letter: char) -> String {
    format!("us-east-1{letter}")
}

impl Layout {
    /// Lays out the region.
    pub fn build(&self) -> (Simulator, Region) {
        let settings = Settings {
            seed: self.seed,
            lag: self.lag,
            attach: Duration::from_secs(2),
            detach: Duration::from_secs(2),
            ..Settings::unthrottled()
        };
        let mut sim = Simulator::new(settings);
        let seeded = sim.apply_seed(&self.seed()).expect("the region is a possible one");
        let mut region = Region::default();
        for (letter, count) in &self.zones {
            let ids = (0..*count).map(|n| seeded.subnets[&format!("{letter}{n}")].clone());
            region.subnets.insert(zone(*letter), ids.collect());
        }
        region.groups = seeded.security_groups.values().cloned().collect();
        for (n, (letter, type_, _)) in self.instances.iter().enumerate() {
            region.machines.push(Machine {
                node: format!("node-{n}"),
                instance: seeded.instances[&format!("node-{n}")].clone(),
                zone: zone(*letter),
                carries: carries(type_),
            });
        }
        (sim, region)
    }

    fn seed(&self) -> Seed {
        let mut seed = Seed {
            vpcs: vec![SeedVpc {
                key: "vpc".to_owned(),
                cidr: "10.0.0.0/16".to_owned(),
                ..SeedVpc::default()
            }],
            ..Seed::default()
        };
        for (at, (letter, count)) in self.zones.iter().enumerate() {
            for n in 0..=*count {
                // The last one is the nodes' own.
                let key = if n == *count { format!("{letter}-nodes") } else { format!("{letter}{n}") };
                seed.subnets.push(SeedSubnet {
                    key,
                    zone: letter.to_string(),
                    cidr: format!("10.0.{}.0/24", at * 10 + n),
                    ..SeedSubnet::default()
                });
            }
        }
        for n in 0..3 {
            seed.security_groups.push(SeedGroup { key: format!("group-{n}"), ..SeedGroup::default() });
        }
        for (n, (letter, type_, strangers)) in self.instances.iter().enumerate() {
            seed.instances.push(SeedInstance {
                key: format!("node-{n}"),
                subnet: format!("{letter}-nodes"),
                instance_type: (*type_).to_owned(),
                enis: strangers.iter().map(|device| stranger(n, *device)).collect(),
                ..SeedInstance::default()
            });
        }
        seed
    }
}

/// An ENI of somebody else: of nobody we know, or of another cluster's operator.
fn stranger(n: usize, device: u32) -> SeedEni {
    let tags = match device % 2 {
        0 => BTreeMap::from([("owner".to_owned(), "somebody".to_owned())]),
        _ => BTreeMap::from([
            ("networking.k8s.aws/cluster-id".to_owned(), "another-cluster".to_owned()),
            ("networking.k8s.aws/node-eni".to_owned(), "net-0".to_owned()),
            ("networking.k8s.aws/instance-id".to_owned(), format!("i-0000000{n}")),
        ]),
    };
    SeedEni { device_index: device, delete_on_termination: true, tags, ..SeedEni::default() }
}

impl Machine {
    /// The node as it registers, with labels.
    pub fn node(&self, labels: &[(&str, &str)]) -> SlimNode {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let ready = NodeCondition {
            type_: "Ready".to_owned(),
            status: "True".to_owned(),
            ..NodeCondition::default()
        };
        SlimNode {
            metadata: kube::core::ObjectMeta { labels: Some(labels), ..Default::default() },
            spec: SlimSpec {
                provider_id: Some(format!("aws:///{}/{}", self.zone, self.instance)),
                ..SlimSpec::default()
            },
            status: SlimStatus { conditions: vec![ready] },
        }
    }
}
