//! Begins a flow: taps the shards with its rows, then reads what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{
    Dataflow, HeldAnswer, InitialRows, LeafChanges, LivePlan, Params, PartialRows, Resource,
    SqlError,
};
use cosmictron_storage::TableDef;
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::FlowId;
use super::feed::TapId;
use super::flow::{Flow, Stage, Taken};
use super::memory::read_limits;
use super::viewing::Viewing;
use crate::shard::outbox::{Asker, ReplyTo};
use crate::shard::reads::Reads;
use crate::shard::request::{Answer, Part, QueryError, Request};
use crate::shard::view::Viewed;
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
    /// What views have yielded.
    viewed: Option<Box<Viewed>>,
    /// The last transaction that has touched what its views have read, or may have.
    touched: TxId,
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
    /// As of which transaction.
    begun: TxId,
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
    /// What its views yield at its beginning.
    Views,
    /// What they yield as of a transaction that has touched what they had read.
    Rerun,
}

/// Of one shard: from now on tell a core what transactions change for a live query.
#[derive(Debug)]
pub struct Tap {
    pub id: TapId,
    pub plan: Arc<LivePlan>,
    pub params: Arc<Params>,
    /// Tables of which it is to be told all that changes: views can read them.
    pub watched: Vec<Arc<TableDef>>,
}

impl Opening {
    pub(super) fn new() -> Self {
        Self {
            missing: 0,
            reading: None,
            parts: BTreeMap::new(),
            viewed: None,
            touched: TxId::ZERO,
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
    pub fn keep(
        &mut self,
        tx: TxId,
        changes: LeafChanges,
        is_touched: bool,
        bytes_max: u64,
    ) -> Result<(), SqlError> {
        if is_touched {
            self.touched = tx;
        }
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
        let sources = flow.sources(seam.shards());
        let watched = flow.viewing.as_ref().map_or_else(Vec::new, |viewing| viewing.tables());
        let Stage::Opening(opening) = &mut flow.stage else { return };
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
            let (plan, params, watched) = (plan.clone(), params.clone(), watched.clone());
            let tap = Tap { id: tap, plan, params, watched };
            let asker = Asker::Flow(id, FlowQuestion::Tap);
            self.ask_shard(source, Request::Tap(tap), asker, seam);
        }
    }

    /// Opens a tap of a core's flow; answered once whatever was before is stable.
    pub(in crate::shard) fn tap(&mut self, tap: Tap, reply: ReplyTo, seam: &mut Seam<'_>) {
        let opened = self.admit_read(seam).map_err(QueryError::from).and_then(|()| {
            let Tap { id, plan, params, watched } = tap;
            Ok(self.live.feed.open(id, plan, params, watched)?)
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
        if question == FlowQuestion::Rerun {
            return self.rerun_was_answered(id, answer, seam);
        }
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
            (FlowQuestion::Views, Answer::Viewed(Ok(viewed))) => {
                opening.viewed = Some(viewed);
                None
            }
            (
                _,
                Answer::Tapped(Err(error)) | Answer::Part(Err(error)) | Answer::Viewed(Err(error)),
            ) => Some(error),
            (_, other) => unreachable!("not what was asked for: {other:?}"),
        };
        match error {
            Some(error) => self.fail_flow(id, &error, seam),
            None if opening.missing == 0 => self.flow_went_on(id, seam),
            None => self.settle_flow(id, seam),
        }
    }

    /// All answers have come.
    pub(super) fn flow_went_on(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let flow = self.live.flows.get_mut(&id).expect("it was just looked at");
        let Stage::Opening(opening) = &mut flow.stage else { return };
        if opening.reading.is_none() {
            let tx = seam.last_tx();
            opening.reading = Some(tx);
            let is_read = flow.plan.is_stateful() && flow.reach != Reach::Nowhere;
            if is_read || flow.viewing.is_some() {
                return self.read_leaves(id, tx, is_read, seam);
            }
        }
        if let (Some(viewed), Some(viewing)) = (&opening.viewed, &flow.viewing) {
            self.live.readers.set(id, viewed.reads.clone(), &viewing.tables());
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
            Ok(Filled::Touched) => self.catch_up(id, seam),
            Err(error) => self.fail_flow(id, &error.into(), seam),
        }
    }

    /// Has the rows of a flow's leaves read as of a transaction, if they matter, and its views run.
    fn read_leaves(&mut self, id: FlowId, tx: TxId, is_read: bool, seam: &mut Seam<'_>) {
        let flow = self.live.flows.get_mut(&id).expect("it was just looked at");
        let Stage::Opening(opening) = &mut flow.stage else { return };
        let leaves = flow.plan.leaves().iter().enumerate();
        let leaves: Vec<usize> = leaves
            .filter(|(_, leaf)| is_read && !leaf.is_view())
            .map(|(number, _)| number)
            .collect();
        let run = flow.viewing.as_ref().map(|viewing| viewing.run(tx, false));
        let parts = flow.reach.shards(seam.shards()).count() * leaves.len();
        opening.missing = parts + usize::from(run.is_some());
        if let (Some(run), Some(viewing)) = (run, &flow.viewing) {
            // Until it is known what its views read, whatever they can read concerns it.
            let tables = viewing.tables();
            let reads = Reads::of_all(tables.iter().map(|table| table.id));
            self.live.readers.set(id, reads, &tables);
            let (home, asker) = (run.views.home(), Asker::Flow(id, FlowQuestion::Views));
            self.ask_shard(home, Request::RunViews(run), asker, seam);
        }
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
    /// Its views have to run again: something that they had read was touched since.
    Touched,
}

fn is_exhausted(error: &SqlError) -> bool {
    matches!(error, SqlError::Exhausted { .. })
}

impl Flow {
    /// Has everything been read, it is to be filled.
    fn prepare(&mut self) -> Result<(), SqlError> {
        let Stage::Opening(opening) = &mut self.stage else { return Ok(()) };
        let (parts, viewed) = (std::mem::take(&mut opening.parts), opening.viewed.take());
        let begun = opening.reading.expect("it was read as of a transaction");
        let mut rows = self.rows_of(parts)?;
        if let Some(viewed) = viewed {
            if let Some(viewing) = &mut self.viewing {
                // A flow that begins again has seen none of what they yielded before.
                **viewing = Viewing::new(viewing.views.clone());
            }
            rows.append(self.view(*viewed)?);
        }
        let rows = InitialRows::new(&self.plan, rows);
        let (plan, params) = (self.plan.clone(), self.params.clone());
        let dataflow = Dataflow::new(plan, params, self.bytes_max)?;
        let Stage::Opening(opening) = &mut self.stage else { return Ok(()) };
        opening.filling = Some(Filling { begun, dataflow, rows, answer: None });
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
        if filling.begun < opening.touched {
            return Ok(Filled::Touched);
        }
        let Opening { later, filling, is_at_once, .. } =
            std::mem::replace(&mut **opening, Opening::new());
        let Filling { begun, dataflow, answer, .. } = filling.expect("it was just looked at");
        self.stage = Stage::Running { dataflow, begun, answer };
        for (tx, changes) in later {
            // Nobody has been told anything: what comes of it is in the answer that they will be given.
            if let Taken::Lacking(..) = self.take(tx, changes, false, now)? {
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
    /// Ends the opening of a flow whose views have run again as of `tx`: takes all that has come up to there at once. Whether
    /// it has, or is to be begun again.
    pub(super) fn begin_caught_up(
        &mut self,
        tx: TxId,
        viewed: Viewed,
        now: Timestamp,
    ) -> Result<bool, SqlError> {
        let changed = self.view(viewed)?;
        let Stage::Opening(opening) = &mut self.stage else { return Ok(false) };
        let Opening { later, filling, .. } = std::mem::replace(&mut **opening, Opening::at_once());
        let Some(Filling { begun, mut dataflow, mut answer, .. }) = filling else {
            return Ok(false);
        };
        let mut changes = LeafChanges::default();
        later
            .into_iter()
            .filter(|(tx, _)| begun < *tx)
            .for_each(|(_, later)| changes.append(later));
        changes.append(changed);
        let changes = dataflow.apply_at(changes, now)?;
        if !dataflow.lacking().is_empty() {
            return Ok(false);
        }
        if let Some(answer) = &mut answer {
            answer.add(&changes);
        }
        self.stage = Stage::Running { dataflow, begun: tx, answer };
        Ok(true)
    }

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
