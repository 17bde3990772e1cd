//! Whether the server lives, is ready, and how it does.

use cosmictron_net::{Problem, ProblemCode, Status};
use cosmictron_runtime::real::ProcessFacts;
use cosmictron_types::TxId;
use serde::Serialize;

use super::account::{offload, to_json};
use super::envelope::Content;
use super::problem::bug;
use super::{Api, Exchange, Handled, Outcome};
use crate::auth::Role;
use crate::shard::{Answer, Request, ShardReport};

/// The whole state.
#[derive(Serialize)]
struct Diagnostics {
    version: &'static str,
    uptime_secs: i64,
    durability: String,
    io: String,
    log: String,
    process: Option<Process>,
    connections: usize,
    pool_waiting: usize,
    pool_running: usize,
    tx_id: u64,
    modules: Vec<ModuleLine>,
    shards: Vec<ShardReport>,
}

#[derive(Serialize)]
struct Process {
    resident_bytes: u64,
    open_files: usize,
    open_files_max: Option<u64>,
    threads: usize,
    cpu_micros: i64,
}

impl Process {
    fn now() -> Option<Process> {
        let facts = ProcessFacts::read().ok()?;
        Some(Process {
            resident_bytes: facts.resident_bytes,
            open_files: facts.open_files,
            open_files_max: facts.open_files_max,
            threads: facts.threads,
            cpu_micros: facts.cpu_time.as_micros(),
        })
    }
}

#[derive(Serialize)]
struct ModuleLine {
    name: String,
    version: String,
    shard: u16,
}

impl Exchange<'_> {
    pub(super) fn health(self, out: &mut Vec<u8>) -> Handled {
        self.envelope.json(self.api, out, Status::Ok, |out| {
            out.extend_from_slice(b"{\"status\":\"ok\"}");
        });
        Ok(Outcome::Written)
    }

    pub(super) fn ready(self, out: &mut Vec<u8>) -> Handled {
        #[derive(Serialize)]
        struct Ready {
            status: &'static str,
            durability: String,
        }
        if self.api.shard.is_shutting_down() {
            return Err(Problem::new(ProblemCode::ShuttingDown, "the server is shutting down")
                .retry_after(5));
        }
        let failed = self.api.shard.with(|shard| shard.directory().failed_logs().first().copied());
        if let Some(shard) = failed {
            let detail = format!("the write-ahead log of shard {shard} has failed");
            return Err(Problem::new(ProblemCode::Unavailable, detail));
        }
        let durability = self.api.common.config.durability.to_string();
        self.json(out, &Ready { status: "ready", durability });
        Ok(Outcome::Written)
    }

    pub(super) fn diagnostics(self) -> Handled {
        self.caller_with(Role::Admin)?;
        self.task(async move |api| {
            let process = offload(&api, Process::now).await?;
            let shards = api.reports().await?;
            Ok(Content::Json(Status::Ok, to_json(&api.diagnose(process, shards))))
        })
    }

    pub(super) fn welcome(self, out: &mut Vec<u8>) -> Handled {
        #[derive(Serialize)]
        struct Welcome {
            name: &'static str,
            version: &'static str,
            openapi: &'static str,
        }
        let version = env!("CARGO_PKG_VERSION");
        self.json(out, &Welcome { name: "cosmictron", version, openapi: "/v1/openapi.json" });
        Ok(Outcome::Written)
    }

    pub(super) fn openapi(self, out: &mut Vec<u8>) -> Handled {
        self.envelope.json(self.api, out, Status::Ok, |out| {
            out.extend_from_slice(include_bytes!("openapi.json"));
        });
        Ok(Outcome::Written)
    }
}

impl Api {
    /// Asks every shard how it does.
    pub async fn reports(&self) -> Result<Vec<ShardReport>, Problem<'static>> {
        // All are asked before the first is waited for.
        let asked: Vec<_> = self
            .shard
            .count()
            .shards()
            .map(|shard| self.shard.request(Request::Report(shard)))
            .collect();
        let mut reports = Vec::with_capacity(asked.len());
        for pending in asked {
            match pending.await {
                Answer::Report(report) => reports.push(*report),
                _ => return Err(bug()),
            }
        }
        Ok(reports)
    }

    fn diagnose(&self, process: Option<Process>, shards: Vec<ShardReport>) -> Diagnostics {
        let facts = self.shard.facts();
        let modules = self.shard.with(|shard| {
            let line = |module: &std::sync::Arc<crate::directory::Module>| ModuleLine {
                name: module.name.to_string(),
                version: module.compiled.version().to_string(),
                shard: module.home.get(),
            };
            shard.directory().modules().map(line).collect()
        });
        Diagnostics {
            version: env!("CARGO_PKG_VERSION"),
            uptime_secs: self.shard.now().since(self.started_at).as_secs(),
            durability: self.common.config.durability.to_string(),
            io: facts.io.to_string(),
            log: facts.log_backend.to_string(),
            process,
            connections: facts.connections,
            pool_waiting: facts.pool_waiting,
            pool_running: facts.pool_running,
            tx_id: shards
                .iter()
                .map(|shard| shard.committed_tx_id)
                .max()
                .unwrap_or(TxId::ZERO.get()),
            modules,
            shards,
        }
    }
}

/// One line of a metric: its name, what it is, and where its value stands in a shard's report.
type Metric = (&'static str, &'static str, &'static str, fn(&ShardReport) -> u64);

const METRICS: &[Metric] = &[
    ("cosmictron_calls_total", "counter", "Reducer calls", |r| r.figures.calls),
    ("cosmictron_calls_refused_total", "counter", "Reducer calls answered with an error", |r| {
        r.figures.calls_refused
    }),
    ("cosmictron_scheduled_calls_total", "counter", "Scheduled calls run", |r| {
        r.figures.scheduled_calls
    }),
    ("cosmictron_visits_total", "counter", "Connections that modules were told of", |r| {
        r.figures.visits
    }),
    (
        "cosmictron_visits_ended_total",
        "counter",
        "Connections of whose ends modules were told",
        |r| r.figures.visits_ended,
    ),
    (
        "cosmictron_visits_owed",
        "gauge",
        "Connections whose ends modules are still to be told",
        |r| r.visits_owed as u64,
    ),
    ("cosmictron_tls_handshakes_full_total", "counter", "TLS handshakes with a signature", |r| {
        r.figures.handshakes.full
    }),
    ("cosmictron_tls_handshakes_resumed_total", "counter", "TLS handshakes with a ticket", |r| {
        r.figures.handshakes.resumed
    }),
    ("cosmictron_tls_handshakes_failed_total", "counter", "TLS handshakes that failed", |r| {
        r.figures.handshakes.failed
    }),
    (
        "cosmictron_tls_handshakes_shed_total",
        "counter",
        "TLS handshakes that were ended since too many waited",
        |r| r.figures.handshakes.shed,
    ),
    ("cosmictron_queries_total", "counter", "SQL queries", |r| r.figures.queries),
    ("cosmictron_view_runs_total", "counter", "Runs of the views of live queries", |r| {
        r.figures.view_runs
    }),
    ("cosmictron_busy_micros_total", "counter", "Microseconds that the shard's core worked", |r| {
        r.busy_micros
    }),
    ("cosmictron_queued", "gauge", "Requests that wait for the shard's store", |r| r.queued as u64),
    (
        "cosmictron_jobs_total",
        "counter",
        "Transactions of several shards that ran on this one",
        |r| r.figures.jobs,
    ),
    ("cosmictron_lent_total", "counter", "Times that the shard's store was lent", |r| {
        r.figures.lent
    }),
    (
        "cosmictron_lent_micros_total",
        "counter",
        "Microseconds that the shard's store was away",
        |r| r.figures.lent_micros,
    ),
    ("cosmictron_rows", "gauge", "Rows of all modules", |r| r.rows),
    ("cosmictron_scans", "gauge", "Queries that go on in slices", |r| r.scans as u64),
    ("cosmictron_live_queries", "gauge", "Live queries", |r| r.live_queries as u64),
    ("cosmictron_subscriptions", "gauge", "Subscriptions to live queries", |r| {
        r.subscriptions as u64
    }),
    ("cosmictron_live_bytes", "gauge", "Memory of live queries", |r| r.live_bytes as u64),
    ("cosmictron_committed_tx_id", "gauge", "Newest committed transaction", |r| r.committed_tx_id),
    ("cosmictron_log_records_total", "counter", "Log records appended", |r| r.log.records),
    ("cosmictron_log_groups_total", "counter", "Commit groups written", |r| r.log.groups),
    ("cosmictron_log_written_bytes_total", "counter", "Bytes written to the log", |r| {
        r.log.written_bytes
    }),
    ("cosmictron_log_backlog_bytes", "gauge", "Bytes that wait for the log", |r| {
        r.log.backlog_bytes as u64
    }),
    ("cosmictron_log_durable_lsn", "gauge", "Last durable record", |r| r.log.durable_lsn),
    ("cosmictron_answers_held", "gauge", "Answers that wait for the log", |r| {
        r.answers_held as u64
    }),
    ("cosmictron_store_bytes", "gauge", "Memory of rows and indexes", |r| r.store_bytes),
    ("cosmictron_history_bytes", "gauge", "Memory of what rows were before", |r| r.history_bytes),
    ("cosmictron_history_versions", "gauge", "Old versions of rows", |r| r.history_versions),
    (
        "cosmictron_history_oldest_tx_id",
        "gauge",
        "Oldest transaction as of which every table can be read",
        |r| r.history_oldest_tx_id,
    ),
];

/// The state in Prometheus' text format.
pub fn metrics_text(reports: &[ShardReport]) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (name, kind, help, value) in METRICS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
        for report in reports {
            let _ = writeln!(text, "{name}{{shard=\"{}\"}} {}", report.shard, value(report));
        }
    }
    text
}
