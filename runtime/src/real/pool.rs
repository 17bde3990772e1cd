//! Runs slow work on threads of its own, so that no shard's thread waits for it.
//!
//! The queue is bounded: a full one refuses, and the caller answers "busy". A job that panics becomes an error of that
//! job; the thread goes on. Threads are not pinned, and yield the processors to the shards: more or less, as the pool's
//! [`Urgency`] says.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;

use super::cpu::{Cpus, lower_priority_of_this_thread, run_this_thread_when_idle};

/// How far a pool's work yields to all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Has a smaller part of a processor that others want as well.
    Soon,
    /// Has what the others leave, and is interrupted at once by whoever comes. Under Linux's idle policy, that is: at a low
    /// priority only, a thread that wakes waits until the one that runs has had its turn, some milliseconds.
    Idle,
}

/// Steps of nice(2) by which slow work yields.
const PRIORITY_STEPS: i32 = 5;
/// The same where the idle policy is refused.
const IDLE_PRIORITY_STEPS: i32 = 19;

/// The pool's queue is full. Nothing was started; try again when some work has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} jobs wait for a thread already")]
pub struct PoolFull {
    /// Jobs in the queue: its bound.
    pub waiting: usize,
}

/// A job has panicked. What it worked on is in doubt; the pool is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job panicked: {message}")]
pub struct JobPanicked {
    /// The panic's message.
    pub message: String,
}

/// Threads that take jobs from one bounded queue.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    queue_max: usize,
    work_has_come: Condvar,
    running: AtomicUsize,
}

struct Queue {
    jobs: VecDeque<Box<dyn FnOnce() + Send>>,
    is_closed: bool,
}

/// What a job returns, when it has run.
pub struct JobResult<T> {
    outcome: Arc<Outcome<T>>,
}

struct Outcome<T> {
    value: Mutex<Option<Result<T, JobPanicked>>>,
    waker: AtomicWaker,
}

impl Urgency {
    /// Makes it this thread's.
    fn take(self) -> io::Result<()> {
        match self {
            Urgency::Soon => lower_priority_of_this_thread(PRIORITY_STEPS),
            Urgency::Idle => run_this_thread_when_idle()
                .or_else(|_| lower_priority_of_this_thread(IDLE_PRIORITY_STEPS)),
        }
    }
}

impl Pool {
    pub(crate) fn start(
        urgency: Urgency,
        thread_count: usize,
        queue_max: usize,
        cpus: &Cpus,
    ) -> io::Result<Self> {
        let queue = Queue { jobs: VecDeque::with_capacity(queue_max), is_closed: false };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            queue_max,
            work_has_come: Condvar::new(),
            running: AtomicUsize::new(0),
        });
        let start = |number| {
            let (shared, cpus) = (Arc::clone(&shared), cpus.clone());
            let name = match urgency {
                Urgency::Soon => format!("pool-{number}"),
                Urgency::Idle => format!("idle-{number}"),
            };
            thread::Builder::new().name(name).spawn(move || {
                // Nothing of this is needed to do the work.
                let _ = cpus.unpin_this_thread();
                let _ = urgency.take();
                shared.work();
            })
        };
        let threads: Vec<_> = (0..thread_count.max(1)).map(start).collect::<io::Result<_>>()?;
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Queues a job.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JobResult<T>, PoolFull> {
        let outcome = Arc::new(Outcome { value: Mutex::new(None), waker: AtomicWaker::new() });
        let result = JobResult { outcome: Arc::clone(&outcome) };
        let run = move || {
            let value = catch_unwind(AssertUnwindSafe(job)).map_err(JobPanicked::from_payload);
            *locked(&outcome.value) = Some(value);
            outcome.waker.wake();
        };
        self.shared.push(Box::new(run))?;
        Ok(result)
    }

    /// Jobs that wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        locked(&self.shared.queue).jobs.len()
    }

    /// Jobs that run.
    pub(crate) fn running(&self) -> usize {
        self.shared.running.load(Ordering::Relaxed)
    }

    /// Drops what waits and gives what runs until `patience` is over; whether all threads have ended.
    pub(crate) fn close(&self, patience: Duration) -> bool {
        let unstarted = {
            let mut queue = locked(&self.shared.queue);
            queue.is_closed = true;
            std::mem::take(&mut queue.jobs)
        };
        drop(unstarted);
        self.shared.work_has_come.notify_all();
        let end = Instant::now() + patience;
        let mut threads = locked(&self.threads);
        while threads.iter().any(|thread| !thread.is_finished()) {
            if end <= Instant::now() {
                return false;
            }
            // A thread's end can be joined, not awaited with a limit; this runs once, when all else has ended.
            thread::sleep(Duration::from_millis(1));
        }
        threads.drain(..).for_each(|thread| drop(thread.join()));
        true
    }
}

impl Shared {
    fn push(&self, job: Box<dyn FnOnce() + Send>) -> Result<(), PoolFull> {
        let mut queue = locked(&self.queue);
        if queue.is_closed || queue.jobs.len() == self.queue_max {
            return Err(PoolFull { waiting: queue.jobs.len() });
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.work_has_come.notify_one();
        Ok(())
    }

    fn work(&self) {
        while let Some(job) = self.next_job() {
            self.running.fetch_add(1, Ordering::Relaxed);
            job();
            self.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn next_job(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let is_idle = |queue: &mut Queue| queue.jobs.is_empty() && !queue.is_closed;
        let queue = locked(&self.queue);
        let queue = self.work_has_come.wait_while(queue, is_idle);
        queue.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }
}

impl<T> Future for JobResult<T> {
    type Output = Result<T, JobPanicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let take = || locked(&self.outcome.value).take();
        if let Some(value) = take() {
            return Poll::Ready(value);
        }
        self.outcome.waker.register(cx.waker());
        take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl JobPanicked {
    fn from_payload(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => {
                payload.downcast_ref::<&str>().map_or("no message", |text| text).to_owned()
            }
        };
        Self { message }
    }
}

/// No code under these locks can panic, so a poisoned one is still whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Waker;

    use super::*;

    fn wait<T>(mut result: JobResult<T>) -> Result<T, JobPanicked> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = Pin::new(&mut result).poll(&mut cx) {
                return value;
            }
            thread::yield_now();
        }
    }

    #[test]
    fn a_panic_is_an_error_of_its_job_alone() {
        let pool = Pool::start(Urgency::Soon, 1, 4, &Cpus::of_this_process()).unwrap();
        let bad = pool.run(|| -> u8 { panic!("no {}", "way") }).unwrap();
        let good = pool.run(|| 7).unwrap();
        assert_eq!(wait(bad), Err(JobPanicked { message: "no way".to_owned() }));
        assert_eq!(wait(good), Ok(7));
        assert!(pool.close(Duration::from_secs(10)));
    }

    #[test]
    fn a_full_queue_refuses_and_a_closed_pool_too() {
        let pool = Pool::start(Urgency::Idle, 1, 1, &Cpus::of_this_process()).unwrap();
        let (started, has_started) = mpsc::channel();
        let (release, may_end) = mpsc::channel::<()>();
        let running = pool.run(move || {
            started.send(()).unwrap();
            may_end.recv().unwrap();
        });
        has_started.recv().unwrap();
        let waiting = pool.run(|| 1).unwrap();
        assert_eq!(pool.run(|| 2).err(), Some(PoolFull { waiting: 1 }));
        assert_eq!((pool.running(), pool.waiting()), (1, 1));
        release.send(()).unwrap();
        wait(running.unwrap()).unwrap();
        assert_eq!(wait(waiting), Ok(1));
        assert!(pool.close(Duration::from_secs(10)));
        assert!(pool.run(|| 3).is_err());
    }
}
