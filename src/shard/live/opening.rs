//! Begins a flow: taps the shards with its rows, then reads what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, HeldAnswer, InitialRows, LeafChanges, LivePlan, Params, PartialRows, Resource,
    SqlError,
};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::FlowId;
use super::feed::TapId;
use super::flow::{Flow, Stage, Taken};
use super::memory::read_limits;
use crate::shard::outbox::{Asker, ReplyTo};
use crate::shard::request::{Answer, Part, QueryError, Request};
use crate::shard::{Message, Reach, Seam, Shard};

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
    filling: Option<Filling>,
    /// All rows are taken in one piece.
    is_at_once: bool,
}

/// What shards have given of leaves, by leaf and shard.
pub type LeafParts = BTreeMap<(usize, ShardId), PartialRows>;

/// A flow that is being filled with what was read.
#[derive(Debug)]
struct Filling {
    dataflow: Dataflow,
    rows: InitialRows,
    answer: Option<HeldAnswer>,
}

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
            filling: None,
            is_at_once: false,
        }
    }

    fn at_once() -> Self {
        Self { is_at_once: true, ..Self::new() }
    }

    pub fn bytes(&self) -> usize {
        let filling = self.filling.as_ref();
        let filling = filling.map_or(0, |filling| {
            let answer = filling.answer.as_ref().map_or(0, HeldAnswer::bytes);
            filling.dataflow.bytes() + filling.rows.bytes() + answer
        });
        self.later_bytes + filling + self.parts.values().map(PartialRows::bytes).sum::<usize>()
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
        match flow.prepare() {
            Ok(()) => self.fill_flow(id, seam),
            Err(error) => self.fail_flow(id, &error.into(), seam),
        }
    }

    /// Gives a flow the next piece of the rows that it begins with.
    pub(in crate::shard) fn fill_flow(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        // Nobody may be left who wants it.
        let Some(flow) = self.live.flows.get_mut(&id) else { return };
        match flow.fill(self.options.live.piece_rows, seam.now()) {
            Ok(Filled::Partly) => {
                seam.send(seam.shard(), Message::NextPiece(id));
                self.settle_flow(id, seam);
            }
            Ok(Filled::Wholly) => {
                self.settle_flow(id, seam);
                self.ask_for_subscribers(id, seam);
            }
            Ok(Filled::Anew) => self.flow_went_on(id, seam),
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

/// How far a flow is.
enum Filled {
    Partly,
    Wholly,
    /// It is to be begun again: that is no more than to read anew what it lacks of what has come since.
    Anew,
}

fn is_exhausted(error: &SqlError) -> bool {
    matches!(error, SqlError::Exhausted { .. })
}

impl Flow {
    /// Has everything been read, it is to be filled.
    fn prepare(&mut self) -> Result<(), SqlError> {
        let Stage::Opening(opening) = &mut self.stage else { return Ok(()) };
        let parts = std::mem::take(&mut opening.parts);
        let rows = InitialRows::new(&self.plan, self.rows_of(parts)?);
        let (plan, params) = (self.plan.clone(), self.params.clone());
        let dataflow = Dataflow::new(plan, params, self.bytes_max)?;
        let Stage::Opening(opening) = &mut self.stage else { return Ok(()) };
        opening.filling = Some(Filling { dataflow, rows, answer: None });
        Ok(())
    }

    /// Takes a piece of the rows that it begins with; behind the last one, what has come since.
    fn fill(&mut self, piece_rows: usize, now: Timestamp) -> Result<Filled, SqlError> {
        let keeps_answer = self.depends_on_time();
        let Stage::Opening(opening) = &mut self.stage else { return Ok(Filled::Wholly) };
        let piece_rows = if opening.is_at_once { usize::MAX } else { piece_rows };
        let filling = opening.filling.as_mut().expect("it was prepared");
        if let Some(piece) = filling.rows.next_piece(piece_rows) {
            let changes = match filling.dataflow.apply_at(piece, now) {
                Ok(changes) => changes,
                Err(error) if filling.rows.is_done() || is_exhausted(&error) => return Err(error),
                Err(_) => {
                    // What it computes of a part of the rows need not be computable, though it is of all of them.
                    self.stage = Stage::Opening(Box::new(Opening::at_once()));
                    return Ok(Filled::Anew);
                }
            };
            match &mut filling.answer {
                Some(answer) => answer.add(&changes),
                none if keeps_answer => *none = Some(HeldAnswer::of(changes)),
                _ => {}
            }
        }
        if !filling.rows.is_done() {
            return Ok(Filled::Partly);
        }
        let Opening { reading, later, filling, is_at_once, .. } =
            std::mem::replace(&mut **opening, Opening::new());
        let begun = reading.expect("it was read as of a transaction");
        let Filling { dataflow, answer, .. } = filling.expect("it was just looked at");
        self.stage = Stage::Running { dataflow, begun, answer };
        for (tx, changes) in later {
            // Nobody has been told anything: what comes of it is in the answer that they will be given.
            if let Taken::Lacking(..) = self.take(tx, changes, now)? {
                // What could not be computed of a part of the rows would not be this time either.
                let anew = Opening { is_at_once, ..Opening::new() };
                self.stage = Stage::Opening(Box::new(anew));
                return Ok(Filled::Anew);
            }
        }
        Ok(Filled::Wholly)
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
