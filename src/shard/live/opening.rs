//! Begins a flow: taps the shards with its rows, then reads what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, HeldAnswer, LeafChanges, LivePlan, Params, PartialRows, Resource, SqlError,
};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::feed::TapId;
use super::flow::{Flow, Stage, Taken};
use super::memory::read_limits;
use super::{FlowId, Live};
use crate::shard::outbox::{Asker, ReplyTo};
use crate::shard::request::{Answer, Part, QueryError, Request};
use crate::shard::{Reach, Seam, Shard};

/// A flow on its way.
#[derive(Debug)]
pub struct Opening {
    /// Answers that have not come.
    missing: usize,
    /// As of which transaction what there is is being read; taps are opened before.
    reading: Option<TxId>,
    /// What has come of it.
    parts: LeafParts,
    /// What transactions changed meanwhile.
    later: Vec<(TxId, LeafChanges)>,
    /// Bytes of that.
    later_bytes: usize,
}

/// What shards have given of leaves, by leaf and shard.
pub type LeafParts = BTreeMap<(usize, ShardId), PartialRows>;

/// What a flow has asked a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowQuestion {
    Tap,
    /// For the rows of a leaf.
    Rows(usize),
}

/// Of one shard: from now on tell a core what transactions change for a live query.
#[derive(Debug)]
pub struct Tap {
    pub id: TapId,
    pub plan: Arc<LivePlan>,
    pub params: Arc<Params>,
}

impl Opening {
    pub(super) fn new() -> Self {
        Self {
            missing: 0,
            reading: None,
            parts: BTreeMap::new(),
            later: Vec::new(),
            later_bytes: 0,
        }
    }

    pub fn bytes(&self) -> usize {
        self.later_bytes + self.parts.values().map(PartialRows::bytes).sum::<usize>()
    }

    /// Keeps what a transaction changed until the flow is begun, if it is not too much by then.
    pub fn keep(&mut self, tx: TxId, changes: LeafChanges, bytes_max: u64) -> Result<(), SqlError> {
        self.later_bytes += changes.bytes();
        if self.later_bytes as u64 > bytes_max {
            return Err(SqlError::Exhausted { what: Resource::Memory, max: bytes_max });
        }
        self.later.push((tx, changes));
        Ok(())
    }
}

impl Shard {
    /// Asks the shards with a flow's rows to tell this core what changes in them.
    pub(super) fn tap_sources(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let flow = self.live.flows.get_mut(&id).expect("it was just made");
        let Stage::Opening(opening) = &mut flow.stage else { return };
        let sources: Vec<ShardId> = flow.reach.shards(seam.shards()).collect();
        opening.missing = sources.len();
        let (plan, params) = (flow.plan.clone(), flow.params.clone());
        if sources.is_empty() {
            return self.flow_went_on(id, seam);
        }
        sources.iter().for_each(|source| self.live.arrivals.open(*source));
        for source in sources {
            if !self.live.flows.contains_key(&id) {
                return; // One that was asked before has refused.
            }
            let tap = TapId { core: seam.shard(), flow: id };
            let tap = Tap { id: tap, plan: plan.clone(), params: params.clone() };
            let asker = Asker::Flow(id, FlowQuestion::Tap);
            self.ask_shard(source, Request::Tap(tap), asker, seam);
        }
    }

    /// Opens a tap of a core's flow; answered once whatever was before is stable.
    pub(in crate::shard) fn tap(&mut self, tap: Tap, reply: ReplyTo, seam: &mut Seam<'_>) {
        let opened = self.admit_read(seam).map_err(QueryError::from).and_then(|()| {
            let Tap { id, plan, params } = tap;
            Ok(self.live.feed.open(id, plan, params)?)
        });
        if opened.is_ok() {
            self.watch_tables();
        }
        let answer = Answer::Tapped(opened);
        self.hold(Some(reply), answer, seam.now(), Vec::new(), seam);
    }

    /// A core needs a tap no longer.
    pub(in crate::shard) fn untap(&mut self, id: TapId) {
        self.live.feed.close(id);
        if self.store.is_some() {
            self.watch_tables();
        }
    }

    fn watch_tables(&mut self) {
        let Self { live, store, .. } = self;
        live.feed.watch(store.as_mut().expect("the store is home"));
    }

    /// A shard has answered what a flow asked it.
    pub(in crate::shard) fn flow_was_answered(
        &mut self,
        id: FlowId,
        question: FlowQuestion,
        from: ShardId,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        // Nobody may be left who wants it.
        let Some(flow) = self.live.flows.get_mut(&id) else { return };
        let Stage::Opening(opening) = &mut flow.stage else {
            return self.refill_was_answered(id, question, from, answer, seam);
        };
        opening.missing -= 1;
        let error = match (question, answer) {
            (FlowQuestion::Tap, Answer::Tapped(Ok(()))) => None,
            (FlowQuestion::Rows(leaf), Answer::Part(Ok(part))) => {
                opening.parts.insert((leaf, from), part.rows);
                None
            }
            (_, Answer::Tapped(Err(error)) | Answer::Part(Err(error))) => Some(error),
            (_, other) => unreachable!("not what was asked for: {other:?}"),
        };
        match error {
            Some(error) => self.fail_flow(id, &error, seam),
            None if opening.missing == 0 => self.flow_went_on(id, seam),
            None => self.settle_flow(id, seam),
        }
    }

    /// All answers have come.
    fn flow_went_on(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let flow = self.live.flows.get_mut(&id).expect("it was just looked at");
        let Stage::Opening(opening) = &mut flow.stage else { return };
        if opening.reading.is_none() {
            let tx = seam.last_tx();
            opening.reading = Some(tx);
            if flow.plan.is_stateful() && flow.reach != Reach::Nowhere {
                return self.read_leaves(id, tx, seam);
            }
        }
        match self.live.begin(id, seam.now()) {
            Ok(true) => {
                self.settle_flow(id, seam);
                self.ask_for_subscribers(id, seam);
            }
            Ok(false) => self.flow_went_on(id, seam),
            Err(error) => self.fail_flow(id, &error.into(), seam),
        }
    }

    fn read_leaves(&mut self, id: FlowId, tx: TxId, seam: &mut Seam<'_>) {
        let flow = self.live.flows.get_mut(&id).expect("it was just looked at");
        let Stage::Opening(opening) = &mut flow.stage else { return };
        let leaves: Vec<usize> = (0..flow.plan.leaves().len()).collect();
        opening.missing = flow.reach.shards(seam.shards()).count() * leaves.len();
        self.ask_for_rows(id, &leaves, tx, seam);
    }

    /// Asks the shards with a flow's rows for those of some of its leaves, as of a transaction.
    pub(super) fn ask_for_rows(
        &mut self,
        id: FlowId,
        leaves: &[usize],
        tx: TxId,
        seam: &mut Seam<'_>,
    ) {
        let Some(flow) = self.live.flows.get(&id) else { return };
        let (plan, params) = (flow.plan.clone(), flow.params.clone());
        let sources: Vec<ShardId> = flow.reach.shards(seam.shards()).collect();
        let limits = read_limits(flow.bytes_max);
        for leaf in leaves {
            for source in &sources {
                let plan = plan.initial()[*leaf].clone();
                let part = Part { plan, params: params.clone(), tx, limits };
                let asker = Asker::Flow(id, FlowQuestion::Rows(*leaf));
                self.ask_shard(*source, Request::Part(part), asker, seam);
            }
        }
    }
}

impl Live {
    /// Begins a flow with what was read, and lets it catch up with what came since. Whether it could: what it lacks since is to
    /// be read anew, and that is no more than to begin again.
    fn begin(&mut self, id: FlowId, now: Timestamp) -> Result<bool, SqlError> {
        let flow = self.flows.get_mut(&id).expect("it was just looked at");
        let Stage::Opening(opening) = &mut flow.stage else { return Ok(true) };
        let Opening { reading, parts, later, .. } =
            std::mem::replace(&mut **opening, Opening::new());
        let begun = reading.expect("it was read as of a transaction");
        let rows = flow.rows_of(parts)?;
        let (plan, params) = (flow.plan.clone(), flow.params.clone());
        let mut dataflow = Dataflow::new(plan, params, flow.bytes_max)?;
        let rows = dataflow.apply_at(rows, now)?;
        let answer = flow.depends_on_time().then(|| HeldAnswer::of(rows));
        flow.stage = Stage::Running { dataflow, begun, answer };
        for (tx, changes) in later {
            // Nobody has been told anything: what comes of it is in the answer that they will be given.
            if let Taken::Lacking(..) = flow.take(tx, changes, now)? {
                flow.stage = Stage::Opening(Box::new(Opening::new()));
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Flow {
    /// What shards gave of leaves, as changes from nothing.
    pub(super) fn rows_of(&self, parts: LeafParts) -> Result<LeafChanges, SqlError> {
        let mut of_leaf: BTreeMap<usize, Vec<PartialRows>> = BTreeMap::new();
        for ((leaf, _), part) in parts {
            of_leaf.entry(leaf).or_default().push(part);
        }
        let (mut rows, limits) = (LeafChanges::default(), read_limits(self.bytes_max));
        for (leaf, parts) in of_leaf {
            self.plan.read_parts(leaf, &parts, &self.params, &limits, &mut rows)?;
        }
        Ok(rows)
    }
}
