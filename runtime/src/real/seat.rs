//! Is the life of one shard's thread: pin, build the executor, open the log, boot the machine, serve, leave.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::ManuallyDrop;
use std::process;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::task::Poll;
use std::thread;

use cosmictron_types::{ShardCount, ShardId};

use super::bell::Bell;
use super::clock::WallClock;
use super::control::Control;
use super::core::{Core, Tasks};
use super::cpu::{Cpus, pin_this_thread};
use super::deadline::Deadlines;
use super::executor::Executor;
use super::latch::Latch;
use super::log::Log;
use super::log::directory::{SegmentDirectory, shard_directory};
use super::log::file::takes_direct_writes;
use super::log::inbox::Inbox;
use super::log::segment::{SegmentDesk, SegmentThread};
use super::mesh::Mesh;
use super::options::{IoDriverInUse, LogBackendInUse, Options};
use super::pending::Slots;
use super::pool::Pool;
use super::seam::RealSeam;
use super::shard::Shard;
use super::start::RunError;
use super::turn::Turns;
use crate::boot::{Boot, Counters, Recovery};
use crate::machine::{Event, Machine};
use crate::random::Random;

/// What all shards are started with.
pub(crate) struct Common<'a> {
    pub(crate) options: &'a Options,
    pub(crate) count: ShardCount,
    pub(crate) control: Control,
    pub(crate) pool: Arc<Pool>,
    pub(crate) idle_pool: Arc<Pool>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) cpus: Cpus,
}

/// What a shard tells the main thread: `Read`, `Booted` and `Ended`, each after a word, or `Failed` in place of one.
pub(crate) enum Report<E, T> {
    Read(ShardId, T),
    Booted(IoDriverInUse, LogBackendInUse),
    Failed(RunError<E>),
    Ended,
}

/// What the main thread tells a shard: `Finish`, `Serve`, then one of the others.
pub(crate) enum Word<T> {
    /// All have read their logs.
    Finish(Arc<[T]>),
    Serve,
    /// Nothing can wake this shard's tasks any more.
    Drop,
    /// Something still can.
    Leave,
}

/// What one shard's thread starts with.
pub(crate) struct Seat<'a, M: Machine, E, T> {
    shard: ShardId,
    common: &'a Common<'a>,
    directory: SegmentDirectory,
    is_direct: bool,
    mesh: Mesh<M::Message>,
    inbox: Arc<Inbox>,
    segments: SegmentDesk,
    line: Line<E, T>,
}

/// A shard's line to the main thread.
pub(crate) struct Line<E, T> {
    pub(crate) reports: Sender<Report<E, T>>,
    pub(crate) words: Receiver<Word<T>>,
}

/// What a thread must be granted to run a shard.
struct Grant {
    executor: Executor,
    log: Log,
    turns: Turns,
    random: Random,
}

/// Ends the process when a shard's thread panics: its state is in doubt, and the others would wait for it for ever.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(
                "a shard has panicked; the process stops and will recover from its logs"
            );
            process::abort();
        }
    }
}

impl<'a, M: Machine, E, T> Seat<'a, M, E, T> {
    /// On the main thread.
    pub(crate) fn prepare(
        common: &'a Common<'a>,
        mesh: Mesh<M::Message>,
        segments: &SegmentThread,
        line: Line<E, T>,
    ) -> io::Result<Self> {
        let shard = mesh.shard();
        let path = shard_directory(&common.options.log_directory, shard);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let directory = SegmentDirectory::open(&path).map_err(named)?;
        let is_direct = takes_direct_writes(&path).map_err(named)?;
        if !is_direct {
            let directory = directory.path().display();
            tracing::warn!(%directory, "no direct I/O here: the log is buffered and synced");
        }
        let inbox = Arc::new(Inbox::default());
        let segments = segments.desk(directory.path(), is_direct, Arc::clone(&inbox));
        Ok(Self { shard, common, directory, is_direct, mesh, inbox, segments, line })
    }

    /// The thread's whole life.
    pub(crate) fn sit<F: Future<Output = ()> + 'static>(
        mut self,
        recovery: &impl Recovery<M, Error = E, Facts = T>,
        serve: &impl Fn(Shard<M>) -> F,
    ) {
        let _guard = AbortOnPanic;
        let (mut grant, machine) = match self.boot(recovery) {
            Ok(Some(booted)) => booted,
            Ok(None) => return,
            Err(error) => return self.line.report(Report::Failed(error)),
        };
        self.line.report(Report::Booted(grant.executor.driver(), grant.log.backend()));
        let Ok(Word::Serve) = self.line.words.recv() else { return }; // Another shard has failed.
        grant.log.register_buffers();
        let Self { shard, common, mesh, inbox, segments, line, .. } = self;
        let Grant { mut executor, log, turns, random } = grant;
        let io = executor.driver();
        let seam = new_seam(common, mesh, log, segments, random);
        let core = Rc::new(new_core(common, shard, io, machine, seam, inbox, turns));
        executor.block_on(live(Rc::clone(&core), serve));
        core.seam.borrow_mut().log.close();
        line.report(Report::Ended);
        if !matches!(line.words.recv(), Ok(Word::Drop)) {
            // A thread that may still wake a task of this executor must find it.
            let _ = ManuallyDrop::new(executor);
        }
    }

    /// `None` when another shard has failed.
    fn boot(
        &mut self,
        recovery: &impl Recovery<M, Error = E, Facts = T>,
    ) -> Result<Option<(Grant, M)>, RunError<E>> {
        let (shard, count) = (self.shard, self.common.count);
        let grant = self.ask_system().map_err(|error| RunError::Shard { shard, error })?;
        let mut place = Boot::new(shard, count, &self.common.counters, &mut self.directory);
        let failed = |error| RunError::Boot { shard, error };
        let (read, facts) = recovery.read(&mut place).map_err(failed)?;
        self.line.report(Report::Read(shard, facts));
        let Ok(Word::Finish(facts)) = self.line.words.recv() else { return Ok(None) };
        let machine = recovery.finish(&mut place, read, &facts).map_err(failed)?;
        Ok(Some((grant, machine)))
    }

    fn ask_system(&self) -> io::Result<Grant> {
        let options = self.common.options;
        if options.pin
            && let Some(cpu) = self.common.cpus.home_of(self.shard)
        {
            pin_this_thread(cpu)?;
        }
        let executor = Executor::build(options.io)?;
        let driver = executor.driver();
        let inbox = Arc::clone(&self.inbox);
        let directory = self.directory.path();
        let wanted = options.log_backend;
        let log = Log::open(directory, self.is_direct, wanted, driver, inbox, &self.common.cpus)?;
        let (turns, random) = (Turns::new(driver.is_uring())?, Random::from_system()?);
        Ok(Grant { executor, log, turns, random })
    }
}

impl<E, T> Line<E, T> {
    fn report(&self, report: Report<E, T>) {
        // The main thread leaves early when another shard has failed.
        let _ = self.reports.send(report);
    }
}

fn new_seam<M: Machine>(
    common: &Common<'_>,
    mesh: Mesh<M::Message>,
    log: Log,
    segments: SegmentDesk,
    random: Random,
) -> RealSeam<M> {
    RealSeam {
        shard: mesh.shard(),
        shards: common.count,
        clock: Rc::new(WallClock::new()),
        random,
        counters: Arc::clone(&common.counters),
        mesh,
        own_mail: VecDeque::new(),
        slots: Rc::new(RefCell::new(Slots::new())),
        flush: Rc::new(Bell::default()),
        tick: Rc::new(Bell::default()),
        tick_at: None,
        log,
        segments,
    }
}

fn new_core<M: Machine>(
    common: &Common<'_>,
    shard: ShardId,
    io: IoDriverInUse,
    machine: M,
    seam: RealSeam<M>,
    inbox: Arc<Inbox>,
    turns: Turns,
) -> Core<M> {
    Core {
        shard,
        io,
        log_backend: seam.log.backend(),
        slots: Rc::clone(&seam.slots),
        clock: Rc::clone(&seam.clock),
        flush: Rc::clone(&seam.flush),
        tick: Rc::clone(&seam.tick),
        machine: RefCell::new(machine),
        seam: RefCell::new(seam),
        inbox,
        turns,
        deadlines: Rc::new(Deadlines::default()),
        accept_shortages: Rc::default(),
        pool: Arc::clone(&common.pool),
        idle_pool: Arc::clone(&common.idle_pool),
        control: common.control.clone(),
        shutdown: Latch::default(),
        tasks: Tasks::default(),
    }
}

/// A core's life on its executor.
async fn live<M, F>(core: Rc<Core<M>>, serve: &impl Fn(Shard<M>) -> F)
where
    M: Machine,
    F: Future<Output = ()> + 'static,
{
    core.start_tasks();
    core.dispatch(Event::Start);
    let (served, control) = (serve(Shard::new(Rc::clone(&core))), core.control.clone());
    monoio::spawn(async move {
        served.await;
        control.has_served();
    });
    until_over(&core).await;
    core.deadlines.expire_all();
    // The connections' tasks see the end of their sockets and let go of them.
    core.turns.next().await;
    core.end_tasks().await;
}

/// Passes the shutdown on to this core's tasks; resolves when the core is to end.
async fn until_over<M: Machine>(core: &Core<M>) {
    poll_fn(|cx| {
        core.control.bell(core.shard).register(cx.waker());
        // Looked at after the registration, so that no change goes unseen.
        if core.control.is_shutting_down() && !core.shutdown.is_set() {
            core.shutdown.set();
        }
        if core.control.is_over() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
