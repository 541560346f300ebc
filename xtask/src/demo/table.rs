//! ENIs on the screen, as they come and go.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
    time::Instant,
};

use anyhow::{Context, Result};

use super::rows::{HEADINGS, Row};

/// Most rows that are redrawn in place: what scrolls off a screen of 24 lines cannot be.
const MOST_IN_PLACE: usize = 20;

/// Widths of the columns, as ids and addresses of EC2 are long.
const WIDTHS: [usize; 8] = [14, 11, 22, 13, 15, 6, 10, 7];

/// A table that follows its rows: redrawn in place on a terminal, and elsewhere one line per change.
#[derive(Debug)]
pub(super) struct Table {
    subnet_names: BTreeMap<String, String>,
    in_place: bool,
    shown: Vec<Row>,
    /// How many lines to go up to draw again.
    height: usize,
    started: Instant,
}

impl Table {
    /// A table for about `rows` rows. `subnet_names` says what subnets are called.
    pub(super) fn new(subnet_names: BTreeMap<String, String>, rows: usize) -> Self {
        let in_place = io::stdout().is_terminal() && rows <= MOST_IN_PLACE;
        Self { subnet_names, in_place, shown: Vec::new(), height: 0, started: Instant::now() }
    }

    /// Shows the rows, if they have changed.
    pub(super) fn show(&mut self, rows: &[Row]) -> Result<()> {
        if self.shown == rows {
            return Ok(());
        }
        let text = if self.in_place { self.redrawn(rows) } else { self.changes(rows) };
        rows.clone_into(&mut self.shown);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("write to the terminal")
    }

    /// Leaves what is on the screen: other lines follow it, and the next table starts below them.
    pub(super) fn leave(&mut self) {
        self.height = 0;
    }

    fn redrawn(&mut self, rows: &[Row]) -> String {
        let up = if self.height > 0 { format!("\x1b[{}A\x1b[J", self.height) } else { String::new() };
        let mut lines = vec![line(&HEADINGS.map(str::to_owned))];
        lines.extend(rows.iter().map(|row| line(&row.cells(&self.subnet_names))));
        if rows.is_empty() {
            lines.push("(no ENIs)".to_owned());
        }
        self.height = lines.len();
        format!("{up}{}\n", lines.join("\n"))
    }

    fn changes(&self, rows: &[Row]) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let at = |text: String| format!("{seconds:7.1} s  {text}\n");
        let mut text = String::new();
        if self.shown.is_empty() {
            text = format!("{:9}  {}\n", "", line(&HEADINGS.map(str::to_owned)));
        }
        let new = rows.iter().filter(|row| !self.shown.contains(row));
        text.extend(new.map(|row| at(line(&row.cells(&self.subnet_names)))));
        let gone = self.shown.iter().filter(|old| !rows.iter().any(|row| row.key() == old.key()));
        text.extend(gone.map(|old| at(format!("{} {} gone", old.node, old.eni))));
        text
    }
}

fn line(cells: &[String; 8]) -> String {
    let padded = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(in_place: bool) -> Table {
        Table { in_place, ..Table::new(BTreeMap::new(), 1) }
    }

    fn row(state: &str) -> Row {
        Row { node: "n1".to_owned(), eni: "eni-1".to_owned(), state: state.to_owned(), ..Row::default() }
    }

    #[test]
    fn terminal_is_drawn_over() {
        let mut table = table(true);
        let first = table.redrawn(&[row("attaching")]);
        assert_eq!(first.lines().count(), 2);
        assert!(table.redrawn(&[row("attached")]).starts_with("\x1b[2A\x1b[J"));
        table.leave();
        assert!(table.redrawn(&[]).starts_with("NODE"));
    }

    #[test]
    fn elsewhere_only_changes_are_told() {
        let mut table = table(false);
        table.shown = vec![row("attaching")];
        assert_eq!(table.changes(&[row("attaching")]), "");
        assert!(table.changes(&[row("attached")]).contains("attached"));
        assert!(table.changes(&[]).contains("n1 eni-1 gone"));
    }
}
