//! Answers as EC2's XML: a field is an element, a list is `<item>`s, what is absent is left out.

use std::fmt;

use serde::ser::{self, Impossible, Serialize, Serializer};

use crate::api::Response;
use crate::error::ApiError;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes an answer.
pub(crate) fn response(response: &Response, request_id: &str) -> Result<String, fmt::Error> {
    let name = response.action().name();
    let mut out = format!(
        "{HEAD}<{name}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}</requestId>"
    );
    response.serialize(Writer { out: &mut out, element: None }).map_err(|_| fmt::Error)?;
    close(name, &mut out);
    out.insert_str(out.len() - 1, "Response");
    Ok(out)
}

/// Writes a refusal.
pub(crate) fn error(error: &ApiError, request_id: &str) -> String {
    let mut out = format!("{HEAD}<Response><Errors><Error><Code>");
    escape(&error.code, &mut out);
    out.push_str("</Code><Message>");
    escape(&error.message, &mut out);
    out.push_str("</Message></Error></Errors><RequestID>");
    out.push_str(request_id);
    out.push_str("</RequestID></Response>");
    out
}

fn close(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 cannot carry other control characters at all.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// Why something cannot be written. No answer has such a thing in it.
#[derive(Debug)]
pub(crate) struct Unwritable(String);

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

/// Writes one value, inside an element of that name if there is one.
struct Writer<'a> {
    out: &'a mut String,
    element: Option<&'static str>,
}

impl<'a> Writer<'a> {
    fn leaf(self, text: &str) {
        let open = self.open();
        escape(text, open.out);
        open.close();
    }

    fn open(self) -> Open<'a> {
        if let Some(name) = self.element {
            self.out.push('<');
            self.out.push_str(name);
            self.out.push('>');
        }
        Open { out: self.out, element: self.element }
    }
}

/// An element whose content is being written.
struct Open<'a> {
    out: &'a mut String,
    element: Option<&'static str>,
}

impl Open<'_> {
    fn close(self) {
        if let Some(name) = self.element {
            close(name, self.out);
        }
    }
}

impl ser::SerializeStruct for Open<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(Writer { out: self.out, element: Some(name) })
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeSeq for Open<'_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(Writer { out: self.out, element: Some("item") })
    }

    fn end(self) -> Result<(), Unwritable> {
        self.close();
        Ok(())
    }
}

macro_rules! leaves {
    ($($method:ident: $type:ty;)*) => {
        $(fn $method(self, value: $type) -> Result<(), Unwritable> {
            self.leaf(&value.to_string());
            Ok(())
        })*
    };
}

fn unwritable<T>(what: &str) -> Result<T, Unwritable> {
    Err(Unwritable(format!("{what} has no form in EC2's XML")))
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeTuple = Impossible<(), Unwritable>;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Impossible<(), Unwritable>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    leaves! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_f32: f32;
        serialize_f64: f64;
        serialize_char: char;
    }

    fn serialize_str(self, text: &str) -> Result<(), Unwritable> {
        self.leaf(text);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Open<'a>, Unwritable> {
        Ok(self.open())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Open<'a>, Unwritable> {
        Ok(self.open())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Unwritable> {
        self.leaf(name);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unwritable> {
        unwritable("bytes")
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        unwritable("nothing")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Unwritable> {
        unwritable(name)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        unwritable(name)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unwritable> {
        unwritable("a tuple")
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unwritable> {
        unwritable(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        unwritable(name)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unwritable> {
        unwritable("a map")
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        unwritable(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        AssignIpv6AddressesAnswer, DescribeTagsAnswer, Done, TagDescription, UnassignIpv6AddressesAnswer,
    };

    #[test]
    fn lists_are_items_and_absent_fields_are_left_out() {
        let tag = TagDescription {
            resource_id: "eni-1".into(),
            resource_type: "network-interface".into(),
            key: "a<b".into(),
            value: "\"&\"".into(),
        };
        let answer = Response::DescribeTags(DescribeTagsAnswer { tags: vec![tag], next_token: None });
        let xml = super::response(&answer, "id").unwrap();
        assert!(xml.contains(
            "<DescribeTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id</requestId>\
             <tagSet><item><resourceId>eni-1</resourceId><resourceType>network-interface</resourceType>\
             <key>a&lt;b</key><value>&quot;&amp;&quot;</value></item></tagSet></DescribeTagsResponse>"
        ));
    }

    #[test]
    fn plain_values_are_items_too() {
        let answer = UnassignIpv6AddressesAnswer {
            network_interface_id: "eni-1".into(),
            unassigned_ipv6_addresses: vec!["::1".into(), "::2".into()],
            unassigned_ipv6_prefixes: vec![],
        };
        let xml = super::response(&Response::UnassignIpv6Addresses(answer), "id").unwrap();
        assert!(xml.contains(
            "<unassignedIpv6Addresses><item>::1</item><item>::2</item></unassignedIpv6Addresses>\
             <unassignedIpv6PrefixSet></unassignedIpv6PrefixSet>"
        ));
    }

    #[test]
    fn a_done_answer_returns_true() {
        let xml = super::response(&Response::DeleteNetworkInterface(Done::YES), "id").unwrap();
        assert!(xml.contains("<return>true</return>"));
    }

    #[test]
    fn a_refusal_has_ec2s_shape() {
        let xml = super::error(&ApiError::value("a & b"), "id");
        assert!(xml.ends_with(
            "<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>a &amp; b</Message></Error>\
             </Errors><RequestID>id</RequestID></Response>"
        ));
    }

    #[test]
    fn control_characters_do_not_break_the_document() {
        let answer = AssignIpv6AddressesAnswer {
            network_interface_id: "a\u{0}\nb".into(),
            assigned_ipv6_addresses: vec![],
            assigned_ipv6_prefixes: vec![],
        };
        let xml = super::response(&Response::AssignIpv6Addresses(answer), "id").unwrap();
        assert!(xml.contains("a\u{fffd}&#10;b"));
    }
}
