//! What was answered, with every id, address and token replaced by the order of its appearance.

use std::collections::BTreeMap;

/// Beginnings of ids. The longest first, since one begins another.
const PREFIXES: [&str; 8] = ["eni-attach-", "eni-", "i-", "subnet-", "sg-", "vpc-", "ami-", "r-"];

/// Numbers that stand for ids.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    seen: BTreeMap<&'static str, Vec<String>>,
}

impl Numbers {
    /// The text with its ids replaced, and what stands in square brackets sorted.
    pub(crate) fn replace(&mut self, text: &str) -> String {
        sorted(&self.replace_ids(text))
    }

    /// Several texts in one, in the order of what stands in them then, since EC2 promises none.
    pub(crate) fn replace_all(&mut self, texts: &[String]) -> String {
        let mut texts: Vec<_> = texts.iter().map(|text| self.replace(text)).collect();
        texts.sort();
        if texts.is_empty() { "none".to_owned() } else { texts.join("; ") }
    }

    fn replace_ids(&mut self, text: &str) -> String {
        let mut replaced = String::new();
        let mut word = String::new();
        for character in text.chars() {
            if character.is_ascii_alphanumeric() || character == '-' {
                word.push(character);
            } else {
                replaced.push_str(&self.word(&word));
                word.clear();
                replaced.push(character);
            }
        }
        replaced + &self.word(&word)
    }

    fn word(&mut self, word: &str) -> String {
        let prefix = PREFIXES.into_iter().find(|prefix| is_id(prefix, word));
        prefix.map_or_else(|| word.to_owned(), |prefix| format!("{prefix}{}", self.number(prefix, word)))
    }

    fn number(&mut self, prefix: &'static str, id: &str) -> usize {
        let seen = self.seen.entry(prefix).or_default();
        let known = seen.iter().position(|other| other == id);
        known.unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        }) + 1
    }
}

/// Lists in square brackets, sorted.
fn sorted(text: &str) -> String {
    let mut parts = text.split('[');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (list, rest) = part.split_once(']').unwrap_or((part, ""));
        let mut items: Vec<_> = list.split(", ").collect();
        items.sort_unstable();
        whole = format!("{whole}[{}]{rest}", items.join(", "));
    }
    whole
}

fn is_id(prefix: &str, word: &str) -> bool {
    word.strip_prefix(prefix).is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[test]
fn an_id_is_replaced_by_the_order_of_its_appearance() {
    let mut numbers = Numbers::default();
    let line = "eni-0a1b2c3d on i-0123456789abcdef0 by eni-attach-0a1b2c3d; eni-ffffffff, eni-0a1b2c3d";
    assert_eq!(numbers.replace(line), "eni-1 on i-1 by eni-attach-1; eni-2, eni-1");
}

#[test]
fn what_stands_in_brackets_is_sorted() {
    assert_eq!(Numbers::default().replace("a [c, b] [] d"), "a [b, c] [] d");
}
