//! Filters of describes: exact, and as many at a time as EC2 takes.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;

use crate::ec2::MAX_FILTER_VALUES;
use crate::model::{ClusterId, VpcId, tag_key};

/// What bears the tag of a cluster.
pub(super) fn cluster(cluster: &ClusterId) -> Filter {
    one(&tag(tag_key::CLUSTER), &cluster.0)
}

/// What bears the reference system's mark.
pub(super) fn of_reference() -> Filter {
    one(&tag(tag_key::REFERENCE_MANAGED_BY), tag_key::REFERENCE_MANAGER)
}

/// A filter that lets one value through.
fn one(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(literal(value)).build()
}

/// What stands in a VPC.
pub(super) fn vpc(vpc: &VpcId) -> Filter {
    one("vpc-id", vpc.as_str())
}

/// The name of the filter for a tag's value.
pub(super) fn tag(key: &str) -> String {
    format!("tag:{key}")
}

/// The filters of each request that it takes to ask for all values; no request for none.
///
/// The fixed filters have one value each.
pub(super) fn requests<T: ToString>(fixed: &[Filter], name: &str, values: &[T]) -> Vec<Vec<Filter>> {
    let values: BTreeSet<String> = values.iter().map(ToString::to_string).collect();
    let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
    values
        .chunks(MAX_FILTER_VALUES - fixed.len())
        .map(|chunk| Filter::builder().name(name).set_values(Some(chunk.to_vec())).build())
        .map(|filter| fixed.iter().cloned().chain([filter]).collect())
        .collect()
}

/// The value so that EC2 reads none of its characters as a wildcard.
fn literal(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(fixed: &[Filter], number: usize) -> Vec<usize> {
        let values: Vec<usize> = (0..number).collect();
        let requests = requests(fixed, "subnet-id", &values);
        requests.iter().map(|filters| filters.iter().map(|filter| filter.values().len()).sum()).collect()
    }

    #[test]
    fn a_request_has_at_most_as_many_values_as_ec2_takes() {
        assert_eq!(sizes(&[], 0), [0; 0]);
        assert_eq!(sizes(&[], 200), [200]);
        assert_eq!(sizes(&[], 401), [200, 200, 1]);
        let vpc = [one("vpc-id", "vpc-1")];
        assert_eq!(sizes(&vpc, 0), [0; 0]);
        assert_eq!(sizes(&vpc, 199), [200]);
        assert_eq!(sizes(&vpc, 200), [200, 2]);
    }

    #[test]
    fn a_value_is_asked_for_once() {
        assert_eq!(requests(&[], "tag:Name", &["b", "a", "b"])[0][0].values(), ["a", "b"]);
    }

    #[test]
    fn wildcards_are_taken_as_the_characters_they_are() {
        assert_eq!(literal(r"a*b?c\d"), r"a\*b\?c\\d");
        assert_eq!(literal("tenant-a"), "tenant-a");
    }
}
