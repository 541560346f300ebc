//! JSON whose parts keep their text.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Deserializer;

const LIST: &str = "resourceList";

/// A configuration: the text of each entry of its list, and what stands around the list.
#[derive(Debug)]
pub(super) struct Document<'a> {
    before: &'a str,
    pub(super) entries: Vec<&'a str>,
    after: &'a str,
    /// Whether the list is there. If not, it would stand between `before` and `after`.
    listed: bool,
    /// Whether anything stands before it in the object.
    first: bool,
}

impl<'a> Document<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        let mut cursor = Cursor { text, at: 0 };
        let mut list = None;
        let mut fields = 0;
        cursor.mark('{')?;
        while !cursor.is_next('}') {
            if fields > 0 {
                cursor.mark(',')?;
            }
            fields += 1;
            let name: String = cursor.value()?;
            cursor.mark(':')?;
            if !name.eq_ignore_ascii_case(LIST) {
                let _: IgnoredAny = cursor.value()?;
            } else if list.is_some() {
                return Err(format!("two lists `{LIST}`"));
            } else {
                list = Some(cursor.list()?);
            }
        }
        let end = cursor.at;
        cursor.mark('}')?;
        cursor.end()?;
        let listed = list.is_some();
        let (from, entries, to) = list.unwrap_or((end, vec![], end));
        Ok(Self { before: &text[..from], entries, after: &text[to..], listed, first: fields == 0 })
    }

    /// The text with other entries.
    pub(super) fn with(&self, entries: &[String]) -> String {
        let list = entries.iter().map(|entry| format!("\n    {entry}")).collect::<Vec<_>>().join(",");
        let list = if entries.is_empty() { "[]".to_owned() } else { format!("[{list}\n  ]") };
        if self.listed {
            return [self.before, &list, self.after].concat();
        }
        let comma = if self.first { "" } else { ",\n  " };
        [self.before.trim_end(), comma, &format!("\"{LIST}\": {list}\n"), self.after].concat()
    }
}

/// A place in a text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Whether a mark comes next, after white space.
    fn is_next(&mut self, mark: char) -> bool {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.text[self.at..].starts_with(mark)
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        if !self.is_next(mark) {
            return Err(format!("no `{mark}` at its byte {}", self.at));
        }
        self.at += mark.len_utf8();
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        // White space goes first.
        self.is_next('\0');
        if self.at == self.text.len() { Ok(()) } else { Err(format!("more after its byte {}", self.at)) }
    }

    fn value<T: DeserializeOwned>(&mut self) -> Result<T, String> {
        let mut values = Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next().unwrap_or_else(|| Err(serde::de::Error::custom("it ends too soon")));
        let value = value.map_err(|error| format!("after its byte {}: {error}", self.at))?;
        self.at += values.byte_offset();
        Ok(value)
    }

    /// Where a list begins, its entries, and where it ends.
    fn list(&mut self) -> Result<(usize, Vec<&'a str>, usize), String> {
        let mut entries = vec![];
        self.is_next('[');
        let from = self.at;
        self.mark('[')?;
        while !self.is_next(']') {
            if !entries.is_empty() {
                self.mark(',')?;
                self.is_next('{');
            }
            let start = self.at;
            let _: IgnoredAny = self.value()?;
            entries.push(&self.text[start..self.at]);
        }
        self.mark(']')?;
        Ok((from, entries, self.at))
    }
}
