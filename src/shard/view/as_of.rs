//! Runs views as of a transaction, for live queries: what they yield then, and what they have read for it.

use cosmictron_types::{ShardId, TableId, Timestamp, TxId};

use super::Views;
use crate::shard::ground::Ground;
use crate::shard::guest::Yielded;
use crate::shard::halt::{Again, Halt};
use crate::shard::job::{Job, Task};
use crate::shard::reads::Reads;
use crate::shard::request::{Answer, QueryError};
use crate::shard::{OWN_LIMITS, ReplyTo, Seam, Shard};

/// Run views as of a transaction that all their shards have behind them.
#[derive(Clone, Debug)]
pub struct ViewRun {
    pub views: Views,
    pub tx: TxId,
    /// Everything up to the transaction is known to be stable.
    pub is_stable: bool,
    /// The shards whose stores they have needed before.
    pub wanted: Vec<ShardId>,
}

/// What views have yielded.
#[derive(Debug)]
pub struct Viewed {
    /// The rows of each, in no order.
    pub rows: Vec<(TableId, Vec<Box<[u8]>>)>,
    pub reads: Reads,
    /// The shards whose stores were in hand.
    pub held: Vec<ShardId>,
}

impl ViewRun {
    fn needed(&self) -> Vec<ShardId> {
        let homes = self.views.named.iter().map(|view| view.module.home);
        homes.chain(self.wanted.iter().copied()).collect()
    }
}

impl Viewed {
    fn of(yielded: Yielded, ground: &Ground) -> Self {
        let rows = yielded.rows.tables().map(|table| {
            let rows = table.scan().map(|row| table.row(row).into());
            (table.def().id, rows.collect())
        });
        let held = ground.iter().map(|store| store.seat().shard).collect();
        Self { rows: rows.collect(), reads: yielded.reads.unwrap_or_default(), held }
    }
}

impl Shard {
    /// Runs views for a live query, on this shard's store or where all the stores are that they need.
    pub(in crate::shard) fn run_views(
        &mut self,
        run: ViewRun,
        reply: ReplyTo,
        seam: &mut Seam<'_>,
    ) {
        let (arrived, here) = (seam.now(), seam.shard());
        let needed = run.needed();
        if needed.iter().any(|shard| *shard != here) {
            let job = Job::new(Task::RunViews(run), reply, here, arrived);
            return self.submit(job.wanting(&needed), seam);
        }
        let admitted = self.admit_read(seam).map_err(QueryError::from);
        let checked = admitted.and_then(|()| Ok(self.check_views(&run.views, here)?));
        let mut ground = self.take_ground();
        let viewed = match checked {
            Ok(()) => self.views_as_of(&run, &mut ground, arrived, seam),
            Err(error) => Err(Halt::Refused(error)),
        };
        self.put_back(ground);
        let viewed = match viewed {
            Ok(viewed) => Ok(viewed),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Again(Again::NoRoom)) => unreachable!("a read of one store writes no record"),
            Err(Halt::Again(Again::Elsewhere(elsewhere))) => {
                let job = Job::new(Task::RunViews(run), reply, here, arrived);
                return self.submit(job.wanting(elsewhere.shards()), seam);
            }
        };
        self.give_viewed(run.is_stable, Answer::Viewed(viewed), arrived, reply, seam);
    }

    /// Lets what views have yielded go when everything that it shows is stable.
    pub(in crate::shard) fn give_viewed(
        &mut self,
        is_stable: bool,
        answer: Answer,
        arrived: Timestamp,
        reply: ReplyTo,
        seam: &mut Seam<'_>,
    ) {
        match is_stable {
            true => self.answer_at_once(reply, answer, seam),
            false => self.hold(Some(reply), answer, arrived, Vec::new(), seam),
        }
    }

    /// Runs views on the stores in hand.
    pub(in crate::shard) fn views_as_of(
        &mut self,
        run: &ViewRun,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Box<Viewed>, Halt<QueryError>> {
        self.figures.view_runs += 1;
        let named = run.views.named.clone();
        let yielded = match self.rows_of_views(&named, &run.views, Some(run.tx), ground, now, seam)
        {
            Ok(yielded) => Ok(yielded),
            Err(Halt::Refused(error)) => Err(error),
            Err(Halt::Again(again)) => return Err(Halt::Again(again)),
        };
        if ground.is_joint() && !run.is_stable {
            // Others than this shard have to know what was read.
            let tx = seam.next_tx();
            ground.begin(OWN_LIMITS);
            self.commit_on(ground, tx, now, seam)?;
        }
        let yielded = yielded.map_err(Halt::Refused)?;
        Ok(Box::new(Viewed::of(yielded, ground)))
    }
}
