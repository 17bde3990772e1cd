//! Is a whole server in a simulated world: the product's shards, started as the real server starts them.
//!
//! Asking and waiting are here; what is asked and what has to come of it is the campaign's.

use std::sync::Arc;

use cosmictron::directory::{Directory, LookupError};
use cosmictron::shard::{
    Answer, BootError, BootPlan, Query, QueryError, Request, ReshardError, ReshardPlan, RowsAt,
    Shard, Unavailable, reshard,
};
use cosmictron_runtime::sim::{Faults, RequestId, World};
use cosmictron_sql::{Catalog, LivePlan, NameError, Params, Plan, PlanLimits, RowFormat, SqlError};
use cosmictron_storage::TableDef;
use cosmictron_types::{Duration, ShardCount, ShardId, TxId};

/// Virtual time after which an answer is taken to be lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Things that may happen in one run: twenty times what happens in the longest of some hundred seeds.
const STEPS_MAX: u64 = 200_000;

/// A server of some shards, running or crashed.
pub struct Server {
    pub world: World<Shard>,
    /// Things that have happened.
    steps: u64,
    shards: ShardCount,
    plan: BootPlan,
    /// Answers that nobody has waited for.
    inbox: Vec<(RequestId, Answer)>,
}

/// A start that the real server would have ended with an error that blames the disk.
#[derive(Debug)]
pub struct NotOpened;

impl Server {
    pub fn new(seed: u64, shards: ShardCount, plan: BootPlan) -> Self {
        let world = World::new(seed, Faults::rough());
        Self { world, steps: 0, shards, plan, inbox: Vec::new() }
    }

    pub fn shards(&self) -> ShardCount {
        self.shards
    }

    /// What a shard knows of all.
    pub fn directory(&self, shard: ShardId) -> &Directory {
        self.world.machine(shard).directory()
    }

    /// Spreads the data over another number of shards, unless the server dies on the way.
    pub fn reshard(&mut self, shards: ShardCount, dies: bool) -> Result<(), NotOpened> {
        let Self { world, plan, shards: old, .. } = self;
        let reshard_plan = ReshardPlan { data: plan.data, old: *old, new: shards, log: plan.log };
        let done = world.rewrite_logs(*old, shards, !dies, |logs, sink| {
            reshard(&reshard_plan, plan.is_begun, logs, sink)
        });
        match done {
            Ok(()) if dies => Ok(()),
            Ok(()) => {
                self.shards = shards;
                Ok(())
            }
            Err(ReshardError::Read(BootError::Disk { .. }) | ReshardError::Write { .. }) => {
                Err(NotOpened)
            }
            Err(error) => panic!("the data are not spread over {shards} shards: {error}"),
        }
    }

    /// Recovers the shards. Panics where the disk has no part in the failure.
    pub fn boot(&mut self) -> Result<(), NotOpened> {
        let booted = self.world.boot(self.shards, self.plan.clone());
        booted.map_err(|failure| match failure.error {
            BootError::Disk { .. } => NotOpened,
            error => panic!("shard {} does not boot: {error}", failure.shard),
        })
    }

    /// Boots, and lets clients come: the steps of `server::serve` and `server::open`.
    pub fn start(&mut self) -> Result<(), NotOpened> {
        self.boot()?;
        let ask_to_join = |shard| self.world.request(shard, Request::Join);
        let joining: Vec<RequestId> = self.shards.shards().map(ask_to_join).collect();
        let Answer::Joined = self.wait(joining[0]) else { return Err(NotOpened) };
        let mut have_all_begun = true;
        for shard in self.shards.shards() {
            let asked = self.ask(ShardId::FIRST, Request::Sync(shard));
            match self.wait(asked) {
                Answer::Synced(Ok(())) => {}
                Answer::Synced(Err(_)) if self.plan.is_begun => have_all_begun = false,
                _ => return Err(NotOpened),
            }
        }
        self.plan.is_begun = true;
        let asked = self.ask(ShardId::FIRST, Request::Open { have_all_begun });
        let Answer::Joined = self.wait(asked) else { return Err(NotOpened) };
        for id in &joining[1..] {
            let Answer::Joined = self.wait(*id) else { return Err(NotOpened) };
        }
        Ok(())
    }

    /// Ends everything in this instant; answers that have come can still be taken.
    pub fn crash(&mut self) {
        self.collect();
        self.world.crash();
    }

    pub fn ask(&mut self, shard: ShardId, request: Request) -> RequestId {
        self.world.request(shard, request)
    }

    /// Lets up to so many things happen.
    pub fn pass(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
    }

    /// Lets the next thing happen; `false` when nothing is to come. Panics when a run has no end.
    fn step(&mut self) -> bool {
        self.steps += 1;
        assert!(self.steps <= STEPS_MAX, "the server does not come to rest");
        self.world.step()
    }

    /// Lets things happen until so much time has passed.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.world.now() + span;
        self.steps_in(span);
        self.world.run_for((end - self.world.now()).max(Duration::ZERO));
    }

    /// Lets things happen until so much time has passed; how many did.
    pub fn steps_in(&mut self, span: Duration) -> u64 {
        let end = self.world.now() + span;
        let mut steps = 0;
        while self.world.now() < end && self.step() {
            steps += 1;
        }
        steps
    }

    /// Goes on until the answer is there. Panics when it never comes.
    pub fn wait(&mut self, id: RequestId) -> Answer {
        let end = self.world.now() + PATIENCE;
        loop {
            self.collect();
            if let Some(at) = self.inbox.iter().position(|(other, _)| *other == id) {
                return self.inbox.remove(at).1;
            }
            let goes_on = self.step();
            assert!(goes_on && self.world.now() < end, "{id} is never answered");
        }
    }

    /// What has been answered and not waited for.
    pub fn take_answers(&mut self) -> Vec<(RequestId, Answer)> {
        self.collect();
        std::mem::take(&mut self.inbox)
    }

    /// A request that reads by SQL, planned with what `shard` knows, as the API plans it there.
    pub fn query(&self, shard: ShardId, text: &str) -> Request {
        let catalog = Tables(self.directory(shard));
        let plan = cosmictron_sql::plan(text, &catalog, &PlanLimits::default());
        let plan = Arc::new(plan.unwrap_or_else(|error| panic!("{text}: {error}")));
        let mut rows = RowsAt::default();
        for id in plan.tables() {
            for module in catalog.0.modules() {
                let table = module.tables.iter().find(|table| table.id == *id);
                table.iter().for_each(|table| rows.add(module, table));
            }
        }
        let params = Params::default();
        let reach = rows.reach(&plan, &params, self.shards);
        Request::Query(Query { plan, params, reach, views: None, format: RowFormat::Json })
    }

    /// What a shard needs to keep a plan's answer up to date, or why it cannot.
    pub fn live_plan(&self, shard: ShardId, plan: &Plan) -> Result<Arc<LivePlan>, SqlError> {
        LivePlan::sparing(plan, &Tables(self.directory(shard)), 0).map(Arc::new)
    }

    fn collect(&mut self) {
        self.inbox.extend(self.world.take_answers());
    }
}

/// Rows of whole numbers.
pub type Numbers = Vec<Vec<i64>>;

/// The rows of a query, and the transaction up to which they are exact; `None` when the log that should hold them has
/// failed. Nothing else may keep a shard from reading.
pub fn rows(answer: Answer) -> Option<(TxId, Numbers)> {
    let Answer::Rows(rows) = answer else { panic!("a query is answered by {answer:?}") };
    match rows {
        Ok(rows) => {
            let values: Vec<Vec<serde_json::Value>> =
                serde_json::from_slice(&rows.rows.told()).unwrap();
            Some((rows.tx, values.iter().map(|row| row.iter().map(number).collect()).collect()))
        }
        Err(QueryError::Unavailable(Unavailable::LogFailed)) => None,
        Err(error) => panic!("a query is refused: {error}"),
    }
}

/// What a question about the past comes to.
pub enum Past<T> {
    Kept(T),
    /// The tables do not know it any more.
    Forgotten,
    /// The log that should hold it has failed.
    Lost,
}

/// The rows of a query as of `tx`, which has happened.
pub fn past_rows(answer: Answer, tx: TxId) -> Past<Numbers> {
    if let Answer::Rows(Err(QueryError::Sql(SqlError::HistoryExpired { oldest, .. }))) = &answer {
        assert!(tx < *oldest, "{tx} is said to be forgotten, and {oldest} to be kept");
        return Past::Forgotten;
    }
    rows(answer).map_or(Past::Lost, |(found, rows)| {
        assert_eq!(found, tx, "the moment that was asked for");
        Past::Kept(rows)
    })
}

/// A number, or a text that spells one, as sums are told.
fn number(value: &serde_json::Value) -> i64 {
    let spelt = || value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or_else(spelt).unwrap_or_else(|| panic!("{value} is no number"))
}

/// Every table, for everybody.
struct Tables<'a>(&'a Directory);

impl Catalog for Tables<'_> {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let found = self.0.table(module, name);
        found.map(|(_, table)| table).map_err(|error| match error {
            LookupError::Unknown => NameError::Unknown,
            LookupError::Ambiguous(modules) => NameError::Ambiguous(modules),
        })
    }
}
