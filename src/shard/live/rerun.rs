//! Runs the views of live queries again when a transaction has touched what they had read.
//!
//! ```text
//!   transaction ─▶ readers: whose views have read it ─▶ home of the views: what they yield as of this very transaction
//!                                                           │        (what comes after the transaction waits)
//!   its update, with that of all other flows ◀─ dataflow ◀─ difference to what they had yielded
//! ```
//!
//! What a transaction changed in the tables of such a query waits for its views, so its operators see all of the transaction
//! at once. A few runs are under way at a time: a transaction may touch what very many have read, and the core and the homes
//! have more to do.
//!
//! Invariants:
//! 1. A flow that is to rerun waits in [`Refilling`], and with it everything that comes after its transaction.

use std::collections::VecDeque;

use cosmictron_sql::SqlError;
use cosmictron_types::{Duration, Timestamp};

use super::FlowId;
use super::course::{Updates, distribute};
use super::flow::Taken;
use super::opening::FlowQuestion;
use super::refill::{Refilling, Waiting};
use crate::shard::outbox::Asker;
use crate::shard::request::{Answer, QueryError, Request, Unavailable};
use crate::shard::view::{ViewRun, Viewed};
use crate::shard::{Message, Seam, Shard};

/// Runs that a core has asked for and that are not answered; and those that it starts before others have their turn.
const UNDER_WAY_MAX: usize = 16;

/// After a home had no room for a run.
const REST: Duration = Duration::from_millis(5);

/// What is to run again as of the last transaction.
#[derive(Debug)]
pub struct Reruns {
    waiting: VecDeque<FlowId>,
    under_way: usize,
    /// None is started before: a home had no room for one.
    rests_until: Timestamp,
    /// Someone is seeing to them.
    is_starting: bool,
}

impl Reruns {
    pub fn new() -> Self {
        let rests_until = Timestamp::EPOCH;
        Self { waiting: VecDeque::new(), under_way: 0, rests_until, is_starting: false }
    }

    pub fn push(&mut self, flow: FlowId) {
        self.waiting.push_back(flow);
    }
}

impl Shard {
    /// Starts runs that wait, as many as may be under way.
    pub(in crate::shard) fn start_reruns(&mut self, seam: &mut Seam<'_>) {
        if std::mem::replace(&mut self.live.reruns.is_starting, true) {
            return;
        }
        let rests_until = self.live.reruns.rests_until;
        let (mut started, mut has_room) = (0, rests_until <= seam.now());
        while has_room
            && started < UNDER_WAY_MAX
            && self.live.reruns.under_way < UNDER_WAY_MAX
            && let Some(id) = self.live.reruns.waiting.front().copied()
        {
            let run = self.rerun_of(id);
            // Calls may have taken all the room: it is gone on when one of them is answered.
            has_room = run.as_ref().is_none_or(|run| self.may_forward(run.views.home(), seam));
            if !has_room {
                break;
            }
            self.live.reruns.waiting.pop_front();
            let Some(run) = run else { continue };
            let (home, asker) = (run.views.home(), Asker::Flow(id, FlowQuestion::Rerun));
            self.live.reruns.under_way += 1;
            started += 1;
            self.ask_shard(home, Request::RunViews(run), asker, seam);
        }
        let reruns = &mut self.live.reruns;
        reruns.is_starting = false;
        if has_room && reruns.under_way == 0 && !reruns.waiting.is_empty() {
            seam.send(seam.shard(), Message::NextReruns);
        }
    }

    /// What is to be run for a flow that waits; nothing where it is over.
    fn rerun_of(&self, id: FlowId) -> Option<ViewRun> {
        let (refilling, flow) = (self.live.refilling.as_ref()?, self.live.flows.get(&id)?);
        Some(flow.viewing.as_ref()?.run(refilling.tx(), true))
    }

    /// Another shard may be asked for more than before, or time has passed.
    pub(in crate::shard) fn go_on_rerunning(&mut self, seam: &mut Seam<'_>) {
        if self.live.reruns.waiting.is_empty() {
            return;
        }
        self.start_reruns(seam);
        if seam.now() < self.live.reruns.rests_until {
            seam.wake_at(self.live.reruns.rests_until);
        }
    }

    /// A flow that is about to begin has to run its views again, as of all that it has heard.
    pub(super) fn catch_up(&mut self, id: FlowId, seam: &mut Seam<'_>) {
        let tx = self.live.arrivals.taken();
        let none = || Refilling::new(tx, Updates::new());
        let refilling = self.live.refilling.get_or_insert_with(none);
        assert_eq!(refilling.tx(), tx, "nothing is taken while an update is not complete");
        refilling.wait(id, Waiting::Opening);
        self.live.reruns.push(id);
        self.settle_flow(id, seam);
        self.start_reruns(seam);
    }

    /// The views of a flow have run again.
    pub(super) fn rerun_was_answered(&mut self, id: FlowId, answer: Answer, seam: &mut Seam<'_>) {
        self.live.reruns.under_way -= 1;
        let viewed = match answer {
            Answer::Viewed(Err(QueryError::Unavailable(Unavailable::Overloaded))) => {
                // Calls have taken all the room. It runs later, as of the same transaction.
                self.live.reruns.waiting.push_front(id);
                self.live.reruns.rests_until = seam.now() + REST;
                return self.go_on_rerunning(seam);
            }
            Answer::Viewed(viewed) => viewed,
            other => unreachable!("not what was asked for: {other:?}"),
        };
        let taken = viewed.and_then(|viewed| Ok(self.take_viewed(id, *viewed, seam)?));
        match taken {
            Ok(()) => self.run_live(seam),
            Err(error) => self.fail_flow(id, &error, seam),
        }
        self.start_reruns(seam);
    }

    /// Takes what the views of a flow have yielded as of the last transaction.
    fn take_viewed(
        &mut self,
        id: FlowId,
        viewed: Viewed,
        seam: &mut Seam<'_>,
    ) -> Result<(), SqlError> {
        let Some(refilling) = &mut self.live.refilling else { return Ok(()) };
        let (tx, now) = (refilling.tx(), seam.now());
        let Some(waiting) = refilling.take(id) else { return Ok(()) };
        let Some(flow) = self.live.flows.get_mut(&id) else { return Ok(()) };
        if let Some(viewing) = &flow.viewing {
            self.live.readers.set(id, viewed.reads.clone(), &viewing.tables());
        }
        match waiting {
            Waiting::Rows(_) => unreachable!("its views were not asked for"),
            Waiting::Opening => {
                let is_begun = flow.begin_caught_up(tx, viewed, now)?;
                self.settle_flow(id, seam);
                match is_begun {
                    true => self.ask_for_subscribers(id, seam),
                    false => self.flow_went_on(id, seam),
                }
            }
            Waiting::Views(mut changes) => {
                changes.append(flow.view(viewed)?);
                match flow.apply(changes, now)? {
                    Taken::Nothing => {}
                    Taken::Changed(change) => distribute(flow, tx, change, refilling.updates())?,
                    Taken::Lacking(lack) => {
                        if let Some(leaves) = self.lack(id, lack, seam) {
                            self.ask_for_rows(id, &leaves, tx, seam);
                        }
                    }
                }
                self.settle_flow(id, seam);
            }
        }
        Ok(())
    }
}
