//! Subscribers beside a bank: they subscribe on any core, come and go, resume after crashes, and call through their own
//! connections, in both formats. Whatever they are told is held to the query as of the same transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron::shard::{
    Answer, Change, Deploy, Item, ListenerId, LiveRequest, Query, Request, Subscribe,
    SubscriptionId, Told,
};
use cosmictron_runtime::sim::{Faults, RequestId, Span};
use cosmictron_sql::{EncodedRows, RowFormat};
use cosmictron_types::{Duration, Identity, ShardCount, ShardId, Timestamp, TxId};

use crate::bank::{ACCOUNTS, Order};
use crate::dice::Dice;
use crate::random;
use crate::random::answer::{Columns, Counted, Row, counted};
use crate::server::Server;
use crate::site::{Family, Site};

/// What is subscribed to besides queries made at random.
const QUERIES: &[&str] = &[
    "SELECT id, balance FROM account",
    "SELECT id, balance FROM account WHERE id = 3",
    "SELECT sum(balance), count(*), max(balance) FROM account",
    "SELECT account, count(*), sum(amount), min(amount) FROM entry GROUP BY account",
    "SELECT a.id, a.balance, e.id FROM account a JOIN entry e ON e.account = a.id WHERE e.amount > 0",
    "SELECT id FROM account a WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.account = a.id)",
    "SELECT id, mark FROM entry ORDER BY id DESC LIMIT 3",
    "SELECT id, balance FROM account ORDER BY balance DESC LIMIT 2",
    "SELECT sum(balance) FROM (SELECT balance FROM account WHERE id > 1 ORDER BY balance LIMIT 1 OFFSET 1) poor",
    "SELECT DISTINCT amount FROM entry WHERE amount < 100",
    "SELECT r.mark, e.amount FROM receipt r LEFT JOIN entry e ON e.id = r.entry",
    "SELECT id, mark FROM entry WHERE to_timestamp(1767225600 + mark / 25.0) > now() - INTERVAL '300 ms'",
    "SELECT account, count(*), sum(amount) FROM entry \
        WHERE to_timestamp(1767225600 + mark / 25.0) BETWEEN now() - INTERVAL '1 s' AND now() GROUP BY account",
    "SELECT a.id, a.balance, e.id FROM account a JOIN entry e \
        ON e.account = a.id AND now() >= to_timestamp(1767225600 + e.mark / 25.0)",
];

/// Queries made at random, of one seed.
const RANDOM_QUERIES: usize = 8;

/// Rounds between two crashes.
const ROUNDS: u32 = 3;
/// Answers held to their query, of one seed.
const CHECKS: usize = 60;

/// All subscribers of one server.
pub struct Watchers<'s> {
    site: &'s Site,
    dice: Dice,
    server: Server,
    name: std::sync::Arc<str>,
    watchers: Vec<Watcher>,
    queries: Vec<Arc<Asked>>,
    marks: u64,
    /// What was told: query, transaction, rows.
    told: Vec<Claim>,
    updates: u64,
    /// Those that no transaction has caused.
    moves: u64,
    next_listener: u64,
}

/// That these were the rows of a query as of a transaction, and a time.
type Claim = (Arc<Asked>, TxId, Option<Timestamp>, Counted);

/// A query that can be subscribed to.
struct Asked {
    text: String,
    columns: Columns,
    /// Whether time alone changes the answer.
    depends_on_time: bool,
}

/// One connection.
struct Watcher {
    shard: ShardId,
    listener: ListenerId,
    format: RowFormat,
    listening: Option<RequestId>,
    subscriptions: BTreeMap<u64, Held>,
    next: u64,
}

/// What a connection holds of one subscription.
struct Held {
    query: Arc<Asked>,
    /// `None` until it was told the first answer.
    tx: Option<TxId>,
    rows: Counted,
    /// What it has from before, to resume from.
    before: Option<(TxId, Counted)>,
}

impl<'s> Watchers<'s> {
    /// Runs a seed; how many updates were told, and how many of them because of time alone.
    pub fn run(site: &'s Site, seed: u64) -> (u64, u64) {
        let mut dice = Dice::new(seed ^ 0x11fe);
        let shards = u16::try_from(1 + dice.roll(4)).ok().and_then(ShardCount::new).unwrap();
        let family = *dice.pick(&Family::BANKS).unwrap();
        let mut server = Server::new(seed, shards, site.plan(1));
        server.start().expect("nothing fails yet");
        let mut all = Self {
            site,
            dice,
            server,
            name: "bank".into(),
            watchers: Vec::new(),
            queries: Vec::new(),
            marks: 0,
            told: Vec::new(),
            updates: 0,
            moves: 0,
            next_listener: 0,
        };
        all.deploy(family);
        all.draw_queries();
        for _ in 0..3 {
            all.connect();
        }
        for round in 0..ROUNDS {
            all.work(family);
            all.settle();
            all.check_told();
            if round + 1 < ROUNDS {
                all.crash();
            }
        }
        (all.updates, all.moves)
    }

    fn deploy(&mut self, family: Family) {
        let versions = self.site.bank(family);
        let compiled = self.dice.pick(versions).unwrap().clone();
        let deploy = Deploy { name: self.name.clone(), compiled, deployer: Identity::SYSTEM };
        let shard = self.any_shard();
        let asked = self.server.ask(shard, Request::Deploy(deploy));
        let Answer::Deployed(Ok(_)) = self.server.wait(asked) else { panic!("the bank deploys") };
    }

    fn draw_queries(&mut self) {
        let shard = self.any_shard();
        let mut queries: Vec<Arc<Asked>> =
            QUERIES.iter().filter_map(|text| self.asked(shard, qualified(text))).collect();
        assert_eq!(queries.len(), QUERIES.len(), "each can be subscribed to");
        for _ in 0..RANDOM_QUERIES {
            let text = random::query(&mut self.dice);
            queries.extend(self.asked(shard, text));
        }
        self.queries = queries;
    }

    /// `None` when there can be no subscription to it.
    fn asked(&self, shard: ShardId, text: String) -> Option<Arc<Asked>> {
        let plan = self.query(shard, &text, None).plan;
        let live = self.server.live_plan(shard, &plan).ok()?;
        let (columns, depends_on_time) = (Columns::of(&plan), live.moves_with_time());
        Some(Arc::new(Asked { text, columns, depends_on_time }))
    }

    fn work(&mut self, family: Family) {
        let mut faults = Faults { segment_delay: Span::micros(100, 30_000), ..Faults::rough() };
        if self.dice.one_in(4) {
            faults.write_fails = 10_000;
        }
        *self.server.world.faults_mut() = faults;
        for _ in 0..40 + self.dice.roll(60) {
            match self.dice.roll(24) {
                0..=13 => self.transfer(),
                14..=17 => self.subscribe(),
                18 => self.unsubscribe(),
                19 if self.watchers.len() < 6 => self.connect(),
                20 => self.disconnect(),
                21 if self.dice.one_in(8) => self.ask_to_deploy(family),
                _ => self.server.world.run_for(Duration::from_millis(3)),
            }
            let steps = self.dice.roll(30);
            self.server.pass(steps);
            self.hear();
        }
    }

    /// A version that may differ; what comes of it is told to those whose tables change.
    fn ask_to_deploy(&mut self, family: Family) {
        let compiled = self.dice.pick(self.site.bank(family)).unwrap().clone();
        let deploy = Deploy { name: self.name.clone(), compiled, deployer: Identity::SYSTEM };
        let shard = self.any_shard();
        self.server.ask(shard, Request::Deploy(deploy));
    }

    fn connect(&mut self) {
        self.next_listener += 1;
        let (shard, listener) = (self.any_shard(), ListenerId(self.next_listener));
        let format = [RowFormat::Json, RowFormat::Binary][self.next_listener as usize % 2];
        let (listening, subscriptions) = (None, BTreeMap::new());
        let watcher = Watcher { shard, listener, format, listening, subscriptions, next: 0 };
        self.watchers.push(watcher);
        let at = self.watchers.len() - 1;
        self.listen(at);
    }

    fn disconnect(&mut self) {
        if self.watchers.len() < 2 {
            return;
        }
        let at = self.any_watcher();
        let watcher = self.watchers.swap_remove(at);
        let leave = LiveRequest::Leave(watcher.listener);
        self.server.ask(watcher.shard, Request::Live(leave));
    }

    fn subscribe(&mut self) {
        let at = self.any_watcher();
        let query = self.dice.pick(&self.queries).unwrap().clone();
        self.subscribe_to(at, query, None);
    }

    fn subscribe_to(&mut self, at: usize, query: Arc<Asked>, before: Option<(TxId, Counted)>) {
        let watcher = &mut self.watchers[at];
        watcher.next += 1;
        let subscription = SubscriptionId(watcher.next);
        let since = before.as_ref().map(|(tx, _)| *tx);
        let text = query.text.clone();
        let held = Held { query, tx: None, rows: Counted::new(), before };
        watcher.subscriptions.insert(watcher.next, held);
        let (shard, listener, format) = (watcher.shard, watcher.listener, watcher.format);
        let asked = Query { format, ..self.query(shard, &text, None) };
        let live = self.server.live_plan(shard, &asked.plan).expect("it could be subscribed to");
        let subscribe =
            Subscribe { listener, subscription, text: text.into(), query: asked, live, since };
        let subscribe = LiveRequest::Subscribe(Box::new(subscribe));
        self.server.ask(shard, Request::Live(subscribe));
    }

    fn unsubscribe(&mut self) {
        let at = self.any_watcher();
        let watcher = &mut self.watchers[at];
        let Some((subscription, _)) = watcher.subscriptions.pop_first() else { return };
        let unsubscribe = LiveRequest::Unsubscribe {
            listener: watcher.listener,
            subscription: SubscriptionId(subscription),
        };
        self.server.ask(watcher.shard, Request::Live(unsubscribe));
    }

    /// A transfer, by whoever it is or by a subscriber of whom the answer then tells more.
    fn transfer(&mut self) {
        let mut account = || 1 + self.dice.roll(ACCOUNTS);
        let (source, target) = (account(), account());
        let amount = self.dice.roll(300).cast_signed();
        self.marks += 1;
        let order = Order::Transfer { source, target, amount };
        let at = self.any_watcher();
        let shard = match self.dice.one_in(2) {
            true => self.watchers[at].shard,
            false => self.any_shard(),
        };
        let also: Vec<ShardId> =
            self.server.shards().shards().filter(|_| self.dice.one_in(4)).collect();
        let request = order.request(&self.server, shard, &self.name, self.marks, false, also);
        let watcher = &self.watchers[at];
        let request = match watcher.shard == shard && self.dice.one_in(2) {
            true => {
                let (listener, number) = (watcher.listener, self.marks);
                let request = Box::new(request);
                Request::Live(LiveRequest::Post { listener, number, request })
            }
            false => request,
        };
        self.server.ask(shard, request);
    }

    fn listen(&mut self, at: usize) {
        let Watcher { shard, listener, .. } = self.watchers[at];
        let listening = self.server.ask(shard, Request::Live(LiveRequest::Listen(listener)));
        self.watchers[at].listening = Some(listening);
    }

    /// Takes in what was told.
    fn hear(&mut self) {
        for (id, answer) in self.server.take_answers() {
            let listens = |watcher: &Watcher| watcher.listening == Some(id);
            let Some(at) = self.watchers.iter().position(listens) else { continue };
            match answer {
                Answer::Told(Told::News(items)) => {
                    for item in items {
                        self.take(at, item);
                    }
                    // A slow one now and then.
                    if self.dice.one_in(3) {
                        self.watchers[at].listening = None;
                    } else {
                        self.listen(at);
                    }
                }
                other => panic!("a listener is answered by {other:?}"),
            }
        }
        for at in 0..self.watchers.len() {
            if self.watchers[at].listening.is_none() && self.dice.one_in(3) {
                self.listen(at);
            }
        }
    }

    fn take(&mut self, at: usize, item: Item) {
        let watcher = &mut self.watchers[at];
        match item {
            Item::Subscribed { subscription, first } => {
                let Some(held) = watcher.subscriptions.get_mut(&subscription.0) else { return };
                assert_eq!(held.tx, None, "a subscription begins once");
                held.tx = Some(first.tx);
                held.rows = held.query.rows(&first.rows);
                if first.is_resumed {
                    let (tx, rows) = held.before.take().expect("it asked to resume");
                    assert_eq!((first.tx, held.rows.len()), (tx, 0), "it goes on from what it had");
                    held.rows = rows;
                }
                assert_eq!(first.at.is_some(), held.query.depends_on_time, "{}", held.query.text);
                self.told.push((held.query.clone(), first.tx, first.at, held.rows.clone()));
            }
            Item::Update { tx, changes } => {
                for (subscription, change) in changes {
                    let Some(held) = watcher.subscriptions.get_mut(&subscription.0) else {
                        continue;
                    };
                    let last = held.tx.expect("an update comes behind the first answer");
                    let is_move = last == tx && change.at.is_some();
                    assert!(last < tx || is_move, "{}: {tx} is told after {last}", held.query.text);
                    self.moves += u64::from(is_move);
                    held.tx = Some(tx);
                    for (row, weight) in held.query.changed_rows(&change) {
                        *held.rows.entry(row).or_default() += weight;
                    }
                    held.rows.retain(|_, weight| *weight != 0);
                    self.updates += 1;
                    self.told.push((held.query.clone(), tx, change.at, held.rows.clone()));
                }
            }
            Item::Failed { subscription, .. } => {
                let Some(held) = watcher.subscriptions.remove(&subscription.0) else { return };
                if self.dice.one_in(2) {
                    let before = held.tx.map(|tx| (tx, held.rows));
                    self.subscribe_to(at, held.query, before);
                }
            }
            Item::Answered { answer: Answer::Called(Ok(called)), .. } => {
                // Its updates have been told, so that what is held is the answer as of the call.
                for held in watcher.subscriptions.values() {
                    // As of which time the others are by now is not told.
                    if held.tx.is_some_and(|tx| tx <= called.tx) && !held.query.depends_on_time {
                        self.told.push((held.query.clone(), called.tx, None, held.rows.clone()));
                    }
                }
            }
            Item::Answered { .. } => {}
        }
    }

    /// Waits until there is nothing more to tell.
    fn settle(&mut self) {
        for _ in 0..40 {
            self.server.world.run_for(Duration::from_millis(50));
            self.hear();
        }
    }

    fn crash(&mut self) {
        self.server.crash();
        *self.server.world.faults_mut() = Faults::rough();
        self.server.start().expect("nothing fails now");
        for at in 0..self.watchers.len() {
            self.watchers[at].shard = self.any_shard();
            self.listen(at);
            for (_, held) in std::mem::take(&mut self.watchers[at].subscriptions) {
                let before = held.tx.map(|tx| (tx, held.rows)).or(held.before);
                self.subscribe_to(at, held.query, before);
            }
        }
    }

    /// Holds what was told to the queries as of the same transactions.
    fn check_told(&mut self) {
        let told = std::mem::take(&mut self.told);
        let stride = told.len().div_ceil(CHECKS).max(1);
        for (query, tx, at, rows) in told.into_iter().step_by(stride) {
            let shard = self.any_shard();
            let mut asked = self.query(shard, &query.text, Some(tx));
            if let Some(at) = at {
                asked.params = asked.params.at(at);
            }
            let asked = self.server.ask(shard, Request::Query(asked));
            let Answer::Rows(found) = self.server.wait(asked) else {
                panic!("a query is answered by rows")
            };
            // A log that has failed, or a past that is not kept, tells nothing.
            if let Ok(found) = found {
                assert_eq!(rows, query.rows(&found.rows), "{} as of {tx} at {at:?}", query.text);
            }
        }
    }

    fn query(&self, shard: ShardId, text: &str, at: Option<TxId>) -> Query {
        let Request::Query(mut query) = self.server.query(shard, text) else { unreachable!() };
        query.params = query.params.as_of(at);
        query
    }

    fn any_shard(&mut self) -> ShardId {
        let shards: Vec<ShardId> = self.server.shards().shards().collect();
        *self.dice.pick(&shards).unwrap()
    }

    fn any_watcher(&mut self) -> usize {
        self.dice.roll(self.watchers.len() as u64) as usize
    }
}

impl Asked {
    fn rows(&self, rows: &EncodedRows) -> Counted {
        counted(&self.columns.rows(rows.format(), &rows.told()))
    }

    /// The rows that come and go.
    fn changed_rows(&self, change: &Change) -> impl Iterator<Item = (Row, i64)> {
        let (inserts, deletes) = self.columns.changes(change.rows.format(), &change.told);
        let inserts = inserts.into_iter().map(|row| (row, 1));
        inserts.chain(deletes.into_iter().map(|row| (row, -1)))
    }
}

/// With the module's name before those of its tables.
fn qualified(text: &str) -> String {
    let text = text.replace("FROM ", "FROM bank.").replace("JOIN ", "JOIN bank.");
    text.replace("bank.(", "(")
}
