//! Values of flags: what is one, and what to say of what is none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ListenAddress;

/// Parses `ADDRESS:PORT`, `:PORT` or `0`.
pub(super) fn listen_address(text: &str) -> Result<ListenAddress, String> {
    if text == "0" {
        return Ok(ListenAddress(None));
    }
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let address = full.parse().map_err(|_| format!("{text:?} is not ADDRESS:PORT, :PORT or 0"))?;
    Ok(ListenAddress(Some(address)))
}

/// Parses a cluster id: what a tag's value and an IAM policy can hold without quoting.
pub(super) fn cluster_id(text: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@+=".contains(&byte));
    if fits && plain {
        Ok(text.to_owned())
    } else {
        Err("a cluster id has 1 to 128 letters, digits and -_.:/@+=".to_owned())
    }
}

/// Parses a region: words and a number, such as `eu-central-1`.
pub(super) fn region(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_region = match words.as_slice() {
        [words @ .., number] if words.len() >= 2 => {
            words.iter().all(is_word) && number.parse::<u8>().is_ok_and(|number| number > 0)
        }
        _ => false,
    };
    if is_region { Ok(text.to_owned()) } else { Err("a region is one such as eu-central-1".to_owned()) }
}

/// Parses the name of a namespace.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let fits = (1..=63).contains(&text.len());
    if fits && plain && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err("a namespace has 1 to 63 small letters, digits and -, the last not at its ends".to_owned())
    }
}

/// Parses who holds a Lease.
pub(super) fn identity(text: &str) -> Result<String, String> {
    let fits = (1..=253).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && plain { Ok(text.to_owned()) } else { Err("a name has 1 to 253 visible characters".to_owned()) }
}

/// The greatest MTU in a VPC, in bytes.
const MAX_MTU: u32 = 9001;

/// Parses an MTU in bytes; 0 for none.
pub(super) fn mtu(text: &str) -> Result<u32, String> {
    let number: Option<u32> = text.parse().ok();
    let fits = number.filter(|mtu| *mtu == 0 || (128..=MAX_MTU).contains(mtu));
    fits.ok_or_else(|| format!("{text:?} is neither 0 nor an MTU of 128 to {MAX_MTU} bytes"))
}

/// MTUs in bytes by the names of links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mtus(pub BTreeMap<String, u32>);

/// Parses `eth1:9001,eth2:1500`.
pub(super) fn mtus(text: &str) -> Result<Mtus, String> {
    let mut mtus = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, size) = part.rsplit_once(':').ok_or_else(|| format!("{part:?} is not NAME:MTU"))?;
        if name.is_empty() || mtus.insert(name.to_owned(), mtu(size)?).is_some() {
            return Err(format!("{part:?} names no link, or one that was named before"));
        }
    }
    Ok(Mtus(mtus))
}

/// Addresses, of a list with commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<std::net::IpAddr>);

/// Parses addresses with commas between them.
pub(super) fn addresses(text: &str) -> Result<Addresses, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let each = parts.map(|part| part.parse().map_err(|_| format!("{part:?} is not an IP address")));
    each.collect::<Result<_, _>>().map(Addresses)
}

/// Parses a time as Go writes it, `1m30s`, of a tenth of a second to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time such as 30s or 1m30s, of 100ms to 24h");
    let mut rest = text;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        let after = &rest[digits..];
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let seconds = match &after[..unit] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        sum += number * seconds;
        rest = &after[unit..];
    }
    if (0.1..=86_400.0).contains(&sum) { Ok(Duration::from_secs_f64(sum)) } else { Err(bad()) }
}

/// Parses the name of a node: what Kubernetes takes for one.
pub(super) fn node_name(text: &str) -> Result<String, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    let fits =
        (1..=253).contains(&text.len()) && !text.starts_with(['-', '.']) && !text.ends_with(['-', '.']);
    if fits && plain {
        Ok(text.to_owned())
    } else {
        Err("a node's name has 1 to 253 small letters, digits, - and .".to_owned())
    }
}

/// Parses the name of a link, or of none.
pub(super) fn link_name(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    if plain && text.len() <= 128 { Ok(text.to_owned()) } else { Err("not the name of a link".to_owned()) }
}

/// Names of modules of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modules(pub Vec<String>);

/// Parses names of modules with commas between them.
pub(super) fn modules(text: &str) -> Result<Modules, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| name.is_empty() || !name.bytes().all(is_plain)) {
        Some(name) => Err(format!("{name:?} is no name of a module such as vfio-pci")),
        None => Ok(Modules(names)),
    }
}
