//! Queries over tables that are spread over all shards: one shard asks all for their parts, and merges them.
//!
//! ```text
//!   AS OF TIMESTAMP: which is the last transaction of that time?  ──▶ every shard ──▶ the greatest of the answers
//!   read as of that transaction, or of the newest that there is   ──▶ every shard ──▶ merge
//! ```
//!
//! A transaction takes its number while it holds the stores that it works on. So once a number was read from the counter, a
//! shard whose store is at home has done all transactions up to it, and does none of them later: what it reads as of that
//! number is exact, and stays so (DESIGN invariant 5).
//!
//! Invariants:
//! 1. All parts of one answer are as of the same transaction.
//! 2. A part leaves its shard when everything that it shows is stable, so their merge may leave at once.
//! 3. The number that an answer names is never given to another transaction, whatever happens: it is not beyond the
//!    newest that is stable.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{AsOf, Params, PartialRows, Plan, RowFormat, SqlError};
use cosmictron_storage::planted::{Fault, is_planted};
use cosmictron_types::{ShardId, Timestamp, TxId};

use super::ground::Ground;
use super::halt::Halt;
use super::job::{Job, Task};
use super::outbox::{Asker, ReplyTo};
use super::request::{Answer, Part, PartRows, Query, QueryError, Request, Rows, Unavailable};
use super::scans::Scan;
use super::{FORWARDED_MAX, Message, OWN_LIMITS, Seam, Shard, peers};

/// Queries that one shard gathers at once.
const GATHERINGS_MAX: usize = 4096;

/// One shard's queries whose parts have not all come.
#[derive(Default)]
pub struct Gatherings {
    pending: BTreeMap<GatheringId, Gathering>,
    last: u64,
}

/// A shard's own number for a query that it gathers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GatheringId(u64);

struct Gathering {
    plan: Arc<Plan>,
    params: Arc<Params>,
    format: RowFormat,
    reply: ReplyTo,
    arrived: Timestamp,
    stage: Stage,
    missing: u16,
    error: Option<QueryError>,
}

enum Stage {
    /// Asks for the newest transaction that is not after a time.
    Dating { asked: AsOf, newest: TxId },
    /// Asks for the parts as of a transaction.
    Reading { tx: TxId, parts: BTreeMap<ShardId, PartRows> },
}

impl Gatherings {
    pub fn len(&self) -> usize {
        self.pending.len()
    }
}

impl Gathering {
    /// Of several errors the one that says most: what is not kept is so on every shard, the oldest moment is the newest
    /// of theirs.
    fn fail(&mut self, error: QueryError) {
        let expired = |error: &QueryError| match error {
            QueryError::Sql(SqlError::HistoryExpired { oldest, .. }) => Some(*oldest),
            _ => None,
        };
        let is_kept = self.error.as_ref().is_some_and(|known| expired(known) >= expired(&error));
        if !is_kept {
            self.error = Some(error);
        }
    }
}

impl Shard {
    /// Reads from all shards.
    pub(super) fn gather(&mut self, query: Query, reply: ReplyTo, seam: &mut Seam<'_>) {
        self.figures.queries += 1;
        if let Err(error) = self.begin_gathering(query, reply, seam) {
            let (error, reply) = *error;
            self.answer_at_once(reply, Answer::Rows(Err(error)), seam);
        }
    }

    fn begin_gathering(
        &mut self,
        query: Query,
        reply: ReplyTo,
        seam: &mut Seam<'_>,
    ) -> Result<(), Box<(QueryError, ReplyTo)>> {
        let is_full = self.gatherings.len() >= GATHERINGS_MAX
            || peers(seam).any(|peer| self.forwarded[peer.index()] >= FORWARDED_MAX);
        if is_full {
            return Err(Box::new((Unavailable::Overloaded.into(), reply)));
        }
        let (newest, now) = (seam.last_tx(), seam.now());
        let not_yet = |asked| Err(SqlError::NotYet { asked });
        let stage = match query.plan.as_of(&query.params) {
            Ok(None) => Ok(Stage::Reading { tx: newest, parts: BTreeMap::new() }),
            Ok(Some(asked @ AsOf::Tx(tx))) if tx > newest => not_yet(asked),
            Ok(Some(AsOf::Tx(tx))) => Ok(Stage::Reading { tx, parts: BTreeMap::new() }),
            Ok(Some(asked @ AsOf::Timestamp(at))) if at > now => not_yet(asked),
            Ok(Some(asked)) => Ok(Stage::Dating { asked, newest: TxId::ZERO }),
            Err(error) => Err(error),
        };
        let stage = match stage {
            Ok(stage) => stage,
            Err(error) => return Err(Box::new((error.into(), reply))),
        };
        let Query { plan, params, format, .. } = query;
        let (params, missing, error) = (Arc::new(params), 0, None);
        let gathering =
            Gathering { plan, params, format, reply, arrived: now, stage, missing, error };
        self.gatherings.last += 1;
        self.ask_all(GatheringId(self.gatherings.last), gathering, seam);
        Ok(())
    }

    /// Asks every shard what the stage is about.
    fn ask_all(&mut self, id: GatheringId, mut gathering: Gathering, seam: &mut Seam<'_>) {
        gathering.missing = seam.shards().get();
        let limits = self.options.query;
        let request = || match &gathering.stage {
            Stage::Dating { asked: AsOf::Timestamp(at), .. } => Request::LastBefore(*at),
            Stage::Dating { .. } => unreachable!("only a time has to be asked for"),
            Stage::Reading { tx, .. } => Request::Part(Part {
                plan: gathering.plan.clone(),
                params: gathering.params.clone(),
                tx: *tx,
                limits,
            }),
        };
        for peer in peers(seam) {
            self.forwarded[peer.index()] += 1;
            let asker = Asker::Gathering(id);
            seam.send(peer, Message::Forward { asker, request: request() });
        }
        let (request, here) = (request(), seam.shard());
        self.gatherings.pending.insert(id, gathering);
        let reply = ReplyTo { shard: here, asker: Asker::Gathering(id), via: here };
        self.enter(request, reply, seam);
    }

    /// A shard has answered.
    pub(super) fn gathered(
        &mut self,
        id: GatheringId,
        from: ShardId,
        answer: Answer,
        seam: &mut Seam<'_>,
    ) {
        let gathering = self.gatherings.pending.get_mut(&id);
        let gathering = gathering.expect("a shard answers once, and all are waited for");
        gathering.missing -= 1;
        match (&mut gathering.stage, answer) {
            (Stage::Reading { parts, .. }, Answer::Part(Ok(part))) => {
                parts.insert(from, *part);
            }
            (Stage::Dating { newest, .. }, Answer::LastBefore(Ok(Some(tx)))) => {
                *newest = tx.max(*newest);
            }
            (Stage::Dating { asked, .. }, Answer::LastBefore(Ok(None))) => {
                // Which one it was is known from some moment on: say that one.
                let (asked, oldest) = (*asked, TxId::ZERO);
                gathering.fail(SqlError::HistoryExpired { asked, oldest }.into());
            }
            (_, Answer::Part(Err(error))) => gathering.fail(error),
            (_, Answer::LastBefore(Err(why)) | Answer::Synced(Err(why))) => {
                gathering.fail(why.into());
            }
            (_, other) => unreachable!("not what was asked for: {other:?}"),
        }
        if gathering.missing == 0
            && let Some(gathering) = self.gatherings.pending.remove(&id)
        {
            self.conclude_gathering(id, gathering, seam);
        }
    }

    fn conclude_gathering(
        &mut self,
        id: GatheringId,
        mut gathering: Gathering,
        seam: &mut Seam<'_>,
    ) {
        let Gathering { plan, params, format, stage, error, .. } = &mut gathering;
        let answer = match (stage, error.take()) {
            (Stage::Dating { newest, .. }, None) => {
                let (tx, parts) = (*newest, BTreeMap::new());
                gathering.stage = Stage::Reading { tx, parts };
                return self.ask_all(id, gathering, seam);
            }
            (_, Some(QueryError::Sql(SqlError::HistoryExpired { .. })))
                if matches!(plan.as_of(params), Ok(None)) =>
            {
                return self.read_jointly(gathering, seam);
            }
            (_, Some(error)) => Err(error),
            (Stage::Reading { tx, parts }, None) => {
                // Between the newest transaction of all shards and a later number nothing has happened.
                let newest = parts.values().map(|part| part.newest).max().unwrap_or(*tx);
                let tx = if let Ok(None) = plan.as_of(params) { newest } else { *tx };
                let parts = std::mem::take(parts).into_values();
                let parts: Vec<PartialRows> = parts.map(|part| part.rows).collect();
                self.merge(plan, params, &parts, tx, *format).map_err(QueryError::from)
            }
        };
        self.answer_at_once(gathering.reply, Answer::Rows(answer), seam);
    }

    /// Where the past is not kept for as long as the question takes to all shards, it is asked where all stores are.
    fn read_jointly(&mut self, gathering: Gathering, seam: &mut Seam<'_>) {
        let Gathering { plan, params, format, reply, arrived, .. } = gathering;
        let part = Part { plan, params, tx: TxId::ZERO, limits: self.options.query };
        let task = Task::Read(part, format);
        let job = Job::new(task, reply, seam.shard(), arrived);
        self.submit(job.wanting_all(seam.shards()), seam);
    }

    /// Reads all stores as they are.
    pub(super) fn read_all(
        &mut self,
        part: &Part,
        format: RowFormat,
        ground: &mut Ground,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<Rows, Halt<QueryError>> {
        let Part { plan, params, limits, .. } = part;
        let tx = seam.next_tx();
        let parts = ground.iter().map(|store| plan.execute_part(store.present(), params, limits));
        let parts: Result<Vec<PartialRows>, SqlError> = parts.collect();
        let rows = parts.and_then(|parts| self.merge(plan, params, &parts, tx, format));
        let rows = rows.map_err(QueryError::from);
        // Others than this shard have to know what was read.
        ground.begin(OWN_LIMITS);
        self.commit_on(ground, tx, now, seam)?;
        rows.map_err(Halt::Refused)
    }

    /// Runs this shard's part of a query and holds it until everything that it shows is durable.
    pub(super) fn part(&mut self, part: Part, reply: ReplyTo, seam: &mut Seam<'_>) {
        let arrived = seam.now();
        if let Err(why) = self.admit_read(seam) {
            let answer = Answer::Part(Err(why.into()));
            return self.hold(Some(reply), answer, arrived, Vec::new(), seam);
        }
        let Part { plan, params, mut tx, limits } = part;
        if is_planted(Fault::PartAsOfNow) {
            tx = tx.max(self.committed);
        }
        let run = plan.begin_part(params, &limits, tx);
        let tx = self.committed.min(tx);
        self.begin_scan(Scan { run, tx, reply, arrived, whole: None }, seam);
    }

    /// Tells the newest transaction of this shard that is not after a time.
    pub(super) fn last_before(&mut self, at: Timestamp, reply: ReplyTo, seam: &mut Seam<'_>) {
        let tx = self.admit_read(seam).map(|()| self.store().tx_at(at));
        self.answer_at_once(reply, Answer::LastBefore(tx), seam);
    }
}
