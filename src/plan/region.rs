//! Which AWS region the cluster is in.

use std::collections::BTreeMap;

use super::node::NodeFacts;

/// Label that names a node's region.
const REGION: &str = "topology.kubernetes.io/region";

/// Who said which region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The flag `--region`.
    Flag,
    /// The variable `AWS_REGION`.
    Environment,
    /// The AWS profile.
    Profile,
    /// The labels of the nodes, or their provider ids.
    Nodes,
    /// The metadata service of the instance that we run on.
    InstanceMetadata,
}

/// A region that somebody configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// The region.
    pub region: String,
    /// By whom.
    pub source: Source,
}

/// The region to work in, as far as configuration and nodes say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The region, and who said it; `None` where only the metadata service can tell.
    pub region: Option<Configured>,
    /// What contradicts it, for people.
    pub contradiction: Option<String>,
}

/// Chooses: what is configured goes before what the nodes say.
#[must_use]
pub fn choose(configured: Option<Configured>, nodes: &[NodeFacts]) -> Choice {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for region in nodes.iter().filter_map(of_node) {
        *counts.entry(region).or_default() += 1;
    }
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(region, _)| region.clone());
    let by_nodes = most.map(|region| Configured { region, source: Source::Nodes });
    let region = configured.or(by_nodes);
    let others: Vec<&str> = counts
        .keys()
        .map(String::as_str)
        .filter(|one| region.as_ref().is_some_and(|it| it.region != *one))
        .collect();
    let contradiction = region
        .as_ref()
        .filter(|_| !others.is_empty())
        .map(|it| format!("the region is {}, but there are nodes in {}", it.region, others.join(" and ")));
    Choice { region, contradiction }
}

/// The region of a node, by its label or else by the zone in its provider id.
fn of_node(node: &NodeFacts) -> Option<String> {
    let by_label = node.labels.get(REGION).filter(|region| !region.is_empty()).cloned();
    by_label.or_else(|| of_zone(node.provider_id.strip_prefix("aws:///")?.split('/').next()?))
}

/// The region of a zone: `eu-central-1` of `eu-central-1a`, `us-west-2` of the local zone `us-west-2-lax-1a`.
fn of_zone(zone: &str) -> Option<String> {
    let mut words = vec![];
    for word in zone.split('-') {
        let number: String = word.chars().take_while(char::is_ascii_digit).collect();
        if number.is_empty() {
            words.push(word.to_owned());
            continue;
        }
        words.push(number);
        return (words.len() >= 3).then(|| words.join("-"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(label: Option<&str>, provider_id: &str) -> NodeFacts {
        let labels = label.map(|region| (REGION.to_owned(), region.to_owned())).into_iter().collect();
        NodeFacts { labels, provider_id: provider_id.to_owned(), ..NodeFacts::default() }
    }

    fn by(region: &str, source: Source) -> Configured {
        Configured { region: region.to_owned(), source }
    }

    #[test]
    fn a_zone_tells_its_region() {
        for (zone, region) in [
            ("eu-central-1a", Some("eu-central-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-east-1-wl1-bos-wlz-1", Some("us-east-1")),
            ("x", None),
            ("", None),
            ("a1", None),
        ] {
            assert_eq!(of_zone(zone).as_deref(), region, "{zone}");
        }
    }

    #[test]
    fn what_is_configured_goes_first_then_labels_then_zones() {
        let nodes = [node(Some("eu-west-1"), "aws:///eu-central-1a/i-0123456789abcdef0")];
        let zone = [node(None, "aws:///eu-central-1a/i-0123456789abcdef0")];
        let flag = Some(by("us-east-1", Source::Flag));
        assert_eq!(choose(flag.clone(), &nodes).region, flag);
        assert_eq!(choose(None, &nodes).region, Some(by("eu-west-1", Source::Nodes)));
        assert_eq!(choose(None, &zone).region, Some(by("eu-central-1", Source::Nodes)));
        assert_eq!(choose(None, &[node(None, "kind://docker/a/b")]).region, None);
        assert_eq!(choose(None, &[]), Choice { region: None, contradiction: None });
    }

    #[test]
    fn a_contradiction_names_both_regions() {
        let nodes = [node(Some("eu-west-1"), ""), node(Some("eu-west-1"), ""), node(Some("us-east-1"), "")];
        let same = choose(Some(by("eu-west-1", Source::Environment)), &nodes[..2]);
        assert_eq!(same.contradiction, None);
        let other = choose(Some(by("us-east-2", Source::Flag)), &nodes[..2]).contradiction.unwrap();
        assert!(other.contains("us-east-2") && other.contains("eu-west-1"), "{other}");
        let torn = choose(None, &nodes);
        assert_eq!(torn.region, Some(by("eu-west-1", Source::Nodes)));
        assert!(torn.contradiction.unwrap().contains("us-east-1"));
    }
}
