//! What TLS costs: the same requests to two servers, one with a certificate and one without, and connections that are
//! made anew for each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use rustls::client::Resumption;
use rustls::{ClientConfig, StreamOwned};

use super::bank::Bank;
use super::{CONNECTIONS, Effort, WARM_UP, named};
use crate::certificate::Certificate;
use crate::cpu::Seats;
use crate::load::{self, Answers, Fixed, Load, Pace, Transfer, Until, Workload};
use crate::process::Server;
use crate::report::{Figure, Report, Target};

/// Sessions that a client keeps for coming back.
const SESSIONS_KEPT: usize = 16;

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
}

/// A server with accounts.
struct Side {
    server: Server,
    token: String,
    tls: Option<Arc<ClientConfig>>,
}

/// Both, each asked in turn with the other.
struct Scene<'a> {
    options: &'a Options,
    plain: Side,
    within: Side,
    /// A client that is new each time.
    fresh: Arc<ClientConfig>,
}

pub fn run(options: &Options) -> Result<Report> {
    let seats = Seats::find()?;
    let folder = options.bank.place.folder()?;
    let scene = Scene::set(options, seats, folder.path())?;
    let mut figures: Vec<Figure> = Vec::new();
    for round in 1..=options.effort.rounds {
        eprintln!("round {round} of {}", options.effort.rounds);
        for (place, (name, unit, target, sides)) in
            scene.measure(u64::from(round))?.into_iter().enumerate()
        {
            if figures.len() == place {
                let floor = "without TLS".to_owned();
                figures.push(Figure { name, unit, floor, rounds: Vec::new(), target });
            }
            figures[place].rounds.push(sides);
        }
    }
    Ok(Report { figures })
}

/// A figure of one round: with TLS, and without.
type Measured = (String, &'static str, Target, (f64, f64));

impl<'a> Scene<'a> {
    fn set(options: &'a Options, seats: Seats, folder: &Path) -> Result<Scene<'a>> {
        let certificate = Certificate::make(folder)?;
        let returning = certificate.client(Resumption::in_memory_sessions(SESSIONS_KEPT))?;
        let plain = Server::start(seats, &folder.join("plain"))?;
        let within = Server::start_tls(seats, &folder.join("within"), &certificate)?;
        Ok(Scene {
            options,
            plain: Side::set(options, plain, None)?,
            within: Side::set(options, within, Some(returning))?,
            fresh: certificate.client(Resumption::disabled())?,
        })
    }

    fn measure(&self, seed: u64) -> Result<Vec<Measured>> {
        let mut measured = Vec::new();
        let span = self.options.effort.span();
        for connections in CONNECTIONS {
            let ask = |side: &Side, workload: &mut dyn Workload| {
                let (pace, until) = (Pace::Closed { depth: 1 }, Until::Passed(span));
                let address = side.server.address;
                let load = Load { address, connections, pace, warm_up: WARM_UP, until };
                side.ask(&load, workload)
            };
            let mut health = Fixed::get("/v1/health", "perf");
            let plain = ask(&self.plain, &mut health)?.per_second();
            let within = ask(&self.within, &mut health)?.per_second();
            let name = named("health", connections);
            measured.push((name, "/s", Target::AtLeast(0.80), (within, plain)));
            let ids = || self.options.bank.ids(seed);
            let plain = &mut Transfer::new(ids(), "perf", &self.plain.token);
            let plain = ask(&self.plain, plain)?;
            let within = &mut Transfer::new(ids(), "perf", &self.within.token);
            let within = ask(&self.within, within)?;
            let name = named("durable transfer", connections);
            let sides = (within.per_second(), plain.per_second());
            measured.push((name, "/s", Target::AtLeast(0.85), sides));
            if connections == 1 {
                let sides = (within.micros_at(0.5), plain.micros_at(0.5));
                let name = "durable transfer, p50, 1 connection".to_owned();
                measured.push((name, "us", Target::AtMost(1.15), sides));
            }
        }
        let (plain, within) = (self.plain.server.address, self.within.server.address);
        let anew = connections_anew(plain, None, span)?;
        let full = connections_anew(within, Some(&self.fresh), span)?;
        let resumed = connections_anew(within, self.within.tls.as_ref(), span)?;
        let (one, two) = ("health, each on a new connection", "the same with a ticket");
        measured.push((one.to_owned(), "/s", Target::AtLeast(0.10), (full, anew)));
        measured.push((two.to_owned(), "/s", Target::AtLeast(0.10), (resumed, anew)));
        Ok(measured)
    }
}

impl Side {
    fn set(options: &Options, server: Server, tls: Option<Arc<ClientConfig>>) -> Result<Side> {
        server.command(&["deploy", &options.bank.place.module.to_string_lossy()])?;
        for opening in options.bank.openings() {
            server.command(&["call", "open_accounts", &format!("{opening:?}")])?;
        }
        Ok(Side { token: server.token()?, server, tls })
    }

    fn ask(&self, load: &Load, workload: &mut dyn Workload) -> Result<Answers> {
        let answers = match &self.tls {
            None => load::run(load, workload),
            Some(tls) => load::run_within(tls, load, workload),
        };
        answers?.all_good()
    }
}

/// How many requests a second are answered, one after the other, each on a connection of its own. The client's half of
/// the work counts as well.
fn connections_anew(
    address: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
    span: Duration,
) -> Result<f64> {
    let (start, mut answered) = (Instant::now(), 0_u64);
    while start.elapsed() < span {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        match tls {
            None => ask_once(stream)?,
            Some(config) => {
                let name = rustls::pki_types::ServerName::try_from("localhost")?;
                let session = rustls::ClientConnection::new(config.clone(), name)?;
                ask_once(StreamOwned::new(session, stream))?;
            }
        }
        answered += 1;
    }
    Ok(answered as f64 / start.elapsed().as_secs_f64())
}

fn ask_once(mut stream: impl Read + Write) -> Result<()> {
    stream.write_all(b"GET /v1/health HTTP/1.1\r\nHost: perf\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "the answer is no 200");
    Ok(())
}
