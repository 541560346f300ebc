//! The place where a conversation is held: a VPC of its own, and what was said so far.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::{
    Client,
    config::{Credentials, SharedCredentialsProvider},
    types::{Filter, InstanceType, NetworkInterface, ResourceType, Tag, TagSpecification},
};
use ec2_sim::FaultRule;
use eni_operator::{
    ec2::aws::Aws,
    model::{AttachmentId, EniId, InstanceId},
};

use crate::{sim::Handle, transcript::Numbers};

/// Both servers know zones of this region, and moto knows this image.
pub(crate) const REGION: &str = "us-east-1";
const IMAGE: &str = "ami-12c6146b";

/// How long the adapter waits for an answer: enough for moto on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A conversation with EC2.
pub(crate) struct World {
    /// EC2, as the SDK has it.
    pub(crate) ec2: Client,
    /// EC2, as the operator has it.
    pub(crate) aws: Aws,
    /// Where `ec2` and `aws` go.
    pub(crate) config: SdkConfig,
    /// A VPC with 10.0.0.0/16.
    pub(crate) vpc: String,
    /// A subnet in the first zone with 10.0.1.0/24.
    pub(crate) subnet: String,
    /// A subnet in the second zone with 10.0.2.0/24.
    pub(crate) far_subnet: String,
    /// A security group.
    pub(crate) group: String,
    sim: Option<Handle>,
    numbers: Numbers,
    lines: Vec<String>,
}

impl World {
    /// A new VPC with two subnets and a group.
    pub(crate) async fn new(endpoint: &str, sim: Option<Handle>) -> Self {
        let config = config(endpoint);
        let ec2 = Client::new(&config);
        let aws = Aws::over(&config, PATIENCE);
        let mut world = Self {
            ec2,
            aws,
            config,
            vpc: String::new(),
            subnet: String::new(),
            far_subnet: String::new(),
            group: String::new(),
            sim,
            numbers: Numbers::default(),
            lines: Vec::new(),
        };
        world.vpc = world.new_vpc("10.0.0.0/16").await;
        let vpc = world.vpc.clone();
        world.subnet = world.new_subnet(&vpc, "10.0.1.0/24", "a", "near").await;
        world.far_subnet = world.new_subnet(&vpc, "10.0.2.0/24", "b", "far").await;
        world.group = world.new_group(&vpc, "data", "Data plane").await;
        world
    }

    /// Writes down what was answered.
    pub(crate) fn note(&mut self, asked: &str, answered: impl AsRef<str>) {
        let line = self.numbers.replace(&format!("{asked}: {}", answered.as_ref()));
        self.lines.push(line);
    }

    /// Writes down a list that was answered, whose order means nothing.
    pub(crate) fn note_all(&mut self, asked: &str, answered: &[String]) {
        let (asked, answered) = (self.numbers.replace(asked), self.numbers.replace_all(answered));
        self.lines.push(format!("{asked}: {answered}"));
    }

    /// What was written down.
    pub(crate) fn lines(self) -> Vec<String> {
        self.lines
    }

    /// Gives the id its number, without a line.
    pub(crate) fn numbered(&mut self, id: &str) {
        self.numbers.replace(id);
    }

    /// Gives the id its number, so that later lists have an order.
    fn known(&mut self, id: &str) -> String {
        self.numbers.replace(id);
        id.to_owned()
    }

    /// Lets time pass in the simulator. Cases that need it run nowhere else.
    pub(crate) fn pass(&self, time: Duration) {
        self.sim.as_ref().expect("a case on the simulator alone").advance(time);
    }

    /// Lets something go wrong in the simulator.
    pub(crate) fn fault(&self, rule: &FaultRule) {
        self.sim.as_ref().expect("a case on the simulator alone").fault(rule);
    }

    /// How many ENIs the simulator really has.
    pub(crate) fn truth(&self) -> usize {
        self.sim.as_ref().expect("a case on the simulator alone").enis()
    }

    /// How often an action was called. Only the simulator counts.
    pub(crate) fn calls(&self, action: &str) -> u64 {
        self.sim.as_ref().expect("a case on the simulator alone").calls(action)
    }

    pub(crate) async fn new_vpc(&mut self, cidr: &str) -> String {
        let answer = self.ec2.create_vpc().cidr_block(cidr).send().await.expect("a VPC");
        self.known(answer.vpc().unwrap().vpc_id().unwrap())
    }

    pub(crate) async fn new_subnet(&mut self, vpc: &str, cidr: &str, zone: &str, name: &str) -> String {
        let answer = self
            .ec2
            .create_subnet()
            .vpc_id(vpc)
            .cidr_block(cidr)
            .availability_zone(format!("{REGION}{zone}"))
            .tag_specifications(tagged(ResourceType::Subnet, &[("Name", name)]))
            .send()
            .await
            .expect("a subnet");
        self.known(answer.subnet().unwrap().subnet_id().unwrap())
    }

    pub(crate) async fn new_group(&mut self, vpc: &str, name: &str, tag: &str) -> String {
        let answer = self
            .ec2
            .create_security_group()
            .vpc_id(vpc)
            .group_name(name)
            .description("of a test")
            .tag_specifications(tagged(ResourceType::SecurityGroup, &[("Name", tag)]))
            .send()
            .await
            .expect("a security group");
        self.known(answer.group_id().unwrap())
    }

    /// A running instance in the first zone, with its primary ENI.
    pub(crate) async fn new_instance(&mut self, kind: &str) -> String {
        let answer = self
            .ec2
            .run_instances()
            .image_id(IMAGE)
            .instance_type(InstanceType::from(kind))
            .min_count(1)
            .max_count(1)
            .subnet_id(&self.subnet)
            .send()
            .await
            .expect("an instance");
        let instance = &answer.instances()[0];
        if let Some(primary) = instance.network_interfaces().first() {
            self.known(primary.network_interface_id().unwrap());
        }
        self.known(instance.instance_id().unwrap())
    }

    /// An ENI in the first zone.
    pub(crate) async fn new_eni(&mut self) -> String {
        let subnet = self.subnet.clone();
        self.new_eni_in(&subnet, &[]).await
    }

    /// An ENI with tags.
    pub(crate) async fn new_eni_in(&mut self, subnet: &str, tags: &[(&str, &str)]) -> String {
        let request = self.ec2.create_network_interface().subnet_id(subnet).groups(&self.group);
        let request = match tags {
            [] => request,
            tags => request.tag_specifications(tagged(ResourceType::NetworkInterface, tags)),
        };
        let answer = request.send().await.expect("an ENI");
        self.known(answer.network_interface().unwrap().network_interface_id().unwrap())
    }

    /// Attaches an ENI at a device index of the first card.
    pub(crate) async fn attached(&mut self, eni: &str, instance: &str, index: i32) -> String {
        let request = self.ec2.attach_network_interface().network_interface_id(eni).instance_id(instance);
        let answer = request.device_index(index).network_card_index(0).send().await.expect("an attachment");
        self.known(answer.attachment_id().unwrap())
    }

    /// The ENIs that a filter lets through.
    pub(crate) async fn enis(&self, filters: &[(&str, &str)]) -> Vec<NetworkInterface> {
        let filters = filters.iter().map(|(name, value)| filter(name, value)).collect();
        let answer = self.ec2.describe_network_interfaces().set_filters(Some(filters)).send().await;
        answer.expect("a listing").network_interfaces.unwrap_or_default()
    }

    /// The ENI, as it is now.
    pub(crate) async fn eni(&self, id: &str) -> NetworkInterface {
        self.enis(&[("network-interface-id", id)]).await.pop().expect("the ENI")
    }
}

/// A filter with one value.
pub(crate) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// Tags of a thing that is being made.
pub(crate) fn tagged(thing: ResourceType, tags: &[(&str, &str)]) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
    TagSpecification::builder().resource_type(thing).set_tags(Some(tags)).build()
}

/// Where the server is, with credentials that no AWS account knows.
fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "conformance");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(aws_sdk_ec2::config::retry::RetryConfig::disabled())
        .build()
}

pub(crate) fn eni_id(text: &str) -> EniId {
    text.parse().unwrap()
}

pub(crate) fn instance_id(text: &str) -> InstanceId {
    text.parse().unwrap()
}

pub(crate) fn attachment_id(text: &str) -> AttachmentId {
    text.parse().unwrap()
}
