//! The configuration of the SR-IOV device plugin, with the agent's pools in it and all else as it was.
//!
//! The file is another's. What the agent did not write stays, byte for byte, whatever it means; what it cannot read
//! it does not write.

mod text;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{Offer, Offers, Publication, Publications};
use text::Document;

/// The pools that the agent has written, by resource, each with the selectors that it may have now: one before and
/// one after a change that may not have been carried out.
pub type Written = BTreeMap<String, Vec<Value>>;

/// What the configuration is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Its text.
    pub text: String,
    /// The agent's pools in it.
    pub written: Written,
    /// The resources that cannot be pools in it, and why.
    pub refused: Publications,
}

/// The prefix of a pool that names none.
const PREFIX: &str = "intel.com";

/// Merges what is offered into a configuration. Fails, with the reason, if the configuration is none.
pub fn merge(current: Option<&str>, offers: &Offers, written: &Written) -> Result<Merged, String> {
    let fresh = || "{\"resourceList\":[]}\n".to_owned();
    let text = current.filter(|text| !text.trim().is_empty()).map_or_else(fresh, str::to_owned);
    let document = Document::read(&text)?;
    let pools: Vec<Pool<'_>> =
        document.entries.iter().map(|entry| Pool::read(entry, written)).collect::<Result<_, _>>()?;
    let mut wanted: BTreeMap<&str, Value> = BTreeMap::new();
    let mut refused = Publications::new();
    for (resource, list) in offers {
        let usable: Vec<&Offer> = list.iter().filter(|offer| offer.healthy).collect();
        match refusal(resource, &usable, &pools) {
            Some(why) => {
                refused.insert(resource.clone(), why);
            }
            None if usable.is_empty() => {}
            None => {
                wanted.insert(resource, selectors(&usable));
            }
        }
    }
    let entries = entries(&pools, &wanted);
    let same = entries.iter().map(String::as_str).eq(document.entries.iter().copied());
    // A file in which nothing changes is not written anew, however it is laid out.
    let text = if same { text.clone() } else { document.with(&entries) };
    let written = wanted.into_iter().map(|(name, selectors)| (name.to_owned(), vec![selectors])).collect();
    checked(&text, &pools)?;
    Ok(Merged { text, written, refused })
}

/// A pool of the configuration.
struct Pool<'a> {
    /// Its text.
    text: &'a str,
    fields: Map<String, Value>,
    resource: String,
    /// Whether the agent has written it. One that somebody has edited since is theirs.
    own: bool,
}

impl<'a> Pool<'a> {
    fn read(text: &'a str, written: &Written) -> Result<Self, String> {
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("an entry of resourceList: {error}"))?;
        let word = |key: &str| fields.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
        let prefix = word("resourcePrefix").unwrap_or(PREFIX);
        let resource = format!("{prefix}/{}", word("resourceName").unwrap_or_default());
        let selectors = fields.get("selectors").unwrap_or(&Value::Null);
        let own = written.get(&resource).is_some_and(|all| all.contains(selectors));
        Ok(Self { text, fields, resource, own })
    }

    /// Whether it names a device by its address.
    fn names(&self, device: &str) -> bool {
        let selectors = match self.fields.get("selectors") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => vec![],
        };
        let mut addresses = selectors.into_iter().filter_map(|one| one["pciAddresses"].as_array()).flatten();
        addresses.any(|address| address == device)
    }
}

/// Why a resource cannot be a pool of the agent's.
fn refusal(resource: &str, devices: &[&Offer], pools: &[Pool<'_>]) -> Option<Publication> {
    let (_, name) = resource.split_once('/').unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        let why = "the SR-IOV device plugin takes letters, digits, _ and - in a resource's name";
        return Some(Publication::Waiting(why.to_owned()));
    }
    let mut others = pools.iter().filter(|pool| !pool.own);
    let why = others.find_map(|pool| {
        let name = &pool.resource;
        if name == resource {
            return Some("its configuration has a pool of this name that is not the agent's".to_owned());
        }
        let shared = devices.iter().find(|offer| pool.names(offer.device.as_str()))?;
        Some(format!("the pool {name} of its configuration has {} too", shared.device))
    });
    why.map(|why| Publication::ServedByAnother(format!("the SR-IOV device plugin: {why}")))
}

/// One selector for each driver.
fn selectors(devices: &[&Offer]) -> Value {
    let mut by_driver: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for offer in devices {
        by_driver.entry(&offer.driver).or_default().push(offer.device.as_str());
    }
    by_driver
        .into_iter()
        .map(|(driver, mut addresses)| {
            addresses.sort_unstable();
            json!({ "pciAddresses": addresses, "drivers": [driver] })
        })
        .collect()
}

/// The entries as they are to be: others' as they stand, the agent's in their places, new ones at the end.
fn entries(pools: &[Pool<'_>], wanted: &BTreeMap<&str, Value>) -> Vec<String> {
    let mut left = wanted.clone();
    let mut entries = vec![];
    for pool in pools {
        if !pool.own {
            entries.push(pool.text.to_owned());
            continue;
        }
        let Some(selectors) = left.remove(pool.resource.as_str()) else { continue };
        if pool.fields.get("selectors") == Some(&selectors) {
            entries.push(pool.text.to_owned());
        } else {
            // What somebody has added to it stays.
            let mut fields = pool.fields.clone();
            fields.insert("selectors".to_owned(), selectors);
            entries.push(Value::Object(fields).to_string());
        }
    }
    for (resource, selectors) in left {
        let (prefix, name) = resource.split_once('/').unwrap_or_default();
        let pool = json!({ "resourceName": name, "resourcePrefix": prefix, "selectors": selectors });
        entries.push(pool.to_string());
    }
    entries
}

/// Fails unless others' pools stand in a text as they stood.
fn checked(text: &str, pools: &[Pool<'_>]) -> Result<(), String> {
    let document = Document::read(text)?;
    let mut entries = document.entries.iter();
    let kept = pools.iter().filter(|pool| !pool.own).all(|pool| entries.any(|entry| *entry == pool.text));
    if kept { Ok(()) } else { Err("a pool that is another's would be lost".to_owned()) }
}
