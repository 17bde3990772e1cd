//! What commands print, and how they fail.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{Table, presets};
use serde_json::value::RawValue;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The server understood and said no: its own words.
    #[error("{detail} ({code}, {status})")]
    Refused { status: u16, code: String, detail: String },
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} does not answer as a cosmictron server does: {reason}")]
    Foreign { url: String, reason: String },
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Local(String),
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    #[error(
        "no token for {url}: run `cosmictron sign-in`, or give one by --token or COSMICTRON_TOKEN"
    )]
    NoToken { url: String },
    #[error("not up to date: {}", names(files))]
    Stale { files: Vec<PathBuf> },
    #[error("the server does not run: {0}")]
    Server(#[from] crate::server::ServeError),
}

impl CliError {
    /// Says it, and what the process's exit code is.
    pub fn report(self) -> ExitCode {
        eprintln!("error: {self}");
        ExitCode::from(match self {
            CliError::Refused { .. }
            | CliError::NoToken { .. }
            | CliError::Stale { .. }
            | CliError::Server(_) => 1,
            CliError::Unreachable { .. } | CliError::Foreign { .. } => 3,
            CliError::File { .. } | CliError::Local(_) | CliError::Output(_) => 4,
        })
    }

    /// For a file that could not be read or written.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> CliError {
        let path = path.into();
        move |source| CliError::File { path, source }
    }
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Prints rows as a table for people.
pub fn print_table(columns: &[impl AsRef<str>], rows: impl IntoIterator<Item = Vec<String>>) {
    println!("{}", table(columns, rows));
}

/// Rows as a table for people.
pub fn table(columns: &[impl AsRef<str>], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(columns.iter().map(|column| column.as_ref().to_owned()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row);
    }
    table
}

/// How many rows, for people.
pub fn rows_text(count: usize) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

/// A JSON value as it stands in a table: strings without quotes, control characters escaped.
pub fn cell(value: &RawValue) -> String {
    match serde_json::from_str::<Option<String>>(value.get()) {
        Ok(Some(text)) => harmless(&text),
        Ok(None) => "∅".to_owned(),
        Err(_) => value.get().to_owned(),
    }
}

/// A text as it may stand on a terminal.
pub fn harmless(text: &str) -> String {
    text.chars().flat_map(printable).collect()
}

/// A stored text may hold anything; a terminal should not obey it.
fn printable(character: char) -> Box<dyn Iterator<Item = char>> {
    match character.is_control() && character != '\n' && character != '\t' {
        true => Box::new(character.escape_default()),
        false => Box::new(std::iter::once(character)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_readable_and_harmless() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(cell(&raw("\"a\\u001b[31mb\"")), "a\\u{1b}[31mb");
        assert_eq!(cell(&raw("null")), "∅");
        assert_eq!(cell(&raw("18446744073709551615")), "18446744073709551615");
        assert_eq!(cell(&raw("{\"a\":[1]}")), "{\"a\":[1]}");
    }
}
