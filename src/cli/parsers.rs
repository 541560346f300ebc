//! Values of flags: what is one, and what to say of what is none.

use super::ListenAddress;

/// Parses `ADDRESS:PORT`, `:PORT` or `0`.
pub(super) fn listen_address(text: &str) -> Result<ListenAddress, String> {
    if text == "0" {
        return Ok(ListenAddress(None));
    }
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    let address = full.parse().map_err(|_| format!("{text:?} is not ADDRESS:PORT, :PORT or 0"))?;
    Ok(ListenAddress(Some(address)))
}

/// Parses a cluster id: what a tag's value and an IAM policy can hold without quoting.
pub(super) fn cluster_id(text: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@+=".contains(&byte));
    if fits && plain {
        Ok(text.to_owned())
    } else {
        Err("a cluster id has 1 to 128 letters, digits and -_.:/@+=".to_owned())
    }
}

/// Parses a region: words and a number, such as `eu-central-1`.
pub(super) fn region(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split('-').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_region = match words.as_slice() {
        [words @ .., number] if words.len() >= 2 => {
            words.iter().all(is_word) && number.parse::<u8>().is_ok_and(|number| number > 0)
        }
        _ => false,
    };
    if is_region { Ok(text.to_owned()) } else { Err("a region is one such as eu-central-1".to_owned()) }
}

/// Parses the name of a namespace.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let fits = (1..=63).contains(&text.len());
    if fits && plain && !text.starts_with('-') && !text.ends_with('-') {
        Ok(text.to_owned())
    } else {
        Err("a namespace has 1 to 63 small letters, digits and -, the last not at its ends".to_owned())
    }
}

/// Parses who holds a Lease.
pub(super) fn identity(text: &str) -> Result<String, String> {
    let fits = (1..=253).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits && plain { Ok(text.to_owned()) } else { Err("a name has 1 to 253 visible characters".to_owned()) }
}
