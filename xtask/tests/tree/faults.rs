//! The table of faults names tests that are there.

use std::fs;

use xtask::repo;

/// A row of the table: number, and its last two cells.
struct Row {
    number: String,
    here: String,
    tests: Vec<String>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(repo::at("docs/faults.md")).unwrap();
    text.lines().filter(|line| line.starts_with("| W")).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [number, _, here, tests] = cells[..] else { panic!("not four cells: {line}") };
    let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Row { number: number.to_owned(), here: here.to_owned(), tests }
}

/// Whether a test is where its path says.
fn exists(test: &str) -> bool {
    let (roots, test) = match test.strip_prefix("xtask::") {
        Some(test) => (["xtask/tests", "xtask/src"], test),
        None => (["tests", "src"], test),
    };
    let (module, name) = test.rsplit_once("::").unwrap();
    let path = module.replace("::", "/");
    let above = path.strip_suffix("/tests").unwrap_or(&path);
    let ways = roots.into_iter().flat_map(|root| {
        [
            format!("{root}/{path}.rs"),
            format!("{root}/{path}/mod.rs"),
            format!("{root}/{above}.rs"),
            format!("{root}/{above}/mod.rs"),
            format!("{root}/{path}/main.rs"),
        ]
    });
    let head = format!("fn {name}(");
    ways.into_iter().any(|way| {
        let source = fs::read_to_string(repo::at(&way)).unwrap_or_default();
        source.split(&head).next().filter(|before| before.len() < source.len()).is_some_and(is_marked)
    })
}

/// Whether what stands before a function marks it as a test.
fn is_marked(before: &str) -> bool {
    let attributes = before.trim_end().rsplit("\n}\n").next().unwrap_or_default();
    let attributes = attributes.rsplit("\n\n").next().unwrap_or_default();
    attributes.contains("test") && attributes.contains("#[")
}

#[test]
fn every_fault_has_its_row_and_every_row_a_test_or_a_reason() {
    let rows = rows();
    let numbers: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
    let all: Vec<String> = (1..=63).map(|number| format!("W{number}")).collect();
    assert_eq!(numbers, all);
    for row in &rows {
        let applies = !row.here.starts_with("does not apply");
        assert!(!applies || !row.tests.is_empty(), "{} names no test and no reason", row.number);
    }
}

#[test]
fn every_test_of_the_table_is_there() {
    let missing: Vec<String> = rows()
        .into_iter()
        .flat_map(|row| row.tests.into_iter().map(move |test| (row.number.clone(), test)))
        .filter(|(_, test)| !exists(test))
        .map(|(number, test)| format!("{number}: {test}"))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    assert!(exists("plan::asks_table::a_settled_slot_asks_nothing"));
    assert!(!exists("plan::asks_table::no_such_test"));
    // Those of xtask are found under its name, and there only.
    assert!(exists("xtask::tree::faults::a_test_that_is_not_there_is_noticed"));
    assert!(!exists("tree::faults::a_test_that_is_not_there_is_noticed"));
    assert!(!exists("xtask::plan::asks_table::a_settled_slot_asks_nothing"));
    assert!(!exists("no_target::asks_table::a_settled_slot_asks_nothing"));
    // A function that is no test shows nothing.
    assert!(!exists("plan::node::unsupported"));
}
