//! Messages of rtnetlink as bytes: fixed headers, and attributes behind them.
//!
//! What cannot be read is left out and never a panic: the kernel is newer than this.

/// Where an attribute's type has its flags: nested, and in network byte order.
const TYPE_MASK: u16 = 0x3fff;

/// The flag of an attribute that holds attributes.
const NESTED: u16 = 0x8000;

/// Attributes, and what stands before them, of a message that is being written.
#[derive(Debug, Clone, Default)]
pub(super) struct Body(Vec<u8>);

impl Body {
    /// A message with this fixed header.
    pub(super) fn new(header: &[u8]) -> Self {
        let mut body = Self(header.to_vec());
        body.pad();
        body
    }

    /// An `ifinfomsg` for a link, with the flags to change and their new values.
    pub(super) fn link(index: u32, flags: u32, change: u32) -> Self {
        let mut header = vec![0; 4];
        for word in [index, flags, change] {
            header.extend(word.to_ne_bytes());
        }
        Self::new(&header)
    }

    /// With an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.put(kind, value);
        self
    }

    /// With an attribute that holds several others of one type.
    pub(super) fn with_list<'a>(
        mut self,
        kind: u16,
        item: u16,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let mut inner = Self::default();
        for value in values {
            inner.put(item, value);
        }
        self.put(kind | NESTED, &inner.0);
        self
    }

    fn put(&mut self, kind: u16, value: &[u8]) {
        // A value of ours is a name or a number.
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.pad();
    }

    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Attributes of a message that was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// The attributes behind a fixed header of so many bytes.
    pub(super) fn after(message: &'a [u8], header: usize) -> Self {
        Self(message.get(header.next_multiple_of(4)..).unwrap_or_default())
    }

    /// Their types and values, as far as they are whole.
    pub(super) fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
            let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?) & TYPE_MASK;
            let value = rest.get(4..length)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some((kind, value))
        })
    }

    /// The value of the first attribute of a type.
    pub(super) fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|(one, _)| *one == kind).map(|(_, value)| value)
    }

    /// The attributes inside one.
    pub(super) fn inside(self, kind: u16) -> Self {
        Self(self.get(kind).unwrap_or_default())
    }

    pub(super) fn number(self, kind: u16) -> Option<u32> {
        self.get(kind).and_then(|value| word(value, 0))
    }

    pub(super) fn text(self, kind: u16) -> Option<String> {
        self.get(kind).map(text)
    }
}

/// The 32-bit number at a place.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A text as the kernel writes it, up to its zero.
pub(super) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// A text as the kernel reads it.
pub(super) fn zero_ended(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let names = ["eth2".to_owned(), "eth-0123abcd".to_owned()].map(|name| zero_ended(&name));
        let body = Body::link(7, 1, 1)
            .with(4, &9001_u32.to_ne_bytes())
            .with_list(52, 53, names.iter().map(Vec::as_slice))
            .bytes();
        let attributes = Attributes::after(&body, 16);
        assert_eq!((word(&body, 4), attributes.number(4)), (Some(7), Some(9001)));
        let read: Vec<String> = attributes.inside(52).iter().map(|(_, value)| text(value)).collect();
        assert_eq!(read, ["eth2", "eth-0123abcd"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_run_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let attributes = Attributes::after(&bytes, 16);
            let count = attributes.iter().count();
            prop_assert!(count <= bytes.len());
            let _ = (attributes.number(4), attributes.text(3), attributes.inside(52).iter().count());
        }
    }
}
