//! What crowds cost those who are served beside them: attempts to sign in, and connections of which nothing good comes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use tempfile::TempDir;

use super::bank::Bank;
use super::{Effort, WARM_UP};
use crate::cpu::Seats;
use crate::load::{self, Answers, Load, Pace, Transfer, Until};
use crate::process::Server;
use crate::report::{Figure, Report, Target};

/// Those who call.
const CONNECTIONS: usize = 16;
/// A call that is due waits for no other, as people's do not.
const CALLS_PER_SECOND: f64 = 2_000.0;
/// Between two attempts to sign in: ten times as many as a processor can hash.
const ATTEMPT_PERIOD: Duration = Duration::from_millis(2);
/// Connections that they come over: more than may wait.
const ATTEMPTING: usize = 64;
const SIGN_IN: &str = r#"{"email": "nobody@example.com", "password": "wrong-password"}"#;
/// What each of the slow has sent, and what it sends once a second.
const SLOW_HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: perf\r\nX: ";
const SLOW_BYTE: &[u8] = b"x";

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
    /// Connections that never end their head
    #[arg(long, default_value_t = 5_000)]
    slow: usize,
}

/// A server with accounts.
struct Scene<'a> {
    options: &'a Options,
    server: Server,
    token: String,
    _folder: TempDir,
}

/// One round's calls: alone, and beside each crowd.
struct Round {
    alone: Answers,
    flood: Answers,
    slow: Answers,
}

pub fn run(options: &Options) -> Result<Report> {
    cosmictron_runtime::real::raise_descriptor_limit()?;
    let scene = Scene::set(options, Seats::find()?)?;
    let mut rounds = Vec::new();
    for round in 1..=options.effort.rounds {
        eprintln!("round {round} of {}", options.effort.rounds);
        rounds.push(scene.measure(u64::from(round))?);
    }
    let figure = |name: &str, quantile: f64, beside: fn(&Round) -> &Answers, bound| Figure {
        name: name.to_owned(),
        unit: "us",
        floor: "alone".to_owned(),
        rounds: rounds
            .iter()
            .map(|round| (beside(round).micros_at(quantile), round.alone.micros_at(quantile)))
            .collect(),
        target: Target::AtMost(bound),
    };
    let figures = vec![
        figure("transfer, p50, in a sign-in flood", 0.5, |round| &round.flood, 2.0),
        figure("transfer, p99, in a sign-in flood", 0.99, |round| &round.flood, 2.0),
        figure("transfer, p50, beside slow clients", 0.5, |round| &round.slow, 1.5),
        figure("transfer, p99, beside slow clients", 0.99, |round| &round.slow, 1.5),
    ];
    Ok(Report { figures })
}

impl<'a> Scene<'a> {
    fn set(options: &'a Options, seats: Seats) -> Result<Scene<'a>> {
        let folder = options.bank.place.folder()?;
        let data: &Path = &folder.path().join("data");
        // The slow stay for as long as is measured. And no call waits for the disk: a flood keeps all processors busy, and
        // the host of a virtual machine then has none left for its disk.
        let settings = "durability = \"none\"\nhttp.head_timeout = \"10m\"\n";
        let server = Server::start_with(seats, data, settings)?;
        server.command(&["deploy", &options.bank.place.module.to_string_lossy()])?;
        for opening in options.bank.openings() {
            server.command(&["call", "open_accounts", &format!("{opening:?}")])?;
        }
        Ok(Scene { options, token: server.token()?, server, _folder: folder })
    }

    fn measure(&self, seed: u64) -> Result<Round> {
        let alone = self.transfers(seed)?;
        let flood = beside(|is_over| self.sign_in(is_over), || self.transfers(seed))?;
        let crowd = self.connect_slow()?;
        let slow = beside(|is_over| trickle(&crowd, is_over), || self.transfers(seed))?;
        Ok(Round { alone, flood, slow })
    }

    fn transfers(&self, seed: u64) -> Result<Answers> {
        let load = Load {
            address: self.server.address,
            connections: CONNECTIONS,
            pace: Pace::Open { per_second: CALLS_PER_SECOND },
            warm_up: WARM_UP,
            until: Until::Passed(self.options.effort.span()),
        };
        let ids = self.options.bank.ids(seed);
        load::run(&load, &mut Transfer::new(ids, "perf", &self.token))?.all_good()
    }

    /// Attempts for as long as calls are measured, each connection one at a time; most of them are refused. It sleeps
    /// between two, so that it takes nothing from those who measure on the same processor.
    fn sign_in(&self, is_over: &AtomicBool) -> Result<()> {
        let length = SIGN_IN.len();
        let attempt = format!(
            "POST /v1/auth/sign-in HTTP/1.1\r\nHost: perf\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{SIGN_IN}"
        );
        let mut crowd = Vec::new();
        for _ in 0..ATTEMPTING {
            let stream = TcpStream::connect(self.server.address)?;
            stream.set_nonblocking(true)?;
            crowd.push((stream, true));
        }
        let mut answer = [0; 4096];
        while !is_over.load(Ordering::SeqCst) {
            for (stream, is_answered) in &mut crowd {
                match stream.read(&mut answer) {
                    Ok(0) => bail!("the server has closed a connection that attempts to sign in"),
                    Ok(_) => *is_answered = true,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
                if std::mem::take(is_answered) {
                    stream.write_all(attempt.as_bytes())?;
                }
                std::thread::sleep(ATTEMPT_PERIOD);
            }
        }
        Ok(())
    }

    fn connect_slow(&self) -> Result<Vec<TcpStream>> {
        let address: SocketAddr = self.server.address;
        (0..self.options.slow)
            .map(|number| {
                let mut stream = TcpStream::connect(address)
                    .with_context(|| format!("slow connection {number}"))?;
                stream.write_all(SLOW_HEAD)?;
                Ok(stream)
            })
            .collect()
    }
}

/// Measures while a crowd does what it does.
fn beside(
    crowd: impl FnOnce(&AtomicBool) -> Result<()> + Send,
    measure: impl FnOnce() -> Result<Answers>,
) -> Result<Answers> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let crowd = scope.spawn(|| crowd(&is_over));
        let measured = measure();
        is_over.store(true, Ordering::SeqCst);
        crowd.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        measured
    })
}

/// A byte a second of each, evenly.
fn trickle(crowd: &[TcpStream], is_over: &AtomicBool) -> Result<()> {
    let pieces = crowd.chunks(crowd.len().div_ceil(100).max(1));
    for piece in pieces.cycle() {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        for mut stream in piece {
            stream.write_all(SLOW_BYTE)?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
