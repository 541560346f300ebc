//! `values.yaml`: the defaults, with a comment above each.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Setting, all};

/// How wide a comment may be.
const WIDTH: usize = 100;

/// The file.
#[must_use]
pub fn values_yaml() -> String {
    let mut text = String::new();
    let settings = all();
    for name in ordered(&settings, &[]) {
        write(&mut text, &settings, &[name], 0);
    }
    text
}

/// The names right below a path, in the order in which they come first.
fn ordered<'a>(settings: &'a [Setting], above: &[&str]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for setting in settings {
        let parts: Vec<&str> = setting.path.split('.').collect();
        if parts.len() > above.len() && parts[..above.len()] == *above && !names.contains(&parts[above.len()])
        {
            names.push(parts[above.len()]);
        }
    }
    names
}

fn write(text: &mut String, settings: &[Setting], path: &[&str], depth: usize) {
    // Writing to a string cannot fail.
    let indent = "  ".repeat(depth);
    let name = path.last().copied().unwrap_or_default();
    if let Some(setting) = settings.iter().find(|setting| setting.path == path.join(".")) {
        for line in wrapped(setting.about, WIDTH - indent.len()) {
            let _ = writeln!(text, "{indent}# {line}");
        }
        let _ = writeln!(text, "{indent}{name}: {}", flow(&setting.default));
        return;
    }
    let _ = writeln!(text, "{indent}{name}:");
    for below in ordered(settings, path) {
        let path: Vec<&str> = path.iter().copied().chain([below]).collect();
        write(text, settings, &path, depth + 1);
    }
}

/// A value in YAML's flow style, which is JSON with a space where people put one.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Text in lines of at most this many characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::values::schema::defaults;

    #[test]
    fn file_holds_the_defaults_of_the_table() {
        let read: Value = serde_yaml::from_str(&values_yaml()).unwrap();
        assert_eq!(read, defaults());
    }

    #[test]
    fn every_value_says_what_it_is() {
        for setting in all() {
            assert!(setting.about.ends_with('.'), "{}", setting.path);
        }
    }
}
