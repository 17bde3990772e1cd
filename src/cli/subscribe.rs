//! `subscribe`: a query's answer that is kept up to date, as a live table or as lines.
//!
//! ```text
//!            welcome, subscribed                  lost, or shut down
//!   Opening ─────────────────────▶ Following ────────────────────────▶ Waiting ──▶ Opening, with `since`
//!      │                              │ refused, Ctrl-C, --count
//!      └── the first time: an error   └──────────▶ the end
//! ```
//!
//! What is shown is always the answer as of one transaction: updates are drawn when there is nothing more to read.

mod display;
mod message;
mod order;
mod rows;
mod screen;
mod signals;
mod socket;
mod stream;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::client::Connection;
use super::output::CliError;
use super::query::value_of;
use display::Display;
use message::{Message, Tidings};
use rows::HeldRows;
use signals::{Signals, Wake};
use socket::{Lost, Socket, Target};

/// The only subscription of the connection.
const SUBSCRIPTION: u64 = 1;
/// A server that says nothing for so long is asked whether it is there, and given up when it goes on saying nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// Before the first attempt to connect again; twice as long before each further one.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub struct SubscribeFlags {
    /// The query
    query: String,
    /// Values of $1, $2, …: JSON, or a string
    params: Vec<String>,
    /// Ends after so many updates; 0 shows the first answer alone
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// A query that is followed, over however many connections that takes.
struct Following {
    target: Target,
    tls: Arc<ClientConfig>,
    token: String,
    query: String,
    params: Vec<Value>,
    updates_max: Option<u64>,
    updates: u64,
    /// What the rows are as of, once there are any.
    tx_id: Option<u64>,
    rows: HeldRows,
    display: Display,
    signals: Signals,
}

/// Why a query is not followed on a connection any more.
enum End {
    /// All that was wanted was shown, or nobody wants to see more.
    Done,
    /// It can be gone on with on another connection.
    Lost(String),
}

pub fn subscribe(connection: &Connection, flags: &SubscribeFlags) -> Result<(), CliError> {
    let token = connection.token()?;
    let target = Target::parse(&connection.url)?;
    let tls = connection.authorities()?.for_sockets();
    let tls = tls.map_err(|error| CliError::Local(error.to_string()))?;
    let signals = Signals::watch()
        .map_err(|error| CliError::Local(format!("signals cannot be watched: {error}")))?;
    let mut following = Following {
        target,
        tls,
        token,
        query: flags.query.clone(),
        params: flags.params.iter().map(|text| value_of(text)).collect(),
        updates_max: flags.count,
        updates: 0,
        tx_id: None,
        rows: HeldRows::default(),
        display: Display::new(connection.json, &flags.query),
        signals,
    };
    let ended = following.run();
    following.display.leave();
    match ended {
        // Who reads has seen enough.
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        ended => ended,
    }
}

impl Following {
    fn run(&mut self) -> Result<(), CliError> {
        let mut pause = PAUSE_MIN;
        loop {
            let updates = self.updates;
            let reason = match self.follow() {
                Ok(End::Done) => return Ok(()),
                Ok(End::Lost(reason)) => reason,
                Err(CliError::Unreachable { reason, .. }) if self.tx_id.is_some() => reason,
                Err(error) if self.tx_id.is_some() && is_passing(&error) => error.to_string(),
                Err(error) => return Err(error),
            };
            if self.updates != updates {
                pause = PAUSE_MIN;
            }
            self.display.lost(&reason, pause, &self.rows)?;
            if self.signals.wait(None, Some(jittered(pause))) == Wake::Ended {
                return Ok(());
            }
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Follows the query on one connection, to its end.
    fn follow(&mut self) -> Result<End, CliError> {
        let mut socket =
            self.signals.ending_at_once(|| Socket::open(&self.target, &self.tls, &self.token))?;
        let begun = self.begin(&mut socket);
        let end = match begun {
            Ok(()) => self.listen(&mut socket)?,
            Err(lost) => self.end_of(lost)?,
        };
        if matches!(end, End::Done) {
            socket.close();
        }
        Ok(end)
    }

    fn begin(&self, socket: &mut Socket) -> Result<(), Lost> {
        let mut subscribe = json!({
            "type": "subscribe", "id": SUBSCRIPTION, "query": self.query, "params": self.params,
        });
        if let Some(tx_id) = self.tx_id {
            subscribe["since"] = tx_id.into();
        }
        socket.send(&subscribe.to_string())
    }

    fn listen(&mut self, socket: &mut Socket) -> Result<End, CliError> {
        let mut is_asked = false;
        loop {
            // All that has come is taken in before anything is drawn.
            loop {
                match socket.receive() {
                    Ok(Some(text)) => {
                        is_asked = false;
                        if let Some(end) = self.take(&text)? {
                            return Ok(end);
                        }
                    }
                    Ok(None) => break,
                    Err(lost) => return self.end_of(lost),
                }
            }
            self.display.draw(&self.rows)?;
            match self.signals.wait(Some(socket.stream()), Some(SILENCE)) {
                Wake::Ended => return Ok(End::Done),
                Wake::Readable => is_asked = false,
                Wake::Resized => self.display.resize(),
                Wake::TimedOut if is_asked => {
                    return Ok(End::Lost("the server says nothing".to_owned()));
                }
                Wake::TimedOut => match socket.ping() {
                    Ok(()) => is_asked = true,
                    Err(lost) => return self.end_of(lost),
                },
            }
        }
    }

    /// Takes a message in; says so when nothing more is wanted.
    fn take(&mut self, text: &str) -> Result<Option<End>, CliError> {
        let foreign = |reason| CliError::Foreign { url: self.target.url().to_owned(), reason };
        match Message::parse(text).map_err(foreign)?.tidings(SUBSCRIPTION).map_err(foreign)? {
            Tidings::Nothing => return Ok(None),
            Tidings::Begun { tx_id, columns, key, rows } => {
                self.rows.tell_apart_by(key);
                let changes = rows.map(|rows| self.rows.replace(&rows)).unwrap_or_default();
                match self.tx_id.replace(tx_id) {
                    None => self.display.begin(text, columns, tx_id, &self.rows)?,
                    Some(_) => self.display.resumed(text, tx_id, &changes, &self.rows)?,
                }
            }
            Tidings::Update { tx_id, inserts, deletes } => {
                let changes = self.rows.apply(&inserts, &deletes).map_err(foreign)?;
                self.tx_id = Some(tx_id);
                self.updates += 1;
                self.display.update(text, tx_id, &changes, &self.rows)?;
            }
            Tidings::Refused(refusal) => {
                let can_go_on = self.tx_id.is_some() && is_passing(&refusal);
                return if can_go_on {
                    Ok(Some(End::Lost(refusal.to_string())))
                } else {
                    Err(refusal)
                };
            }
        }
        if self.updates_max.is_some_and(|max| max <= self.updates) && self.tx_id.is_some() {
            self.display.draw(&self.rows)?;
            return Ok(Some(End::Done));
        }
        Ok(None)
    }

    /// What the end of a connection comes to.
    fn end_of(&self, lost: Lost) -> Result<End, CliError> {
        match (lost.refusal(), self.tx_id) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(_)) => Ok(End::Lost(lost.to_string())),
            (None, None) => {
                let url = self.target.url().to_owned();
                Err(CliError::Unreachable { url, reason: lost.to_string() })
            }
        }
    }
}

/// Whether it may be different at another time.
fn is_passing(error: &CliError) -> bool {
    match error {
        CliError::Unreachable { .. } | CliError::Foreign { .. } => true,
        CliError::Refused { status, .. } => matches!(status, 429 | 503),
        _ => false,
    }
}

/// Somewhat longer, so that not all who were cut off come again at once.
fn jittered(pause: Duration) -> Duration {
    let mut chance = [0];
    // Without chance it is just not spread.
    let _ = getrandom::fill(&mut chance);
    pause + pause.mul_f64(f64::from(chance[0]) / 512.0)
}
