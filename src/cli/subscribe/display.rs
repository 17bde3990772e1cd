//! Where the answer and its changes are shown: on a terminal, as lines, or as JSON.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::super::output::{CliError, cell, rows_text, table};
use super::rows::{HeldRows, RowChanges, values};
use super::screen::Screen;

/// Shows a live query.
pub enum Display {
    /// A table that is drawn again in its place.
    Screen(Box<Screen>),
    /// The first answer as a table, then what changes, a row a line.
    Lines,
    /// What the server says, a message a line.
    Json,
}

impl Display {
    pub fn new(is_json: bool, query: &str) -> Display {
        match (is_json, io::stdout().is_terminal()) {
            (true, _) => Display::Json,
            (false, true) => Display::Screen(Box::new(Screen::new(query))),
            (false, false) => Display::Lines,
        }
    }

    /// The first answer; `message` is what says so.
    pub fn begin(
        &mut self,
        message: &str,
        columns: Vec<String>,
        tx_id: u64,
        rows: &HeldRows,
    ) -> Result<(), CliError> {
        match self {
            Display::Screen(screen) => screen.begin(columns, tx_id),
            Display::Lines => {
                let table = table(&columns, rows.iter().map(cells));
                write_out(&format!("{table}\n{}", status(tx_id, rows)))?;
            }
            Display::Json => write_out(&format!("{message}\n"))?,
        }
        Ok(())
    }

    pub fn update(
        &mut self,
        message: &str,
        tx_id: u64,
        changes: &RowChanges,
        rows: &HeldRows,
    ) -> Result<(), CliError> {
        match self {
            Display::Screen(screen) => screen.update(tx_id),
            Display::Lines => write_out(&change_lines(tx_id, changes, rows))?,
            Display::Json => write_out(&format!("{message}\n"))?,
        }
        Ok(())
    }

    /// The query is followed again; `changes` is what was missed, where the server has sent all rows anew.
    pub fn resumed(
        &mut self,
        message: &str,
        tx_id: u64,
        changes: &RowChanges,
        rows: &HeldRows,
    ) -> Result<(), CliError> {
        match self {
            Display::Screen(screen) => screen.resumed(tx_id),
            Display::Lines => {
                eprintln!("connected again");
                if !changes.is_empty() {
                    write_out(&change_lines(tx_id, changes, rows))?;
                }
            }
            Display::Json => {
                eprintln!("connected again");
                write_out(&format!("{message}\n"))?;
            }
        }
        Ok(())
    }

    /// The connection is gone; there will be another attempt after `pause`.
    pub fn lost(&mut self, reason: &str, pause: Duration, rows: &HeldRows) -> Result<(), CliError> {
        let notice = format!("not connected, trying again in {pause:?}: {reason}");
        match self {
            Display::Screen(screen) => {
                screen.note(notice);
                screen.draw(rows)?;
            }
            Display::Lines | Display::Json => eprintln!("{notice}"),
        }
        Ok(())
    }

    /// Shows what was taken in since it was last called, where that is not shown at once.
    pub fn draw(&mut self, rows: &HeldRows) -> Result<(), CliError> {
        match self {
            Display::Screen(screen) => screen.draw(rows),
            Display::Lines | Display::Json => Ok(()),
        }
    }

    /// The terminal has another size.
    pub fn resize(&mut self) {
        if let Display::Screen(screen) = self {
            screen.resize();
        }
    }

    /// Leaves the terminal to whoever comes next.
    pub fn leave(&mut self) {
        if let Display::Screen(screen) = self {
            screen.leave();
        }
    }
}

fn change_lines(tx_id: u64, changes: &RowChanges, rows: &HeldRows) -> String {
    let mut lines = String::new();
    let deletes = changes.deletes.iter().map(|row| ('-', row));
    for (sign, row) in deletes.chain(changes.inserts.iter().map(|row| ('+', row))) {
        lines.push(sign);
        lines.push(' ');
        lines
            .push_str(&cells(row).iter().map(|cell| one_line(cell)).collect::<Vec<_>>().join("\t"));
        lines.push('\n');
    }
    lines + &status(tx_id, rows)
}

fn status(tx_id: u64, rows: &HeldRows) -> String {
    format!("{} (transaction {tx_id})\n", rows_text(rows.len()))
}

/// The values of a row, for people.
pub fn cells(row: &str) -> Vec<String> {
    values(row).into_iter().map(cell).collect()
}

/// A value that leaves lines and tabs to those who read them.
pub fn one_line(cell: &str) -> String {
    cell.replace('\n', "\\n").replace('\t', "\\t")
}

/// Writes all of it at once.
pub fn write_out(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_line_of_values() {
        let mut rows = HeldRows::default();
        rows.replace(&["[1,\"a\\tb\"]", "[2,null]"]);
        let changes = rows.apply(&["[1,\"c\\nd\"]"], &["[1,\"a\\tb\"]"]).unwrap();
        let lines = change_lines(7, &changes, &rows);
        assert_eq!(lines, "- 1\ta\\tb\n+ 1\tc\\nd\n2 rows (transaction 7)\n");
    }
}
