//! Is what the tasks of one core hold: their way to the machine, to timers, sockets, slow work and the shutdown.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration as StdDuration;

use cosmictron_types::{Duration, ShardCount, ShardId, Timestamp};

use super::control::Control;
use super::core::Core;
use super::listener::{self, Listening};
use super::options::{IoDriverInUse, LogBackendInUse};
use super::pending::Pending;
use super::pool::{JobResult, PoolFull};
use super::stream::TcpStream;
use crate::machine::Machine;

/// The longest sleep at once, well inside what the timer wheel counts.
const SLEEP_MAX: StdDuration = StdDuration::from_secs(24 * 60 * 60);

/// One core, as its tasks see it. Cheap to clone; stays on its thread.
pub struct Shard<M: Machine> {
    core: Rc<Core<M>>,
}

/// One core's state, for diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardFacts {
    /// What carries its sockets, timers and tasks.
    pub io: IoDriverInUse,
    /// What carries its log's writes.
    pub log_backend: LogBackendInUse,
    /// Messages in the mailbox from each shard to this one, by their ids.
    pub mailbox_depths: Vec<usize>,
    /// Messages that wait here for room in another shard's mailbox.
    pub overflow: usize,
    /// Connections that are open.
    pub connections: usize,
    /// How often a connection was turned away, or kept waiting, for lack of descriptors or memory.
    pub accept_shortages: u64,
    /// Jobs of all cores that wait for a thread of the pool.
    pub pool_waiting: usize,
    /// Jobs of all cores that run.
    pub pool_running: usize,
}

impl<M: Machine> Clone for Shard<M> {
    fn clone(&self) -> Self {
        Self { core: Rc::clone(&self.core) }
    }
}

impl<M: Machine> Shard<M> {
    pub(crate) fn new(core: Rc<Core<M>>) -> Self {
        Self { core }
    }

    /// Which shard this is.
    pub fn id(&self) -> ShardId {
        self.core.shard
    }

    /// How many there are.
    pub fn count(&self) -> ShardCount {
        self.core.seam.borrow().shards
    }

    /// Gives the machine a request; it has handled it when this returns, though the answer may come later.
    /// Not from within [`Shard::with`].
    pub fn request(&self, request: M::Request) -> Pending<M::Answer> {
        self.core.request(request)
    }

    /// Reads or changes the machine between two events. Panics when nested.
    pub fn with<T>(&self, look: impl FnOnce(&mut M) -> T) -> T {
        look(&mut self.core.machine.borrow_mut())
    }

    /// Wall-clock time that never goes back on this core: the same that the machine sees.
    pub fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// Starts a task on this core. A task that wakes itself starves all others: give way by [`Shard::yield_now`].
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        monoio::spawn(task);
    }

    /// Resolves after `span`, or up to a millisecond later.
    pub async fn sleep(&self, span: Duration) {
        let mut rest = span.to_std();
        while SLEEP_MAX < rest {
            monoio::time::sleep(SLEEP_MAX).await;
            rest -= SLEEP_MAX;
        }
        monoio::time::sleep(rest).await;
    }

    /// `None` when `future` has not resolved within `span`; it is dropped then. Only for what may be dropped: never for
    /// a read or a write of a [`TcpStream`], whose bytes would be lost.
    pub async fn within<T>(&self, span: Duration, future: impl Future<Output = T>) -> Option<T> {
        let (mut future, mut sleep) = (pin!(future), pin!(self.sleep(span)));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
        })
        .await
    }

    /// Gives way to everything that is ready, sockets and timers included. Long loops call it every 100 to 500 µs; it
    /// costs about 2 µs.
    pub async fn yield_now(&self) {
        self.core.turns.next().await;
    }

    /// Runs slow work on a thread of the pool; refused when too many jobs wait already. The result comes even when
    /// nobody waits for it any more.
    pub fn offload<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JobResult<T>, PoolFull> {
        self.core.pool.run(job)
    }

    /// As [`offload`](Self::offload), for what may wait: it runs while nobody else wants a processor, and costs those who
    /// are served nothing but what it has in common with them, caches and memory. On a machine that is busy all the time it
    /// takes long.
    pub fn offload_to_idle<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JobResult<T>, PoolFull> {
        self.core.idle_pool.run(job)
    }

    /// Listens on `address` and hands every connection to `on_connection`, which starts a task for it. Every core may
    /// listen on the same address; the kernel deals connections out among them.
    pub fn listen(
        &self,
        address: SocketAddr,
        on_connection: impl FnMut(TcpStream) + 'static,
    ) -> io::Result<Listening> {
        let deadlines = Rc::clone(&self.core.deadlines);
        let shortages = Rc::clone(&self.core.accept_shortages);
        listener::listen(address, self.core.io.is_uring(), deadlines, shortages, on_connection)
    }

    /// Ends the connections that wait for a peer that owes nothing ([`super::stream::Deadline::Idle`]).
    pub fn end_idle_connections(&self) {
        self.core.deadlines.expire_idle();
    }

    /// Resolves when the shutdown begins. May be dropped.
    pub async fn shutdown(&self) {
        self.core.shutdown.wait().await;
    }

    /// Whether the shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.core.control.is_shutting_down()
    }

    /// Ends every core at once, whatever it still does.
    pub fn stop(&self) {
        self.core.control.stop();
    }

    /// For beginning the shutdown from anywhere.
    pub fn control(&self) -> Control {
        self.core.control.clone()
    }

    /// This core's state now.
    pub fn facts(&self) -> ShardFacts {
        let seam = self.core.seam.borrow();
        ShardFacts {
            io: self.core.io,
            log_backend: self.core.log_backend,
            mailbox_depths: seam.mesh.depths(),
            overflow: seam.mesh.overflow(),
            connections: self.core.deadlines.socket_count(),
            accept_shortages: self.core.accept_shortages.get(),
            pool_waiting: self.core.pool.waiting() + self.core.idle_pool.waiting(),
            pool_running: self.core.pool.running() + self.core.idle_pool.running(),
        }
    }
}
