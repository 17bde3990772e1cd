//! What a shard says about itself: for diagnostics, metrics and those who look for a hot shard.

use cosmictron_storage::Table;
use cosmictron_types::TxId;
use cosmictron_wasm_host::{Console, LogLevel};
use serde::Serialize;

use super::{Seam, Shard};
use crate::catalog::FIRST_USER_TABLE;

/// What a shard has done since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figures {
    pub calls: u64,
    /// Calls that were answered with an error.
    pub calls_refused: u64,
    pub scheduled_calls: u64,
    /// Connections that modules of this shard were told of.
    pub visits: u64,
    /// Those of whose ends they know as well.
    pub visits_ended: u64,
    pub queries: u64,
    /// Times that the views of a live query have run.
    pub view_runs: u64,
    /// Transactions of several shards that ran here.
    pub jobs: u64,
    /// Times that the store was lent.
    pub lent: u64,
    /// Microseconds that it was away.
    pub lent_micros: u64,
    pub handshakes: HandshakeFigures,
}

/// How clients have come within TLS.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct HandshakeFigures {
    /// With a signature.
    pub full: u64,
    /// With a ticket of an earlier one.
    pub resumed: u64,
    /// Those that came to nothing, by the client's doing.
    pub failed: u64,
    /// Those that were ended since too many waited.
    pub shed: u64,
}

/// One shard at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct ShardReport {
    pub shard: u16,
    #[serde(flatten)]
    pub figures: Figures,
    /// Microseconds that the shard's core has worked for it.
    pub busy_micros: u64,
    /// The newest transaction that this shard committed.
    pub committed_tx_id: u64,
    pub log: LogReport,
    /// Answers that wait for the log.
    pub answers_held: usize,
    /// Records of transactions of several shards that wait for another shard's log.
    pub joint_waiting: usize,
    /// What waits for this shard's store.
    pub queued: usize,
    /// Connections whose ends modules of this shard are still to be told.
    pub visits_owed: usize,
    /// Reads that go on in slices.
    pub scans: usize,
    /// Requests to other shards that are not answered.
    pub requests_forwarded: usize,
    /// Live queries of this core's connections, and how many subscriptions share them.
    pub live_queries: usize,
    pub subscriptions: usize,
    /// Bytes that these queries keep of their inputs, about.
    pub live_bytes: usize,
    /// Rows of all modules.
    pub rows: u64,
    /// Bytes of rows and indexes.
    pub store_bytes: u64,
    /// Bytes of what rows were before, and of when that was.
    pub history_bytes: u64,
    pub history_versions: u64,
    /// The oldest transaction as of which every module's table can be read.
    pub history_oldest_tx_id: u64,
    pub tables: Vec<TableReport>,
}

/// One shard's log.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    pub state: String,
    pub appended_lsn: u64,
    pub durable_lsn: u64,
    pub records: u64,
    pub groups: u64,
    pub payload_bytes: u64,
    pub written_bytes: u64,
    pub segments: u64,
    pub backlog_bytes: usize,
    pub writes_in_flight: usize,
}

/// One table's part on one shard.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// The module, or nothing for the server's own tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    pub name: String,
    pub rows: usize,
    pub row_bytes: u64,
    pub index_bytes: u64,
    pub history_bytes: u64,
    /// Old versions of rows.
    pub history_versions: u64,
    /// The oldest transaction as of which the table can be read.
    pub history_oldest_tx_id: u64,
}

impl Shard {
    /// How clients have come to this core, for whoever takes them in.
    pub fn handshakes(&mut self) -> &mut HandshakeFigures {
        &mut self.figures.handshakes
    }

    pub(super) fn report(&self, seam: &Seam<'_>) -> ShardReport {
        ShardReport {
            shard: seam.shard().get(),
            figures: self.figures,
            busy_micros: u64::try_from(seam.busy().as_micros()).unwrap_or(0),
            committed_tx_id: self.committed.get(),
            log: self.log_report(),
            answers_held: self.outbox.len(),
            joint_waiting: self.stability.waiting(),
            queued: self.queue.len(),
            visits_owed: self.visits.owed(),
            scans: self.scans.len(),
            requests_forwarded: self.forwarded.iter().sum(),
            live_queries: self.live.flows(),
            subscriptions: self.live.subscriptions(),
            live_bytes: self.live.bytes(),
            rows: self.user_tables().map(|table| table.len() as u64).sum(),
            store_bytes: self.store().bytes(),
            history_bytes: self.store().history_bytes(),
            history_versions: self.store().tables().map(|table| table.history().versions).sum(),
            history_oldest_tx_id: self.oldest_readable().get(),
            tables: self.table_reports(),
        }
    }

    fn log_report(&self) -> LogReport {
        let figures = self.journal.figures();
        LogReport {
            state: format!("{:?}", self.journal.state()),
            appended_lsn: self.journal.appended().get(),
            durable_lsn: self.journal.durable().get(),
            records: figures.records,
            groups: figures.groups,
            payload_bytes: figures.payload_bytes,
            written_bytes: figures.written_bytes,
            segments: figures.segments,
            backlog_bytes: figures.backlog_bytes,
            writes_in_flight: figures.writes_in_flight,
        }
    }

    fn oldest_readable(&self) -> TxId {
        let oldest = self.user_tables().map(|table| table.history().oldest);
        oldest.max().unwrap_or(TxId::ZERO)
    }

    fn user_tables(&self) -> impl Iterator<Item = &Table> {
        self.store().tables().filter(|table| table.def().id >= FIRST_USER_TABLE)
    }

    fn table_reports(&self) -> Vec<TableReport> {
        let modules: Vec<_> = self.directory.modules().collect();
        let owner = |id| {
            let owns = |module: &&&std::sync::Arc<crate::directory::Module>| {
                module.tables.iter().any(|table| table.id == id)
            };
            modules.iter().find(owns).map(|module| module.name.to_string())
        };
        self.store()
            .tables()
            .map(|table| {
                let (def, bytes, history) = (table.def(), table.bytes(), table.history());
                TableReport {
                    module: owner(def.id).filter(|_| def.id >= FIRST_USER_TABLE),
                    name: def.name.to_string(),
                    rows: table.len(),
                    row_bytes: bytes.rows,
                    index_bytes: bytes.indexes,
                    history_bytes: history.bytes,
                    history_versions: history.versions,
                    history_oldest_tx_id: history.oldest.get(),
                }
            })
            .collect()
    }
}

/// Passes on what a guest wrote to its console.
pub fn log_console(module: &str, console: &Console) {
    if console.is_empty() {
        return;
    }
    for (level, text) in console.lines() {
        match level {
            LogLevel::Error => tracing::error!(target: "module", module, "{text}"),
            LogLevel::Warn => tracing::warn!(target: "module", module, "{text}"),
            LogLevel::Info => tracing::info!(target: "module", module, "{text}"),
            LogLevel::Debug => tracing::debug!(target: "module", module, "{text}"),
            LogLevel::Trace => tracing::trace!(target: "module", module, "{text}"),
        }
    }
    if console.dropped() > 0 {
        let dropped = console.dropped();
        tracing::warn!(target: "module", module, dropped, "lines were cut or left out");
    }
}
