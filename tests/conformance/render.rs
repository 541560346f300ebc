//! Answers as lines of text: what the operator reads of them, and nothing else.

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        GroupIdentifier, Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAttachment,
        InstanceTypeInfo, NetworkInterface, NetworkInterfaceAttachment, SecurityGroup, Subnet, Tag,
    },
};
use eni_operator::model::{self, Ec2Error};

/// What a call gave, or EC2's code and the status.
pub(crate) fn said<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    text: impl FnOnce(T) -> String,
) -> String
where
    E: ProvideErrorMetadata,
{
    match answer {
        Ok(answer) => text(answer),
        Err(error) => {
            let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
            format!("{} ({status})", error.code().unwrap_or("no code"))
        }
    }
}

/// What a call of the port gave, or what its failure means.
pub(crate) fn meant<T>(answer: Result<T, Ec2Error>, text: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(answer) => text(answer),
        Err(error) => format!("{:?}, {}", error.kind, error.code),
    }
}

/// A call that gave nothing but success.
pub(crate) fn done<T>(_: T) -> String {
    "done".to_owned()
}

/// An ENI. What is usual is left out: no further address, the check on, no description, no tag.
pub(crate) fn eni(eni: &NetworkInterface) -> String {
    let status = eni.status().map_or("stateless", |status| status.as_str());
    let at = [eni.subnet_id(), eni.vpc_id(), eni.availability_zone()].map(text).join(" ");
    let secondary = eni.private_ip_addresses().iter().filter(|address| address.primary() != Some(true));
    let parts = [
        Some(format!("{} {status} in {at}", text(eni.network_interface_id()))),
        some(secondary.count(), "secondary"),
        some(eni.ipv4_prefixes().len(), "prefixes"),
        some(eni.ipv6_addresses().len(), "ipv6"),
        Some(groups(eni.groups())),
        eni.description().filter(|text| !text.is_empty()).map(|text| format!("{text:?}")),
        (eni.source_dest_check() == Some(false)).then(|| "check false".to_owned()),
        Some(tags(eni.tag_set())).filter(|tags| tags != "{}"),
        Some(eni.attachment().map_or_else(|| "on nothing".to_owned(), attachment)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A number of things, unless there are none.
fn some(number: usize, of: &str) -> Option<String> {
    (number > 0).then(|| format!("{number} {of}"))
}

/// Where an ENI stands with its instance, and nothing else.
pub(crate) fn hold(eni: &NetworkInterface) -> String {
    let status = eni.status().map_or("stateless", |status| status.as_str());
    format!("{status}, {}", eni.attachment().map_or_else(|| "on nothing".to_owned(), attachment))
}

fn attachment(attachment: &NetworkInterfaceAttachment) -> String {
    format!(
        "{} on {} card {} index {} by {}, {}",
        attachment.status().map_or("stateless", |status| status.as_str()),
        text(attachment.instance_id()),
        attachment.network_card_index().unwrap_or(0),
        attachment.device_index().unwrap_or(-1),
        text(attachment.attachment_id()),
        if attachment.delete_on_termination() == Some(true) { "deleted with it" } else { "kept without it" },
    )
}

pub(crate) fn instance(instance: &Instance) -> String {
    let enis: Vec<_> = instance.network_interfaces().iter().map(held).collect();
    format!(
        "{} {} {} in {} {} {}, [{}]",
        text(instance.instance_id()),
        instance.state().and_then(|state| state.name()).map_or("stateless", |name| name.as_str()),
        instance.instance_type().map_or("typeless", |kind| kind.as_str()),
        text(instance.subnet_id()),
        text(instance.vpc_id()),
        text(instance.placement().and_then(|at| at.availability_zone())),
        enis.join(", "),
    )
}

fn held(eni: &InstanceNetworkInterface) -> String {
    let attachment = eni.attachment();
    format!(
        "{}:{} {} {}",
        attachment.and_then(InstanceNetworkInterfaceAttachment::network_card_index).unwrap_or(0),
        attachment.and_then(InstanceNetworkInterfaceAttachment::device_index).unwrap_or(-1),
        attachment.and_then(|at| at.status()).map_or("stateless", |status| status.as_str()),
        text(eni.network_interface_id()),
    )
}

pub(crate) fn instance_type(kind: &InstanceTypeInfo) -> String {
    let name = kind.instance_type().map_or("nameless", |name| name.as_str());
    let Some(network) = kind.network_info() else { return format!("{name} without network") };
    let cards: Vec<_> = network
        .network_cards()
        .iter()
        .map(|card| {
            format!("{}:{}", number(card.network_card_index()), number(card.maximum_network_interfaces()))
        })
        .collect();
    format!(
        "{name} {} ENIs [{}], {} IPv4, {} IPv6",
        number(network.maximum_network_interfaces()),
        cards.join(" "),
        number(network.ipv4_addresses_per_interface()),
        number(network.ipv6_addresses_per_interface()),
    )
}

pub(crate) fn subnet(subnet: &Subnet) -> String {
    format!(
        "{} {} {} {} free {} {}",
        text(subnet.subnet_id()),
        text(subnet.vpc_id()),
        text(subnet.availability_zone()),
        text(subnet.cidr_block()),
        number(subnet.available_ip_address_count()),
        tags(subnet.tags()),
    )
}

pub(crate) fn group(group: &SecurityGroup) -> String {
    let (id, name) = (text(group.group_id()), text(group.group_name()));
    format!("{id} {name} {} {}", text(group.vpc_id()), tags(group.tags()))
}

/// An ENI in our own words. What is usual is left out.
pub(crate) fn ours(eni: &model::Eni) -> String {
    let groups: Vec<_> = eni.groups.iter().map(ToString::to_string).collect();
    let parts = [
        Some(format!("{} in {} {} {}", eni.id, eni.subnet, eni.vpc, eni.zone)),
        some(eni.secondary_private_ips.len(), "secondary"),
        some(eni.ipv4_prefixes.len(), "prefixes"),
        some(eni.ipv6_addresses.len(), "ipv6"),
        Some(format!("[{}]", groups.join(", "))),
        Some(format!("{:?}", eni.description)),
        (!eni.source_dest_check).then(|| "check false".to_owned()),
        Some(if eni.available { "available" } else { "not available" }.to_owned()),
        Some(eni.attachment.as_ref().map_or_else(|| "on nothing".to_owned(), ours_attached)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn ours_attached(attachment: &model::Attachment) -> String {
    format!(
        "{:?} to {} at {} by {}, {}",
        attachment.state,
        attachment.instance,
        attachment.at,
        attachment.id,
        if attachment.delete_on_termination { "deleted with it" } else { "kept without it" },
    )
}

fn groups(groups: &[GroupIdentifier]) -> String {
    let ids: Vec<_> = groups.iter().map(|group| text(group.group_id())).collect();
    format!("[{}]", ids.join(", "))
}

fn tags(tags: &[Tag]) -> String {
    let mut pairs: Vec<_> =
        tags.iter().map(|tag| format!("{}={}", text(tag.key()), text(tag.value()))).collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(" "))
}

fn text(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("nothing")
}

fn number(number: Option<i32>) -> i32 {
    number.unwrap_or(-1)
}
