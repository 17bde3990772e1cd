//! Live queries: what is pushed to many, and what many subscriptions cost those who write.

mod dashboard;
mod idle;
mod own_update;
mod parameters;
mod rooms;

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;
use tempfile::TempDir;

use super::Effort;
use super::place::Place;
use crate::cpu::Seats;
use crate::process::Server;
use crate::report::{Figure, Report};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    place: Place,
    /// What is measured; everything when nothing is named
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Sockets that watch one room
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Subscriptions that differ in one parameter
    #[arg(long, default_value_t = 100_000)]
    subscriptions: u64,
    /// Rows of the table that a dashboard is about
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Sockets that do nothing
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Rooms,
    Parameters,
    Dashboard,
    OwnUpdate,
    Idle,
}

/// Measures one part.
type Measure = fn(&Options, Seats) -> Result<Vec<Figure>>;

pub fn run(options: &Options) -> Result<Report> {
    // Before this process takes one of them.
    let seats = Seats::find()?;
    let parts: [(Part, Measure); 5] = [
        (Part::Rooms, rooms::figures),
        (Part::Parameters, parameters::figures),
        (Part::Dashboard, dashboard::figures),
        (Part::OwnUpdate, own_update::figures),
        (Part::Idle, idle::figures),
    ];
    let mut report = Report::default();
    for (part, figures) in parts {
        if options.only.is_empty() || options.only.contains(&part) {
            eprintln!("{part:?}");
            report.figures.extend(figures(options, seats)?);
        }
    }
    Ok(report)
}

/// A server with the module, and an account.
struct Scene {
    server: Server,
    token: String,
    /// Goes with the rest.
    _folder: TempDir,
}

impl Scene {
    /// With what a configuration file says.
    fn set(options: &Options, seats: Seats, settings: &str) -> Result<Scene> {
        let folder = options.place.folder()?;
        let data: &Path = &folder.path().join("data");
        let server = Server::start_with(seats, data, settings)?;
        let token = server.token()?;
        server.command(&["deploy", &options.place.module.to_string_lossy()])?;
        Ok(Scene { server, token, _folder: folder })
    }

    fn call(&self, reducer: &str, arguments: &str) -> Result<()> {
        self.server.command(&["call", reducer, arguments]).map(drop)
    }
}

/// A subscription as a client asks for it.
fn subscribe(id: u64, query: &str, params: &[u64]) -> String {
    json!({"type": "subscribe", "id": id, "query": query, "params": params}).to_string()
}

fn is_update(text: &str) -> bool {
    text.starts_with("{\"type\":\"update\"")
}

fn is_subscribed(text: &str) -> bool {
    text.starts_with("{\"type\":\"subscribed\"")
}
