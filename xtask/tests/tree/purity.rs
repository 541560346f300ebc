//! What some modules must not do.

use super::source::{self, Source};

/// What has no place in a decision: waiting, and the time of day.
const IMPURE: &[&[&str]] = &[
    &["async"],
    &["await"],
    &["tokio"],
    &["Timestamp", "::", "now"],
    &["Zoned", "::", "now"],
    &["SystemTime"],
    &["Instant"],
    &["thread"],
];

/// The ways to read the environment.
const ENVIRONMENT: &[&[&str]] = &[&["env", "::", "var"], &["env", "::", "var_os"], &["env", "::", "vars"]];

/// The one file that reads the environment.
const CLI: &str = "cli.rs";

fn found(sources: &[Source], rows: &[&[&str]]) -> Vec<String> {
    let each = sources.iter().flat_map(|source| {
        let had = rows.iter().filter(|row| source.has(row));
        had.map(|row| format!("src/{}: {}", source.path.display(), row.concat()))
    });
    each.collect()
}

#[test]
fn plans_neither_wait_nor_ask_the_time() {
    let plans: Vec<Source> =
        source::all().into_iter().filter(|source| source.path.starts_with("plan")).collect();
    assert_eq!(found(&plans, IMPURE), Vec::<String>::new());
}

#[test]
fn only_the_command_line_reads_the_environment() {
    // Tests are told by it where moto is.
    let exempt = |source: &Source| source.path.as_os_str() == CLI || source.path.ends_with("tests.rs");
    let others: Vec<Source> = source::all().into_iter().filter(|source| !exempt(source)).collect();
    assert_eq!(found(&others, ENVIRONMENT), Vec::<String>::new());
}

#[test]
fn what_is_looked_for_is_found() {
    let text = "async fn f() { Timestamp::now(); std::env::var(x) }";
    let sources = [Source { path: "plan/x.rs".into(), tokens: source::tokens(text) }];
    assert_eq!(found(&sources, IMPURE), ["src/plan/x.rs: async", "src/plan/x.rs: Timestamp::now"]);
    assert_eq!(found(&sources, ENVIRONMENT), ["src/plan/x.rs: env::var"]);
}
