//! Names of resources, as kubelet takes them.

use crate::api::NodeENIAttachment;

/// Most characters of a name behind its prefix, and of a prefix.
const LONGEST: (usize, usize) = (63, 244);

/// The name that a slot's device is offered by: the one that is asked for, or one made of the link's alternative
/// name, which is the same on every node. `None` if it is not to be offered.
///
/// Plugins of others take letters, digits and `_` only, so a made one has nothing else.
#[must_use]
pub fn name(slot: &NodeENIAttachment) -> Option<String> {
    let dpdk = slot.spec.dpdk.as_ref()?;
    if let Some(name) = &dpdk.resource_name {
        return Some(name.clone());
    }
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let made: String = "eni_".chars().chain(slot.spec.alt_name.chars().map(plain)).take(LONGEST.0).collect();
    Some(format!("intel.com/{}", made.trim_end_matches('_')))
}

/// Why kubelet does not take a name, if it does not.
#[must_use]
pub fn refusal(name: &str) -> Option<String> {
    let Some((prefix, rest)) = name.split_once('/') else {
        return Some(format!("{name} has no prefix: PREFIX/NAME"));
    };
    if !is_dns_name(prefix) || prefix.len() > LONGEST.1 {
        return Some(format!("the prefix of {name} is no DNS name"));
    }
    if prefix == "kubernetes.io" || prefix.ends_with(".kubernetes.io") || prefix.starts_with("requests.") {
        return Some(format!("kubelet keeps the prefix of {name} for itself"));
    }
    let ends = |at: Option<char>| at.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let inside = rest.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    let fits = inside && rest.len() <= LONGEST.0 && ends(rest.chars().next()) && ends(rest.chars().last());
    (!fits).then(|| {
        format!("{name} is not PREFIX/NAME with a NAME of at most 63 letters, digits, '-', '_' and '.'")
    })
}

fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        let inside =
            label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inside && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    text.split('.').all(label)
}
