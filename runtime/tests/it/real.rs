//! The real driver: machines, tasks, timers, slow work, the beginning and the end.

use cosmictron_runtime::Machine;
use cosmictron_runtime::real::{Options, RunError, Shard, run};
use cosmictron_types::{Duration, ShardCount, ShardId};

use crate::echo::{Echo, Request};
use crate::form::{FORMS, Notes, notes_of_each_form, options};
use crate::toy::{self, Answer, Counter};

fn other<M: Machine>(shard: &Shard<M>) -> ShardId {
    let own = shard.id();
    shard.count().shards().find(|shard| *shard != own).unwrap_or(own)
}

#[test]
fn answered_additions_are_there_after_a_restart() {
    for form in FORMS {
        let root = tempfile::tempdir().unwrap();
        let options = options(root.path(), 2, form);
        for round in 1..=3_u64 {
            let notes = Notes::default();
            let add_much = |shard: Shard<Counter>| {
                let notes = notes.clone();
                async move {
                    let recovered = shard.with(|counter| counter.total());
                    let mut answered = 0;
                    for _ in 0..50 {
                        let asked = [(); 4].map(|()| shard.request(toy::Request::Add(1)));
                        for pending in asked {
                            answered += u64::from(matches!(pending.await, Answer::Added(_)));
                        }
                    }
                    notes.write((recovered, answered));
                }
            };
            run(&options, Counter::boot, add_much).unwrap();
            assert_eq!(notes.take(), [((round - 1) * 200, 200); 2], "{form:?}");
        }
    }
}

#[test]
fn every_shard_hears_of_every_other() {
    for form in FORMS {
        let root = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        let options = options(root.path(), 3, form);
        let add_and_look = |shard: Shard<Counter>| {
            let notes = notes.clone();
            async move {
                shard.request(toy::Request::Add(u64::from(shard.id().get()) + 1)).await;
                // An answered addition is known everywhere; wait until all three are.
                loop {
                    match shard.request(toy::Request::Look).await {
                        Answer::Totals(totals)
                            if totals.len() == 3 && totals.values().all(|t| 0 < *t) =>
                        {
                            return notes.write(totals.into_values().collect::<Vec<_>>());
                        }
                        _ => shard.sleep(Duration::from_millis(1)).await,
                    }
                }
            }
        };
        run(&options, Counter::boot, add_and_look).unwrap();
        assert_eq!(notes.take(), vec![vec![1, 2, 3]; 3], "{form:?}");
    }
}

/// A wake-up that is lost on the way to bed shows as a ping that stays away: one at a time both cores sleep between two
/// pings, three at a time they fall asleep while others arrive.
#[test]
fn no_wake_up_is_lost_between_two_cores() {
    let pings = notes_of_each_form(2, |shard, notes| async move {
        for (tasks, count) in [(1, 1_000), (3, 6_000)] {
            let results = Notes::default();
            for _ in 0..tasks {
                let (shard, results) = (shard.clone(), results.clone());
                shard.clone().spawn(async move { results.write(ping(&shard, count).await) });
            }
            let mut ended = Vec::new();
            while ended.len() < tasks {
                shard.sleep(Duration::from_millis(1)).await;
                ended.extend(results.take());
            }
            notes.write(ended == vec![count; tasks]);
        }
    });
    assert_eq!(pings, [[true; 4]; 3], "a ping stayed away");
}

/// How many pings came back before one stayed away.
async fn ping(shard: &Shard<Echo>, count: u32) -> u32 {
    for number in 0..count {
        let ping = shard.request(Request::Ping { to: other(shard) });
        if shard.within(Duration::from_secs(20), ping).await.is_none() {
            return number;
        }
    }
    count
}

/// Many floods that cross each other: a sender without room that nobody tells of room shows as one that stays away.
#[test]
fn a_flood_arrives_whole_and_in_order() {
    const COUNTS: [u64; 4] = [1, 100, 5_000, 16_000];
    const ROUNDS: usize = 25;
    let counts = notes_of_each_form(2, |shard, notes| async move {
        for _ in 0..ROUNDS {
            for count in COUNTS {
                let flood = shard.request(Request::Flood { to: other(&shard), count });
                match shard.within(Duration::from_secs(20), flood).await {
                    Some(arrived) => notes.write(arrived),
                    // Without the other core, which may wait as well.
                    None => return shard.stop(),
                }
            }
        }
    });
    for form in counts {
        let whole = 2 * ROUNDS as u64 * COUNTS.iter().sum::<u64>();
        assert_eq!(form.iter().sum::<u64>(), whole, "a flood stayed away");
    }
}

#[test]
fn a_message_to_oneself_arrives_as_well() {
    let counts = notes_of_each_form(1, |shard, notes| async move {
        shard.request(Request::Ping { to: shard.id() }).await;
        notes.write(shard.request(Request::Flood { to: shard.id(), count: 1_000 }).await);
    });
    assert_eq!(counts, [[1_000]; 3]);
}

#[test]
fn an_answer_may_be_there_at_once_late_or_unwanted() {
    let seen = notes_of_each_form(1, |shard, notes| async move {
        let at_once = shard.request(Request::Now).take_ready();
        let mut late = shard.request(Request::Keep);
        drop(shard.request(Request::Keep));
        let not_yet = late.take_ready();
        let awaited = shard.request(Request::AnswerKept).await;
        notes.write((at_once, not_yet, awaited, late.await));
    });
    assert_eq!(seen, [[(Some(0), None, 1, 0)]; 3]);
}

#[test]
fn slow_work_comes_back_to_the_core_that_asked() {
    let results = notes_of_each_form(2, |shard, notes| async move {
        let asked = std::thread::current().id();
        let job = shard.offload(move || std::thread::current().id() != asked).unwrap();
        let panic = shard.offload(|| -> () { panic!("the job's own") }).unwrap();
        let elsewhere = job.await.unwrap();
        let message = panic.await.unwrap_err().message;
        notes.write((elsewhere, message, std::thread::current().id() == asked));
    });
    let expected = (true, "the job's own".to_owned(), true);
    assert_eq!(results, vec![vec![expected; 2]; 3]);
}

#[test]
fn ticks_come_again_and_again() {
    for form in FORMS {
        let root = tempfile::tempdir().unwrap();
        let await_ticks = |shard: Shard<Counter>| async move {
            while shard.with(|counter| counter.ticks) < 5 {
                shard.sleep(Duration::from_millis(1)).await;
            }
        };
        run(&options(root.path(), 1, form), Counter::boot, await_ticks).unwrap();
    }
}

#[test]
fn the_earliest_wish_for_a_tick_wins_whenever_it_comes() {
    let answers = notes_of_each_form(1, |shard, notes| async move {
        // The tick's task sleeps without a wish, then until a later one.
        shard.sleep(Duration::from_millis(1)).await;
        let tick = |after| shard.request(Request::KeepUntilTick { after });
        tick(Duration::from_millis(1)).await;
        let late = tick(Duration::from_secs(3_600));
        shard.sleep(Duration::from_millis(1)).await;
        tick(Duration::from_millis(1)).await;
        notes.write(late.await);
    });
    assert_eq!(answers, [[0]; 3]);
}

#[test]
fn a_signal_begins_the_shutdown_on_every_core() {
    let root = tempfile::tempdir().unwrap();
    let mut options = options(root.path(), 2, FORMS[0]);
    options.signals = true;
    let notes = Notes::default();
    let serve = |shard: Shard<Echo>| {
        let notes = notes.clone();
        async move {
            if shard.id() == ShardId::FIRST {
                let own = rustix::process::getpid();
                rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
            }
            shard.shutdown().await;
            notes.write(shard.is_shutting_down());
        }
    };
    run(&options, Echo::boot, serve).unwrap();
    assert_eq!(notes.take(), [true; 2]);
}

#[test]
fn a_core_serves_others_after_its_own_work_has_ended() {
    let pings = notes_of_each_form(2, |shard, notes| async move {
        if shard.id() != ShardId::FIRST {
            return; // Its machine must still answer.
        }
        for _ in 0..100 {
            shard.request(Request::Ping { to: other(&shard) }).await;
        }
        notes.write(100);
    });
    assert_eq!(pings, [[100]; 3]);
}

#[test]
fn stopping_waits_for_nobody() {
    notes_of_each_form(2, |shard, _: Notes<()>| async move {
        if shard.id() == ShardId::FIRST {
            shard.spawn(std::future::pending());
            return shard.stop();
        }
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_shard_that_cannot_boot_ends_the_start() {
    let root = tempfile::tempdir().unwrap();
    let boot = |boot: &mut cosmictron_runtime::Boot<'_>| match boot.shard() {
        ShardId::FIRST => Ok(Echo::default()),
        _ => Err("damaged"),
    };
    let serve = |_: Shard<Echo>| async {};
    let error = run(&options(root.path(), 2, FORMS[0]), boot, serve).unwrap_err();
    assert!(matches!(error, RunError::Boot { error: "damaged", shard } if shard.get() == 1));
}

#[test]
fn the_default_is_a_shard_for_each_processor() {
    let root = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let options = Options { signals: false, ..Options::new(root.path()) };
    let serve = |shard: Shard<Echo>| {
        notes.write(shard.count());
        async {}
    };
    run(&options, Echo::boot, serve).unwrap();
    let processors = std::thread::available_parallelism().unwrap().get();
    let count = ShardCount::new(u16::try_from(processors).unwrap()).unwrap();
    assert_eq!(notes.take(), vec![count; processors]);
}
