//! `docs/configuration.md`: the values, and what became of those of the reference system.

use std::fmt::Write as _;

use super::{
    Kind, all,
    reference::{Became, REFERENCE},
};

const INTRODUCTION: &str = "# Configuration

The chart's values. `chart/values.yaml` has the same table with comments, and `chart/values.schema.json` refuses a
value that is not in it or is not of its kind, before anything is installed. Each sets a flag or a field of the
objects; the flags by themselves are in [`flags.md`](flags.md).

| value | default | what it may be | what it does |
|---|---|---|---|
";

const OF_REFERENCE: &str = "
## Values of aws-multi-eni-controller

Every value of that chart is accepted, so that a file of values can stay as it is. `helm install` says which of
those that are set mean nothing here.

| value | here |
|---|---|
";

/// The document.
#[must_use]
pub fn document() -> String {
    let mut text = String::from(INTRODUCTION);
    for setting in all() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} |",
            setting.path,
            setting.default,
            kind(setting.kind),
            setting.about
        );
    }
    text.push_str(OF_REFERENCE);
    for (path, became) in REFERENCE {
        let here = match became {
            Became::Kept => "the same".to_owned(),
            Became::KeptBut(difference) => format!("the same, but: {difference}"),
            Became::WithoutEffect(why) => format!("without effect: {why}"),
        };
        let _ = writeln!(text, "| `{path}` | {here} |");
    }
    text
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Whole(least, most) => format!("{least} to {most}"),
        Kind::Share => "more than 0, at most 1".to_owned(),
        Kind::Text(_, what) => what.to_owned(),
        Kind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Labels => "labels".to_owned(),
        Kind::Annotations => "annotations".to_owned(),
        Kind::Mtu => "0, or 128 to 9001".to_owned(),
        Kind::Object(shape) => format!("Kubernetes' `{}`", shape.name()),
        Kind::Objects(shape) => format!("a list of Kubernetes' `{}`", shape.name()),
    }
}
