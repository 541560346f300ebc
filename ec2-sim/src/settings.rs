//! What can be chosen about the simulated region, and when things happen in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::policy::Policy;
use crate::throttle::Bucket;

/// What can be chosen. Durations are of the simulated clock and, as JSON, whole milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where all chance comes from. The same seed and the same calls give the same run.
    pub seed: u64,
    /// The region.
    pub region: String,
    /// The account that owns everything.
    pub account: String,
    /// When the clock starts, in milliseconds since 1970.
    pub epoch_millis: u64,
    /// How long an attach takes.
    #[serde(rename = "attach_millis", with = "whole_millis")]
    pub attach: Duration,
    /// How long a detach takes.
    #[serde(rename = "detach_millis", with = "whole_millis")]
    pub detach: Duration,
    /// How long a new ENI stays `pending` after the answer that says so.
    #[serde(rename = "create_millis", with = "whole_millis")]
    pub create: Duration,
    /// How long an instance is `pending`.
    #[serde(rename = "start_millis", with = "whole_millis")]
    pub start: Duration,
    /// How long an instance is `stopping`.
    #[serde(rename = "stop_millis", with = "whole_millis")]
    pub stop: Duration,
    /// How long an instance is `shutting-down`.
    #[serde(rename = "terminate_millis", with = "whole_millis")]
    pub terminate: Duration,
    /// How long a terminated instance is still listed.
    #[serde(rename = "terminated_visible_millis", with = "whole_millis")]
    pub terminated_visible: Duration,
    /// How long a client token is remembered.
    #[serde(rename = "token_life_millis", with = "whole_millis")]
    pub token_life: Duration,
    /// For how long after a change a describe may answer as before it. Each call draws its own age.
    #[serde(rename = "lag_millis", with = "whole_millis")]
    pub lag: Duration,
    /// How likely a call that changes something does not find an id younger than `lag`.
    pub lag_hides_from_changes: f64,
    /// How many ENIs the region takes.
    pub eni_quota: usize,
    /// How many security groups an ENI takes.
    pub groups_per_eni: usize,
    /// How many IPv4 places an ENI has while it is on no instance.
    pub unattached_addresses: usize,
    /// Whether an ENI of another VPC of the account may be attached.
    pub multi_vpc: bool,
    /// Whether a parameter the simulator does not know is refused (`UnknownParameter`) or only noted.
    pub strict_parameters: bool,
    /// The request limits.
    pub throttle: Throttle,
    /// Actions that nobody may call, by name; `*` and `?` stand for many and one character.
    pub denied: BTreeSet<String>,
    /// The policy of whoever calls, in IAM's form. None: everything is allowed.
    pub policy: Option<Policy>,
}

/// The request limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttle {
    /// Whether calls are limited at all.
    pub enabled: bool,
    /// What all sizes are multiplied with.
    pub scale: f64,
    /// Whether all changing actions without a documented limit share one bucket, as older texts say.
    pub shared_mutating: bool,
    /// Sizes that differ from the documented ones: by action, or for `default-mutating`, `default-reading`,
    /// `unfiltered`.
    pub buckets: BTreeMap<String, Bucket>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { enabled: true, scale: 1.0, shared_mutating: false, buckets: BTreeMap::new() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            epoch_millis: 1_767_225_600_000,
            attach: Duration::from_millis(1500),
            detach: Duration::from_secs(2),
            create: Duration::ZERO,
            start: Duration::from_secs(10),
            stop: Duration::from_secs(10),
            terminate: Duration::from_secs(10),
            terminated_visible: Duration::from_hours(1),
            token_life: Duration::from_hours(12),
            lag: Duration::ZERO,
            lag_hides_from_changes: 0.0,
            eni_quota: 5000,
            groups_per_eni: 5,
            unattached_addresses: 50,
            multi_vpc: true,
            strict_parameters: false,
            throttle: Throttle::default(),
            denied: BTreeSet::new(),
            policy: None,
        }
    }
}

impl Settings {
    /// The defaults without request limits: for tests of everything else.
    #[must_use]
    pub fn unthrottled() -> Self {
        let throttle = Throttle { enabled: false, ..Throttle::default() };
        Self { throttle, ..Self::default() }
    }

    /// The zones of the region: name and id.
    pub fn zones(&self) -> impl Iterator<Item = (String, String)> + '_ {
        (1..).zip('a'..='f').map(|(number, letter)| {
            (format!("{}{letter}", self.region), format!("{}-az{number}", short(&self.region)))
        })
    }

    /// The id of the zone with the name. A zone of a seed that the region lacks is its own id.
    #[must_use]
    pub fn zone_id(&self, name: &str) -> String {
        self.zones().find(|(zone, _)| zone == name).map_or_else(|| name.to_owned(), |(_, id)| id)
    }

    pub(crate) fn epoch(&self) -> Timestamp {
        Timestamp(self.epoch_millis)
    }
}

/// AWS's short name of a region: `use1` for `us-east-1`.
fn short(region: &str) -> String {
    let mut parts = region.split('-');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part {
            "northeast" => text.push_str("ne"),
            "northwest" => text.push_str("nw"),
            "southeast" => text.push_str("se"),
            "southwest" => text.push_str("sw"),
            other => text.extend(other.chars().next()),
        }
    }
    text
}

/// Durations as whole milliseconds.
mod whole_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(crate::clock::millis(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_as_aws_names_them() {
        let zones: Vec<_> = Settings::default().zones().collect();
        assert_eq!(zones[1], ("us-east-1b".to_owned(), "use1-az2".to_owned()));
        assert_eq!(short("ap-northeast-3"), "apne3");
        assert_eq!(short("eu-central-1"), "euc1");
    }

    #[test]
    fn settings_survive_json() {
        let settings = Settings { lag: Duration::from_millis(7), ..Settings::unthrottled() };
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    }
}
