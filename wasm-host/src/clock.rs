//! Ends calls that run too long: a thread advances the engine's epoch while guests may be running, and sleeps when none has
//! run for a while.
//!
//! Invariants:
//! 1. From the start of a call to its deadline the epoch advances, whatever the guest does and whoever else calls.
//! 2. A call writes nothing that other cores read, but for the first one after the thread has looked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak, Store};

/// The clock of one engine. Its clones are the same clock; the thread ends when the last one is gone.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// How long a call may take.
    deadline_ticks: u64,
    hand: Arc<Hand>,
}

/// What calls and the thread share.
#[derive(Debug)]
struct Signs {
    /// A call has begun since the thread has last looked.
    is_wanted: AtomicBool,
    is_asleep: AtomicBool,
    /// Nobody is left who could call.
    is_over: AtomicBool,
}

#[derive(Debug)]
struct Hand {
    signs: Arc<Signs>,
    thread: Thread,
}

impl Clock {
    /// Starts the thread. Calls may take `deadline`, to be counted in ticks.
    pub(crate) fn start(
        engine: &Engine,
        tick: Duration,
        deadline: Duration,
    ) -> std::io::Result<Clock> {
        // The first tick may come at once, so one more is added: never less time than was promised.
        let ticks = deadline.as_nanos().div_ceil(tick.as_nanos());
        let deadline_ticks = u64::try_from(ticks).unwrap_or(u64::MAX / 4).saturating_add(1);
        let signs = Arc::new(Signs {
            is_wanted: AtomicBool::new(false),
            is_asleep: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let ticker = Ticker { engine: engine.weak(), tick, deadline_ticks, signs: signs.clone() };
        let thread = thread::Builder::new().name("wasm-epoch".to_owned());
        let thread = thread.spawn(move || ticker.run())?.thread().clone();
        Ok(Clock { deadline_ticks, hand: Arc::new(Hand { signs, thread }) })
    }

    /// From now on what runs in the store has until the deadline.
    pub(crate) fn begin<T>(&self, store: &mut Store<T>) {
        store.set_epoch_deadline(self.deadline_ticks);
        let Hand { signs, thread } = &*self.hand;
        if !signs.is_wanted.load(Ordering::Relaxed) {
            signs.is_wanted.store(true, Ordering::SeqCst);
            if signs.is_asleep.load(Ordering::SeqCst) {
                thread.unpark();
            }
        }
    }

    #[cfg(test)]
    fn is_asleep(&self) -> bool {
        self.hand.signs.is_asleep.load(Ordering::SeqCst)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.signs.is_over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// The thread's side.
struct Ticker {
    engine: EngineWeak,
    tick: Duration,
    deadline_ticks: u64,
    signs: Arc<Signs>,
}

impl Ticker {
    fn run(self) {
        loop {
            // A call that began just before the look has its deadline before the next one (I1).
            for _ in 0..=self.deadline_ticks {
                let Some(engine) = self.engine.upgrade() else { return };
                engine.increment_epoch();
                drop(engine);
                if self.signs.is_over.load(Ordering::Relaxed) {
                    return;
                }
                thread::sleep(self.tick);
            }
            if !self.signs.is_wanted.swap(false, Ordering::SeqCst) {
                self.sleep();
            }
        }
    }

    /// Until a call begins. Of that call's store to `is_wanted` and this one to `is_asleep` one comes first, so either the
    /// call sees that there is someone to wake, or this sees that there is a call.
    fn sleep(&self) {
        self.signs.is_asleep.store(true, Ordering::SeqCst);
        let is_needed = || {
            self.signs.is_wanted.load(Ordering::SeqCst) || self.signs.is_over.load(Ordering::SeqCst)
        };
        while !is_needed() {
            thread::park();
        }
        self.signs.is_asleep.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(1);

    fn endless(engine: &Engine) -> impl FnMut(&Clock) + use<> {
        let endless = wat::parse_str(r#"(module (func (export "f") (loop (br 0))))"#).unwrap();
        let module = wasmtime::Module::new(engine, endless);
        let (module, engine) = (module.unwrap(), engine.clone());
        move |clock| {
            let mut store = Store::new(&engine, ());
            clock.begin(&mut store);
            let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
            let endless = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            endless.call(&mut store, ()).unwrap_err();
        }
    }

    /// The test hangs where it does not: then a call is never ended.
    #[test]
    fn who_sleeps_is_woken_for_every_call() {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let clock = Clock::start(&engine, TICK, TICK).unwrap();
        let mut call = endless(&engine);
        for _ in 0..20 {
            while !clock.is_asleep() {
                thread::yield_now();
            }
            call(&clock);
            call(&clock);
        }
    }

    #[test]
    fn a_thread_that_sleeps_ends_with_the_last_clock() {
        let engine = Engine::default();
        let clock = Clock::start(&engine, TICK, TICK).unwrap();
        while !clock.is_asleep() {
            thread::yield_now();
        }
        let signs = Arc::downgrade(&clock.hand.signs);
        drop(clock);
        while signs.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
