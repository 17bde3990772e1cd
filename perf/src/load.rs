//! Asks a server over many connections and measures how soon it answers.
//!
//! One thread, one epoll, keep-alive connections. *Closed loop*: each connection sends its next request when an answer
//! has come, which finds out how much a server can do. *Open loop*: requests are due at fixed times whether or not the
//! server keeps up, and a latency counts from the time that a request was due, not from when it could be sent at last
//! (no coordinated omission).

mod connection;
mod pace;
mod workload;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};
use rustls::ClientConfig;

use connection::Connection;
use pace::Due;
pub use pace::Pace;
pub use workload::{ChangeOrder, Fixed, Ids, Say, Select, Spread, Transfer, Workload};

/// Latencies are kept to three digits, from a nanosecond to a minute; longer ones count as a minute.
const LATENCY_MAX: Duration = Duration::from_secs(60);
/// A server that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to send, to whom and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub address: SocketAddr,
    pub connections: usize,
    pub pace: Pace,
    /// Answers of this first time are not counted.
    pub warm_up: Duration,
    pub until: Until,
}

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So long after the warm-up.
    Passed(Duration),
    /// After so many requests; all are answered.
    Sent(u64),
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Answers with status 200.
    pub good: u64,
    /// Others, those of the warm-up included.
    pub refused: u64,
    /// An example of those.
    pub refusal: Option<String>,
    pub span: Duration,
    /// In nanoseconds.
    pub latency: Histogram<u64>,
}

impl Answers {
    fn new() -> Result<Answers> {
        let max = LATENCY_MAX.as_nanos() as u64;
        let latency = Histogram::new_with_bounds(1, max, 3)?;
        Ok(Answers { good: 0, refused: 0, refusal: None, span: Duration::ZERO, latency })
    }

    /// Starts to count. A refusal stays, whenever it came.
    fn start_counting(&mut self) {
        self.good = 0;
        self.latency.reset();
    }

    pub fn per_second(&self) -> f64 {
        self.good as f64 / self.span.as_secs_f64()
    }

    /// In microseconds; `quantile` from 0 to 1.
    pub fn micros_at(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1e3
    }

    /// An error when anything was refused: a refusal is quicker than an answer.
    pub fn all_good(self) -> Result<Answers> {
        let refusal = self.refusal.as_deref().unwrap_or_default();
        ensure!(self.refused == 0, "{} requests were refused: {refusal}", self.refused);
        ensure!(self.good != 0, "nothing was answered");
        Ok(self)
    }
}

/// Puts the load on the server.
pub fn run(load: &Load, workload: &mut dyn Workload) -> Result<Answers> {
    let mut generator = Generator::connect(load, None)?;
    generator.run(workload)
}

/// Puts it on a server that is spoken to within TLS.
pub fn run_within(
    tls: &Arc<ClientConfig>,
    load: &Load,
    workload: &mut dyn Workload,
) -> Result<Answers> {
    let mut generator = Generator::connect(load, Some(tls))?;
    generator.run(workload)
}

struct Generator<'a> {
    load: &'a Load,
    epoll: std::os::fd::OwnedFd,
    connections: Vec<Connection>,
    due: Due,
    sent: u64,
    answered: u64,
    answers: Answers,
}

impl<'a> Generator<'a> {
    fn connect(load: &'a Load, tls: Option<&Arc<ClientConfig>>) -> Result<Generator<'a>> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let connection = Connection::open(load.address, tls)
                .with_context(|| format!("connection {number} to {}", load.address))?;
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, connection.as_fd(), data, epoll::EventFlags::IN)?;
            connections.push(connection);
        }
        let due = Due::new(load.pace, load.connections);
        Ok(Generator {
            load,
            epoll,
            connections,
            due,
            sent: 0,
            answered: 0,
            answers: Answers::new()?,
        })
    }

    fn run(&mut self, workload: &mut dyn Workload) -> Result<Answers> {
        let begin = Instant::now();
        let mut counted_from = begin;
        let mut is_warm = self.load.warm_up.is_zero();
        let mut events = Vec::with_capacity(self.connections.len());
        self.due.start(begin);
        for number in 0..self.connections.len() {
            self.send(number, begin, workload)?;
        }
        let mut last_answer = begin;
        loop {
            let now = Instant::now();
            if !is_warm && self.load.warm_up <= now - begin {
                (is_warm, counted_from) = (true, now);
                self.answers.start_counting();
            }
            if self.is_over(is_warm.then(|| now - counted_from)) {
                self.answers.span = now - counted_from;
                return Ok(self.answers.clone());
            }
            let ready = self.wait(&mut events, now)?;
            let now = Instant::now();
            if ready {
                last_answer = now;
            }
            ensure!(now - last_answer < PATIENCE, "no answer for {PATIENCE:?}");
            for event in events.drain(..) {
                let number = event.data.u64() as usize;
                self.receive(number, now)?;
                self.send(number, now, workload)?;
            }
            for number in self.due.take(now) {
                self.send(number, now, workload)?;
            }
        }
    }

    fn is_over(&self, counted: Option<Duration>) -> bool {
        match self.load.until {
            Until::Passed(span) => counted.is_some_and(|counted| span <= counted),
            Until::Sent(count) => self.answered == count,
        }
    }

    /// Fills `events` with what is ready, until the next request is due.
    fn wait(&self, events: &mut Vec<epoll::Event>, now: Instant) -> Result<bool> {
        let at_most = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let timeout = match self.due.next_at() {
            None => at_most,
            // Epoll sleeps for whole milliseconds; less is waited for awake.
            Some(at) if at.saturating_duration_since(now) < Duration::from_millis(1) => {
                Timespec { tv_sec: 0, tv_nsec: 0 }
            }
            Some(at) => {
                let span = at - now - Duration::from_millis(1);
                Timespec { tv_sec: 0, tv_nsec: span.as_nanos().min(100_000_000) as i64 }
            }
        };
        let room = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(!events.is_empty()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self, number: usize, now: Instant) -> Result<()> {
        let connection = &mut self.connections[number];
        let (answers, answered) = (&mut self.answers, &mut self.answered);
        connection.receive(|status, body, since| {
            *answered += 1;
            let nanos = u64::try_from((now - since).as_nanos()).unwrap_or(u64::MAX);
            answers.latency.saturating_record(nanos);
            if status == 200 {
                answers.good += 1;
            } else {
                answers.refused += 1;
                answers
                    .refusal
                    .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
            }
        })
    }

    /// Sends what this connection may have under way by now.
    fn send(&mut self, number: usize, now: Instant, workload: &mut dyn Workload) -> Result<()> {
        let connection = &mut self.connections[number];
        while let Some(since) = self.due.may_send(number, connection.under_way(), now) {
            if matches!(self.load.until, Until::Sent(count) if self.sent == count) {
                break;
            }
            self.sent += 1;
            connection.put(workload, since);
        }
        if connection.flush()? {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, connection.as_fd(), data, connection.interest())?;
        }
        Ok(())
    }
}
