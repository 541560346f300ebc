//! The zones of the region.

use super::super::Perform;
use super::super::list::{any, check_filter_names};
use crate::api::{AvailabilityZone, DescribeAvailabilityZones, DescribeAvailabilityZonesAnswer};
use crate::core::Core;
use crate::error::ApiError;
use crate::policy::Question;

impl Perform for DescribeAvailabilityZones {
    type Answer = DescribeAvailabilityZonesAnswer;

    fn perform(&self, core: &mut Core) -> Result<Self::Answer, ApiError> {
        let known =
            ["group-name", "region-name", "state", "zone-id", "zone-name", "zone-type", "opt-in-status"];
        check_filter_names(&self.filters, |name| known.contains(&name))?;
        let settings = &core.settings;
        let all: Vec<_> = settings.zones().map(|(name, id)| zone(&settings.region, name, id)).collect();
        let missing = |wanted: &[String], has: &dyn Fn(&AvailabilityZone) -> String| {
            wanted.iter().find(|name| !all.iter().any(|zone| has(zone) == **name)).cloned()
        };
        let missing = missing(&self.zone_names, &|zone| zone.zone_name.clone())
            .or_else(|| missing(&self.zone_ids, &|zone| zone.zone_id.clone()));
        if let Some(name) = missing {
            return Err(ApiError::value(format!("Invalid availability zone: [{name}]")));
        }
        let wanted = |zone: &AvailabilityZone| {
            (self.zone_names.is_empty() || self.zone_names.contains(&zone.zone_name))
                && (self.zone_ids.is_empty() || self.zone_ids.contains(&zone.zone_id))
                && self.filters.iter().all(|filter| any(filter, [zone_field(zone, &filter.name)]))
        };
        let availability_zones = all.iter().filter(|zone| wanted(zone)).cloned().collect();
        Ok(DescribeAvailabilityZonesAnswer { availability_zones })
    }

    fn questions(&self, _core: &Core) -> Vec<Question> {
        vec![Question::general("DescribeAvailabilityZones")]
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run == Some(true)
    }
}

fn zone(region: &str, zone_name: String, zone_id: String) -> AvailabilityZone {
    AvailabilityZone {
        zone_name,
        zone_id,
        region_name: region.to_owned(),
        zone_state: "available".to_owned(),
        zone_type: "availability-zone".to_owned(),
        opt_in_status: "opt-in-not-required".to_owned(),
        group_name: region.to_owned(),
        network_border_group: region.to_owned(),
    }
}

fn zone_field<'a>(zone: &'a AvailabilityZone, name: &str) -> &'a str {
    match name {
        "zone-id" => &zone.zone_id,
        "zone-name" => &zone.zone_name,
        "zone-type" => &zone.zone_type,
        "state" => &zone.zone_state,
        "opt-in-status" => &zone.opt_in_status,
        _ => &zone.region_name,
    }
}

/// The name of the zone a call means; none given: the region's first.
pub(in crate::actions) fn zone_name(
    core: &Core,
    name: Option<&str>,
    id: Option<&str>,
) -> Result<String, ApiError> {
    let mut zones = core.settings.zones();
    let wanted = name.or(id);
    let found = zones.find(|(zone, zone_id)| match (name, id) {
        (Some(name), _) => zone == name,
        (None, Some(id)) => zone_id == id,
        (None, None) => true,
    });
    let unknown = || {
        ApiError::value(format!(
            "Value ({}) for parameter availabilityZone is invalid.",
            wanted.unwrap_or_default()
        ))
    };
    found.map(|(zone, _)| zone).ok_or_else(unknown)
}
