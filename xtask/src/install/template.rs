//! Objects with holes: what `manifests/` holds as it is, and the chart with expressions of its values.
//!
//! A hole stands in the object itself, with the Helm expression that fills it and what that gives with the
//! chart's default values. So one object is both, and what has no hole cannot differ between the two.

use serde_json::{Map, Value, json};

use super::values;

/// The key of a marker. No object of Kubernetes has a field with a space.
const MARKER: &str = "a hole";

/// A place that a value of the chart fills, such as `controller.replicas`.
pub(super) fn value(path: &str) -> Value {
    let default = values::default_of(path);
    filled(&format!(".Values.{path}"), &default)
}

/// A place that a value of the chart fills, as text: environment variables hold nothing else.
pub(super) fn text(path: &str) -> Value {
    let default = match values::default_of(path) {
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    filled(&format!(".Values.{path} | toString"), &json!(default))
}

/// A place that a Helm expression fills, and what it gives with the default values.
pub(super) fn filled(expression: &str, default: &Value) -> Value {
    json!({ MARKER: { "fill": expression, "default": default } })
}

/// An item of a list that is there only if a Helm expression holds, and whether it does by default.
pub(super) fn only_if(condition: &str, by_default: bool, item: &Value) -> Value {
    json!({ MARKER: { "if": condition, "holds": by_default, "item": item } })
}

/// An item of a list for each item of a Helm range; none by default.
pub(super) fn each(range: &str, item: &Value) -> Value {
    json!({ MARKER: { "range": range, "item": item } })
}

/// What a marker says, if this is one.
fn marker(value: &Value) -> Option<&Map<String, Value>> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(MARKER)?.as_object()
}

/// The object with the default values.
pub(super) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().filter_map(plain_item).collect()),
        Value::Object(fields) => match marker(value) {
            Some(hole) => hole.get("default").cloned().unwrap_or_default(),
            None => fields.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn plain_item(item: &Value) -> Option<Value> {
    let Some(hole) = marker(item).filter(|hole| hole.contains_key("item")) else { return Some(plain(item)) };
    (hole.get("holds") == Some(&Value::Bool(true))).then(|| plain(&hole["item"]))
}

/// The object as a template of the chart.
pub(super) fn template(object: &Value) -> Result<String, serde_yaml::Error> {
    let mut marks = Marks::default();
    let marked = marks.mark(object);
    Ok(marks.fill_in(&escaped(&eni_operator::api::to_yaml(&marked)?)))
}

/// Text that Helm leaves as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

/// Words that stand for expressions while the object is written as YAML.
#[derive(Default)]
struct Marks(Vec<(String, Mark)>);

enum Mark {
    /// In the place of a value.
    Value(String),
    /// In the place of a whole line.
    Line(String),
    /// The end of the only item of a list. Without it there would be no list, and no value of its field.
    EndOrNone,
}

impl Marks {
    fn word(&mut self, mark: Mark) -> Value {
        let word = format!("HOLE{:03}", self.0.len());
        self.0.push((word.clone(), mark));
        Value::String(word)
    }

    fn mark(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) => {
                let alone = items.len() == 1;
                Value::Array(items.iter().flat_map(|item| self.mark_item(item, alone)).collect())
            }
            Value::Object(fields) => match marker(value) {
                Some(hole) => self.word(Mark::Value(words(hole, "fill"))),
                None => fields.iter().map(|(key, value)| (key.clone(), self.mark(value))).collect(),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }

    fn mark_item(&mut self, item: &Value, alone: bool) -> Vec<Value> {
        let Some(hole) = marker(item).filter(|hole| hole.contains_key("item")) else {
            return vec![self.mark(item)];
        };
        let head = if hole.contains_key("if") {
            format!("if {}", words(hole, "if"))
        } else {
            format!("range {}", words(hole, "range"))
        };
        let begin = self.word(Mark::Line(format!("{{{{- {head} }}}}")));
        let inside = self.mark(&hole["item"]);
        let end = self.word(if alone { Mark::EndOrNone } else { Mark::Line("{{- end }}".to_owned()) });
        vec![begin, inside, end]
    }

    fn fill_in(&self, yaml: &str) -> String {
        let mut text = yaml.to_owned();
        for (word, mark) in &self.0 {
            text = match mark {
                Mark::Value(expression) => text.replace(word, &format!("{{{{ {expression} | toJson }}}}")),
                Mark::Line(line) => text.replace(&format!("- {word}\n"), &format!("{line}\n")),
                Mark::EndOrNone => {
                    let indent = indent_of(&text, word);
                    let lines = format!("{{{{- else }}}}\n{indent}  []\n{indent}{{{{- end }}}}\n");
                    text.replace(&format!("- {word}\n"), &lines)
                }
            };
        }
        text
    }
}

/// What stands before the list item that a word is.
fn indent_of(text: &str, word: &str) -> String {
    let line = text.lines().find(|line| line.trim_start() == format!("- {word}")).unwrap_or_default();
    " ".repeat(line.len() - line.trim_start().len())
}

fn words(hole: &Map<String, Value>, key: &str) -> String {
    hole.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_is_a_manifest_and_a_template() {
        let object = json!({
            "kind": "Example",
            "replicas": filled(".Values.n", &json!(2)),
            "says": "{{ not ours }}",
            "list": [
                "always",
                only_if(".Values.on", true, &json!({ "name": filled(".Values.name", &json!("x")) })),
                only_if(".Values.off", false, &json!("never")),
                each("$key, $value := .Values.map", &json!({ "key": filled("$key", &json!("")) })),
            ],
            "inner": { "perhaps": [only_if(".Values.on", false, &json!("one"))] },
        });
        let manifest = plain(&object);
        assert_eq!(
            manifest,
            json!({
                "kind": "Example", "replicas": 2, "says": "{{ not ours }}",
                "list": ["always", { "name": "x" }], "inner": { "perhaps": [] },
            })
        );
        let expected = "\
inner:
  perhaps:
  {{- if .Values.on }}
  - one
  {{- else }}
    []
  {{- end }}
kind: Example
list:
- always
{{- if .Values.on }}
- name: {{ .Values.name | toJson }}
{{- end }}
{{- if .Values.off }}
- never
{{- end }}
{{- range $key, $value := .Values.map }}
- key: {{ $key | toJson }}
{{- end }}
replicas: {{ .Values.n | toJson }}
says: '{{ \"{{\" }} not ours }}'
";
        assert_eq!(template(&object).unwrap(), expected);
    }
}
