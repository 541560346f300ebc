//! Rust source as a row of words and marks, without comments and strings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::repo;

/// A source file of the operator.
pub(super) struct Source {
    /// Its path below `src/`.
    pub(super) path: PathBuf,
    /// Its words, and its other marks one by one, but for `::`.
    pub(super) tokens: Vec<String>,
}

impl Source {
    /// The modules that lead to it: `plan/mod.rs` is `["plan"]`, `plan/host.rs` is `["plan", "host"]`.
    pub(super) fn module(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        parts.filter(|part| !["mod", "lib", "main"].contains(&part.as_str())).collect()
    }

    /// Whether these tokens stand in it in a row.
    pub(super) fn has(&self, row: &[&str]) -> bool {
        self.tokens.windows(row.len()).any(|window| window.iter().zip(row).all(|(token, word)| token == word))
    }
}

/// Every file below `src/`.
pub(super) fn all() -> Vec<Source> {
    let root = repo::at("src");
    let mut paths = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(read(&path, &root));
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn read(path: &Path, root: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    Source { path: path.strip_prefix(root).unwrap().to_owned(), tokens: tokens(&text) }
}

/// Splits source text.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let token = match first {
            _ if is_word(first) => rest.split(|c| !is_word(c)).next().unwrap(),
            ':' if rest.starts_with("::") => "::",
            _ => &rest[..first.len_utf8()],
        };
        tokens.push(token.to_owned());
        rest = &rest[token.len()..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the white space, comment, string or character at the start is, if there is one.
fn skipped(text: &str) -> usize {
    let spaces = text.len() - text.trim_start().len();
    if spaces > 0 {
        return spaces;
    }
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    string(text).or_else(|| character(text)).unwrap_or(0)
}

fn string(text: &str) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let inside = raw[hashes..].strip_prefix('"')?;
        return inside.find(&close).map(|end| 1 + hashes + 1 + end + close.len());
    }
    quoted(text, '"')
}

/// A character, which a lifetime is not.
fn character(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\'')?;
    let closes = after.starts_with('\\') || after.chars().nth(1) == Some('\'');
    closes.then(|| quoted(text, '\''))?
}

fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.strip_prefix(quote)?.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(1 + at + 1),
            _ => {}
        }
    }
    None
}

#[test]
fn comments_strings_and_characters_are_left_out() {
    let text = r##"a::b /* c */ "d \" e" 'f' '\'' r#"g "h"# &'static i // j"##;
    assert_eq!(tokens(text), ["a", "::", "b", "&", "'", "static", "i"]);
}
