//! The chart's values: one table, from which `values.yaml`, its schema and its document are made.

mod document;
mod notes;
mod objects;
mod reference;
mod schema;
mod settings;
mod yaml;

use serde_json::Value;

pub use document::document;
pub use notes::without_effect_template;
pub use objects::Shape;
pub use reference::{Became, REFERENCE};
pub use schema::schema;
pub use settings::all;
pub use yaml::values_yaml;

/// A value of the chart.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where it stands, such as `controller.replicas`.
    pub path: &'static str,
    /// What it is unless set.
    pub default: Value,
    /// What it may be.
    pub kind: Kind,
    /// What it does, with its unit.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Whole(i64, i64),
    /// A number more than 0 and at most 1.
    Share,
    /// Text of this form, and what to say of another one.
    Text(&'static str, &'static str),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Labels, or a selector by labels.
    Labels,
    /// Annotations.
    Annotations,
    /// An MTU in bytes, or 0.
    Mtu,
    /// An object of Kubernetes.
    Object(Shape),
    /// A list of objects of Kubernetes.
    Objects(Shape),
}

/// What a value is unless set.
///
/// A path that is not in the table is a mistake of the objects that use it, and gives null; a test looks.
pub(super) fn default_of(path: &str) -> Value {
    all().into_iter().find(|setting| setting.path == path).map_or(Value::Null, |setting| setting.default)
}
