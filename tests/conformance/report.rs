//! What ran where, and what came out otherwise than expected.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use crate::case::{Case, Runs};

/// What the test says when moto is not there.
const NO_MOTO: &str = "skipped: moto_server not found (set MOTO_SERVER)";

/// The outcome so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    faults: Vec<String>,
    /// Rows of a table: case, why moto is not right.
    reasons: Vec<String>,
    /// Rows of a table: case, what EC2 says, what moto says, why.
    disagreements: Vec<String>,
    cases: usize,
    sim_only: usize,
    on_moto: usize,
    moto_missing: bool,
}

impl Report {
    /// Compares what came of a case on the simulator with what is expected.
    pub(crate) fn sim_gave(&mut self, case: &Case, lines: &[String]) {
        self.cases += 1;
        if let Runs::SimOnly(why) | Runs::NeverOnMoto(why) = case.runs {
            self.sim_only += 1;
            self.reasons.push(format!("| {} | {why} |", case.title()));
        }
        if lines != case.expected {
            self.faults.push(difference(case, "ec2-sim", lines));
        }
    }

    /// Compares what came of a case on moto with what is expected, or expected not to come of it.
    pub(crate) fn moto_gave(&mut self, case: &Case, lines: &[String]) {
        match case.runs {
            Runs::Both => {
                self.on_moto += 1;
                if lines != case.expected {
                    self.faults.push(difference(case, "moto", lines));
                }
            }
            Runs::SimOnly(why) if lines == case.expected => {
                self.faults.push(format!("moto: {} is right after all, in spite of: {why}", case.title()));
            }
            Runs::SimOnly(why) | Runs::NeverOnMoto(why) => self.disagreements.push(row(case, why, lines)),
        }
    }

    /// Notes that moto is not there.
    pub(crate) fn moto_is_missing(&mut self, required: bool) {
        self.moto_missing = true;
        if required {
            self.faults.push(format!("CI runs with moto, but: {NO_MOTO}"));
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn faults(&self) -> usize {
        self.faults.len()
    }

    /// Prints past the test harness, which would swallow what a passing test prints.
    pub(crate) fn print(&self) {
        let text = format!("\n{}{}{}\n", self.table(), self.list(), self.summary());
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Where moto is not right, as far as this run can tell.
    fn table(&self) -> String {
        let (head, rows) = if self.moto_missing {
            ("| case | why not on moto |\n|---|---|", &self.reasons)
        } else {
            ("| case | EC2 as documented, and ec2-sim | moto | why |\n|---|---|---|---|", &self.disagreements)
        };
        format!("{head}\n{}\n\n", rows.join("\n"))
    }

    fn list(&self) -> String {
        self.faults.iter().flat_map(|fault| [fault.as_str(), "\n\n"]).collect()
    }

    fn summary(&self) -> String {
        let Self { cases, sim_only, on_moto, .. } = self;
        let summary =
            format!("conformance: {cases} cases, {on_moto} of them also on moto, {sim_only} on ec2-sim only");
        if self.moto_missing { format!("{summary}\n{NO_MOTO}") } else { summary }
    }
}

/// A case that came out otherwise: `-` is missing, `+` is too much, and the order is the expected one.
fn difference(case: &Case, server: &str, lines: &[String]) -> String {
    let mut text = format!("{server}: {}", case.title());
    for line in case.expected {
        let _ =
            write!(text, "\n  {} {line}", if lines.iter().any(|other| other == line) { ' ' } else { '-' });
    }
    for line in lines.iter().filter(|line| !case.expected.contains(&line.as_str())) {
        let _ = write!(text, "\n  + {line}");
    }
    text
}

/// The lines in which moto differs, side by side.
fn row(case: &Case, why: &str, lines: &[String]) -> String {
    let ours = case.expected.iter().filter(|line| !lines.iter().any(|other| other == **line)).copied();
    let theirs = lines.iter().map(String::as_str).filter(|line| !case.expected.contains(line));
    let theirs = theirs.map(|line| if line.starts_with("panic: ") { "(not tried further)" } else { line });
    let cell = |lines: Vec<&str>| lines.join("<br>").replace('|', "\\|");
    format!("| {} | {} | {} | {why} |", case.title(), cell(ours.collect()), cell(theirs.collect()))
}
