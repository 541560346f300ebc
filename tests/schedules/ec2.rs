//! The simulated EC2, behind the operator's port.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ec2_sim::api::{
    AssignIpv6Addresses, AssignPrivateIpAddresses, AttachNetworkInterface, AttachmentChanges, AttributeValue,
    Call as SimCall, CreateNetworkInterface, CreateTags, DeleteNetworkInterface, DeleteTags,
    DescribeInstanceTypes, DescribeInstances, DescribeNetworkInterfaces, DescribeSecurityGroups,
    DescribeSubnets, DetachNetworkInterface, Filter, ModifyInstanceMetadataOptions,
    ModifyNetworkInterfaceAttribute, Tag, TagSpecification, UnassignIpv6Addresses,
    UnassignPrivateIpAddresses,
};
use ec2_sim::world::Eni as SimEni;
use ec2_sim::{Failure, Simulator};
use eni_operator::ec2::{Answer, Ec2, EniQuery, SecurityGroupQuery, SubnetQuery, sort};
use eni_operator::model::{
    AddressKind, AttachmentId, Call, ClusterId, CreateEni, Ec2Error, Ec2ErrorKind, Eni, EniChange, EniId,
    Instance, InstanceId, InstanceType, Position, SecurityGroup, Subnet, tag_key,
};

use crate::gate::{Gate, Request, Strike};
use crate::words;

/// EC2, and what was asked of it.
#[derive(Clone)]
pub struct SimEc2 {
    /// EC2.
    pub sim: Arc<Mutex<Simulator>>,
    /// The calls that reached EC2 and changed something, or should have.
    pub log: Arc<Mutex<Vec<Mutation>>>,
    /// Where requests wait.
    pub gate: Gate,
}

/// A changing call that reached EC2.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// Which one.
    pub call: Call,
    /// The ENI as it was before; none for a create, or an ENI that is not there.
    pub eni: Option<SimEni>,
    /// The tags of a create.
    pub tags: Option<BTreeMap<String, String>>,
    /// Whether EC2 did it.
    pub done: bool,
}

/// What is behind a lock, whatever happened to whoever held it before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn error(call: Call, code: &str, message: &str) -> Ec2Error {
    Ec2Error { call, kind: sort(code, message), code: code.to_owned(), message: message.to_owned() }
}

impl SimEc2 {
    /// One call: it waits at the gate, takes effect, and is answered, if nothing goes wrong.
    async fn call<C: SimCall>(&self, call: Call, about: String, request: C) -> Answer<C::Answer> {
        let strike = self.gate.pass(Request { call: call.action(), about }).await;
        match strike {
            Strike::None => self.send(call, request),
            Strike::Refused => Err(error(call, "RequestLimitExceeded", "injected")),
            Strike::Unsent => Err(error(call, "NoAnswer", "never sent")),
            Strike::Lost => {
                drop(self.send(call, request));
                Err(error(call, "NoAnswer", "the answer was lost"))
            }
        }
    }

    /// What a type can carry. To look through all types of EC2 for it takes longer than the rest of a schedule.
    fn instance_type(&self, name: &str) -> Answer<InstanceType> {
        static KNOWN: Mutex<BTreeMap<String, InstanceType>> = Mutex::new(BTreeMap::new());
        // Where there are rights to look at, the call is made.
        let free = lock(&self.sim).settings().policy.is_none();
        if let Some(known) = lock(&KNOWN).get(name).filter(|_| free) {
            return Ok(known.clone());
        }
        let filters = vec![filter("instance-type", [name])];
        let list = DescribeInstanceTypes { filters, ..DescribeInstanceTypes::default() };
        let call = Call::DescribeInstanceTypes;
        let answer = self.send(call, list)?;
        let found = answer.instance_types.first().and_then(words::instance_type);
        let found = found.ok_or_else(|| unusable(call))?;
        lock(&KNOWN).insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn send<C: SimCall>(&self, call: Call, request: C) -> Answer<C::Answer> {
        let request = request.into();
        let mut sim = lock(&self.sim);
        let before = words::subject(&request, sim.state());
        let answer = sim.call(&request).into_result();
        // A dry run changes nothing, and is answered by this error.
        let dry = matches!(&answer, Err(failure) if failure.code() == Some("DryRunOperation"));
        if request.action().changes() && !dry {
            let (eni, tags) = before;
            lock(&self.log).push(Mutation { call, eni, tags, done: answer.is_ok() });
        }
        drop(sim);
        let response = answer.map_err(|failure| match failure {
            Failure::Refused(refused) => error(call, &refused.code, &refused.message),
            Failure::NoAnswer => error(call, "NoAnswer", "no answer"),
        })?;
        C::answer(response).ok_or_else(|| error(call, "InternalError", "another action's answer"))
    }
}

fn filter(name: &str, values: impl IntoIterator<Item = impl ToString>) -> Filter {
    Filter::new(name, values.into_iter().map(|value| value.to_string()))
}

/// A create, in the simulator's words.
fn creation(request: &CreateEni) -> CreateNetworkInterface {
    let some = |count: u32| Some(count).filter(|count| *count > 0);
    CreateNetworkInterface {
        subnet_id: request.subnet.to_string(),
        description: Some(request.description.clone()),
        groups: request.groups.iter().map(ToString::to_string).collect(),
        secondary_private_ip_address_count: some(request.secondary_private_ip_count),
        ipv4_prefix_count: some(request.ipv4_prefix_count),
        ipv6_address_count: some(request.ipv6_address_count),
        tag_specifications: vec![TagSpecification::eni(request.tags.clone())],
        client_token: Some(request.client_token.clone()),
        ..CreateNetworkInterface::default()
    }
}

impl Ec2 for SimEc2 {
    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        let about = format!("in {} with token {:.8}", request.subnet, request.client_token);
        let answer = self.call(Call::Create, about, creation(request)).await?;
        words::eni(&answer.network_interface).ok_or_else(|| unusable(Call::Create))
    }

    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        let number = |value: u32| i32::try_from(value).ok();
        let attach = AttachNetworkInterface {
            network_interface_id: eni.to_string(),
            instance_id: instance.to_string(),
            device_index: number(at.device),
            network_card_index: number(at.card),
            ..AttachNetworkInterface::default()
        };
        let answer = self.call(Call::Attach, format!("{eni} at {at}"), attach).await?;
        answer.attachment_id.parse().map_err(|_| unusable(Call::Attach))
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        let mut modify = ModifyNetworkInterfaceAttribute {
            network_interface_id: eni.to_string(),
            ..ModifyNetworkInterfaceAttribute::default()
        };
        match change {
            EniChange::DeleteOnTermination { attachment, on } => {
                modify.attachment = Some(AttachmentChanges {
                    attachment_id: Some(attachment.to_string()),
                    delete_on_termination: Some(*on),
                    ..AttachmentChanges::default()
                });
            }
            EniChange::SourceDestCheck(on) => modify.source_dest_check = Some(AttributeValue { value: *on }),
            EniChange::Groups(groups) => {
                modify.groups = groups.iter().map(ToString::to_string).collect();
            }
            EniChange::Description(text) => {
                modify.description = Some(AttributeValue { value: text.clone() });
            }
        }
        self.call(Call::Modify, format!("{eni}: {change:?}"), modify).await.map(drop)
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        let detach = DetachNetworkInterface {
            attachment_id: attachment.to_string(),
            force: Some(force),
            ..DetachNetworkInterface::default()
        };
        self.call(Call::Detach, format!("{attachment} force {force}"), detach).await.map(drop)
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        let delete = DeleteNetworkInterface {
            network_interface_id: eni.to_string(),
            ..DeleteNetworkInterface::default()
        };
        self.call(Call::Delete, eni.to_string(), delete).await.map(drop)
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
        let tags: Vec<Tag> = tags.iter().map(tag).collect();
        let request = CreateTags { resources: vec![eni.to_string()], tags, dry_run: None };
        self.call(Call::CreateTags, format!("{eni}"), request).await.map(drop)
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        let tags = keys.iter().map(|key| Tag { key: key.clone(), value: None }).collect();
        let request = DeleteTags { resources: vec![eni.to_string()], tags, dry_run: None };
        self.call(Call::DeleteTags, format!("{eni}: {}", keys.join(" ")), request).await.map(drop)
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        let about = format!("{eni}: {count} of {kind:?}");
        let some = |of: AddressKind| (kind == of).then_some(count);
        if kind == AddressKind::Ipv6 {
            let request = AssignIpv6Addresses {
                network_interface_id: eni.to_string(),
                ipv6_address_count: Some(count),
                ..AssignIpv6Addresses::default()
            };
            return Ok(self.call(kind.assign(), about, request).await?.assigned_ipv6_addresses);
        }
        let request = AssignPrivateIpAddresses {
            network_interface_id: eni.to_string(),
            secondary_private_ip_address_count: some(AddressKind::SecondaryIpv4),
            ipv4_prefix_count: some(AddressKind::Ipv4Prefix),
            ..AssignPrivateIpAddresses::default()
        };
        let answer = self.call(kind.assign(), about, request).await?;
        let addresses = answer.assigned_private_ip_addresses.into_iter().map(|one| one.private_ip_address);
        Ok(addresses.chain(answer.assigned_ipv4_prefixes.into_iter().map(|one| one.ipv4_prefix)).collect())
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        let about = format!("{eni}: {}", addresses.join(" "));
        let network_interface_id = eni.to_string();
        let these = |of: AddressKind| if kind == of { addresses.to_vec() } else { vec![] };
        if kind == AddressKind::Ipv6 {
            let request = UnassignIpv6Addresses {
                network_interface_id,
                ipv6_addresses: these(AddressKind::Ipv6),
                ..UnassignIpv6Addresses::default()
            };
            return self.call(kind.unassign(), about, request).await.map(drop);
        }
        let request = UnassignPrivateIpAddresses {
            network_interface_id,
            private_ip_addresses: these(AddressKind::SecondaryIpv4),
            ipv4_prefixes: these(AddressKind::Ipv4Prefix),
        };
        self.call(kind.unassign(), about, request).await.map(drop)
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        let request = ModifyInstanceMetadataOptions {
            instance_id: instance.to_string(),
            http_put_response_hop_limit: Some(hops),
            ..ModifyInstanceMetadataOptions::default()
        };
        self.call(Call::ModifyMetadataOptions, format!("{instance}: {hops}"), request).await.map(drop)
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        let create = CreateNetworkInterface { dry_run: Some(true), ..creation(request) };
        match self.call(Call::Create, "dry run".to_owned(), create).await {
            Err(error) if error.code == "DryRunOperation" => Ok(()),
            done => done.map(drop),
        }
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        let of_cluster = |cluster: &ClusterId| filter(&format!("tag:{}", tag_key::CLUSTER), [&cluster.0]);
        let tagged = |key: &str, values: Vec<String>| filter(&format!("tag:{key}"), values);
        let filters = match query {
            EniQuery::OfInstances(cluster, ids) => {
                let ids = ids.iter().map(ToString::to_string).collect();
                vec![of_cluster(cluster), tagged(tag_key::INSTANCE, ids)]
            }
            EniQuery::OfNodeEnis(cluster, names) => {
                vec![of_cluster(cluster), tagged(tag_key::NODE_ENI, names.clone())]
            }
            EniQuery::OfCluster(cluster) => vec![of_cluster(cluster)],
            EniQuery::OfReference(names) => vec![
                tagged(tag_key::REFERENCE_MANAGED_BY, vec![tag_key::REFERENCE_MANAGER.to_owned()]),
                tagged(tag_key::REFERENCE_NODE_ENI, names.clone()),
            ],
        };
        let about = format!("{query:?}");
        let list = DescribeNetworkInterfaces { filters, ..DescribeNetworkInterfaces::default() };
        let answer = self.call(Call::DescribeEnis, about, list).await?;
        all(Call::DescribeEnis, &answer.network_interfaces, words::eni)
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let filters = vec![filter("instance-id", ids)];
        let list = DescribeInstances { filters, ..DescribeInstances::default() };
        let about = format!("{} of them", ids.len());
        let answer = self.call(Call::DescribeInstances, about, list).await?;
        let items: Vec<_> = answer.reservations.into_iter().flat_map(|one| one.instances).collect();
        all(Call::DescribeInstances, &items, words::instance)
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        let call = Call::DescribeInstanceTypes;
        let request = Request { call: call.action(), about: names.join(" ") };
        match self.gate.pass(request).await {
            Strike::None => names.iter().map(|name| self.instance_type(name)).collect(),
            Strike::Refused => Err(error(call, "RequestLimitExceeded", "injected")),
            Strike::Unsent | Strike::Lost => Err(error(call, "NoAnswer", "injected")),
        }
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        let filters = match query {
            SubnetQuery::Ids(ids) => vec![filter("subnet-id", ids)],
            SubnetQuery::Names(vpc, names) => vec![filter("vpc-id", [vpc]), filter("tag:Name", names)],
        };
        let list = DescribeSubnets { filters, ..DescribeSubnets::default() };
        let answer = self.call(Call::DescribeSubnets, String::new(), list).await?;
        all(Call::DescribeSubnets, &answer.subnets, words::subnet)
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        let filters = match query {
            SecurityGroupQuery::Ids(ids) => vec![filter("group-id", ids)],
            SecurityGroupQuery::GroupNames(vpc, names) => {
                vec![filter("vpc-id", [vpc]), filter("group-name", names)]
            }
            SecurityGroupQuery::TagNames(vpc, names) => {
                vec![filter("vpc-id", [vpc]), filter("tag:Name", names)]
            }
        };
        let list = DescribeSecurityGroups { filters, ..DescribeSecurityGroups::default() };
        let answer = self.call(Call::DescribeSecurityGroups, String::new(), list).await?;
        all(Call::DescribeSecurityGroups, &answer.security_groups, words::security_group)
    }
}

fn unusable(call: Call) -> Ec2Error {
    Ec2Error { call, kind: Ec2ErrorKind::NoAnswer, code: "UnusableAnswer".to_owned(), message: String::new() }
}

fn all<S, T>(call: Call, items: &[S], convert: fn(&S) -> Option<T>) -> Answer<Vec<T>> {
    items.iter().map(convert).collect::<Option<_>>().ok_or_else(|| unusable(call))
}
