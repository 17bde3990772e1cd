//! Accounts send money to each other: durable calls, queries, a start after a kill.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::bank::{BALANCE, Bank};
use super::{CONNECTIONS, Effort, WARM_UP, named};
use crate::cpu::Seats;
use crate::floor::flush;
use crate::load::{self, Answers, Fixed, Ids, Load, Pace, Select, Transfer, Until, Workload};
use crate::process::{Peer, Server};
use crate::report::{Figure, Report, Target};

#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    bank: Bank,
    /// Transfers in the log that the server starts from; 0 leaves the start out
    #[arg(long, default_value_t = 1_000_000)]
    logged: u64,
}

/// One round's figures of one number of connections.
struct Round {
    connections: usize,
    health: Answers,
    append: Answers,
    transfer: Answers,
    select: Answers,
    /// The p50 of a bare append and flush, in microseconds.
    flush_micros: f64,
}

pub fn run(options: &Options) -> Result<Report> {
    let seats = Seats::find()?;
    let folder = options.bank.place.folder()?;
    let scene = Scene::set(options, seats, folder.path())?;
    let mut rounds = Vec::new();
    for round in 1..=options.effort.rounds {
        for connections in CONNECTIONS {
            eprintln!("round {round} of {}, {connections} connections", options.effort.rounds);
            rounds.push(scene.measure(connections, u64::from(round))?);
        }
    }
    scene.check_balance()?;
    drop(scene);
    let mut report = Report { figures: figures(&rounds) };
    if options.logged != 0 {
        eprintln!("a start from {} logged transfers", options.logged);
        report.figures.push(start_up(options, seats)?);
    }
    Ok(report)
}

/// A server with accounts, and the append floor beside it.
struct Scene<'a> {
    options: &'a Options,
    folder: &'a Path,
    server: Server,
    append: Peer,
    token: String,
}

impl<'a> Scene<'a> {
    fn set(options: &'a Options, seats: Seats, folder: &'a Path) -> Result<Scene<'a>> {
        let server = Server::start(seats, &folder.join("data"))?;
        let own = std::env::current_exe()?;
        let mut append = Command::new(own);
        append.arg("append-floor").arg(folder.join("append"));
        let append = Peer::start(seats, &mut append)?;
        let token = server.token()?;
        server.command(&["deploy", &options.bank.place.module.to_string_lossy()])?;
        for opening in options.bank.openings() {
            server.command(&["call", "open_accounts", &format!("{opening:?}")])?;
        }
        Ok(Scene { options, folder, server, append, token })
    }

    /// The floors before and after what is put beside them, so that a drift of the machine meets all alike.
    fn measure(&self, connections: usize, seed: u64) -> Result<Round> {
        let span = self.options.effort.span();
        let (server, floor) = (self.server.address, self.append.address);
        let ask = |address, workload: &mut dyn Workload| {
            let (pace, until) = (Pace::Closed { depth: 1 }, Until::Passed(span));
            let load = Load { address, connections, pace, warm_up: WARM_UP, until };
            load::run(&load, workload)?.all_good()
        };
        let health = ask(server, &mut Fixed::get("/v1/health", "perf"))?;
        let transfer = ask(server, &mut self.transfers(seed))?;
        let append = ask(floor, &mut Fixed::post("/append", "perf", None, "[]"))?;
        let select = ask(server, &mut self.selects(seed))?;
        let flushes = flush::measure(self.folder, span.min(Duration::from_secs(1)))?;
        let flush_micros = flushes.value_at_quantile(0.5) as f64 / 1e3;
        Ok(Round { connections, health, append, transfer, select, flush_micros })
    }

    fn ids(&self, seed: u64) -> Ids {
        self.options.bank.ids(seed)
    }

    fn transfers(&self, seed: u64) -> Transfer {
        Transfer::new(self.ids(seed), "perf", &self.token)
    }

    fn selects(&self, seed: u64) -> Select {
        Select::new(self.ids(seed), "perf", &self.token)
    }

    /// What was measured must have happened: no money has come or gone.
    fn check_balance(&self) -> Result<()> {
        let answer = self.server.command(&["sql", "SELECT sum(balance) FROM accounts"])?;
        let sum = answer["rows"][0][0].to_string();
        let expected = (self.options.bank.accounts * BALANCE).to_string();
        ensure!(sum.trim_matches('"') == expected, "the balances are {answer}, not {expected}");
        Ok(())
    }
}

fn figures(rounds: &[Round]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for connections in CONNECTIONS {
        let mut push = |name: &str, unit, floor: &str, target, side: fn(&Round) -> (f64, f64)| {
            let rounds = rounds.iter().filter(|round| round.connections == connections);
            let name = named(name, connections);
            let (floor, rounds) = (floor.to_owned(), rounds.map(side).collect());
            figures.push(Figure { name, unit, floor, rounds, target });
        };
        if connections == 256 {
            push("durable transfer", "/s", "health", Target::AtLeast(0.70), |round| {
                (round.transfer.per_second(), round.health.per_second())
            });
        }
        push("durable transfer", "/s", "append", Target::AtLeast(0.85), |round| {
            (round.transfer.per_second(), round.append.per_second())
        });
        push("SELECT by key", "/s", "health", Target::AtLeast(0.80), |round| {
            (round.select.per_second(), round.health.per_second())
        });
        if connections == 1 {
            push(
                "durable transfer, p50",
                "us",
                "flush + health, p50",
                Target::AtMost(1.5),
                |round| {
                    (
                        round.transfer.micros_at(0.5),
                        round.flush_micros + round.health.micros_at(0.5),
                    )
                },
            );
        }
    }
    figures
}

/// Records a second at a start after a kill, against the half million that is asked for.
fn start_up(options: &Options, seats: Seats) -> Result<Figure> {
    const ASKED_PER_SECOND: f64 = 500_000.0;
    let folder = options.bank.place.folder()?;
    let scene = Scene::set(options, seats, folder.path())?;
    let load = Load {
        address: scene.server.address,
        connections: 256,
        pace: Pace::Closed { depth: 4 },
        warm_up: Duration::ZERO,
        until: Until::Sent(options.logged),
    };
    load::run(&load, &mut scene.transfers(1))?.all_good()?;
    let Scene { server, append, .. } = scene;
    drop((server, append));
    let mut rounds = Vec::new();
    for _ in 0..options.effort.rounds.min(3) {
        let before = Instant::now();
        let server = Server::start(seats, &folder.path().join("data"))?;
        let per_second = options.logged as f64 / before.elapsed().as_secs_f64();
        drop(server);
        rounds.push((per_second, ASKED_PER_SECOND));
    }
    Ok(Figure {
        name: format!("start from {} logged transfers", options.logged),
        unit: "records/s",
        floor: "asked for".to_owned(),
        rounds,
        target: Target::AtLeast(1.0),
    })
}
