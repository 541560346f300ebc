//! The SR-IOV device plugin's configuration: what is merged into it, and what never changes.

use std::collections::BTreeMap;

use eni_operator::model::{Offer, Offers, Publication};
use eni_operator::plan::sriov::{Merged, Written, merge};
use proptest::prelude::*;
use serde_json::{Value, json};

fn offer(slot: u8, driver: &str) -> Offer {
    Offer {
        device: format!("0000:00:{slot:02x}.0").parse().unwrap(),
        healthy: true,
        numa_node: None,
        driver: driver.to_owned(),
        nodes: vec![],
    }
}

fn offers(resource: &str, slots: &[u8]) -> Offers {
    [(resource.to_owned(), slots.iter().map(|slot| offer(*slot, "vfio-pci")).collect())].into()
}

fn list(text: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(text).unwrap()["resourceList"].as_array().unwrap().clone()
}

fn merged(text: &str, offers: &Offers, written: &Written) -> Merged {
    merge(Some(text), offers, written).unwrap()
}

#[test]
fn without_a_file_there_is_one_with_the_agents_pools() {
    for current in [None, Some(""), Some(" \n")] {
        let merged = merge(current, &offers("intel.com/a", &[6]), &Written::new()).unwrap();
        let pool = json!({
            "resourceName": "a", "resourcePrefix": "intel.com",
            "selectors": [{ "drivers": ["vfio-pci"], "pciAddresses": ["0000:00:06.0"] }],
        });
        assert_eq!(list(&merged.text), [pool]);
    }
}

/// W50: the reference left the driver as it was.
#[test]
fn a_device_that_gets_another_driver_is_selected_by_that() {
    let first = merged("{}", &offers("intel.com/a", &[6]), &Written::new());
    let kernel = Offers::from([("intel.com/a".to_owned(), vec![offer(6, "ena"), offer(7, "vfio-pci")])]);
    let second = merged(&first.text, &kernel, &first.written);
    let selectors = json!([
        { "drivers": ["ena"], "pciAddresses": ["0000:00:06.0"] },
        { "drivers": ["vfio-pci"], "pciAddresses": ["0000:00:07.0"] },
    ]);
    assert_eq!(list(&second.text)[0]["selectors"], selectors);
    assert_eq!(list(&second.text).len(), 1);
}

/// W50: the reference left the device in both.
#[test]
fn a_resource_that_gets_another_name_leaves_no_pool_behind() {
    let first = merged("{}", &offers("intel.com/a", &[6]), &Written::new());
    let second = merged(&first.text, &offers("intel.com/b", &[6]), &first.written);
    assert_eq!(list(&second.text).len(), 1);
    assert_eq!(list(&second.text)[0]["resourceName"], "b");
    let third = merged(&second.text, &Offers::new(), &second.written);
    assert!(list(&third.text).is_empty() && third.written.is_empty());
}

#[test]
fn a_device_that_pods_may_not_get_is_in_no_pool() {
    let mut offers = offers("intel.com/a", &[6]);
    offers.get_mut("intel.com/a").unwrap()[0].healthy = false;
    let merged = merged("{\"resourceList\":[]}", &offers, &Written::new());
    assert_eq!(merged.text, "{\"resourceList\":[]}");
}

#[test]
fn what_somebody_adds_to_a_pool_of_the_agents_stays_and_what_they_select_themselves_is_theirs() {
    let first = merged("{}", &offers("intel.com/a", &[6]), &Written::new());
    let edited = first.text.replace("\"resourceName\":\"a\"", "\"resourceName\":\"a\",\"isRdma\":true");
    let second = merged(&edited, &offers("intel.com/a", &[6, 7]), &first.written);
    assert_eq!(list(&second.text)[0]["isRdma"], true);
    assert_eq!(list(&second.text)[0]["selectors"][0]["pciAddresses"].as_array().unwrap().len(), 2);
    let edited = first.text.replace("0000:00:06.0", "0000:00:1f.0");
    let second = merged(&edited, &offers("intel.com/a", &[6]), &first.written);
    assert_eq!(second.text, edited);
    assert!(matches!(second.refused["intel.com/a"], Publication::ServedByAnother(_)));
}

#[test]
fn pools_that_would_stop_the_plugin_or_serve_a_device_twice_are_refused() {
    let theirs = json!({ "resourceList": [
        { "resourceName": "a", "selectors": {} },
        { "resourceName": "b", "resourcePrefix": "x.org", "selectors": { "pciAddresses": ["0000:00:06.0"] } },
        { "resourceName": "c", "selectors": [{ "pciAddresses": ["0000:00:07.0"] }] },
    ] })
    .to_string();
    for (resource, slot, why) in [
        ("intel.com/a", 9, "a pool of this name"),
        ("intel.com/n", 6, "pool x.org/b of its configuration has 0000:00:06.0 too"),
        ("intel.com/n", 7, "pool intel.com/c of its configuration has 0000:00:07.0 too"),
        ("intel.com/n.1", 9, "letters, digits, _ and -"),
    ] {
        let merged = merged(&theirs, &offers(resource, &[slot]), &Written::new());
        assert_eq!(merged.text, theirs);
        let said = format!("{:?}", merged.refused[resource]);
        assert!(said.contains(why), "{said}");
    }
    assert!(merged(&theirs, &offers("x.org/a", &[9]), &Written::new()).refused.is_empty());
}

#[test]
fn what_is_no_configuration_is_said_to_be_none() {
    for text in [
        "[]",
        "x",
        "{",
        "{}{}",
        "{\"resourceList\":{}}",
        "{\"resourceList\":[1]}",
        "{\"resourceList\":[{},]}",
        "{\"resourceList\":[],\"resourceList\":[]}",
        "{\"a\":1,}",
    ] {
        assert!(merge(Some(text), &offers("intel.com/a", &[6]), &Written::new()).is_err(), "{text}");
    }
}

/// JSON of any shape, laid out in any way.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é\\\\\"\\[\\]{},:]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\\]{]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn pools() -> impl Strategy<Value = Vec<Value>> {
    let pool = (0..9_u8, prop::collection::btree_map("[b-z]{1,4}", value(), 0..3), value());
    let pool = pool.prop_map(|(name, mut fields, selectors)| {
        fields.insert("resourceName".to_owned(), format!("theirs{name}").into());
        fields.insert("selectors".to_owned(), selectors);
        Value::Object(fields.into_iter().collect())
    });
    prop::collection::vec(pool, 0..4)
}

fn wanted() -> impl Strategy<Value = Offers> {
    let list = prop::collection::btree_set(1..20_u8, 0..4)
        .prop_map(|slots| slots.into_iter().map(|slot| offer(slot, "vfio-pci")).collect::<Vec<_>>());
    prop::collection::btree_map("intel\\.com/own[0-3]", list, 0..4)
}

proptest! {
    /// Whatever the agent writes, one after the other, others' pools and fields keep their bytes; when it wants
    /// nothing any more nothing of it is left.
    #[test]
    fn what_is_anothers_keeps_its_bytes(
        theirs in pools(),
        rest in prop::collection::btree_map("[b-q]{1,4}", value(), 0..3),
        steps in prop::collection::vec(wanted(), 1..5),
        pretty in any::<bool>(),
    ) {
        let mut document: BTreeMap<String, Value> = rest.clone();
        document.insert("resourceList".to_owned(), theirs.clone().into());
        let lay = |value: &Value| {
            if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
        };
        let mut text = lay(&serde_json::to_value(&document).unwrap());
        let mut written = Written::new();
        for offers in steps.iter().chain([&Offers::new()]) {
            let merged = merge(Some(&text), offers, &written).unwrap();
            let all = list(&merged.text);
            prop_assert_eq!(&all[..theirs.len()], &theirs[..]);
            if !pretty {
                for pool in &theirs {
                    prop_assert!(merged.text.contains(&pool.to_string()));
                }
            }
            let own = offers.iter().filter(|(_, list)| !list.is_empty()).count();
            prop_assert_eq!(all.len(), theirs.len() + own);
            // Merged once more it is what it is.
            let again = merge(Some(&merged.text), offers, &merged.written).unwrap();
            prop_assert_eq!(&again.text, &merged.text);
            (text, written) = (merged.text, merged.written);
        }
        let left: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(left, document);
    }
}
