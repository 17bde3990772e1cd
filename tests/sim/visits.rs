//! Clients whose connections modules are told of: they come and go on any core, while modules are taken out of service and put
//! back, disks fail, and the server crashes. What the modules have kept of that is held to what was answered.
//!
//! A client here is what the real server's connection is to its shards: it asks each module that wants to know to begin a
//! visit, and when it goes, to end those that have begun. A crash takes all connections along.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use cosmictron::shard::{
    Answer, BeginVisit, CallError, DataFate, Deploy, DeployError, EndVisit, Request, Unavailable,
    Undeploy, UndeployError,
};
use cosmictron_runtime::sim::{Faults, RequestId, Span};
use cosmictron_types::{ConnectionId, Duration, Identity, ShardCount, ShardId, TxId};
use serde_json::json;

use crate::desk::assemble;
use crate::dice::Dice;
use crate::server::{NotOpened, Server, rows};
use crate::site::{Family, SEGMENT_BYTES, Site};

/// Times that the server is ended and started again.
const ROUNDS: u32 = 4;
/// Connections that are open at once.
const OPEN_MAX: usize = 12;
/// When every end that is owed has been told for long.
const LONG: Duration = Duration::from_secs(60);

/// One server, and all who come to it.
pub struct Visitors<'s> {
    site: &'s Site,
    dice: Dice,
    server: Server,
    modules: [Module; 2],
    /// Every connection that there ever was, by its number.
    connections: BTreeMap<u64, Connection>,
    asked: BTreeMap<RequestId, Asked>,
    met: Met,
}

struct Module {
    name: Arc<str>,
    family: Family,
    /// It is to change.
    is_asked: bool,
}

struct Connection {
    shard: ShardId,
    state: State,
    /// By module.
    visits: BTreeMap<usize, Visit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Ends of visits are asked for as soon as it is known that they have begun.
    Gone,
}

/// What is known of one connection and one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    Asked,
    /// The module does not want to know, has refused it, or could not be told.
    None,
    /// Nobody was answered.
    Unsure,
    Begun(TxId),
    /// The module was told of the end, too; that was answered.
    Ended(TxId),
}

/// What a request was for: modules, and numbers of connections.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Begin(usize, u64),
    End(usize, u64),
    Change(usize),
}

/// What the runs of some seeds have met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Met {
    begun: u64,
    ended: u64,
    refused: u64,
    /// A disk had no room, or a log had failed.
    turned_away: u64,
    /// A crash came before the answer, and the module had been told.
    survived: u64,
    /// Ends that were told without being asked for: after a start.
    owed: u64,
    out_of_service: u64,
    resharded: u64,
}

impl Met {
    /// Runs that stop meeting something prove nothing about it. Fewer than a hundred seeds may miss something.
    pub fn assert_that_it_bites(&self, seeds: u64) {
        if seeds < 100 {
            return;
        }
        let found = [
            ("begun", self.begun, 8_000),
            ("ended", self.ended, 4_000),
            ("refused", self.refused, 800),
            ("turned away", self.turned_away, 1_000),
            ("survived", self.survived, 50),
            ("owed", self.owed, 2_000),
            ("out of service", self.out_of_service, 200),
            ("resharded", self.resharded, 50),
        ];
        for (what, count, per_hundred) in found {
            let wanted = per_hundred * seeds / 100;
            assert!(wanted <= count, "{what}: {count} times in {seeds} seeds, not {wanted}");
        }
    }
}

impl AddAssign for Met {
    fn add_assign(&mut self, other: Met) {
        self.begun += other.begun;
        self.ended += other.ended;
        self.refused += other.refused;
        self.turned_away += other.turned_away;
        self.survived += other.survived;
        self.owed += other.owed;
        self.out_of_service += other.out_of_service;
        self.resharded += other.resharded;
    }
}

/// The module, and one that also has a table of no use: one can follow the other.
pub fn sources(is_spread: bool) -> Vec<String> {
    let column = |name: &str| json!({"name": name, "type": "u64"});
    let key = |name: &str| json!([{"name": name, "columns": [name], "primary": true}]);
    let columns = ["id", "connection", "what", "tx"].map(column);
    let mut occasion = json!({
        "name": "occasion",
        "public": true,
        "columns": columns,
        "indexes": key("id"),
    });
    occasion["columns"][0]["auto_inc"] = json!(true);
    let mut here = json!({
        "name": "here",
        "public": true,
        "columns": [column("connection")],
        "indexes": key("connection"),
    });
    if is_spread {
        occasion["shard_by"] = json!("connection");
        here["shard_by"] = json!("connection");
    }
    let note = json!({"name": "note", "columns": [column("id")], "indexes": key("id")});
    let reducer = |name, kind| json!({"reducer": {"name": name, "kind": kind}});
    let mut descriptions = vec![
        json!({ "table": occasion }),
        json!({ "table": here }),
        reducer("connected", "client_connected"),
        reducer("disconnected", "client_disconnected"),
    ];
    let code = include_str!("../modules/wat/visited.wat");
    let first = assemble(code, &descriptions);
    descriptions.push(json!({ "table": note }));
    vec![first, assemble(code, &descriptions)]
}

impl<'s> Visitors<'s> {
    /// Runs a seed to its end.
    pub fn run(site: &'s Site, seed: u64) -> Met {
        let mut dice = Dice::new(seed ^ 0x0071_5175);
        let shards = u16::try_from(1 + dice.roll(4)).ok().and_then(ShardCount::new).unwrap();
        let first = dice.roll(100);
        let module = |number: u64, is_spread| Module {
            name: format!("visited-{number}").into(),
            family: Family::Visited(is_spread),
            is_asked: false,
        };
        let mut all = Self {
            site,
            dice,
            server: Server::new(seed, shards, site.plan(1)),
            modules: [module(first, false), module(first + 1, true)],
            connections: BTreeMap::new(),
            asked: BTreeMap::new(),
            met: Met::default(),
        };
        all.restart();
        all.put_in_service();
        for _ in 0..ROUNDS {
            all.draw_faults();
            all.work();
            all.crash();
            all.restart();
            all.look();
        }
        all.rest();
        all.met
    }

    fn draw_faults(&mut self) {
        let faults = self.server.world.faults_mut();
        *faults = Faults { segment_delay: Span::micros(100, 30_000), ..Faults::rough() };
        match self.dice.roll(8) {
            0 => faults.write_fails = 20_000,
            1 => faults.write_finds_disk_full = 20_000,
            2 => faults.segment_fails = 300_000,
            3 => faults.disk_bytes = SEGMENT_BYTES * (2 + self.dice.roll(4)),
            4 => faults.write_delay = Span::micros(50, 500_000),
            _ => {}
        }
    }

    fn calm(&mut self) {
        *self.server.world.faults_mut() = Faults::none();
    }

    fn work(&mut self) {
        for _ in 0..40 + self.dice.roll(80) {
            match self.dice.roll(20) {
                0..=8 => self.come(),
                9..=16 => self.go(),
                17 => self.ask_to_change(),
                _ => self.server.run_for(Duration::from_millis(20)),
            }
            let steps_max = if self.dice.one_in(6) { 80 } else { 8 };
            let steps = self.dice.roll(steps_max);
            self.server.pass(steps);
            self.collect();
        }
    }

    /// A client comes, on any core.
    fn come(&mut self) {
        let is_open = |connection: &&Connection| connection.state == State::Open;
        if self.connections.values().filter(is_open).count() >= OPEN_MAX {
            return;
        }
        let (shard, number) = (self.any_shard(), self.connections.len() as u64 + 1);
        let connection = Connection { shard, state: State::Open, visits: BTreeMap::new() };
        self.connections.insert(number, connection);
        for at in 0..self.modules.len() {
            let name = self.modules[at].name.clone();
            let known = self.server.directory(shard).visited().any(|module| module.name == name);
            if known {
                self.note(at, number, Visit::Asked);
                let begin = BeginVisit {
                    module: name,
                    connection: connection_id(number),
                    identity: Identity::from_bytes([7; 32]),
                };
                self.ask(shard, Request::BeginVisit(begin), Asked::Begin(at, number));
            }
        }
    }

    /// A client goes, introduced or not.
    fn go(&mut self) {
        let open = self.connections.iter().filter(|(_, of)| of.state == State::Open);
        let open: Vec<u64> = open.map(|(number, _)| *number).collect();
        let Some(&number) = self.dice.pick(&open) else { return };
        let connection = self.connections.get_mut(&number).unwrap();
        connection.state = State::Gone;
        let visits = connection.visits.clone();
        for (at, visit) in visits {
            if let Visit::Begun(tx) = visit {
                self.end(at, number, tx);
            }
        }
    }

    fn end(&mut self, at: usize, number: u64, visit: TxId) {
        let end = EndVisit { module: self.modules[at].name.clone(), visit };
        let shard = self.connections[&number].shard;
        self.ask(shard, Request::EndVisit(end), Asked::End(at, number));
    }

    /// An operator takes a module out of service, or puts it back, in this or that version.
    fn ask_to_change(&mut self) {
        let at = self.dice.roll(self.modules.len() as u64) as usize;
        if self.modules[at].is_asked {
            return;
        }
        self.modules[at].is_asked = true;
        let name = self.modules[at].name.clone();
        let request = match self.dice.one_in(2) {
            true => {
                Request::Undeploy(Undeploy { name, data: DataFate::Keep, by: Identity::SYSTEM })
            }
            false => Request::Deploy(self.deployment(at)),
        };
        let shard = self.any_shard();
        self.ask(shard, request, Asked::Change(at));
    }

    fn deployment(&mut self, at: usize) -> Deploy {
        let versions = self.site.bank(self.modules[at].family);
        let compiled = self.dice.pick(versions).unwrap().clone();
        Deploy { name: self.modules[at].name.clone(), compiled, deployer: Identity::SYSTEM }
    }

    fn ask(&mut self, shard: ShardId, request: Request, asked: Asked) {
        let id = self.server.ask(shard, request);
        self.asked.insert(id, asked);
    }

    fn any_shard(&mut self) -> ShardId {
        let shards: Vec<ShardId> = self.server.shards().shards().collect();
        *self.dice.pick(&shards).unwrap()
    }

    fn note(&mut self, at: usize, number: u64, visit: Visit) {
        self.connections.get_mut(&number).unwrap().visits.insert(at, visit);
    }

    fn collect(&mut self) {
        for (id, answer) in self.server.take_answers() {
            let asked = self.asked.remove(&id).unwrap_or_else(|| panic!("{id}: {answer:?}"));
            self.take(asked, answer);
        }
    }

    fn settle(&mut self) {
        self.collect();
        while let Some((id, asked)) = self.asked.pop_first() {
            let answer = self.server.wait(id);
            self.take(asked, answer);
        }
    }

    fn take(&mut self, asked: Asked, answer: Answer) {
        match (asked, answer) {
            (Asked::Begin(at, number), Answer::Visit(visit)) => self.take_begin(at, number, visit),
            (Asked::End(at, number), Answer::Visit(left)) => self.take_end(at, number, left),
            (Asked::Change(at), Answer::Deployed(deployed)) => {
                self.modules[at].is_asked = false;
                if let Err(error) = deployed {
                    assert!(matches!(error, DeployError::Unavailable(_)), "{error}");
                }
            }
            (Asked::Change(at), Answer::Undeployed(withdrawn)) => {
                self.modules[at].is_asked = false;
                self.met.out_of_service += u64::from(withdrawn.is_ok());
                assert_ne!(withdrawn, Err(UndeployError::Unknown));
            }
            (asked, answer) => panic!("{asked:?} is answered by {answer:?}"),
        }
    }

    fn take_begin(&mut self, at: usize, number: u64, visit: Result<Option<TxId>, CallError>) {
        let visit = match visit {
            Ok(Some(tx)) => {
                self.met.begun += 1;
                Visit::Begun(tx)
            }
            Ok(None) => Visit::None,
            Err(CallError::Unavailable(why)) => {
                self.met.turned_away += 1;
                match why {
                    Unavailable::LogFailed => Visit::Unsure,
                    _ => Visit::None,
                }
            }
            Err(CallError::Reducer(message)) => {
                assert_eq!((number % 8, &*message), (3, "not this one"));
                self.met.refused += 1;
                Visit::None
            }
            Err(error) => panic!("{number} is refused: {error}"),
        };
        self.note(at, number, visit);
        if let (Visit::Begun(tx), State::Gone) = (visit, self.connections[&number].state) {
            self.end(at, number, tx);
        }
    }

    fn take_end(&mut self, at: usize, number: u64, left: Result<Option<TxId>, CallError>) {
        let Visit::Begun(tx) = self.connections[&number].visits[&at] else {
            panic!("{number} ends and has not begun")
        };
        match left {
            Ok(None) => {
                self.met.ended += 1;
                self.note(at, number, Visit::Ended(tx));
            }
            Ok(Some(left)) => assert_eq!(left, tx),
            Err(CallError::Unavailable(Unavailable::Overloaded)) => self.end(at, number, tx),
            Err(error) => {
                assert_eq!(error, CallError::Unavailable(Unavailable::LogFailed), "{number}");
            }
        }
    }

    /// Everything ends in this instant, connections too.
    fn crash(&mut self) {
        if self.dice.one_in(4) {
            self.settle();
        }
        self.collect();
        self.server.crash();
        for asked in std::mem::take(&mut self.asked).into_values() {
            match asked {
                Asked::Begin(at, number) => self.note(at, number, Visit::Unsure),
                Asked::End(..) => {}
                Asked::Change(at) => self.modules[at].is_asked = false,
            }
        }
        self.connections.values_mut().for_each(|connection| connection.state = State::Gone);
    }

    /// Starts the server, at times with another number of shards, or in more than one try.
    fn restart(&mut self) {
        if self.dice.one_in(4) {
            let shards = u16::try_from(1 + self.dice.roll(4)).ok().and_then(ShardCount::new);
            let dies = self.dice.one_in(3);
            if let Ok(()) = self.server.reshard(shards.unwrap(), dies) {
                self.met.resharded += 1;
            }
        }
        if self.dice.one_in(3) {
            if self.server.boot().is_ok() {
                let steps = self.dice.roll(200);
                self.server.pass(steps);
            }
            self.server.crash();
        }
        while let Err(NotOpened) = self.server.start() {
            self.server.crash();
            self.calm();
        }
    }

    fn start_again(&mut self) {
        self.crash();
        self.calm();
        self.restart();
    }

    /// Deploys all modules, so that they can be asked.
    fn put_in_service(&mut self) {
        for at in 0..self.modules.len() {
            loop {
                let (deploy, shard) = (self.deployment(at), self.any_shard());
                let asked = self.server.ask(shard, Request::Deploy(deploy));
                match self.server.wait(asked) {
                    Answer::Deployed(Ok(_)) => break,
                    Answer::Deployed(Err(DeployError::Unavailable(_))) => self.start_again(),
                    answer => panic!("{answer:?}"),
                }
            }
        }
    }

    /// Holds what the modules have kept to what was answered.
    fn look(&mut self) {
        self.calm();
        self.put_in_service();
        for at in 0..self.modules.len() {
            let text = "SELECT connection, what, tx FROM";
            let occasions = self.read(&format!("{text} \"{}\".occasion", self.modules[at].name));
            let mut of: BTreeMap<u64, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
            for row in occasions {
                let [number, what, tx] = row[..] else { panic!("{row:?}") };
                let (connected, disconnected) = of.entry(number.cast_unsigned()).or_default();
                let runs = if what == 1 { connected } else { disconnected };
                runs.push(tx.cast_unsigned());
            }
            let numbers: Vec<u64> = self.connections.keys().copied().collect();
            for number in numbers {
                let (connected, disconnected) = of.remove(&number).unwrap_or_default();
                self.check(at, number, &connected, &disconnected);
            }
            assert!(of.is_empty(), "{} knows connections that nobody has had: {of:?}", at);
        }
    }

    fn read(&mut self, text: &str) -> Vec<Vec<i64>> {
        loop {
            let shard = self.any_shard();
            let query = self.server.query(shard, text);
            let asked = self.server.ask(shard, query);
            match rows(self.server.wait(asked)) {
                Some((_, rows)) => return rows,
                None => {
                    self.start_again();
                    self.put_in_service();
                }
            }
        }
    }

    /// Holds the runs of both reducers for one connection, by their transactions, to what was answered.
    fn check(&mut self, at: usize, number: u64, connected: &[u64], disconnected: &[u64]) {
        let name = self.modules[at].name.clone();
        let what = format!("{name}, connection {number}: {connected:?} and {disconnected:?}");
        assert!(connected.len() <= 1, "it came more than once: {what}");
        assert!(disconnected.len() <= 1, "its end was told more than once: {what}");
        assert!(disconnected.is_empty() || connected < disconnected, "it ended first: {what}");
        let visit = self.connections[&number].visits.get(&at).copied().unwrap_or(Visit::None);
        match (visit, connected) {
            (Visit::Asked, _) => panic!("a request is neither answered nor cut off: {what}"),
            (Visit::None, connected) => assert!(connected.is_empty(), "it was not told: {what}"),
            (Visit::Unsure, []) => self.note(at, number, Visit::None),
            (Visit::Unsure, [tx, ..]) => {
                self.met.survived += 1;
                self.note(at, number, Visit::Begun(TxId::new(*tx)));
            }
            (Visit::Begun(tx) | Visit::Ended(tx), connected) => {
                assert_eq!(connected, [tx.get()], "it was answered: {what}");
            }
        }
        if let Visit::Ended(_) = visit {
            assert_eq!(disconnected.is_empty(), breaks(number), "its end was answered: {what}");
        }
    }

    /// When nobody is asked for anything any more, every end has been told.
    fn rest(&mut self) {
        loop {
            self.start_again();
            self.put_in_service();
            self.server.run_for(LONG);
            let reports: Option<Vec<_>> = self
                .server
                .shards()
                .shards()
                .map(|shard| {
                    let asked = self.server.ask(shard, Request::Report(shard));
                    let Answer::Report(report) = self.server.wait(asked) else {
                        panic!("no report")
                    };
                    Some(report.visits_owed).filter(|_| !report.log.state.starts_with("Poisoned"))
                })
                .collect();
            if let Some(owed) = reports {
                assert!(owed.iter().all(|owed| *owed == 0), "ends are owed for ever: {owed:?}");
                break;
            }
        }
        self.look();
        for at in 0..self.modules.len() {
            let name = self.modules[at].name.clone();
            let ends =
                self.read(&format!("SELECT connection FROM \"{name}\".occasion WHERE what = 2"));
            let here = self.read(&format!("SELECT connection FROM \"{name}\".here"));
            let has = |rows: &[Vec<i64>], number: u64| rows.contains(&vec![number.cast_signed()]);
            for (number, connection) in &self.connections {
                let visit = connection.visits.get(&at).copied().unwrap_or(Visit::None);
                let has_begun = matches!(visit, Visit::Begun(_) | Visit::Ended(_));
                let what = format!("{name}, connection {number}: {visit:?}");
                assert_eq!(has(&ends, *number), has_begun && !breaks(*number), "{what}");
                assert_eq!(has(&here, *number), has_begun && breaks(*number), "{what}");
                self.met.owed += u64::from(matches!(visit, Visit::Begun(_)));
            }
        }
    }
}

/// Whether the module's `client_disconnected` breaks for it.
fn breaks(number: u64) -> bool {
    number % 8 == 5
}

fn connection_id(number: u64) -> ConnectionId {
    let mut id = [1; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    ConnectionId::from_bytes(id)
}
