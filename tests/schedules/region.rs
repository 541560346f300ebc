//! What is in the region: subnets by zone, groups, instances, and ENIs of strangers.

use std::collections::BTreeMap;
use std::time::Duration;

use ec2_sim::api::{CreateNetworkInterface, CreateTags, Tag, TagSpecification};
use ec2_sim::{Seed, SeedEni, SeedGroup, SeedInstance, SeedSubnet, SeedVpc, Settings, Simulator};
use eni_operator::cluster::node::{SlimNode, SlimSpec, SlimStatus};
use k8s_openapi::api::core::v1::NodeCondition;

/// What is in the region, by the names that a schedule uses.
#[derive(Debug, Clone, Default)]
pub struct Region {
    /// Ids of the listed subnets, by zone.
    pub subnets: BTreeMap<String, Vec<String>>,
    /// Names of the listed subnets, by id: the nth of every zone has the same one.
    pub names: BTreeMap<String, String>,
    /// Ids of security groups.
    pub groups: Vec<String>,
    /// Names of security groups, by id.
    pub group_names: BTreeMap<String, String>,
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

/// The name of the nth listed subnet of every zone.
fn name(n: usize) -> String {
    format!("net{n}")
}

/// Gives every stranger that says it is of another cluster the very tags that ours would have, and puts a
/// free ENI of that cluster beside it: it has a `NodeENI` of the same name, and is not ours.
fn neighbours(sim: &mut Simulator, region: &Region) {
    let key = |key: &str| format!("networking.k8s.aws/{key}");
    let theirs: Vec<_> =
        sim.state().enis.values().filter(|eni| eni.tags.contains_key(&key("cluster-id"))).cloned().collect();
    for eni in theirs {
        let (Some(at), Some(subnet)) =
            (&eni.attachment, region.subnets.get(&eni.zone).and_then(|all| all.first()))
        else {
            continue;
        };
        let tags = [
            Tag::new(key("instance-id"), at.instance_id.clone()),
            Tag::new(key("subnet-id"), subnet.clone()),
            Tag::new(key("epoch"), "1"),
            Tag::new(key("offset"), "0"),
            Tag::new("NodeENI", "net-0"),
            Tag::new("kubernetes.io/cluster/managed-by", "nodeeni-controller"),
        ];
        let resources = vec![eni.id.clone()];
        sim.send(CreateTags { resources, tags: tags.to_vec(), ..CreateTags::default() }).expect("tags");
        let tags = sim.state().enis.get(&eni.id).map(|eni| eni.tags.clone()).unwrap_or_default();
        let free = CreateNetworkInterface {
            subnet_id: subnet.clone(),
            tag_specifications: vec![TagSpecification::eni(tags)],
            ..CreateNetworkInterface::default()
        };
        sim.send(free).expect("an ENI of another cluster");
    }
}

/// Launches another instance in a zone.
pub fn launch(sim: &mut Simulator, zone: &str, instance_type: &str) -> Option<String> {
    let subnet = sim.state().instances.values().find(|one| one.zone == zone)?.subnet_id.clone();
    let instance = SeedInstance {
        key: "new".to_owned(),
        subnet,
        instance_type: instance_type.to_owned(),
        ..SeedInstance::default()
    };
    let seeded = sim.apply_seed(&Seed { instances: vec![instance], ..Seed::default() }).ok()?;
    seeded.instances.get("new").cloned()
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
            for n in 0..*count {
                region.names.insert(seeded.subnets[&format!("{letter}{n}")].clone(), name(n));
            }
        }
        region.groups = seeded.security_groups.values().cloned().collect();
        region.group_names =
            seeded.security_groups.iter().map(|(name, id)| (id.clone(), name.clone())).collect();
        for (n, (letter, ..)) in self.instances.iter().enumerate() {
            region.machines.push(Machine {
                node: format!("node-{n}"),
                instance: seeded.instances[&format!("node-{n}")].clone(),
                zone: zone(*letter),
            });
        }
        neighbours(&mut sim, &region);
        (sim, region)
    }

    fn seed(&self) -> Seed {
        let mut seed = Seed {
            vpcs: vec![SeedVpc {
                key: "vpc".to_owned(),
                cidr: "10.0.0.0/16".to_owned(),
                ipv6: true,
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
                    cidr: format!("10.0.{}.0/20", 16 * (at * 4 + n)),
                    ipv6: true,
                    tags: if n == *count { BTreeMap::new() } else { [("Name".to_owned(), name(n))].into() },
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
