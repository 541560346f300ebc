//! A value for every field of the spec, as the CRD's schema has them.

use std::collections::BTreeSet;
use std::fmt;

use eni_operator::api::NodeENISpec;
use serde_json::{Map, Value, json};

use crate::region::Region;
use crate::rng::Rng;
use crate::switches;
use crate::users;

/// A spec as a user writes it: what is not there has its default.
#[derive(Clone)]
pub struct Spec(Map<String, Value>);

/// A field's name, and the values that it takes. `Null` stands for a field that is left out.
type Field = (&'static str, fn(&Region) -> Vec<Value>);

fn subnets(region: &Region) -> Vec<String> {
    region.subnets.values().flatten().cloned().collect()
}

fn numbers(_: &Region) -> Vec<Value> {
    vec![Value::Null, json!(0), json!(1), json!(3)]
}

fn switch(_: &Region) -> Vec<Value> {
    vec![Value::Null, json!(false), json!(true)]
}

/// What a selector of nodes can be: every node of the world is in the pool `a` or `b`.
fn selectors(_: &Region) -> Vec<Value> {
    vec![
        Value::Null,
        json!({}),
        json!({"net": "yes"}),
        json!({"net": "yes", "pool": "a"}),
        json!({"pool": "b"}),
        json!({"net": "no"}),
    ]
}

fn terms(_: &Region) -> Vec<Value> {
    let one = |operator: &str, values: Value| json!([{"matchExpressions": [{"key": "pool", "operator": operator, "values": values}]}]);
    vec![
        Value::Null,
        one("In", json!(["a"])),
        one("NotIn", json!(["a"])),
        one("Exists", json!([])),
        one("DoesNotExist", json!([])),
        json!([{"matchExpressions": [{"key": "rank", "operator": "Gt", "values": ["0"]}]}]),
        json!([
            {"matchExpressions": [{"key": "rank", "operator": "Lt", "values": ["1"]}]},
            {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["b"]}]},
        ]),
    ]
}

/// All ids, some, in another order, one twice, or none.
fn subnet_lists(region: &Region) -> Vec<Value> {
    let all = subnets(region);
    let mut turned = all.clone();
    turned.reverse();
    let mut front = all.clone();
    front.rotate_right(2);
    let twice: Vec<&String> = all.iter().chain(all.first()).collect();
    vec![
        Value::Null,
        json!(all),
        json!(turned),
        json!(front),
        json!(all[..all.len() - 1]),
        json!(all[1..]),
        json!(twice),
        json!([]),
    ]
}

fn group_lists(region: &Region) -> Vec<Value> {
    let all = &region.groups;
    vec![Value::Null, json!([all[0]]), json!([all[1]]), json!([all[2], all[0]]), json!(all)]
}

const FIELDS: [Field; 29] = [
    ("nodeSelector", selectors),
    ("nodeSelectorTerms", terms),
    ("subnetID", |region| {
        [Value::Null].into_iter().chain(subnets(region).into_iter().map(Value::from)).collect()
    }),
    ("subnetIDs", subnet_lists),
    ("subnetName", |_| vec![Value::Null, json!("net0"), json!("net1")]),
    ("subnetNames", |_| vec![Value::Null, json!(["net1", "net0"]), json!(["net1"]), json!([])]),
    ("subnetPolicy", |_| vec![Value::Null, json!("All"), json!("One")]),
    ("securityGroupIDs", group_lists),
    ("securityGroupNames", |_| {
        vec![Value::Null, json!(["group-0"]), json!(["group-2", "group-1"]), json!([])]
    }),
    ("deviceIndex", |_| vec![Value::Null, json!(1), json!(2), json!(3)]),
    ("networkCardIndex", |_| vec![Value::Null, json!(0)]),
    ("deleteOnTermination", switch),
    ("description", |_| {
        vec![Value::Null, json!(format!("{} 1", users::TEXT)), json!(format!("{} 2", users::TEXT)), json!("")]
    }),
    ("mtu", |_| vec![Value::Null, json!(0), json!(1500), json!(9001)]),
    ("enableDPDK", switch),
    ("dpdkEnabled", switch),
    ("dpdkDriver", |_| vec![Value::Null, json!("vfio-pci"), json!("igb_uio")]),
    ("dpdkResourceName", |_| vec![Value::Null, json!("example.com/fast"), json!("fast")]),
    ("dpdkPCIAddress", |_| vec![Value::Null, json!("0000:00:07.0"), json!("0000:00:0A.0")]),
    ("allowUnsafeNoIommu", switch),
    ("tags", |_| {
        vec![
            Value::Null,
            json!({}),
            json!({"team": "a"}),
            json!({"team": "b", "cost": ""}),
            json!({"stage": "x", "cost": "y"}),
        ]
    }),
    ("sourceDestCheck", switch),
    ("secondaryPrivateIPCount", numbers),
    ("ipv4PrefixCount", numbers),
    ("ipv6AddressCount", numbers),
    ("interfaceType", |_| vec![Value::Null, json!("interface")]),
    ("altNamePrefix", |_| vec![Value::Null, json!("eth"), json!("net_a")]),
    ("detachPolicy", |_| {
        vec![
            Value::Null,
            json!({"type": "Force"}),
            json!({"type": "WaitForRelease"}),
            json!({"type": "AfterTimeout"}),
            json!({"type": "AfterTimeout", "timeoutSeconds": 30}),
        ]
    }),
    ("paused", switch),
];

impl Spec {
    /// An ordinary one.
    pub fn first(region: &Region) -> Self {
        let spec = json!({
            "nodeSelector": {"net": "yes"},
            "subnetIDs": subnets(region),
            "securityGroupIDs": [region.groups[0]],
        });
        let Value::Object(fields) = spec else { unreachable!("an object was just written") };
        Self(fields)
    }

    /// Changes a field to a value that the API server would take. Says what was done.
    pub fn change(&mut self, rng: &mut Rng, region: &Region) -> String {
        loop {
            let (name, values) = FIELDS[rng.below(FIELDS.len())];
            let values = values(region);
            let value = values[rng.below(values.len())].clone();
            let mut new = self.0.clone();
            if value.is_null() {
                new.remove(name);
            } else {
                new.insert(name.to_owned(), value.clone());
            }
            if new != self.0 && is_valid(&new) && (switches::REPLACEMENT || name != "deviceIndex") {
                self.0 = new;
                return format!("{name}: {value}");
            }
        }
    }

    /// As the operator reads it.
    pub fn decoded(&self) -> NodeENISpec {
        serde_json::from_value(Value::Object(self.0.clone())).expect("it is of the schema")
    }

    /// Whether nothing is to be done.
    pub fn is_paused(&self) -> bool {
        self.0.get("paused") == Some(&json!(true))
    }

    /// Takes the pause off.
    pub fn unpause(&mut self) {
        self.0.remove("paused");
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::Object(self.0.clone()))
    }
}

/// What the CRD's rules say of a whole spec; those of single fields are in the choice of values.
fn is_valid(spec: &Map<String, Value>) -> bool {
    let set = |name: &str| spec.contains_key(name);
    let some = |name: &str| spec.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let count = |name: &str| spec.get(name).and_then(Value::as_i64).unwrap_or_default();
    (set("nodeSelector") || set("nodeSelectorTerms"))
        && (set("subnetID") || set("subnetName") || some("subnetIDs") || some("subnetNames"))
        && (some("securityGroupIDs") || some("securityGroupNames"))
        && (!set("enableDPDK") || !set("dpdkEnabled") || spec["enableDPDK"] == spec["dpdkEnabled"])
        && (count("secondaryPrivateIPCount") == 0 || count("ipv4PrefixCount") == 0)
}

/// Holds the fields here against those of the CRD.
pub fn all_are_known(region: &Region) {
    let crds = eni_operator::api::crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == "NodeENI").expect("the CRD of NodeENI");
    let crd = serde_json::to_value(crd).expect("a CRD is JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let properties: BTreeSet<&str> =
        schema.as_object().expect("properties").keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, properties, "a field without a generator, or a generator without a field");
    for (name, values) in FIELDS {
        let values = values(region);
        assert!(values.contains(&Value::Null) && values.len() > 1, "{name} never changes");
        covers_enum(name, &schema[name], &values);
        covers_properties(name, &schema[name], &values);
    }
}

/// Every value of an enumeration is tried.
fn covers_enum(name: &str, schema: &Value, values: &[Value]) {
    for value in schema["enum"].as_array().into_iter().flatten() {
        assert!(values.contains(value), "{name} is never {value}");
    }
}

/// Every field of an object, at any depth, is tried.
fn covers_properties(name: &str, schema: &Value, values: &[Value]) {
    for (inner, schema) in schema["properties"].as_object().into_iter().flatten() {
        let of_inner: Vec<Value> = values.iter().filter_map(|value| value.get(inner).cloned()).collect();
        let path = format!("{name}.{inner}");
        assert!(!of_inner.is_empty(), "{path} is never set");
        covers_enum(&path, schema, &of_inner);
        covers_properties(&path, schema, &of_inner);
    }
    let items = &schema["items"];
    if items.is_object() {
        let elements: Vec<Value> = values.iter().filter_map(Value::as_array).flatten().cloned().collect();
        assert!(!elements.is_empty(), "{name} is always empty");
        covers_properties(&format!("{name}[]"), items, &elements);
    }
}
