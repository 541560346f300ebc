//! Objects that may not be readable: a newer version's, or ones from before a rule.
//!
//! Such an object is there. What can be made out of it counts; the rest is not taken for absent.

use kube::core::{ObjectMeta, Resource};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;

use super::{Sight, Unreadable};
use crate::api::{NODE_ENI_LABEL, NodeENI, NodeENIAttachment};

/// An object of a kind, or what can be made out of one that cannot be read.
#[derive(Debug, Clone)]
pub enum Guarded<K> {
    /// The object.
    Whole(Box<K>),
    /// One that cannot be read.
    Partial(Box<Partial>),
}

/// What there is of an object that cannot be read.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// Its metadata, which every object has in the same form.
    pub metadata: ObjectMeta,
    /// Its spec as it stands.
    pub spec: Value,
    /// Its status as it stands.
    pub status: Value,
    /// Why it cannot be read.
    pub why: String,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(from)?;
        let why = match K::deserialize(&value) {
            Ok(object) => return Ok(Self::Whole(Box::new(object))),
            Err(error) => error.to_string(),
        };
        let mut part = |name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
        let metadata = serde_json::from_value(part("metadata")).map_err(D::Error::custom)?;
        let (spec, status) = (part("spec"), part("status"));
        Ok(Self::Partial(Box::new(Partial { metadata, spec, status, why })))
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Guarded<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(object) => object.meta(),
            Self::Partial(partial) => &partial.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Whole(object) => object.meta_mut(),
            Self::Partial(partial) => &mut partial.metadata,
        }
    }
}

impl Guarded<NodeENI> {
    /// The `NodeENI` as it was seen.
    #[must_use]
    pub fn sight(self) -> Sight {
        match self {
            Self::Whole(object) => Sight::Seen((*object).into()),
            Self::Partial(partial) => {
                let object = NodeENI {
                    spec: legible(&partial.spec),
                    status: (!partial.status.is_null()).then(|| legible(&partial.status)),
                    metadata: partial.metadata,
                };
                Sight::Undecodable(object.into(), partial.why)
            }
        }
    }
}

impl Guarded<NodeENIAttachment> {
    /// The slot's object, or what it is known by.
    pub fn readable(self) -> Result<NodeENIAttachment, Unreadable> {
        match self {
            Self::Whole(object) => Ok(*object),
            Self::Partial(partial) => Err(known_by(*partial)),
        }
    }
}

/// What an object is known by that cannot be read.
fn known_by(partial: Partial) -> Unreadable {
    let text = |name: &str| partial.spec.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let label = || partial.metadata.labels.as_ref()?.get(NODE_ENI_LABEL).cloned();
    let node_eni = Some(text("nodeENI")).filter(|name| !name.is_empty()).or_else(label).unwrap_or_default();
    Unreadable {
        node_eni,
        instance: text("instanceID"),
        subnet: text("subnetID"),
        name: partial.metadata.name.unwrap_or_default(),
        why: partial.why,
    }
}

/// The fields of an object that can be read, and of lists the items.
///
/// `T` must do without any of its fields.
fn legible<T: DeserializeOwned + Default>(value: &Value) -> T {
    let mut kept = Map::new();
    for (name, field) in value.as_object().into_iter().flatten() {
        let reads = |field: Value| {
            T::deserialize(Value::Object([(name.clone(), field)].into_iter().collect())).is_ok()
        };
        if reads(field.clone()) {
            kept.insert(name.clone(), field.clone());
        } else if let Value::Array(items) = field {
            let items = items.iter().filter(|item| reads(Value::Array(vec![(*item).clone()])));
            kept.insert(name.clone(), items.cloned().collect());
        }
    }
    serde_json::from_value(Value::Object(kept)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node_eni(spec: &Value, status: &Value) -> Sight {
        let object = json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENI",
            "metadata": { "name": "a", "uid": "u" }, "spec": spec, "status": status,
        });
        serde_json::from_value::<Guarded<NodeENI>>(object).unwrap().sight()
    }

    #[test]
    fn what_can_be_read_of_an_unreadable_object_is_kept() {
        let spec = json!({ "deviceIndex": "two", "paused": true });
        let status = json!({
            "attached": 3, "ready": "all",
            "subnetOffsets": [{ "subnetID": "subnet-00000001", "zone": "a", "offset": 1 }, { "zone": 7 }],
        });
        let Sight::Undecodable(object, why) = node_eni(&spec, &status) else { panic!("it was read") };
        assert!(why.contains("two"), "{why}");
        let kept = object.status.clone().unwrap();
        assert_eq!((kept.attached, kept.ready, kept.subnet_offsets.len()), (3, 0, 1));
        assert_eq!((object.spec.paused, object.metadata.uid.as_deref()), (Some(true), Some("u")));
    }

    #[test]
    fn a_readable_object_is_itself() {
        let sight = node_eni(&json!({ "deviceIndex": 2 }), &Value::Null);
        assert!(matches!(sight, Sight::Seen(object) if object.spec.device_index == 2));
    }

    #[test]
    fn an_unreadable_slot_is_known_by_its_names() {
        let object = json!({
            "apiVersion": "networking.k8s.aws/v1alpha1", "kind": "NodeENIAttachment",
            "metadata": { "name": "x", "labels": { NODE_ENI_LABEL: "by-label" } },
            "spec": { "instanceID": "i-00000001", "subnetID": "subnet-00000001", "offset": "no" },
        });
        let guarded: Guarded<NodeENIAttachment> = serde_json::from_value(object).unwrap();
        let known = guarded.readable().unwrap_err();
        assert_eq!((known.name.as_str(), known.node_eni.as_str()), ("x", "by-label"));
        assert_eq!(known.slot().unwrap().instance.as_str(), "i-00000001");
    }
}
