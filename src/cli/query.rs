//! `call` and `sql`.

use clap::Args;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::client::{Client, Connection};
use super::output::{CliError, cell, print_table, rows_text};

#[derive(Debug, Args)]
pub struct CallFlags {
    /// The reducer, as NAME or MODULE/NAME
    reducer: String,
    /// Its arguments: one JSON object or array, or NAME=VALUE pairs, where a VALUE that is no JSON is a string
    args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct SqlFlags {
    /// The query; prompts for queries when absent
    query: Option<String>,
    /// Values of $1, $2, …: JSON, or a string
    params: Vec<String>,
}

#[derive(Deserialize)]
struct Called<'a> {
    tx_id: u64,
    duration_ms: f64,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Rows<'a> {
    columns: Vec<String>,
    #[serde(borrow)]
    rows: Vec<Vec<&'a RawValue>>,
    tx_id: u64,
}

pub fn call(connection: &Connection, flags: &CallFlags) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    let path = format!("/v1/reducers/{}", flags.reducer);
    let text = client.post(&path, "application/json", arguments(&flags.args)?.as_bytes())?;
    if connection.json {
        println!("{text}");
        return Ok(());
    }
    let called: Called<'_> = serde_json::from_str(&text)
        .map_err(|error| CliError::Local(format!("the answer is not understood: {error}")))?;
    if let Some(result) = called.result {
        println!("{}", result.get());
    }
    println!("Committed as transaction {} in {} ms.", called.tx_id, called.duration_ms);
    Ok(())
}

/// One JSON text, or pairs.
fn arguments(args: &[String]) -> Result<String, CliError> {
    if let [only] = args
        && only.starts_with(['{', '['])
    {
        return Ok(only.clone());
    }
    let mut object = Map::new();
    for arg in args {
        let (name, value) = arg
            .split_once('=')
            .ok_or_else(|| CliError::Local(format!("{arg} is neither JSON nor NAME=VALUE")))?;
        object.insert(name.to_owned(), value_of(value));
    }
    Ok(Value::Object(object).to_string())
}

/// A parameter or an argument as it was typed: JSON, or else a string.
pub fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

pub fn sql(connection: &Connection, flags: &SqlFlags) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    match &flags.query {
        Some(query) => {
            let params: Vec<Value> = flags.params.iter().map(|text| value_of(text)).collect();
            run(&client, query, &params, connection.json)
        }
        None => prompt(&client, connection.json),
    }
}

fn run(client: &Client, query: &str, params: &[Value], as_json: bool) -> Result<(), CliError> {
    let body = json!({ "query": query, "params": params }).to_string();
    let text = client.post("/v1/sql", "application/json", body.as_bytes())?;
    if as_json {
        println!("{text}");
        return Ok(());
    }
    let rows: Rows<'_> = serde_json::from_str(&text)
        .map_err(|error| CliError::Local(format!("the answer is not understood: {error}")))?;
    let count = rows.rows.len();
    print_table(
        &rows.columns,
        rows.rows.iter().map(|row| row.iter().map(|value| cell(value)).collect()),
    );
    println!("{} (transaction {})", rows_text(count), rows.tx_id);
    Ok(())
}

/// Reads queries until the end of input. A query ends with a semicolon.
fn prompt(client: &Client, as_json: bool) -> Result<(), CliError> {
    let broken = |error: ReadlineError| CliError::Local(format!("the terminal: {error}"));
    let mut editor = DefaultEditor::new().map_err(broken)?;
    let mut query = String::new();
    loop {
        let line = match editor.readline(if query.is_empty() { "sql> " } else { "...> " }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                query.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(broken(error)),
        };
        query.push_str(&line);
        query.push('\n');
        let Some(complete) = query.trim().strip_suffix(';') else { continue };
        // A history that cannot be kept is no reason to stop.
        let _ = editor.add_history_entry(query.trim());
        if let Err(error) = run(client, complete, &[], as_json) {
            eprintln!("error: {error}");
        }
        query.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_json_or_pairs() {
        let args = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            arguments(&args).unwrap()
        };
        assert_eq!(args(&[r#"{"a":1}"#]), r#"{"a":1}"#);
        assert_eq!(args(&["[1, 2]"]), "[1, 2]");
        assert_eq!(args(&["a=1", "b=x y", "c=true"]), r#"{"a":1,"b":"x y","c":true}"#);
        assert_eq!(args(&[]), "{}");
        assert!(arguments(&["nonsense".to_owned()]).is_err());
    }
}
