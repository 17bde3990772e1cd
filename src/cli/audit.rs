//! `audit`: what was done to the server, and by whom; and whether its logs are what was written.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cosmictron_net::HttpDate;
use cosmictron_types::Timestamp;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::Connection;
use super::output::{CliError, harmless, print_table};
use crate::server::verification;
use crate::shard::{ChainHead, ChainReport};

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

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Holds the logs of a data directory, which no server uses meanwhile, to their chains of hashes
    Verify(VerifyFlags),
}

#[derive(Debug, Args)]
pub struct VerifyFlags {
    /// The data directory
    #[arg(
        long,
        value_name = "DIR",
        env = "COSMICTRON_DATA_DIR",
        default_value = "cosmictron-data"
    )]
    data_dir: PathBuf,
    /// A head that was printed before and kept elsewhere: the logs have to contain it
    #[arg(long, value_name = "HEAD")]
    expect: Vec<ChainHead>,
    /// Prints what programs read
    #[arg(long)]
    json: bool,
}

pub fn verify(flags: &VerifyFlags) -> Result<(), CliError> {
    let reports = verification::verify(&flags.data_dir, &flags.expect);
    let reports = reports.map_err(|error| CliError::Local(error.to_string()))?;
    if flags.json {
        let shards: Vec<_> = reports.iter().map(in_json).collect();
        println!("{}", json!({ "shards": shards }));
        return Ok(());
    }
    let row = |(shard, report): (usize, &ChainReport)| {
        let head = report.head.map(|head| head.to_string()).unwrap_or_default();
        let counts = [shard as u64, report.records, report.seals, report.unsealed];
        counts.iter().map(ToString::to_string).chain([head]).collect()
    };
    let columns = ["shard", "records", "seals", "unsealed", "head"];
    print_table(&columns, reports.iter().enumerate().map(row));
    println!("The logs are what was written, as far as their seals and the heads tell.");
    Ok(())
}

fn in_json(report: &ChainReport) -> serde_json::Value {
    let ChainReport { head, records, seals, unsealed } = report;
    let head = head.map(|head| head.to_string());
    json!({ "records": records, "seals": seals, "unsealed": unsealed, "head": head })
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
        // What was refused names what a client has asked for.
        let (subject, detail) = (harmless(&entry.subject), harmless(&entry.detail));
        vec![at, entry.event, entry.actor.unwrap_or_default(), subject, detail]
    };
    print_table(&["at", "event", "actor", "subject", "detail"], entries.into_iter().map(row));
    if let (true, Some(last)) = (truncated, last) {
        println!("There are more: --after {last}");
    }
    Ok(())
}
