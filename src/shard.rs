//! One core's part of the server, as a state machine: the store, the log and the guests that work on them.
//!
//! ```text
//!  Request ──▶ route ──▶ (another shard: Message::Forward … Message::Answered)
//!                │
//!                ▼ here
//!           perform ──▶ guest or SQL on the store ──▶ log.append ──▶ outbox ──▶ answer, once durable
//! ```
//!
//! It takes one event at a time and acts through the runtime's seam alone, so the simulation runs this very code. It
//! runs one transaction at a time, to its end; no lock and no other thread touches its store.
//!
//! Invariants (DESIGN.md numbers the server's; these are how this room keeps them):
//! 1. Under `durability = always` no answer leaves before the log is durable up to everything that the answer tells of
//!    ([`outbox`]).
//! 2. A transaction is in the log exactly if it was committed in the store, whole, before the next one began.
//! 3. `tx_id`s ascend in each shard's log.
//!
//! Reading order: [`request`] says what can be asked; [`call`], [`query`], [`view`], [`account`], [`deploy`], [`schedule`], [`visit`]
//! do it;
//! [`guest`] is the stores in hand as a guest sees them, [`judge`] asks policies about their rows; [`journal`], [`outbox`] and [`delivery`] make it durable;
//! [`ground`], [`lending`] and [`stability`] are for transactions of several shards; [`joining`] and [`recovery`] bring it
//! back.

mod account;
mod announcement;
mod audit;
mod call;
mod chain;
mod cleaning;
mod delivery;
mod deploy;
mod gather;
mod ground;
mod guest;
mod halt;
mod job;
mod joining;
mod journal;
mod judge;
mod lending;
mod live;
mod outbox;
mod query;
mod reach;
mod reads;
mod recovery;
mod report;
mod request;
mod reshard;
mod scans;
mod schedule;
mod stability;
mod tables_change;
mod view;
mod visit;

pub use audit::{AuditEntry, AuditEvent, AuditNote, AuditRange};
pub use chain::{ChainHead, ChainReport, verify_chain};
pub use live::listener::{Change, End, First, Item};
pub use live::memory::{LiveLimits, PIECE_ROWS};
pub use live::{ListenerId, LiveRequest, Subscribe, SubscriptionId, Told};
pub use outbox::ReplyTo;
pub use reach::{Reach, RowsAt};
pub use recovery::{BootError, BootPlan, JointFacts, RecordError, Replay};
pub use report::{HandshakeFigures, ShardReport, TableReport};
pub use request::{
    AccountAnswer, AccountError, AccountRequest, Answer, BeginVisit, Call, CallError, Called,
    DataFate, Deploy, DeployError, Deployed, EndVisit, IdempotencyKey, Opening, Query, QueryError,
    Request, Rows, Unavailable, Undeploy, UndeployError, ViewError,
};
pub use reshard::{ReshardError, ReshardPlan, reshard};
pub use view::{NamedView, Views};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use cosmictron_runtime::{Event, MAILBOX_SLOTS, Machine, Ticket};
use cosmictron_storage::{Store, TransactionLimits, WriteError};
use cosmictron_types::{Duration, ShardId, TableId, Timestamp, TxId};
use cosmictron_wasm_host::{CompiledModule, Instances, Version};

use announcement::{AnnouncementId, Announcements, Conclusion};
use gather::Gatherings;
use ground::LastJoint;
use guest::GuestData;
use job::Job;
use joining::Joining;
use journal::Journal;
use lending::{Homecoming, Loan, Outgoing, Work};
use live::feed::{FeedBatch, TapId};
use live::{FlowId, Live};
use outbox::{Asker, Outbox};
use report::Figures;
use scans::Scans;
use stability::{Progress, Stability};
use visit::Visits;

use crate::directory::{Directory, Notice};

/// The door to time, chance, disk and the other shards.
pub type Seam<'a> = dyn cosmictron_runtime::Seam<Shard> + 'a;

/// What the operator decided about shards.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    pub transaction: TransactionLimits,
    pub idempotency_kept: Duration,
    /// How long entries of the audit are kept.
    pub audit_kept: Duration,
    /// How long the past can be read.
    pub history_time: Duration,
    pub query: cosmictron_sql::ExecutionLimits,
    /// Rows that a query reads before calls have their turn.
    pub slice_rows: u64,
    pub live: LiveLimits,
}

/// Requests to one other shard that may be unanswered: each takes a slot there, and its answer one back.
const FORWARDED_MAX: usize = MAILBOX_SLOTS / 2;

/// Bounds on what the server writes for itself: none that it could reach.
const OWN_LIMITS: TransactionLimits = TransactionLimits { rows_max: 1 << 48, bytes_max: 1 << 48 };

/// What one shard's machine tells another's.
#[derive(Debug)]
pub enum Message {
    /// Do this and tell me.
    Forward {
        asker: Asker,
        request: Request,
    },
    Answered {
        asker: Asker,
        answer: Answer,
        /// Whom it was forwarded to.
        via: ShardId,
    },
    /// Something has changed; confirm that you know.
    Announce {
        id: AnnouncementId,
        notice: Notice,
    },
    Confirm {
        id: AnnouncementId,
    },
    /// All that the sender's log says others have to know, once, at the start.
    Snapshot(Vec<Notice>),
    /// Do these; you are the first of the shards that they want.
    Jobs(Vec<Job>),
    /// I have your jobs.
    JobsArrived,
    /// From a shard to itself: there is a long read to go on with.
    NextSlice,
    /// Of a shard to itself: the next piece of what a live query begins with is due.
    NextPiece(FlowId),
    /// Of a shard to itself: views of live queries wait to run again.
    NextReruns,
    /// What a transaction of the sender changes for live queries of the receiver.
    Fed(FeedBatch),
    /// The sender's live query needs nothing more.
    Untap(TapId),
    /// Stores on their way to where jobs run.
    Loan(Box<Loan>),
    /// Your store is back.
    Homecoming(Box<Homecoming>),
    /// How far the sender's records of transactions that it shares are.
    Progress(Progress),
    /// I have heard how far you are.
    ProgressHeard,
}

/// One shard.
pub struct Shard {
    options: Arc<ShardOptions>,
    /// Away while a guest works on it, or while it is lent.
    store: Option<Box<Store>>,
    /// What waits for the store.
    queue: VecDeque<Work>,
    /// Someone is seeing to the queue.
    is_working: bool,
    /// Jobs on their way to each shard.
    outgoing: Vec<Outgoing>,
    /// Since when the store is lent, when it is.
    lent_at: Timestamp,
    /// The newest joint record in the log since the start.
    last_joint: Option<LastJoint>,
    journal: Journal,
    outbox: Outbox,
    stability: Stability,
    directory: Directory,
    /// Of the active modules whose home this is, and of those that have run here with lent stores; by name.
    instances: BTreeMap<Arc<str>, Served>,
    announcements: Announcements,
    gatherings: Gatherings,
    scans: Scans,
    live: Live,
    /// Unanswered requests to each shard.
    forwarded: Vec<usize>,
    joining: Joining,
    /// The newest transaction that this shard has committed.
    committed: TxId,
    /// And when.
    committed_at: Timestamp,
    next_cleaning: Timestamp,
    next_forgetting: Timestamp,
    /// No schedule is run before: one had to wait.
    schedules_rest_until: Timestamp,
    /// Schedules of this shard that run where other stores are in hand, too.
    schedules_away: BTreeSet<u64>,
    visits: Visits,
    figures: Figures,
    /// The module whose instances want to be replenished once the answer has left.
    depleted: Option<Arc<str>>,
    /// A call was scheduled since the shard last looked when one is due.
    has_scheduled: bool,
    /// A tick came while the store was away.
    is_tick_due: bool,
    /// Kept from call to call for its allocation.
    json: Vec<u8>,
}

/// One version of a module, ready to run.
struct Served {
    version: Version,
    instances: Instances<GuestData>,
}

impl Served {
    fn new(module: &CompiledModule) -> Self {
        Self { version: *module.version(), instances: Instances::new(module) }
    }
}

impl Machine for Shard {
    type Request = Request;
    type Answer = Answer;
    type Message = Message;

    fn handle(&mut self, event: Event<Self>, seam: &mut Seam<'_>) {
        match event {
            Event::Start => self.start(seam),
            Event::Request { ticket, request } => self.route(ticket, request, seam),
            Event::Message { from, message } => self.hear(from, message, seam),
            Event::Written { write, result } => {
                let landed = self.journal.written(write, result);
                self.after_disk(landed, seam);
            }
            Event::SegmentReady { segment, result } => {
                let landed = self.journal.segment_ready(segment, result);
                self.after_disk(landed, seam);
            }
            Event::Flush => {
                self.journal.flush(seam);
                self.replenish();
            }
            Event::Tick => self.tick(seam),
        }
        self.tell_listeners(seam);
    }
}

impl Shard {
    /// What this core knows of the whole server.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many rows of a table are here; `None` while the store is lent, and where there is no such table.
    pub fn row_count(&self, table: TableId) -> Option<u64> {
        self.store.as_deref()?.table(table).map(|table| table.len() as u64)
    }

    fn store(&self) -> &Store {
        self.store.as_deref().expect("the store is home between calls")
    }

    fn store_mut(&mut self) -> &mut Store {
        self.store.as_deref_mut().expect("the store is home between calls")
    }

    fn route(&mut self, ticket: Ticket, request: Request, seam: &mut Seam<'_>) {
        let home = self.home_of(&request, seam);
        if home == seam.shard() {
            let reply = ReplyTo { shard: home, asker: Asker::Task(ticket), via: home };
            self.perform(request, reply, seam);
        } else if self.forwarded[home.index()] >= FORWARDED_MAX {
            seam.answer(ticket, request.refuse(Unavailable::Overloaded));
        } else {
            self.forwarded[home.index()] += 1;
            seam.send(home, Message::Forward { asker: Asker::Task(ticket), request });
        }
    }

    fn home_of(&self, request: &Request, seam: &Seam<'_>) -> ShardId {
        match request {
            Request::Join | Request::Open { .. } => seam.shard(),
            Request::Sync(shard) | Request::Report(shard) | Request::Audit(shard, _) => *shard,
            Request::Call(call) => seam.shards().owner_of(call.destination.start),
            Request::Query(Query { views: Some(views), .. }) => views.home(),
            Request::Query(Query { reach: Reach::One(shard), .. }) => *shard,
            Request::Query(_)
            | Request::Part(_)
            | Request::LastBefore(_)
            | Request::Live(_)
            | Request::Tap(_)
            | Request::RunViews(_)
            | Request::Progress => seam.shard(),
            Request::Deploy(deploy) => self.directory.home_of(&deploy.name),
            Request::Undeploy(undeploy) => self.directory.home_of(&undeploy.name),
            Request::BeginVisit(begin) => self.directory.home_of(&begin.module),
            Request::EndVisit(end) => self.directory.home_of(&end.module),
            Request::Account(_) => ShardId::FIRST,
        }
    }

    fn perform(&mut self, request: Request, reply: ReplyTo, seam: &mut Seam<'_>) {
        match request {
            Request::Join => self.join(reply, seam),
            Request::Sync(_) => self.sync(reply, seam),
            Request::Open { have_all_begun } => {
                // Nothing in the log says it, so it does not wait for the log either, which may have failed by now.
                let conclusion =
                    Conclusion { reply: Some(reply), answer: Answer::Joined, arrived: seam.now() };
                self.tell(vec![Notice::Open { have_all_begun }], Some(conclusion), seam);
            }
            Request::Query(query) if query.reach == Reach::All && query.views.is_none() => {
                self.gather(query, reply, seam);
            }
            Request::Live(request) => self.live(request, reply, seam),
            Request::EndVisit(end) => self.end_visit(end.visit, reply, seam),
            request => self.enter(request, reply, seam),
        }
    }

    /// Does what needs the store, which is here.
    fn work(&mut self, request: Request, reply: ReplyTo, seam: &mut Seam<'_>) {
        match request {
            Request::Call(call) => self.call(call, reply, seam),
            Request::Query(query) => match query.views {
                Some(_) => self.query_views(query, reply, seam),
                None => self.query(query, reply, seam),
            },
            Request::Part(part) => self.part(part, reply, seam),
            Request::LastBefore(at) => self.last_before(at, reply, seam),
            Request::Deploy(deploy) => self.deploy(deploy, reply, seam),
            Request::Undeploy(undeploy) => self.undeploy(undeploy, reply, seam),
            Request::Account(request) => self.account(request, reply, seam),
            Request::BeginVisit(begin) => self.begin_visit(begin, reply, seam),
            Request::Report(_) => {
                let answer = Answer::Report(Box::new(self.report(seam)));
                self.answer_at_once(reply, answer, seam);
            }
            Request::Audit(_, range) => self.read_audit(range, reply, seam),
            Request::Tap(tap) => self.tap(tap, reply, seam),
            Request::RunViews(run) => self.run_views(run, reply, seam),
            Request::Progress => {
                let answer = Answer::Progress(seam.last_tx());
                self.hold(Some(reply), answer, seam.now(), Vec::new(), seam);
            }
            Request::Join
            | Request::Open { .. }
            | Request::Sync(_)
            | Request::Live(_)
            | Request::EndVisit(_) => unreachable!("these do not come here"),
        }
        self.publish(seam);
        if std::mem::take(&mut self.has_scheduled) {
            self.wake(seam);
        }
    }

    fn hear(&mut self, from: ShardId, message: Message, seam: &mut Seam<'_>) {
        match message {
            Message::Forward { asker, request } => {
                let reply = ReplyTo { shard: from, asker, via: seam.shard() };
                self.perform(request, reply, seam);
            }
            Message::Answered { asker, answer, via } => {
                self.answered(from, via, asker, answer, seam);
            }
            Message::Fed(batch) => self.take_batch(from, batch, seam),
            Message::Untap(tap) => self.untap(tap),
            Message::Announce { id, notice } => {
                self.take_notice(&notice, seam);
                seam.send(from, Message::Confirm { id });
                if let Notice::Open { .. } = notice {
                    self.conclude_joining(seam);
                }
            }
            Message::Confirm { id } => {
                if let Some(conclusion) = self.announcements.confirm(id) {
                    self.finish(conclusion, seam);
                }
            }
            Message::Snapshot(notices) => {
                notices.iter().for_each(|notice| self.directory.apply(notice));
                self.joining.missing -= 1;
                self.conclude_joining(seam);
                self.wake(seam);
            }
            Message::Jobs(jobs) => {
                seam.send(from, Message::JobsArrived);
                self.take_jobs(jobs, seam);
            }
            Message::NextSlice => self.next_slice(seam),
            Message::NextPiece(flow) => self.fill_flow(flow, seam),
            Message::NextReruns => self.start_reruns(seam),
            Message::JobsArrived => self.jobs_arrived(from, seam),
            Message::Loan(loan) => self.take_loan(loan, seam),
            Message::Homecoming(homecoming) => self.take_home(*homecoming, seam),
            Message::Progress(progress) => {
                self.stability.hear(from, progress);
                seam.send(from, Message::ProgressHeard);
                self.release(seam);
            }
            Message::ProgressHeard => {
                if let Some((peer, progress)) = self.stability.confirm(from) {
                    seam.send(peer, Message::Progress(progress));
                }
            }
        }
    }

    /// Another shard has told what has changed.
    fn take_notice(&mut self, notice: &Notice, seam: &mut Seam<'_>) {
        self.end_affected(notice);
        self.directory.apply(notice);
        match notice {
            Notice::ModuleGone { name, .. } => drop(self.instances.remove(name)),
            Notice::LogFailed(shard) => {
                // What waits for the lost log never becomes complete.
                if self.stability.waits_for(*shard) {
                    self.lose_log(seam);
                }
                self.fail_flows_of(*shard, seam);
            }
            _ => {}
        }
        self.note_schemas(notice, seam);
    }

    /// Makes the next call find a spare instance, after the answer of the one that needed it has left.
    fn replenish(&mut self) {
        let Some(module) = self.depleted.take() else { return };
        if let Some(served) = self.instances.get_mut(&module)
            && let Err(error) = served.instances.replenish()
        {
            tracing::warn!(module = &*module, %error, "there is no room for a spare instance");
        }
    }

    /// Whether work that writes may begin: it could be logged and answered.
    fn admit_write(&self, seam: &Seam<'_>) -> Result<(), Unavailable> {
        self.journal.admit(0)?;
        self.admit_read(seam)
    }

    /// Whether work that reads may begin. A log that takes no more is no obstacle: what it has taken, it writes.
    fn admit_read(&self, seam: &Seam<'_>) -> Result<(), Unavailable> {
        // Who reads from a shard whose log has failed would see what may not survive.
        if self.directory.failed_logs().contains(&seam.shard()) {
            return Err(Unavailable::LogFailed);
        }
        match self.outbox.is_full() {
            true => Err(Unavailable::Overloaded),
            false => Ok(()),
        }
    }

    /// Runs `change` as a transaction of the server's own and commits it.
    ///
    /// Panics when `change` breaks a constraint: what the server writes for itself it has checked before.
    fn transact(
        &mut self,
        now: Timestamp,
        seam: &mut Seam<'_>,
        change: impl FnOnce(&mut Store) -> Result<(), WriteError>,
    ) -> Result<(), Unavailable> {
        let tx = seam.next_tx();
        let store = self.store_mut();
        store.begin(OWN_LIMITS);
        match change(store) {
            Ok(()) => self.commit_own(tx, now, seam),
            Err(WriteError::StoreFull { .. } | WriteError::TableFull { .. }) => {
                store.rollback();
                Err(Unavailable::StorageFull)
            }
            Err(error) => panic!("a transaction of the server's own is refused: {error}"),
        }
    }

    /// Commits what is open on this shard's own store.
    fn commit_own(
        &mut self,
        tx: TxId,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        let mut store = self.store.take().expect("the store is home between calls");
        let committed = self.commit(&mut store, tx, now, seam);
        self.store = Some(store);
        committed
    }

    /// Appends the open transaction to the log and commits it, or undoes it. One that changed nothing leaves no record.
    fn commit(
        &mut self,
        store: &mut Store,
        tx: TxId,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        if !store.is_changed() {
            store.rollback();
            return Ok(());
        }
        assert!(self.committed < tx, "tx_ids ascend (I3)");
        if let Err(error) = self.journal.append(tx, now, store, seam) {
            store.rollback();
            return Err(error);
        }
        store.commit(tx);
        store.note_time(now);
        (self.committed, self.committed_at) = (tx, now);
        Ok(())
    }

    fn tick(&mut self, seam: &mut Seam<'_>) {
        self.move_flows(seam);
        self.go_on_rerunning(seam);
        self.journal.tick(seam);
        self.is_tick_due = self.store.is_none();
        if self.is_tick_due {
            return;
        }
        self.run_due_schedules(seam);
        self.end_owed_visits(seam);
        // It may have been lent for one of them.
        self.is_tick_due = self.store.is_none();
        if self.is_tick_due {
            return;
        }
        self.clean(seam);
        self.forget(seam);
        self.wake(seam);
    }

    /// Asks for the next tick: for whatever is due first.
    fn wake(&mut self, seam: &mut Seam<'_>) {
        if self.store.is_none() {
            return; // It is looked at again when it is back.
        }
        if std::mem::take(&mut self.is_tick_due) {
            return self.tick(seam);
        }
        let mut at = self.next_cleaning.min(self.next_forgetting);
        at = at.min(self.next_schedule().unwrap_or(at));
        at = at.min(self.next_owed_visit().unwrap_or(at));
        at = at.min(self.journal.next_tick().unwrap_or(at));
        seam.wake_at(at);
    }
}

/// One transaction of the server's own in the making: what it writes, and what others have to be told of it.
struct Step<'s> {
    shard: &'s mut Shard,
    now: Timestamp,
    notices: &'s mut Vec<Notice>,
}

impl Step<'_> {
    fn write(
        &mut self,
        seam: &mut Seam<'_>,
        change: impl FnOnce(&mut Store) -> Result<(), WriteError>,
    ) -> Result<(), Unavailable> {
        self.shard.transact(self.now, seam, change)
    }
}

/// Every shard but this one.
fn peers(seam: &Seam<'_>) -> impl Iterator<Item = ShardId> + use<> {
    let me = seam.shard();
    seam.shards().shards().filter(move |shard| *shard != me)
}
