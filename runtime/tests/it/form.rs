//! Runs a test on every form of the real driver.

use std::path::Path;
use std::sync::{Arc, Mutex};

use cosmictron_runtime::Machine;
use cosmictron_runtime::real::{IoDriver, LogBackend, Options, Shard, run};
use cosmictron_types::ShardCount;

use crate::echo::Echo;

/// Sockets by io_uring or epoll, the log by a ring or a thread.
pub(crate) const FORMS: [(IoDriver, LogBackend); 3] = [
    (IoDriver::Auto, LogBackend::Ring),
    (IoDriver::Auto, LogBackend::Thread),
    (IoDriver::Epoll, LogBackend::Auto),
];

pub(crate) fn options(directory: &Path, shards: u16, form: (IoDriver, LogBackend)) -> Options {
    let mut options = Options::new(directory);
    options.shards = ShardCount::new(shards);
    (options.io, options.log_backend) = form;
    // Tests share the machine with each other and must not meet on one processor.
    options.pin = false;
    options.signals = false;
    options
}

/// Runs `serve` on every shard of every form and returns what they noted, form by form. Assertions belong after it: a
/// panic on a shard ends the process.
pub(crate) fn notes_of_each_form<T: Send + 'static, F: Future<Output = ()> + 'static>(
    shards: u16,
    serve: impl Fn(Shard<Echo>, Notes<T>) -> F + Sync,
) -> Vec<Vec<T>> {
    FORMS.map(|form| notes_of(shards, form, Echo::boot, &serve)).into()
}

pub(crate) fn notes_of<M: Machine, E, T, F>(
    shards: u16,
    form: (IoDriver, LogBackend),
    boot: impl Fn(&mut cosmictron_runtime::Boot<'_>) -> Result<M, E> + Sync,
    serve: &(impl Fn(Shard<M>, Notes<T>) -> F + Sync),
) -> Vec<T>
where
    E: Send + std::fmt::Debug,
    T: Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let root = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let options = options(root.path(), shards, form);
    run(&options, boot, |shard| serve(shard, notes.clone())).unwrap();
    notes.take()
}

/// What the cores of a test have to say.
pub(crate) struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T> Notes<T> {
    pub(crate) fn write(&self, note: T) {
        self.0.lock().unwrap().push(note);
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
