//! Histories made by hand, each with what has to be found in it.

use cosmictron_types::{ShardId, Timestamp, TxId};

use super::{Fate, Operation, Step, check};

/// An operation that was asked for and answered while all others were under way, so that time orders nothing.
fn operation(name: &str, fate: Fate, steps: &[Step]) -> Operation {
    Operation {
        name: name.to_owned(),
        shard: ShardId::FIRST,
        asked: Timestamp::from_micros(0),
        answered: Some(Timestamp::from_micros(1_000)),
        fate,
        steps: steps.to_vec(),
    }
}

fn done(name: &str, steps: &[Step]) -> Operation {
    operation(name, Fate::Done, steps)
}

fn transaction(name: &str, tx: u64, steps: &[Step]) -> Operation {
    operation(name, Fate::Transaction(TxId::new(tx)), steps)
}

fn at(asked: i64, answered: i64, operation: Operation) -> Operation {
    let (asked, answered) = (Timestamp::from_micros(asked), Timestamp::from_micros(answered));
    Operation { asked, answered: Some(answered), ..operation }
}

fn append(list: u64, value: u64) -> Step {
    Step::Append { list, value }
}

fn read(list: u64, values: &[u64]) -> Step {
    Step::Read { list, values: values.to_vec() }
}

/// What is found begins with `expected`, whatever the order in which the operations are told; nothing when that is empty.
#[track_caller]
fn check_told(operations: &[Operation], expected: &str) -> String {
    let mut told = String::new();
    for turn in 0..operations.len() {
        let mut turned = operations.to_vec();
        turned.rotate_left(turn);
        told = check(&turned).err().map(|anomaly| anomaly.tell(&turned)).unwrap_or_default();
        assert_eq!(told.is_empty(), expected.is_empty(), "{told}");
        assert!(told.starts_with(expected), "{told}");
    }
    told
}

#[test]
fn a_serial_history_has_no_anomaly() {
    let history = [
        at(0, 10, transaction("a", 1, &[append(1, 1), append(2, 2)])),
        at(20, 30, transaction("b", 2, &[read(1, &[1]), append(1, 3), read(1, &[1, 3])])),
        at(20, 60, operation("c", Fate::Unknown, &[append(2, 4)])),
        at(40, 50, operation("d", Fate::Live(TxId::new(2)), &[read(1, &[1, 3]), read(2, &[2])])),
        at(70, 80, transaction("e", 4, &[read(2, &[2, 4]), append(2, 5)])),
        at(90, 95, operation("f", Fate::AsOf(TxId::new(1)), &[read(1, &[1]), read(2, &[2])])),
        at(96, 99, operation("g", Fate::Refused, &[append(1, 6)])),
    ];
    check_told(&history, "");
}

#[test]
fn g0_two_lists_have_their_values_in_two_orders() {
    let history = [
        done("a", &[append(1, 1), append(2, 2)]),
        done("b", &[append(1, 3), append(2, 4)]),
        done("c", &[read(1, &[1, 3])]),
        done("d", &[read(2, &[4, 2])]),
    ];
    check_told(&history, "G0:");
}

#[test]
fn g1a_what_was_refused_is_read() {
    let history = [operation("a", Fate::Refused, &[append(1, 1)]), done("b", &[read(1, &[1])])];
    check_told(&history, "G1a:");
}

#[test]
fn g1b_half_of_an_operation_is_read() {
    let history = [
        done("a", &[append(1, 1), append(1, 2)]),
        done("b", &[read(1, &[1])]),
        done("c", &[read(1, &[1, 2])]),
    ];
    check_told(&history, "G1b:");
}

#[test]
fn g1c_two_operations_read_each_other() {
    let history =
        [done("a", &[append(1, 1), read(2, &[2])]), done("b", &[append(2, 2), read(1, &[1])])];
    check_told(&history, "G1c:");
}

#[test]
fn g_single_one_of_two_appends_is_read() {
    let history = [
        done("a", &[append(1, 1), append(2, 2)]),
        done("b", &[read(1, &[1]), read(2, &[])]),
        done("c", &[read(2, &[2])]),
    ];
    let told = check_told(&history, "G-single:");
    let edge = "before a: it reads list 2 without the 2 of a";
    assert!(told.contains(edge), "{told}");
    assert!(told.contains("before b: b reads its 1 in list 1"), "{told}");
}

#[test]
fn g2_two_operations_miss_each_other() {
    let history = [
        done("a", &[read(1, &[]), append(2, 2)]),
        done("b", &[read(2, &[]), append(1, 1)]),
        done("c", &[read(1, &[1]), read(2, &[2])]),
    ];
    check_told(&history, "G2:");
}

#[test]
fn a_stale_read_is_found_by_real_time_alone() {
    let history = |asked| {
        [
            at(0, 10, done("a", &[append(1, 1)])),
            at(asked, 30, done("b", &[read(1, &[])])),
            at(40, 50, done("c", &[read(1, &[1])])),
        ]
    };
    check_told(&history(5), "");
    let told = check_told(&history(20), "G-single, by real time:");
    assert!(told.contains("a on shard 0, asked at 0 µs, over 10 µs later; appends 1"), "{told}");
    assert!(told.contains("before b: it was answered before b was asked for"), "{told}");
}

#[test]
fn operations_follow_each_other_by_their_numbers() {
    let history =
        |second| [transaction("a", 5, &[append(1, 1)]), transaction("b", second, &[read(1, &[1])])];
    check_told(&history(6), "");
    check_told(&history(4), "G1c, by the order of the tx_ids:");
}

#[test]
fn a_read_as_of_a_number_shows_neither_less_nor_more() {
    let history = |tx| {
        [
            transaction("a", 5, &[append(1, 1)]),
            transaction("b", 7, &[append(1, 2)]),
            operation("c", Fate::AsOf(TxId::new(tx)), &[read(1, &[1])]),
            transaction("d", 9, &[read(1, &[1, 2])]),
        ]
    };
    check_told(&history(5), "");
    check_told(&history(6), "");
    check_told(&history(4), "G1c, by the order of the tx_ids:");
    check_told(&history(7), "G-single, by the order of the tx_ids:");
}

/// It may have been on another shard than what came after its number.
#[test]
fn a_read_of_the_present_may_show_more_than_its_number_says_and_never_less() {
    let history = |tx, values: &[u64]| {
        [
            transaction("a", 5, &[append(1, 1)]),
            transaction("b", 7, &[append(1, 2)]),
            operation("c", Fate::Live(TxId::new(tx)), &[read(1, values)]),
            transaction("d", 9, &[read(1, &[1, 2])]),
        ]
    };
    check_told(&history(5, &[1, 2]), "");
    check_told(&history(7, &[1]), "G-single, by the order of the tx_ids:");
}

#[test]
fn an_append_that_was_answered_is_lost() {
    let history = |fate| {
        [at(0, 10, operation("a", fate, &[append(1, 1)])), at(20, 30, done("b", &[read(1, &[])]))]
    };
    check_told(&history(Fate::Done), "lost append:");
    check_told(&history(Fate::Unknown), "");
}

/// Both have read the list as it was before the other one.
#[test]
fn one_of_two_appends_is_overwritten() {
    let history = [
        at(0, 50, done("a", &[read(1, &[]), append(1, 1)])),
        at(0, 50, done("b", &[read(1, &[]), append(1, 2)])),
        at(60, 70, done("c", &[read(1, &[2])])),
    ];
    check_told(&history, "lost append:");
}

#[test]
fn reads_that_no_order_explains_are_told_at_once() {
    check_told(&[done("a", &[read(1, &[1])])], "a reads 1 in list 1, which nobody has appended");
    let twice = [done("a", &[append(1, 1)]), done("b", &[read(1, &[1, 1])])];
    check_told(&twice, "b reads 1 twice in list 1");
    let orders = [
        done("a", &[append(1, 1)]),
        done("b", &[append(1, 2)]),
        done("c", &[read(1, &[1, 2])]),
        done("d", &[read(1, &[2])]),
    ];
    let told = check(&orders).unwrap_err().tell(&orders);
    assert_eq!(told.lines().next(), Some("d and c read list 1 in two orders"));
}

#[test]
fn an_operation_sees_what_it_did_itself() {
    let own = |values: &[u64]| [done("a", &[append(1, 1), read(1, values)])];
    check_told(&own(&[1]), "");
    check_told(&own(&[]), "a does not see in list 1 what it did or saw itself");
    let twice = |second: &[u64]| {
        let first = done("a", &[append(1, 1)]);
        [first, done("b", &[read(1, &[1]), append(1, 2), read(1, second)])]
    };
    check_told(&twice(&[1, 2]), "");
    check_told(&twice(&[2]), "b does not see in list 1 what it did or saw itself");
}
