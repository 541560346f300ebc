//! Documents that are made of text by hand and tables from the code.

mod advice;

use anyhow::{Result, ensure};
use eni_operator::api::Reason;

use crate::install::{alerts, iam};

/// Stands for the tables in a text.
const TABLE: &str = "{{table}}";

/// Every document, by its name.
pub fn documents() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("iam", filled(include_str!("iam.md"), &iam::table())?),
        ("operations", filled(include_str!("operations.md"), &alerts())?),
        ("troubleshooting", filled(include_str!("troubleshooting.md"), &reasons())?),
    ])
}

fn filled(text: &str, table: &str) -> Result<String> {
    ensure!(text.matches(TABLE).count() == 1, "a document has not one {TABLE}");
    Ok(text.replace(TABLE, table.trim_end()))
}

/// Every reason of a condition, what it means, and what to do about it.
fn reasons() -> String {
    let mut all: Vec<Reason> = Reason::ALL.to_vec();
    all.sort_by_key(|reason| reason.name().to_lowercase());
    let rows = all.into_iter().map(|reason| {
        let (what, meaning) = (advice::of(reason), reason.meaning());
        format!("| `{}` | {meaning} | {what} |\n", reason.name())
    });
    format!("| reason | what it means | what to do |\n|---|---|---|\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_meaning_and_advice_that_is_a_sentence() {
        for reason in Reason::ALL {
            for text in [reason.meaning(), advice::of(*reason)] {
                assert!(text.len() > 5 && text.ends_with('.') && !text.contains('|'), "{reason:?}: {text:?}");
            }
        }
    }
}
