//! Query parameters as a tree, and the tree as a request.
//!
//! `Filter.1.Value.2=x` is a list in a list. What a request does not know is noted, not refused: real calls
//! carry parameters that are not simulated.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};

use crate::error::ApiError;

/// A parameter, or parameters that share the beginning of their names.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Leaf(String),
    Branch(BTreeMap<String, Node>),
}

impl Node {
    /// Puts parameters together by the dots in their names.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        let mut root = Self::Branch(BTreeMap::new());
        for (name, value) in pairs {
            root.put(name.split('.'), value);
        }
        root
    }

    fn put<'a>(&mut self, mut path: impl Iterator<Item = &'a str>, value: String) {
        let Some(step) = path.next() else {
            *self = Self::Leaf(value);
            return;
        };
        if let Self::Leaf(_) = self {
            *self = Self::Branch(BTreeMap::new());
        }
        if let Self::Branch(children) = self {
            let child = children.entry(step.to_owned()).or_insert_with(|| Self::Branch(BTreeMap::new()));
            child.put(path, value);
        }
    }
}

/// The names of parameters that no request wanted.
pub(crate) type Unknown = RefCell<Vec<String>>;

/// Reads a request.
pub(crate) fn read<'de, T: Deserialize<'de>>(node: &'de Node, unknown: &'de Unknown) -> Result<T, ApiError> {
    T::deserialize(Reader { node, unknown, path: String::new() })
        .map_err(|Refusal(text)| ApiError::value(text))
}

/// Why a parameter cannot be read.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

#[derive(Clone)]
struct Reader<'de> {
    node: &'de Node,
    unknown: &'de Unknown,
    path: String,
}

impl<'de> Reader<'de> {
    fn below(&self, name: &str, node: &'de Node) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { node, unknown: self.unknown, path }
    }

    fn text(&self) -> Result<&'de str, Refusal> {
        match self.node {
            Node::Leaf(text) => Ok(text),
            Node::Branch(_) => Err(Refusal(format!("The parameter {} needs a value", self.path))),
        }
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Refusal> {
        let text = self.text()?;
        text.parse()
            .map_err(|_| Refusal(format!("Invalid value '{text}' for {}. Must be an integer", self.path)))
    }

    fn children(&self) -> Vec<(&'de str, Self)> {
        match self.node {
            Node::Leaf(_) => Vec::new(),
            Node::Branch(children) => {
                children.iter().map(|(name, node)| (name.as_str(), self.below(name, node))).collect()
            }
        }
    }
}

impl<'de> IntoDeserializer<'de, Refusal> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.text()? {
            "true" | "True" | "1" => visitor.visit_bool(true),
            "false" | "False" | "0" => visitor.visit_bool(false),
            text => Err(Refusal(format!("Invalid value '{text}' for {}. Must be true or false", self.path))),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_i32(self.number()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u32(self.number()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let mut children = self.children();
        children.sort_by_key(|(name, _)| name.parse::<u32>().unwrap_or(u32::MAX));
        visitor.visit_seq(SeqDeserializer::new(children.into_iter().map(|(_, child)| child)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_map(MapDeserializer::new(self.children().into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.unknown.borrow_mut().push(self.path);
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u16 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CreateNetworkInterface, DescribeNetworkInterfaces};
    use crate::wire::pairs;

    #[test]
    fn lists_keep_the_order_of_their_numbers() {
        let body =
            "Filter.1.Name=status&Filter.1.Value.10=c&Filter.1.Value.2=b&Filter.1.Value.1=a&MaxResults=7";
        let (node, unknown) = (Node::new(pairs(body)), Unknown::default());
        let request: DescribeNetworkInterfaces = read(&node, &unknown).unwrap();
        assert_eq!(request.filters[0].values, ["a", "b", "c"]);
        assert_eq!(request.max_results, Some(7));
    }

    #[test]
    fn unknown_parameters_are_noted_with_their_whole_name() {
        let body = "SubnetId=subnet-1&Operator.Principal=x&TagSpecification.1.Tag.1.Key=k&Odd.1=y";
        let (node, unknown) = (Node::new(pairs(body)), Unknown::default());
        let request: CreateNetworkInterface = read(&node, &unknown).unwrap();
        assert_eq!(request.tag_specifications[0].tags[0].key, "k");
        assert_eq!(unknown.into_inner(), ["Odd", "Operator"]);
    }

    #[test]
    fn a_number_that_is_none_is_refused() {
        let (node, unknown) = (Node::new(pairs("MaxResults=many")), Unknown::default());
        let error = read::<DescribeNetworkInterfaces>(&node, &unknown).unwrap_err();
        assert_eq!(error.code, "InvalidParameterValue");
    }
}
