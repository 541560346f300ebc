//! EC2's wire format: query parameters in, XML out.

mod form;
mod query;
mod xml;

pub(crate) use form::pairs;
pub(crate) use query::{Node, Unknown, read};
pub(crate) use xml::{error, response};
