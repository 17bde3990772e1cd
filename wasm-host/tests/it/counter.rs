//! The hand-written module of `tests/modules/wat`, which `docs/wasm-abi.md` explains.

use cosmictron_types::{Duration, RowWriter, Timestamp};
use cosmictron_wasm_host::{CallOutcome, LogLevel};

use crate::guest::{CONTEXT, Deployed, row1, row2};

fn counter() -> Deployed {
    Deployed::new(include_str!("../../../tests/modules/wat/counter.wat"))
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[track_caller]
fn check_failure(outcome: &CallOutcome, message: &str) {
    assert!(matches!(outcome, CallOutcome::Failed { .. }), "{outcome}");
    assert_eq!(outcome.to_string(), message);
}

#[test]
fn a_counter_is_created_and_counts() {
    let mut counter = counter();
    assert_eq!(counter.result("create", &row1(&text("apples"))), row1(&1u64));
    assert_eq!(counter.result("create", &row1(&text("pears"))), row1(&2u64));
    assert_eq!(counter.result("add", &row2(&text("pears"), &5i64)), row1(&5i64));
    assert_eq!(counter.result("add", &row2(&text("pears"), &-7i64)), row1(&-2i64));
    assert_eq!(counter.result("add", &row2(&text("apples"), &10i64)), row1(&10i64));
    assert_eq!(counter.result("total", &[]), row1(&8i64));
    assert_eq!(counter.instances.made(), 1);
}

#[test]
fn what_the_data_forbid_reaches_the_caller_in_words() {
    let mut counter = counter();
    counter.result("create", &row1(&text("apples")));
    let again = counter.call("create", &row1(&text("apples")));
    check_failure(&again, "another row has this by_name");
    check_failure(
        &counter.call("add", &row2(&text("plums"), &1i64)),
        "there is no counter of this name",
    );
    check_failure(&counter.call("create", &row1(&text(""))), "a name has 1 to 1000 bytes");
    check_failure(
        &counter.call("create", &row1(&"x".repeat(100_000))),
        "a name has 1 to 1000 bytes",
    );
    counter.model.rows_left = 0;
    check_failure(&counter.call("create", &row1(&text("plums"))), "too many rows");
    assert_eq!(counter.model.rows(0).len(), 1);
    // A failure is an answer: the instance lives on.
    assert_eq!(counter.instances.made(), 1);
}

#[test]
fn what_is_scheduled_comes_with_its_time_and_arguments() {
    let mut counter = counter();
    let mut args = Vec::new();
    let (name, by, after) = (text("apples"), 3i64, Duration::from_secs(60));
    let mut writer = RowWriter::new(&mut args);
    writer.slot(&name);
    writer.slot(&by);
    writer.slot(&after);
    writer.tail(&name);
    writer.tail(&by);
    writer.tail(&after);
    assert!(matches!(counter.call("add_later", &args), CallOutcome::Returned { result: None }));
    let reducers = &counter.module.schema().reducers;
    let add = reducers.iter().position(|reducer| reducer.name == "add").unwrap();
    let at: Timestamp = CONTEXT.timestamp + after;
    let expected = (at, u32::try_from(add).unwrap(), row2(&name, &by));
    assert_eq!(counter.model.scheduled, [expected]);
}

#[test]
fn scans_yield_many_rows_in_blocks_and_the_last_one_first() {
    let mut counter = counter();
    assert_eq!(counter.result("last", &[]), row1(&None::<String>));
    for number in 0..500i64 {
        // Long names, so that a block of 4 KiB holds only a few rows.
        let name = format!("{number:0>400}");
        counter.result("create", &row1(&name));
        counter.result("add", &row2(&name, &number));
    }
    assert_eq!(counter.result("total", &[]), row1(&(0..500).sum::<i64>()));
    assert_eq!(counter.result("last", &[]), row1(&Some(format!("{:0>400}", 499))));
}

#[test]
fn rows_are_deleted_by_key_and_all_at_once() {
    let mut counter = counter();
    for name in ["a", "b", "c"] {
        counter.result("create", &row1(&text(name)));
    }
    assert_eq!(counter.result("remove", &row1(&text("b"))), row1(&1u64));
    assert_eq!(counter.result("remove", &row1(&text("b"))), row1(&0u64));
    assert_eq!(counter.result("clear", &[]), row1(&2u64));
    assert_eq!(counter.result("total", &[]), row1(&0i64));
}

#[test]
fn the_console_holds_the_lines_of_the_last_call_alone() {
    let mut counter = counter();
    counter.result("create", &row1(&text("apples")));
    let lines: Vec<_> = counter.instances.console().lines().collect();
    assert_eq!(lines, [(LogLevel::Info, "counter created")]);
    counter.result("total", &[]);
    assert!(counter.instances.console().is_empty());
}

#[test]
fn input_larger_than_the_memory_makes_it_grow() {
    let mut counter = counter();
    let name = "y".repeat(3 << 20);
    check_failure(&counter.call("add", &row2(&name, &1i64)), "a name has 1 to 1000 bytes");
    assert_eq!(counter.instances.made(), 1);
    assert_eq!(counter.result("total", &[]), row1(&0i64));
    assert_eq!(counter.instances.made(), 1);
}

#[test]
fn a_call_that_has_to_be_run_again_can_be() {
    let mut counter = counter();
    counter.model.aborts = true;
    assert!(matches!(counter.call("create", &row1(&text("a"))), CallOutcome::Aborted));
    counter.model.aborts = false;
    assert_eq!(counter.result("create", &row1(&text("a"))), row1(&1u64));
}
