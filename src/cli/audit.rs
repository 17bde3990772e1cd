//! `audit`: what was done to the server, and by whom.

use clap::Args;
use cosmictron_net::HttpDate;
use cosmictron_types::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::Connection;
use super::output::{CliError, print_table};

#[derive(Debug, Args)]
pub struct AuditFlags {
    /// Only entries behind the one with this id
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// At most so many entries, the oldest first
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u32,
}

#[derive(Deserialize)]
struct List {
    entries: Vec<Entry>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    at: i64,
    event: String,
    actor: Option<String>,
    subject: String,
    detail: String,
}

pub fn audit(connection: &Connection, flags: &AuditFlags) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    let after = flags.after.as_ref().map(|id| format!("&after={id}")).unwrap_or_default();
    let path = format!("/v1/admin/audit?limit={}{after}", flags.limit);
    if connection.json {
        println!("{}", client.get::<Box<RawValue>>(&path)?);
        return Ok(());
    }
    let List { entries, truncated } = client.get(&path)?;
    let last = entries.last().map(|entry| entry.id.clone());
    let row = |entry: Entry| {
        let at = HttpDate::new(Timestamp::from_micros(entry.at));
        let at = String::from_utf8_lossy(at.as_bytes()).into_owned();
        vec![at, entry.event, entry.actor.unwrap_or_default(), entry.subject, entry.detail]
    };
    print_table(&["at", "event", "actor", "subject", "detail"], entries.into_iter().map(row));
    if let (true, Some(last)) = (truncated, last) {
        println!("There are more: --after {last}");
    }
    Ok(())
}
