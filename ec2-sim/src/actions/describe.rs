//! Describing ENIs.

use super::list::{Listed, Listing, list};
use super::{Perform, render};
use crate::api::{
    AttributeValue, DescribeNetworkInterfaceAttribute, DescribeNetworkInterfaceAttributeAnswer,
    DescribeNetworkInterfaces, DescribeNetworkInterfacesAnswer,
};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::ids::{self, Kind};
use crate::policy::Question;
use crate::world::{Attachment, Eni, Tags};

impl Listed for Eni {
    const FILTERS: &'static [&'static str] = &[
        "addresses.primary",
        "addresses.private-ip-address",
        "attachment.attach-time",
        "attachment.attachment-id",
        "attachment.delete-on-termination",
        "attachment.device-index",
        "attachment.instance-id",
        "attachment.instance-owner-id",
        "attachment.network-card-index",
        "attachment.status",
        "availability-zone",
        "availability-zone-id",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "ipv6-addresses.ipv6-address",
        "mac-address",
        "network-interface-id",
        "operator.managed",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "requester-id",
        "requester-managed",
        "source-dest-check",
        "status",
        "subnet-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, view: View<'_>, filter: &str) -> Vec<String> {
        if let Some(name) = filter.strip_prefix("attachment.") {
            return self.attachment.iter().map(|place| place_field(view, place, name)).collect();
        }
        match filter {
            "addresses.primary" => {
                self.addresses().map(|address| (Some(address) == self.primary).to_string()).collect()
            }
            "addresses.private-ip-address" => self.addresses().map(|address| address.to_string()).collect(),
            "private-ip-address" => self.primary.iter().map(ToString::to_string).collect(),
            "private-dns-name" => self.primary.iter().map(|a| render::dns_name(view, *a)).collect(),
            "ipv6-addresses.ipv6-address" => self.ipv6.iter().map(ToString::to_string).collect(),
            "group-id" => self.groups.clone(),
            "group-name" => {
                render::groups(view, &self.groups).into_iter().map(|group| group.group_name).collect()
            }
            "requester-id" => self.requester_id.iter().cloned().collect(),
            other => vec![plain_field(self, view, other)],
        }
    }
}

fn place_field(view: View<'_>, place: &Attachment, name: &str) -> String {
    match name {
        "attach-time" => place.attach_time.to_string(),
        "attachment-id" => place.id.clone(),
        "delete-on-termination" => place.delete_on_termination.to_string(),
        "device-index" => place.device_index.to_string(),
        "instance-id" => place.instance_id.clone(),
        "instance-owner-id" => view.settings.account.clone(),
        "network-card-index" => place.network_card_index.to_string(),
        "status" => place.status.name().to_owned(),
        _ => String::new(),
    }
}

fn plain_field(eni: &Eni, view: View<'_>, name: &str) -> String {
    match name {
        "availability-zone" => eni.zone.clone(),
        "availability-zone-id" => view.settings.zone_id(&eni.zone),
        "description" => eni.description.clone(),
        "interface-type" => eni.interface_type.name().to_owned(),
        "mac-address" => eni.mac.clone(),
        "network-interface-id" => eni.id.clone(),
        "operator.managed" => false.to_string(),
        "owner-id" => view.settings.account.clone(),
        "requester-managed" => eni.requester_id.is_some().to_string(),
        "source-dest-check" => eni.source_dest_check.to_string(),
        "status" => eni.status(view.at).name().to_owned(),
        "subnet-id" => eni.subnet_id.clone(),
        "vpc-id" => eni.vpc_id.clone(),
        _ => String::new(),
    }
}

impl DescribeNetworkInterfaces {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &self.network_interface_ids,
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 1000,
        }
    }
}

impl Perform for DescribeNetworkInterfaces {
    type Answer = DescribeNetworkInterfacesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let at = core.draw_moment();
        let (network_interfaces, next_token) = list(core.view(at), self.listing(), render::eni)?;
        Ok(DescribeNetworkInterfacesAnswer { network_interfaces, next_token })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeNetworkInterfaces")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    fn is_unfiltered(&self) -> bool {
        self.listing().is_unfiltered()
    }
}

impl Perform for DescribeNetworkInterfaceAttribute {
    type Answer = DescribeNetworkInterfaceAttributeAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let at = core.draw_moment();
        let view = core.view(at);
        let id = &self.network_interface_id;
        ids::check(Kind::NetworkInterface, id)?;
        let eni = view.world.enis.get(id).ok_or_else(|| Kind::NetworkInterface.not_found(id))?;
        let mut answer = DescribeNetworkInterfaceAttributeAnswer {
            network_interface_id: id.clone(),
            ..Default::default()
        };
        match self.attribute.as_deref() {
            Some("description") => {
                answer.description = Some(AttributeValue { value: eni.description.clone() });
            }
            Some("groupSet") => answer.groups = Some(render::groups(view, &eni.groups)),
            Some("sourceDestCheck") => {
                answer.source_dest_check = Some(AttributeValue { value: eni.source_dest_check });
            }
            Some("attachment") => {
                answer.attachment = eni.attachment.as_ref().map(|place| render::attachment(view, place));
            }
            Some("associatePublicIpAddress") => answer.associate_public_ip_address = Some(false),
            Some(other) => return Err(ApiError::value(format!("Invalid value '{other}' for attribute"))),
            None => return Err(ApiError::missing("attribute")),
        }
        Ok(answer)
    }

    fn questions(&self, core: &Core) -> Vec<Question> {
        let name = "DescribeNetworkInterfaceAttribute";
        vec![Question::about(name, &core.world, Kind::NetworkInterface, &self.network_interface_id)]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}
