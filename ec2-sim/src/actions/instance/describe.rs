//! `DescribeInstances` and its filters.

use super::super::list::{Listed, Listing, list};
use super::super::{Perform, render};
use super::item::{item, primary, reservations};
use crate::api::{DescribeInstances, DescribeInstancesAnswer};
use crate::core::{Core, View};
use crate::error::ApiError;
use crate::policy::Question;
use crate::world::{Eni, Instance, Tags};

impl Listed for Instance {
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availability-zone-id",
        "client-token",
        "image-id",
        "instance-id",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "network-interface.attachment.attachment-id",
        "network-interface.network-interface-id",
        "network-interface.subnet-id",
        "network-interface.vpc-id",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "reservation-id",
        "instance.group-id",
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
        if let Some(name) = filter.strip_prefix("network-interface.") {
            return view.world.enis_of(&self.id).map(|eni| eni_field(eni, name)).collect();
        }
        let primary = primary(view, self);
        match filter {
            "client-token" => self.client_token.iter().cloned().collect(),
            "instance.group-id" => primary.map(|eni| eni.groups.clone()).unwrap_or_default(),
            "private-dns-name" => {
                primary.and_then(|eni| eni.primary).map(|a| render::dns_name(view, a)).into_iter().collect()
            }
            "private-ip-address" => {
                primary.and_then(|eni| eni.primary).map(|a| a.to_string()).into_iter().collect()
            }
            other => vec![plain_field(self, view, other)],
        }
    }
}

fn eni_field(eni: &Eni, name: &str) -> String {
    match name {
        "attachment.attachment-id" => {
            eni.attachment.as_ref().map(|place| place.id.clone()).unwrap_or_default()
        }
        "network-interface-id" => eni.id.clone(),
        "subnet-id" => eni.subnet_id.clone(),
        "vpc-id" => eni.vpc_id.clone(),
        _ => String::new(),
    }
}

fn plain_field(instance: &Instance, view: View<'_>, name: &str) -> String {
    match name {
        "availability-zone" => instance.zone.clone(),
        "availability-zone-id" => view.settings.zone_id(&instance.zone),
        "image-id" => instance.image_id.clone(),
        "instance-id" => instance.id.clone(),
        "instance-state-code" => instance.state.code().to_string(),
        "instance-state-name" => instance.state.name().to_owned(),
        "instance-type" => instance.instance_type.clone(),
        "owner-id" => view.settings.account.clone(),
        "reservation-id" => instance.reservation_id.clone(),
        "subnet-id" => instance.subnet_id.clone(),
        "vpc-id" => instance.vpc_id.clone(),
        _ => String::new(),
    }
}

impl DescribeInstances {
    fn listing(&self) -> Listing<'_> {
        Listing {
            ids: &self.instance_ids,
            filters: &self.filters,
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
            most: 1000,
        }
    }
}

impl Perform for DescribeInstances {
    type Answer = DescribeInstancesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let at = core.draw_moment();
        let render =
            |view: View<'_>, instance: &Instance| (instance.reservation_id.clone(), item(view, instance));
        let (instances, next_token) = list(core.view(at), self.listing(), render)?;
        Ok(DescribeInstancesAnswer {
            reservations: reservations(&core.settings.account, instances),
            next_token,
        })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeInstances")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }

    fn is_unfiltered(&self) -> bool {
        self.listing().is_unfiltered()
    }
}
