//! The real EC2, through the AWS SDK. Nothing outside this folder knows an SDK type.
//!
//! No call is repeated here, not even by the SDK: the plan is the only place that tries again. Every
//! call ends in time, and every describe is filtered and follows its pages, because EC2 gives less of
//! its budget to one that is not, and refuses it in large accounts.

mod convert;
mod failure;
mod fence;
mod filter;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::{
    AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig,
    environment::EnvironmentVariableRegionProvider, identity::IdentityCache,
    imds::region::ImdsRegionProvider, meta::region::ProvideRegion, profile::ProfileFileRegionProvider,
};
use aws_sdk_ec2::{
    Client,
    config::{
        ProvideCredentials as _, SharedCredentialsProvider, retry::RetryConfig, timeout::TimeoutConfig,
    },
    operation::create_network_interface::builders::CreateNetworkInterfaceFluentBuilder,
    types::{
        AttributeBooleanValue, AttributeValue, Filter, NetworkInterfaceAttachmentChanges, ResourceType, Tag,
        TagSpecification,
    },
};

use self::{
    convert::Unusable,
    failure::{WAYS_TO_CREDENTIALS, chain, failed, unusable},
    fence::Fence,
};
use super::{Answer, Ec2, EniQuery, PAGE, SecurityGroupQuery, SubnetQuery};
use crate::mandate::Mandate;
use crate::model::{
    AddressKind, AttachmentId, Call, CreateEni, Eni, EniChange, EniId, Instance, InstanceId, InstanceType,
    Position, SecurityGroup, Subnet, tag_key,
};

/// What EC2 sees in the user agent, and `CloudTrail` records.
const APP_NAME: &str = concat!("eni-operator-", env!("CARGO_PKG_VERSION"));

/// How long a connection may take to come about. EC2 is near; a longer wait is a packet lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the search for credentials may take: the SDK asks IMDS several times, a second each.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest page that EC2 gives of instance types.
const TYPES_PAGE: i32 = 100;

/// Where EC2 is and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region; without one, what the environment, the profile or IMDS says.
    pub region: Option<String>,
    /// Another address than EC2's own; without one, what `AWS_ENDPOINT_URL` says.
    pub endpoint_url: Option<String>,
    /// The longest that a call, or one page of a describe, may take.
    pub call_timeout: Duration,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self { region: None, endpoint_url: None, call_timeout: Duration::from_secs(10) }
    }
}

/// EC2 cannot be talked to at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nothing says which region.
    #[error(
        "no AWS region: --region and AWS_REGION are not set, no profile has one, no node has the label \
         topology.kubernetes.io/region, and IMDS did not answer"
    )]
    NoRegion,
    /// Nothing gives credentials.
    #[error("no AWS credentials: {0}; {WAYS_TO_CREDENTIALS}")]
    NoCredentials(String),
}

/// EC2, as one account and region see it.
#[derive(Debug, Clone)]
pub struct Aws {
    client: Client,
    credentials: Option<SharedCredentialsProvider>,
}

impl Aws {
    /// Finds region and credentials where every AWS program looks for them.
    ///
    /// Asks EC2 nothing: credentials that are missing, or that it does not take, show in the first call.
    pub async fn connect(settings: AwsSettings) -> Result<Self, ConnectError> {
        let config = loader(&settings).load().await;
        if config.region().is_none() {
            return Err(ConnectError::NoRegion);
        }
        Ok(Self::over(&config, settings.call_timeout))
    }

    /// EC2 behind a configuration that is complete already.
    #[must_use]
    pub fn over(config: &SdkConfig, call_timeout: Duration) -> Self {
        let timeouts =
            TimeoutConfig::builder().operation_timeout(call_timeout).connect_timeout(CONNECT_TIMEOUT).build();
        let credentials = config.credentials_provider();
        let config = aws_sdk_ec2::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self { client: Client::from_conf(config), credentials }
    }

    /// The same, for as long as this process may act: after that, no call is sent.
    #[must_use]
    pub fn within(self, mandate: Mandate) -> Self {
        let config = self.client.config().to_builder().interceptor(Fence(mandate)).build();
        Self { client: Client::from_conf(config), ..self }
    }

    /// Looks whether there are credentials at all. AWS is not asked what it thinks of them.
    pub async fn find_credentials(&self) -> Result<(), ConnectError> {
        let none = |why: &str| ConnectError::NoCredentials(why.to_owned());
        let provider = self.credentials.as_ref().ok_or_else(|| none("nothing was set up"))?;
        let found = tokio::time::timeout(CREDENTIALS_TIMEOUT, provider.provide_credentials()).await;
        found.map_err(|_| none("none came in time"))?.map(drop).map_err(|error| none(&chain(&error)))
    }

    /// A create, before it is sent.
    fn create_request(&self, request: &CreateEni) -> CreateNetworkInterfaceFluentBuilder {
        self.client
            .create_network_interface()
            .client_token(&request.client_token)
            .subnet_id(request.subnet.as_str())
            .set_groups(Some(request.groups.iter().map(ToString::to_string).collect()))
            .description(&request.description)
            .tag_specifications(tag_specification(request))
            .set_secondary_private_ip_address_count(count(request.secondary_private_ip_count))
            .set_ipv4_prefix_count(count(request.ipv4_prefix_count))
            .set_ipv6_address_count(count(request.ipv6_address_count))
    }

    /// Gives an ENI IPv4 addresses or prefixes.
    async fn assign_ipv4(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        let request = self.client.assign_private_ip_addresses().network_interface_id(eni.as_str());
        let request = match kind {
            AddressKind::Ipv4Prefix => request.ipv4_prefix_count(wire(count)),
            AddressKind::SecondaryIpv4 | AddressKind::Ipv6 => {
                request.secondary_private_ip_address_count(wire(count))
            }
        };
        let answer = request.send().await.map_err(failed(Call::AssignIpv4))?;
        let addresses = answer.assigned_private_ip_addresses.unwrap_or_default();
        let prefixes = answer.assigned_ipv4_prefixes.unwrap_or_default();
        let addresses = addresses.into_iter().filter_map(|one| one.private_ip_address);
        Ok(addresses.chain(prefixes.into_iter().filter_map(|one| one.ipv4_prefix)).collect())
    }

    /// One listing of ENIs.
    async fn enis_by(&self, filters: Vec<Filter>) -> Answer<Vec<Eni>> {
        let call = Call::DescribeEnis;
        let pages = self.client.describe_network_interfaces().set_filters(Some(filters)).into_paginator();
        let listed = pages.page_size(PAGE.into()).items().send().try_collect().await.map_err(failed(call))?;
        all(call, listed, convert::eni)
    }

    /// One listing of instances.
    async fn instances_by(&self, filters: Vec<Filter>) -> Answer<Vec<Instance>> {
        let call = Call::DescribeInstances;
        let pages = self.client.describe_instances().set_filters(Some(filters)).into_paginator();
        let listed = pages.page_size(PAGE.into()).items().send().try_collect().await.map_err(failed(call))?;
        let instances = listed.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
        all(call, instances, convert::instance)
    }

    /// One listing of instance types.
    async fn instance_types_by(&self, filters: Vec<Filter>) -> Answer<Vec<InstanceType>> {
        let call = Call::DescribeInstanceTypes;
        let pages = self.client.describe_instance_types().set_filters(Some(filters)).into_paginator();
        let listed = pages.page_size(TYPES_PAGE).items().send().try_collect().await.map_err(failed(call))?;
        all(call, listed, convert::instance_type)
    }

    /// One listing of subnets.
    async fn subnets_by(&self, filters: Vec<Filter>) -> Answer<Vec<Subnet>> {
        let call = Call::DescribeSubnets;
        let pages = self.client.describe_subnets().set_filters(Some(filters)).into_paginator();
        let listed = pages.page_size(PAGE.into()).items().send().try_collect().await.map_err(failed(call))?;
        all(call, listed, convert::subnet)
    }

    /// One listing of security groups.
    async fn security_groups_by(&self, filters: Vec<Filter>) -> Answer<Vec<SecurityGroup>> {
        let call = Call::DescribeSecurityGroups;
        let pages = self.client.describe_security_groups().set_filters(Some(filters)).into_paginator();
        let listed = pages.page_size(PAGE.into()).items().send().try_collect().await.map_err(failed(call))?;
        all(call, listed, convert::security_group)
    }
}

impl Ec2 for Aws {
    async fn create(&self, request: &CreateEni) -> Answer<Eni> {
        let call = Call::Create;
        let answer = self.create_request(request).send().await.map_err(failed(call))?;
        let eni = answer.network_interface.ok_or_else(|| Unusable::missing("the answer", "networkInterface"));
        eni.and_then(convert::eni).map_err(unusable(call))
    }

    // The card is named even when it is the first: on a type with several cards EC2 took a request
    // without it to be about all of them (cilium/cilium#42512).
    async fn attach(&self, eni: &EniId, instance: &InstanceId, at: Position) -> Answer<AttachmentId> {
        let call = Call::Attach;
        let answer = self
            .client
            .attach_network_interface()
            .network_interface_id(eni.as_str())
            .instance_id(instance.as_str())
            .device_index(wire(at.device))
            .network_card_index(wire(at.card))
            .send()
            .await
            .map_err(failed(call))?;
        convert::attachment_id(answer.attachment_id, eni.as_str()).map_err(unusable(call))
    }

    async fn modify(&self, eni: &EniId, change: &EniChange) -> Answer<()> {
        let request = self.client.modify_network_interface_attribute().network_interface_id(eni.as_str());
        let request = match change {
            EniChange::DeleteOnTermination { attachment, on } => request.attachment(
                NetworkInterfaceAttachmentChanges::builder()
                    .attachment_id(attachment.as_str())
                    .delete_on_termination(*on)
                    .build(),
            ),
            EniChange::SourceDestCheck(on) => {
                request.source_dest_check(AttributeBooleanValue::builder().value(*on).build())
            }
            EniChange::Groups(groups) => {
                request.set_groups(Some(groups.iter().map(ToString::to_string).collect()))
            }
            EniChange::Description(text) => {
                request.description(AttributeValue::builder().value(text).build())
            }
        };
        request.send().await.map(drop).map_err(failed(Call::Modify))
    }

    async fn detach(&self, attachment: &AttachmentId, force: bool) -> Answer<()> {
        let request = self.client.detach_network_interface().attachment_id(attachment.as_str());
        request.force(force).send().await.map(drop).map_err(failed(Call::Detach))
    }

    async fn delete(&self, eni: &EniId) -> Answer<()> {
        let request = self.client.delete_network_interface().network_interface_id(eni.as_str());
        request.send().await.map(drop).map_err(failed(Call::Delete))
    }

    async fn tag(&self, eni: &EniId, tags: &BTreeMap<String, String>) -> Answer<()> {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        let request = self.client.create_tags().resources(eni.as_str()).set_tags(Some(tags));
        request.send().await.map(drop).map_err(failed(Call::CreateTags))
    }

    async fn untag(&self, eni: &EniId, keys: &[String]) -> Answer<()> {
        if keys.is_empty() {
            // EC2 would take that for all of them.
            return Ok(());
        }
        let tags = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
        let request = self.client.delete_tags().resources(eni.as_str()).set_tags(Some(tags));
        request.send().await.map(drop).map_err(failed(Call::DeleteTags))
    }

    async fn assign(&self, eni: &EniId, kind: AddressKind, count: u32) -> Answer<Vec<String>> {
        match kind {
            AddressKind::SecondaryIpv4 | AddressKind::Ipv4Prefix => self.assign_ipv4(eni, kind, count).await,
            AddressKind::Ipv6 => {
                let request = self.client.assign_ipv6_addresses().network_interface_id(eni.as_str());
                let answer = request.ipv6_address_count(wire(count)).send().await;
                let answer = answer.map_err(failed(Call::AssignIpv6))?;
                Ok(answer.assigned_ipv6_addresses.unwrap_or_default())
            }
        }
    }

    async fn unassign(&self, eni: &EniId, kind: AddressKind, addresses: &[String]) -> Answer<()> {
        let addresses = Some(addresses.to_vec());
        if kind == AddressKind::Ipv6 {
            let request = self.client.unassign_ipv6_addresses().network_interface_id(eni.as_str());
            let answer = request.set_ipv6_addresses(addresses).send().await;
            return answer.map(drop).map_err(failed(Call::UnassignIpv6));
        }
        let request = self.client.unassign_private_ip_addresses().network_interface_id(eni.as_str());
        let request = match kind {
            AddressKind::Ipv4Prefix => request.set_ipv4_prefixes(addresses),
            AddressKind::SecondaryIpv4 | AddressKind::Ipv6 => request.set_private_ip_addresses(addresses),
        };
        request.send().await.map(drop).map_err(failed(Call::UnassignIpv4))
    }

    async fn set_hop_limit(&self, instance: &InstanceId, hops: u32) -> Answer<()> {
        let request = self.client.modify_instance_metadata_options().instance_id(instance.as_str());
        let answer = request.http_put_response_hop_limit(wire(hops)).send().await;
        answer.map(drop).map_err(failed(Call::ModifyMetadataOptions))
    }

    async fn may_create(&self, request: &CreateEni) -> Answer<()> {
        let answer = self.create_request(request).dry_run(true).send().await;
        match answer.map(drop).map_err(failed(Call::Create)) {
            // EC2's way to say yes.
            Err(error) if error.code == "DryRunOperation" => Ok(()),
            done => done,
        }
    }

    async fn enis(&self, query: &EniQuery) -> Answer<Vec<Eni>> {
        let requests = match query {
            EniQuery::OfInstances(cluster, ids) => {
                filter::requests(&[filter::cluster(cluster)], &filter::tag(tag_key::INSTANCE), ids)
            }
            EniQuery::OfNodeEnis(cluster, names) => {
                filter::requests(&[filter::cluster(cluster)], &filter::tag(tag_key::NODE_ENI), names)
            }
            EniQuery::OfCluster(cluster) => vec![vec![filter::cluster(cluster)]],
            EniQuery::OfReference(names) => {
                filter::requests(&[filter::of_reference()], &filter::tag(tag_key::REFERENCE_NODE_ENI), names)
            }
        };
        let mut enis = Vec::new();
        for filters in requests {
            enis.extend(self.enis_by(filters).await?);
        }
        Ok(enis)
    }

    async fn instances(&self, ids: &[InstanceId]) -> Answer<Vec<Instance>> {
        let mut instances = Vec::new();
        for filters in filter::requests(&[], "instance-id", ids) {
            instances.extend(self.instances_by(filters).await?);
        }
        Ok(instances)
    }

    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        let mut types = Vec::new();
        for filters in filter::requests(&[], "instance-type", names) {
            types.extend(self.instance_types_by(filters).await?);
        }
        Ok(types)
    }

    async fn subnets(&self, query: &SubnetQuery) -> Answer<Vec<Subnet>> {
        let requests = match query {
            SubnetQuery::Ids(ids) => filter::requests(&[], "subnet-id", ids),
            SubnetQuery::Names(vpc, names) => filter::requests(&[filter::vpc(vpc)], "tag:Name", names),
        };
        let mut subnets = Vec::new();
        for filters in requests {
            subnets.extend(self.subnets_by(filters).await?);
        }
        Ok(subnets)
    }

    async fn security_groups(&self, query: &SecurityGroupQuery) -> Answer<Vec<SecurityGroup>> {
        let requests = match query {
            SecurityGroupQuery::Ids(ids) => filter::requests(&[], "group-id", ids),
            SecurityGroupQuery::GroupNames(vpc, names) => {
                filter::requests(&[filter::vpc(vpc)], "group-name", names)
            }
            SecurityGroupQuery::TagNames(vpc, names) => {
                filter::requests(&[filter::vpc(vpc)], "tag:Name", names)
            }
        };
        let mut groups = Vec::new();
        for filters in requests {
            groups.extend(self.security_groups_by(filters).await?);
        }
        Ok(groups)
    }
}

/// The region of the AWS profile, or of a variable that only AWS programs know.
pub async fn region_of_profile() -> Option<String> {
    // The SDK takes a variable that is set to nothing for a region without a name.
    let named = |region: Region| Some(region.to_string()).filter(|name| !name.is_empty());
    let by_variable = EnvironmentVariableRegionProvider::new().region().await.and_then(named);
    match by_variable {
        Some(region) => Some(region),
        None => ProfileFileRegionProvider::new().region().await.and_then(named),
    }
}

/// The region of the instance that we run on.
pub async fn region_of_metadata() -> Option<String> {
    ImdsRegionProvider::builder().build().region().await.map(|region| region.to_string())
}

/// The SDK's own search for region, endpoint and credentials, with our few words on it.
///
/// Credentials are given half of a call's time: without any, the caller then hears that rather than
/// that EC2 was slow.
fn loader(settings: &AwsSettings) -> ConfigLoader {
    let cache = IdentityCache::lazy().load_timeout(settings.call_timeout / 2).build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).identity_cache(cache);
    if let Ok(name) = AppName::new(APP_NAME) {
        loader = loader.app_name(name);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader
}

/// Everything that was listed in our words, or the first thing that has none.
///
/// Leaving it out instead would make an ENI look gone that is not, and the plan would create another.
fn all<S, T>(
    call: Call,
    listed: impl IntoIterator<Item = S>,
    convert: fn(S) -> Result<T, Unusable>,
) -> Answer<Vec<T>> {
    listed.into_iter().map(convert).collect::<Result<_, _>>().map_err(unusable(call))
}

/// The tags of a new ENI, inside the request that makes it.
fn tag_specification(request: &CreateEni) -> TagSpecification {
    let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(ResourceType::NetworkInterface).set_tags(Some(tags)).build()
}

/// How many, where nothing was said of none: a zero would override what the subnet does by itself.
fn count(number: u32) -> Option<i32> {
    (number > 0).then(|| wire(number))
}

/// The number as EC2 takes it. What does not fit, EC2 refuses.
fn wire(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
