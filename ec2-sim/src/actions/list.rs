//! What all describes share: ids, filters, pages.

use std::collections::BTreeSet;

use crate::api::Filter;
use crate::core::{Made, View};
use crate::error::ApiError;
use crate::ids;
use crate::pattern;
use crate::world::Tags;

/// How many values all filters of a call take together.
const FILTER_VALUES: usize = 200;

/// How many characters a filter value takes.
const FILTER_LENGTH: usize = 255;

/// A thing that a describe lists.
pub(super) trait Listed: Made {
    /// The filters, beside `tag:K` and `tag-key`.
    const FILTERS: &'static [&'static str];

    fn id(&self) -> &str;
    fn tags(&self) -> &Tags;

    /// What the thing has for a filter; a filter fits if one of its values does.
    fn field(&self, view: View<'_>, filter: &str) -> Vec<String>;
}

/// What a describe asks for.
#[derive(Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) ids: &'a [String],
    pub(super) filters: &'a [Filter],
    pub(super) max_results: Option<i32>,
    pub(super) next_token: Option<&'a str>,
    /// The largest page.
    pub(super) most: i32,
}

impl Listing<'_> {
    /// Says whether everything is asked for at once.
    pub(super) fn is_unfiltered(&self) -> bool {
        self.ids.is_empty()
            && self.filters.is_empty()
            && self.max_results.is_none()
            && self.next_token.is_none()
    }

    /// The page size; none: no limit.
    pub(super) fn page(&self) -> Result<Option<usize>, ApiError> {
        let Some(wanted) = self.max_results else { return Ok(None) };
        if !self.ids.is_empty() {
            return Err(ApiError::combination("The parameter maxResults cannot be used with ids"));
        }
        if !(5..=self.most).contains(&wanted) {
            let text = format!(
                "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value between 5 and {}.",
                self.most
            );
            return Err(ApiError::value(text));
        }
        Ok(usize::try_from(wanted).ok())
    }

    /// After which id the page starts.
    pub(super) fn start(&self) -> Result<Option<String>, ApiError> {
        self.next_token.map(|token| read_token(token, self.filters)).transpose()
    }

    /// Cuts a page out of the ids that fit, and says where the next one starts.
    pub(super) fn cut<T>(
        &self,
        fitting: impl Iterator<Item = (String, T)>,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let (page, start) = (self.page()?, self.start()?);
        let mut rest =
            fitting.skip_while(|(id, _)| start.as_ref().is_some_and(|start| id <= start)).peekable();
        let (mut items, mut last) = (Vec::new(), None);
        while page.is_none_or(|page| items.len() < page) {
            let Some((id, item)) = rest.next() else { break };
            items.push(item);
            last = Some(id);
        }
        let next = rest.peek().and(last).map(|last| write_token(&last, self.filters));
        Ok((items, next))
    }
}

/// Lists the things that are asked for, as they are seen at the moment.
pub(super) fn list<V: Listed, T>(
    view: View<'_>,
    listing: Listing<'_>,
    render: impl Fn(View<'_>, &V) -> T,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    check_filters::<V>(listing.filters)?;
    let table = V::table(view.world);
    for id in listing.ids {
        ids::check(V::KIND, id)?;
        if !table.contains(id) {
            return Err(V::KIND.not_found(id));
        }
    }
    let ids: BTreeSet<&str> = listing.ids.iter().map(String::as_str).collect();
    let wanted = |thing: &&V| ids.is_empty() || ids.contains(thing.id());
    let fitting = table.values().filter(wanted).filter(|thing| fits(view, *thing, listing.filters));
    listing.cut(fitting.map(|thing| (thing.id().to_owned(), render(view, thing))))
}

/// Refuses filters that the thing does not have, and those with too many values.
pub(super) fn check_filters<V: Listed>(filters: &[Filter]) -> Result<(), ApiError> {
    check_filter_names(filters, |name| {
        name == "tag-key" || name.starts_with("tag:") || V::FILTERS.contains(&name)
    })
}

/// Refuses filters by name, too many values in all filters together, and values that are too long.
pub(super) fn check_filter_names(filters: &[Filter], known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
    let limit = |text: String| Err(ApiError::client("FilterLimitExceeded", text));
    if let Some(unknown) = filters.iter().find(|filter| !known(&filter.name)) {
        return Err(ApiError::value(format!("The filter '{}' is invalid", unknown.name)));
    }
    if filters.iter().map(|filter| filter.values.len()).sum::<usize>() > FILTER_VALUES {
        return limit(format!(
            "The maximum number of filter values specified on a single call is {FILTER_VALUES}"
        ));
    }
    let values = filters.iter().flat_map(|filter| &filter.values);
    if values.into_iter().any(|value| value.chars().count() > FILTER_LENGTH) {
        return limit(format!("The maximum length for a filter value is {FILTER_LENGTH} characters"));
    }
    Ok(())
}

fn fits<V: Listed>(view: View<'_>, thing: &V, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| {
        if filter.name == "tag-key" {
            return any(filter, thing.tags().keys().map(String::as_str));
        }
        match filter.name.strip_prefix("tag:") {
            Some(key) => any(filter, thing.tags().get(key).map(String::as_str)),
            None => any(filter, thing.field(view, &filter.name).iter().map(String::as_str)),
        }
    })
}

/// Says whether one of the filter's values fits one of the thing's.
pub(super) fn any<'a>(filter: &Filter, values: impl IntoIterator<Item = &'a str>) -> bool {
    values.into_iter().any(|value| filter.values.iter().any(|pattern| pattern::matches(pattern, value)))
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A token: where the page ended, and for which filters, sealed with a checksum.
fn write_token(last: &str, filters: &[Filter]) -> String {
    let mut token = String::new();
    for byte in last.bytes().chain(seal(last, filters).to_be_bytes()) {
        token.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
    }
    token
}

fn read_token(token: &str, filters: &[Filter]) -> Result<String, ApiError> {
    let wrong = || ApiError::client("InvalidNextToken", "The specified NextToken is not valid.");
    let split = token.len().checked_sub(16).filter(|_| token.is_ascii()).ok_or_else(wrong)?;
    let (hex, sum) = token.split_at(split);
    let digits: Vec<_> = hex.as_bytes().chunks(2).collect();
    let byte =
        |pair: &&[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = digits.iter().map(byte).collect();
    let last = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    if sum == format!("{:016x}", seal(&last, filters)) { Ok(last) } else { Err(wrong()) }
}

/// FNV-1a over the place and the filters: against mistakes, not against forgers.
fn seal(last: &str, filters: &[Filter]) -> u64 {
    let texts = filters.iter().flat_map(|filter| std::iter::once(&filter.name).chain(&filter.values));
    let bytes = texts.flat_map(|text| text.bytes().chain([0])).chain(last.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
