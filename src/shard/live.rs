//! Live queries: what was answered once is kept up to date for those who subscribed to it.
//!
//! ```text
//!   shard with rows                             core with the connection
//!   commit ─▶ feed: leaves of each query ─▶ (stable) ─▶ arrivals: in order, whole ─▶ flow ─▶ listener ─▶ connection
//! ```
//!
//! Every core keeps the queries of its own connections: one *flow* for all who ask the same text with the same parameters,
//! whose change is encoded once for each format that one of them is told in. Leaves are evaluated where the rows are, so only
//! rows that a query is about travel.
//!
//! A subscription begins in three steps: the flow taps the shards with its rows, so that from then on it hears of every
//! change; it reads what there is as of one transaction and drops what it has heard of up to there; then the query is asked
//! like any other, and the subscriber is told what follows the transaction of that answer. The later steps alone are for those
//! who find the flow there. With `since` the query is asked once more as of then, and the difference is told.
//!
//! Where a query compares something with `now()`, time changes the answer as well ([`clock`]). Where it names views, these run
//! again as of each transaction that touches what they have read ([`rerun`]).
//!
//! Invariants:
//! 1. A flow takes every transaction after the one that it was begun as of, once, whole and in order; so what its subscribers
//!    hold is the query's answer as of the last one that they were told (DESIGN invariant 4).
//! 2. Nothing is told before it is stable (DESIGN, Durability).
//! 3. The answer to a call of a listener stands behind the update that shows what the call did.
//!
//! Reading order: [`feed`] is the side of the rows; [`arrivals`], [`flow`], [`opening`], [`subscriber`] and [`listener`] that of the
//! connection; [`post`] what a connection asks, [`beginning`] how it is answered, [`course`] how it goes on, [`refill`], [`clock`]
//! and [`rerun`] (with [`viewing`] and [`readers`]) where that takes more; [`memory`] what all may keep, [`session`] how a connection ends when its token does.

pub(super) mod arrivals;
mod audience;
mod beginning;
mod clock;
mod course;
pub(super) mod feed;
pub(super) mod flow;
pub(super) mod listener;
pub(super) mod memory;
pub(super) mod opening;
mod post;
mod readers;
mod refill;
mod rerun;
mod session;
mod subscriber;
mod viewing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::RandomState;
use cosmictron_sql::{LivePlan, Sight};
use cosmictron_types::{ShardCount, Timestamp, TxId};
use hashbrown::HashMap;

use super::request::{Answer, Query, Request};
use crate::auth::Claims;
use arrivals::Arrivals;
use feed::Feed;
use flow::{Flow, FlowKey};
use listener::{End, Item, Listener};
use readers::Readers;
use refill::Refilling;
use rerun::Reruns;

/// A live query of one core, by that core's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub(super) u64);

/// A connection that may subscribe, by its core's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerId(pub u64);

/// A subscription, by its listener's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionId(pub u64);

/// One core's live queries, and what it tells others.
#[derive(Debug)]
pub struct Live {
    pub(super) feed: Feed,
    arrivals: Arrivals,
    flows: Flows,
    by_query: BTreeMap<FlowKey, FlowId>,
    /// What their views have read.
    readers: Readers,
    /// Views that are to run again for the last transaction.
    reruns: Reruns,
    /// When flows change by time alone.
    instants: BTreeSet<(Timestamp, FlowId)>,
    last_flow: u64,
    /// What they keep, about.
    bytes: u64,
    listeners: BTreeMap<ListenerId, Party>,
    /// Answers to calls that wait for the updates that show what these did.
    calls: BTreeMap<(TxId, u64), (ListenerId, Item)>,
    last_call: u64,
    /// The update of the last transaction, while a flow lacks rows for it.
    refilling: Option<Refilling>,
    /// Someone is seeing to what has arrived.
    is_running: bool,
    /// Who listens and has news, to be told when the event is done with: all at once.
    to_tell: Vec<ListenerId>,
}

/// One core's live queries. It counts them itself, so that chance need not seed the hash.
type Flows = HashMap<FlowId, Box<Flow>, RandomState>;

/// A listener with its subscriptions.
#[derive(Debug, Default)]
struct Party {
    listener: Listener,
    subscriptions: BTreeMap<SubscriptionId, FlowId>,
    /// What its token says.
    claims: Option<Claims>,
}

/// What a connection asks its core.
#[derive(Debug)]
pub enum LiveRequest {
    /// My token is this one's, from now on: tell me when that is revoked.
    Identify {
        listener: ListenerId,
        claims: Claims,
    },
    /// Keep me up to date.
    Subscribe(Box<Subscribe>),
    Unsubscribe {
        listener: ListenerId,
        subscription: SubscriptionId,
    },
    /// Do this, and tell me its answer in turn.
    Post {
        listener: ListenerId,
        number: u64,
        request: Box<Request>,
    },
    /// Answered with what there is to tell, once there is something. One at a time.
    Listen(ListenerId),
    /// The connection has ended.
    Leave(ListenerId),
}

/// A subscription.
#[derive(Debug)]
pub struct Subscribe {
    pub listener: ListenerId,
    pub subscription: SubscriptionId,
    pub text: Arc<str>,
    pub query: Query,
    pub live: Arc<LivePlan>,
    /// The listener has the answer as of this transaction.
    pub since: Option<TxId>,
}

/// What a listener is told.
#[derive(Debug)]
pub enum Told {
    News(Vec<Item>),
    /// Nothing more, for this reason.
    Ended(End),
}

impl Live {
    pub(super) fn new(shards: ShardCount) -> Self {
        Self {
            feed: Feed::default(),
            arrivals: Arrivals::new(shards),
            flows: Flows::with_hasher(RandomState::with_seeds(5, 6, 7, 8)),
            by_query: BTreeMap::new(),
            readers: Readers::default(),
            reruns: Reruns::new(),
            instants: BTreeSet::new(),
            last_flow: 0,
            bytes: 0,
            listeners: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            refilling: None,
            is_running: false,
            to_tell: Vec::new(),
        }
    }

    /// The first transaction that something waits for.
    pub(super) fn wanted(&self) -> Option<TxId> {
        let first_call = self.calls.keys().next().map(|(tx, _)| *tx);
        self.arrivals.head().into_iter().chain(first_call).min()
    }

    /// By what a query is found. All with the same text share it.
    fn key_of(&self, text: Arc<str>, query: &Query) -> FlowKey {
        let (sight, params) = (Sight::Admitted, Arc::from([]));
        let from = FlowKey { text, sight, params, caller: None };
        let next = self.by_query.range(&from..).next().map(|(key, _)| &key.text);
        let text = next.filter(|known| **known == from.text).unwrap_or(&from.text).clone();
        let views = query.views.as_ref().filter(|views| views.ask_who());
        let caller = views.map(|views| views.caller);
        FlowKey { text, sight: query.plan.sight(), params: query.params.key().into(), caller }
    }

    /// How many live queries there are.
    pub(super) fn flows(&self) -> usize {
        self.flows.len()
    }

    /// How many subscriptions to them there are.
    pub(super) fn subscriptions(&self) -> usize {
        self.listeners.values().map(|party| party.subscriptions.len()).sum()
    }

    /// Bytes that they keep, about.
    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

impl LiveRequest {
    /// What a request is answered with that asks for nothing else.
    pub(super) fn done() -> Answer {
        Answer::Told(Told::News(Vec::new()))
    }
}
