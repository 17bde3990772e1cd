//! What a deployed module may try: each attempt ends its own call with a clear word, and the next call is served.

use cosmictron_types::RowWriter;
use cosmictron_wasm_host::{CallOutcome, Limits};

use crate::guest::{Deployed, ITEMS, TABLE, host, module, module_with, row1};

/// Runs `r` with this body; says how it ended. A healthy neighbour in the same module has to answer afterwards.
fn run(body: &str, neighbours: &str) -> String {
    let healthy =
        r#"(func (export "cosm_reducer_healthy") (param i32 i32) (result i32) (i32.const 0))"#;
    let items = [ITEMS, &[r#"{"reducer":{"name":"healthy"}}"#]].concat();
    let text = module_with(&items, body, &format!("{healthy} {neighbours}"));
    let mut deployed = Deployed::new(&text);
    let outcome = deployed.call("r", &[]).to_string();
    let after = deployed.call("healthy", &[]);
    assert!(matches!(after, CallOutcome::Returned { .. }), "{after}");
    outcome
}

#[track_caller]
fn check(body: &str, outcome: &str) {
    assert_eq!(run(body, ""), outcome, "{body}");
}

/// As [`check`], of a misuse in one statement.
#[track_caller]
fn check_misuse(statement: &str, misuse: &str) {
    check(&format!("{statement} (i32.const 0)"), &format!("misused {misuse} (in r)"));
}

#[test]
fn guests_that_do_not_end_are_ended() {
    check("(loop $l (br $l)) (i32.const 0)", "ran for longer than it may");
    check(
        "(loop $l (drop (call $count (i32.const 0))) (br $l)) (i32.const 0)",
        "ran for longer than it may",
    );
    check(
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (i32.const 0)",
        "ran for longer than it may",
    );
}

#[test]
fn guests_that_trap_are_named() {
    check("(unreachable)", "trapped: `unreachable` was reached (in r)");
    check("(i32.div_s (i32.const 1) (i32.const 0))", "trapped: a division by zero (in r)");
    check(
        "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
        "trapped: an integer overflow (in r)",
    );
    check(
        "(i32.trunc_f64_s (f64.const nan))",
        "trapped: a number that does not fit into an integer (in r)",
    );
    check("(i32.load (i32.const 65533))", "trapped: an access outside of the memory (in r)");
    check("(i32.load (i32.const -1))", "trapped: an access outside of the memory (in r)");
    check("(call $r (i32.const 0) (i32.const 0))", "trapped: the stack is full (in r)");
    let table = r#"(table 2 funcref) (elem (i32.const 0) $r) (type $other (func (result i64)))
        (func $call (param i32) (drop (call_indirect (type $other) (local.get 0))))"#;
    for (element, trap) in [
        (0, "a call of a function of another type"),
        (1, "a call of a function that does not exist"),
        (2, "an access outside of a table"),
    ] {
        let body = format!("(call $call (i32.const {element})) (i32.const 0)");
        assert_eq!(run(&body, table), format!("trapped: {trap} (in call)"));
    }
}

#[test]
fn a_panic_tells_its_message() {
    let panic = "(call $fail (i32.const 16) (i32.const 7)) (unreachable)";
    check(panic, "panicked: by_name");
    // Another trap after a message is no panic: the message may be an old one.
    let other = "(call $fail (i32.const 16) (i32.const 7)) (i32.div_s (i32.const 1) (i32.const 0))";
    check(other, "trapped: a division by zero (in r)");
}

#[test]
fn memory_and_tables_grow_to_their_limits() {
    let grow = |pages: u32, expected: i32| {
        let grown = format!("(i32.ne (memory.grow (i32.const {pages})) (i32.const {expected}))");
        check(&format!("(if {grown} (then (unreachable))) (i32.const 0)"), "returned");
    };
    grow(1023, 1);
    grow(1024, -1);
    grow(65_536, -1);
    let table = "(table $t 0 funcref)";
    for (elements, expected) in [(20_000, 0), (20_001, -1)] {
        let grown = format!(
            "(i32.ne (table.grow $t (ref.null func) (i32.const {elements})) (i32.const {expected}))"
        );
        let body = format!("(if {grown} (then (unreachable))) (i32.const 0)");
        assert_eq!(run(&body, table), "returned");
    }
}

#[test]
fn pointers_into_grown_memory_are_good_and_those_beyond_are_not() {
    let grow = "(drop (memory.grow (i32.const 1)))";
    check(&format!("{grow} (call $fail (i32.const 131071) (i32.const 1)) (i32.const 1)"), "\0");
    check_misuse(
        &format!("{grow} (call $fail (i32.const 131072) (i32.const 1))"),
        "cosm.fail: 1 bytes at 0x20000 are not within the memory of 131072 bytes",
    );
}

/// Every import that takes a pointer, with the pointer and the length left open.
const POINTERS: &[(&str, &str)] = &[
    ("datastore.insert", "(drop (call $insert (i32.const 0) P L))"),
    ("datastore.update", "(drop (call $update (i32.const 0) P L))"),
    ("cosm.fail", "(call $fail P L)"),
    ("cosm.schedule", "(drop (call $schedule (i64.const 0) P L (i32.const 0) (i32.const 0)))"),
    ("cosm.schedule", "(drop (call $schedule (i64.const 0) (i32.const 32) (i32.const 1) P L))"),
    ("console.log", "(call $log (i32.const 0) P L)"),
    ("datastore.table", "(drop (call $table P L))"),
    ("datastore.index", "(drop (call $index (i32.const 0) P L))"),
    ("datastore.error", "(drop (call $error P L))"),
    ("datastore.delete", "(drop (call $delete (i32.const 0) (i32.const 0) P L))"),
    (
        "datastore.find",
        "(drop (call $find (i32.const 0) (i32.const 0) P L (i32.const 0) (i32.const 0)))",
    ),
    (
        "datastore.find",
        "(i32.store8 (i32.const 64) (i32.const 1))
         (drop (call $find (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 9) P L))",
    ),
    (
        "datastore.scan",
        "(drop (call $scan (i32.const 0) (i32.const 0) P L (i32.const 0) (i32.const 0) (i32.const 0)))",
    ),
    (
        "datastore.scan",
        "(drop (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) P L (i32.const 0)))",
    ),
    (
        "datastore.next",
        "(drop (call $next (call $scan (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0)) P L))",
    ),
];

#[test]
fn no_pointer_reaches_beyond_the_memory() {
    let all = 0xffff_ffffu32;
    for (place, statement) in POINTERS {
        for (pointer, length) in [
            (all, 0),
            (all, 1),
            (all, all),
            (0, all),
            (65_536, 1),
            (65_535, 2),
            (65_537, 0),
            (1, 65_536),
        ] {
            let statement = statement
                .replace('P', &format!("(i32.const {pointer})"))
                .replace('L', &format!("(i32.const {length})"));
            let rule =
                format!("{length} bytes at {pointer:#x} are not within the memory of 65536 bytes");
            check_misuse(&statement, &format!("{place}: {rule}"));
        }
    }
}

#[test]
fn what_is_longer_than_it_may_be_is_refused() {
    let grow = "(drop (memory.grow (i32.const 200)))";
    for (place, statement) in [
        (
            "datastore.insert",
            "(drop (call $insert (i32.const 0) (i32.const 0) (i32.const 8388609)))",
        ),
        (
            "datastore.update",
            "(drop (call $update (i32.const 0) (i32.const 0) (i32.const 8388609)))",
        ),
        (
            "cosm.schedule",
            "(drop (call $schedule (i64.const 0) (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 8388609)))",
        ),
    ] {
        check_misuse(
            &format!("{grow} {statement}"),
            &format!("{place}: 8388609 bytes are more than the limit of 8388608"),
        );
    }
}

#[test]
fn handles_that_do_not_exist_are_refused() {
    check_misuse(
        "(drop (call $count (i32.const 1)))",
        "datastore.count: 1 is no table of this module",
    );
    check_misuse(
        "(drop (call $count (i32.const -1)))",
        "datastore.count: 4294967295 is no table of this module",
    );
    check_misuse(
        "(drop (call $insert (i32.const 7) (i32.const 0) (i32.const 0)))",
        "datastore.insert: 7 is no table of this module",
    );
    check_misuse(
        "(drop (call $index (i32.const 7) (i32.const 0) (i32.const 0)))",
        "datastore.index: 7 is no table of this module",
    );
    check_misuse(
        "(drop (call $delete (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 1)))",
        "datastore.delete: table t has no index 3",
    );
    check_misuse(
        "(drop (call $next (i32.const 5) (i32.const 0) (i32.const 0)))",
        "datastore.next: 5 is no open scan of this call",
    );
    check_misuse(
        "(call $close (i32.const -1))",
        "datastore.close: 4294967295 is no open scan of this call",
    );
    check_misuse(
        "(call $log (i32.const 5) (i32.const 0) (i32.const 0))",
        "console.log: 5 is no log level",
    );
    let absent = "(if (i32.ne (call $table (i32.const 1) (i32.const 1)) (i32.const -1)) (then (unreachable)))";
    check(&format!("{absent} (i32.const 0)"), "returned");
}

const SCAN: &str = "(call $scan (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0))";

#[test]
fn scans_die_with_their_end_and_with_their_call() {
    let scan = "(global $scan (mut i32) (i32.const 0))";
    let twice = format!(
        "(global.set $scan {SCAN})
        (call $close (global.get $scan)) (call $close (global.get $scan)) (i32.const 0)"
    );
    assert_eq!(
        run(&twice, scan),
        "misused datastore.close: 1024 is no open scan of this call (in r)"
    );
    let after_end = format!(
        "(global.set $scan {SCAN})
        (drop (call $next (global.get $scan) (i32.const 0) (i32.const 64)))
        (drop (call $next (global.get $scan) (i32.const 0) (i32.const 64))) (i32.const 0)"
    );
    assert_eq!(
        run(&after_end, scan),
        "misused datastore.next: 1024 is no open scan of this call (in r)"
    );
    // The first call leaves its scan open, the second one tries to go on with it.
    let keep = format!(
        "(if (i32.eqz (global.get $scan)) (then (global.set $scan {SCAN}))
        (else (drop (call $next (global.get $scan) (i32.const 0) (i32.const 64))))) (i32.const 0)"
    );
    let mut deployed = Deployed::new(&module(&keep, scan));
    assert_eq!(deployed.call("r", &[]).to_string(), "returned");
    assert_eq!(
        deployed.call("r", &[]).to_string(),
        "misused datastore.next: 1024 is no open scan of this call (in r)"
    );
}

#[test]
fn scans_open_at_once_are_bounded() {
    check(
        &format!("(loop $l (drop {SCAN}) (br $l)) (i32.const 0)"),
        "misused datastore.scan: there are 64 already (in r)",
    );
    // Opened and closed, any number may follow one another.
    let loops = format!(
        "(loop $l (call $close {SCAN})
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (global.get $n) (i32.const 5000)))) (i32.const 0)"
    );
    assert_eq!(run(&loops, "(global $n (mut i32) (i32.const 0))"), "returned");
}

#[test]
fn malformed_keys_ranges_and_rows_are_refused() {
    let scan = |index: i32, lower: (u32, u32), flags: u32| {
        let (pointer, length) = lower;
        format!(
            "(drop (call $scan (i32.const 0) (i32.const {index}) (i32.const {pointer}) (i32.const {length})
             (i32.const 0) (i32.const 0) (i32.const {flags})))"
        )
    };
    check_misuse(&scan(0, (0, 0), 8), "datastore.scan: 0x8 are no flags of a scan");
    check_misuse(
        &scan(-1, (0, 0), 4),
        "datastore.scan: a scan of a whole table has no bounds and no direction",
    );
    check_misuse(
        &scan(-1, (64, 1), 0),
        "datastore.scan: a scan of a whole table has no bounds and no direction",
    );
    check_misuse(&scan(-2, (0, 0), 0), "datastore.scan: table t has no index 4294967294");
    let two = "(i32.store8 (i32.const 64) (i32.const 2))";
    check_misuse(
        &format!("{two} {}", scan(0, (64, 9), 0)),
        "datastore.scan: a key of 2 columns, where the index has fewer",
    );
    let find = |index: u32, length: u32| {
        format!(
            "(drop (call $find (i32.const 0) (i32.const {index}) (i32.const 64) (i32.const {length})
             (i32.const 0) (i32.const 0)))"
        )
    };
    check_misuse(&find(0, 0), "datastore.find: a key is at least one byte long");
    check_misuse(
        &find(0, 1),
        "datastore.find: a key of 0 columns, where all of the index's columns are needed",
    );
    check_misuse(&find(1, 9), "datastore.find: index 1 of table t is not unique");
    let one = "(i32.store8 (i32.const 64) (i32.const 1))";
    let outcome = run(&format!("{one} {} (i32.const 0)", find(0, 5)), "");
    assert!(outcome.starts_with("misused datastore.find: malformed: "), "{outcome}");
    for name in ["insert", "update"] {
        let block = |length: u32, bytes: u32| {
            format!(
                "(i32.store (i32.const 64) (i32.const {length}))
                 (drop (call ${name} (i32.const 0) (i32.const 64) (i32.const {bytes})))"
            )
        };
        let torn = |length: u32| {
            format!("datastore.{name}: a row of {length} bytes does not end within its block")
        };
        check_misuse(&block(20, 3), &torn(3));
        check_misuse(&block(21, 24), &torn(21));
        check_misuse(&block(0xffff_ffff, 24), &torn(0xffff_ffff));
        let outcome = run(&format!("{} (i32.const 0)", block(19, 23)), "");
        assert!(
            outcome.starts_with(&format!("misused datastore.{name}: malformed: ")),
            "{outcome}"
        );
    }
}

#[test]
fn the_result_is_what_the_schema_says_and_comes_once() {
    let with = |result: &str, body: &str| {
        let reducer = format!(r#"{{"reducer":{{"name":"r","result":{result}}}}}"#);
        let text = module_with(&[TABLE, &reducer], &format!("{body} (i32.const 0)"), "");
        Deployed::new(&text).call("r", &[]).to_string()
    };
    let give = |length: u32| format!("(call $result (i32.const 256) (i32.const {length}))");
    let grow = "(drop (memory.grow (i32.const 200)))";
    assert_eq!(with("\"u64\"", &give(8)), "returned");
    assert_eq!(with("\"u64\"", ""), "misused cosm_reducer_: the reducer returned without a result");
    assert_eq!(
        with("\"u64\"", &give(7)),
        "misused cosm.result: the row is malformed: column 0: the value ends after 7 bytes where 8 more are needed (in r)"
    );
    assert_eq!(
        with("\"u64\"", &[give(8), give(8)].concat()),
        "misused cosm.result: the result was given already (in r)"
    );
    assert_eq!(
        with("\"bytes\"", &format!("{grow} {}", give(2 << 20))),
        "misused cosm.result: 2097152 bytes are more than the limit of 1048576 (in r)"
    );
    check_misuse(&give(8), "cosm.result: the reducer has no result");
    check("(i32.const 1)", "misused cosm_reducer_: 1 was returned without cosm.fail");
    check("(i32.const 2)", "misused cosm_reducer_: 2 was returned, where 0 or 1 may be");
    check(
        "(call $fail (i32.const 0) (i32.const 1)) (i32.const 0)",
        "misused cosm_reducer_: 0 was returned after cosm.fail",
    );
}

#[test]
fn a_failure_says_no_more_than_it_may() {
    let long = Deployed::new(&module(
        "(memory.fill (i32.const 1024) (i32.const 0x78) (i32.const 20000))
         (call $fail (i32.const 1024) (i32.const 20000)) (i32.const 1)",
        "",
    ))
    .call("r", &[]);
    assert_eq!(long.to_string(), "x".repeat(4096));
}

#[test]
fn a_flood_of_log_lines_is_cut() {
    let mut deployed = Deployed::new(&module(
        "(loop $l (call $log (i32.const 3) (i32.const 16) (i32.const 7))
         (global.set $n (i32.add (global.get $n) (i32.const 1)))
         (br_if $l (i32.lt_u (global.get $n) (i32.const 100000)))) (i32.const 0)",
        "(global $n (mut i32) (i32.const 0))",
    ));
    assert_eq!(deployed.call("r", &[]).to_string(), "returned");
    let console = deployed.instances.console();
    assert_eq!(console.lines().count(), 256);
    assert_eq!(console.dropped(), 100_000 - 256);
}

#[test]
fn a_flood_of_rows_ends_at_the_shards_limit() {
    let insert = "(loop $l
        (i64.store (i32.const 68) (i64.const 0))
        (i32.store (i32.const 64) (i32.const 28)) (i32.store (i32.const 84) (i32.const 8))
        (i64.store (i32.const 88) (i64.add (i64.load (i32.const 88)) (i64.const 0x0101)))
        (i64.store (i32.const 88) (i64.or (i64.load (i32.const 88)) (i64.const 0x0101010101010101)))
        (i64.store (i32.const 88) (i64.and (i64.load (i32.const 88)) (i64.const 0x7f7f7f7f7f7f7f7f)))
        (local.set $code (call $insert (i32.const 0) (i32.const 64) (i32.const 32)))
        (br_if $l (i32.or (i32.eqz (local.get $code)) (i32.eq (local.get $code) (i32.const -1)))))
        (call $fail (i32.const 256) (call $error (i32.const 256) (i32.const 256)))
        (i32.const 1)";
    check(&format!("(local $code i32) {insert}"), "too many rows");
}

#[test]
fn a_row_may_be_read_over_its_own_key() {
    let reducer = r#"{"reducer":{"name":"r","result":"u64"}}"#;
    let body = "
        (i32.store (i32.const 64) (i32.const 21)) (i64.store (i32.const 76) (i64.const 42))
        (i32.store (i32.const 84) (i32.const 1)) (i32.store8 (i32.const 88) (i32.const 0x61))
        (drop (call $insert (i32.const 0) (i32.const 64) (i32.const 25)))
        (i32.store8 (i32.const 128) (i32.const 1)) (i64.store (i32.const 129) (i64.const 1))
        (if (i64.ne (call $find (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 9)
                (i32.const 128) (i32.const 21)) (i64.const 21)) (then (unreachable)))
        (call $result (i32.const 136) (i32.const 8)) (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&[TABLE, reducer], body, ""));
    assert_eq!(deployed.result("r", &[]), row1(&42u64));
}

#[test]
fn a_row_that_does_not_fit_says_what_it_needs() {
    let reducer = r#"{"reducer":{"name":"r","result":"i64"}}"#;
    let insert = "
        (i32.store (i32.const 64) (i32.const 21)) (i32.store (i32.const 84) (i32.const 1))
        (i32.store8 (i32.const 88) (i32.const 0x61))
        (drop (call $insert (i32.const 0) (i32.const 64) (i32.const 25)))";
    let give = |value: &str| {
        let body = format!(
            "{insert} (i64.store (i32.const 256) {value})
            (call $result (i32.const 256) (i32.const 8)) (i32.const 0)"
        );
        Deployed::new(&module_with(&[TABLE, reducer], &body, "")).result("r", &[])
    };
    let next = |room: u32| format!("(call $next {SCAN} (i32.const 512) (i32.const {room}))");
    assert_eq!(give(&next(0)), row1(&-25i64));
    assert_eq!(give(&next(24)), row1(&-25i64));
    assert_eq!(give(&next(25)), row1(&25i64));
    let find =
        "(i32.store8 (i32.const 128) (i32.const 1)) (i64.store (i32.const 129) (i64.const 1))";
    let found = format!("(block (result i64) {find}
        (call $find (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 9) (i32.const 512) (i32.const 20)))");
    assert_eq!(give(&found), row1(&21i64));
}

#[test]
fn nan_has_one_bit_pattern() {
    let reducer = r#"{"reducer":{"name":"r","params":[{"name":"a","type":"f64"},{"name":"b","type":"f64"}],
        "result":"u64"}}"#;
    let body = "(f64.store (i32.const 256)
        (f64.add (f64.load offset=80 (local.get $input)) (f64.load offset=88 (local.get $input))))
        (call $result (i32.const 256) (i32.const 8)) (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&[TABLE, reducer], body, ""));
    for bits in [0x7ff8_0000_0000_0000u64, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001] {
        let mut args = Vec::new();
        let mut writer = RowWriter::new(&mut args);
        writer.slot(&f64::from_bits(bits));
        writer.slot(&1.0f64);
        assert_eq!(deployed.result("r", &args), row1(&0x7ff8_0000_0000_0000u64));
    }
}

#[test]
fn a_buffer_that_is_no_buffer_is_refused() {
    for (pointer, rule) in [
        (-1, "80 bytes at 0xffffffff are not within the memory of 65536 bytes"),
        (65_457, "80 bytes at 0xffb1 are not within the memory of 65536 bytes"),
    ] {
        let text = module("(i32.const 0)", "").replace(
            "(result i32) (i32.const 1024))",
            &format!("(result i32) (i32.const {pointer}))"),
        );
        let outcome = Deployed::new(&text).call("r", &[]);
        assert_eq!(outcome.to_string(), format!("misused cosm_buffer: {rule}"));
    }
}

#[test]
fn only_callable_reducers_are_scheduled_and_with_their_arguments() {
    let init = r#"{"reducer":{"name":"i","kind":"init"}}"#;
    let reducer = r#"{"reducer":{"name":"r","params":[{"name":"a","type":"u64"}]}}"#;
    let neighbour = r#"(func (export "cosm_reducer_i") (param i32 i32) (result i32) (i32.const 0))
        (data (i32.const 40) "i")"#;
    let run = |name: u32, length: u32| {
        let body = format!(
            "(if (call $schedule (i64.const 5) (i32.const {name}) (i32.const 1)
                (i32.const 256) (i32.const {length}))
            (then (call $fail (i32.const 512) (call $error (i32.const 512) (i32.const 512)))
                (return (i32.const 1)))) (i32.const 0)"
        );
        let mut deployed = Deployed::new(&module_with(&[TABLE, init, reducer], &body, neighbour));
        let outcome = deployed.call("r", &row1(&0u64)).to_string();
        (outcome, deployed.model.scheduled.len())
    };
    assert_eq!(run(32, 8), ("returned".to_owned(), 1));
    let unknown = |name: &str| format!("the module has no reducer {name} that can be scheduled");
    assert_eq!(run(40, 8), (unknown("i"), 0));
    assert_eq!(run(0, 8), (unknown("t"), 0));
    let (outcome, _) = run(32, 7);
    assert!(outcome.starts_with("misused cosm.schedule: the row is malformed"), "{outcome}");
}

#[test]
fn limits_are_what_the_host_was_given() {
    let tight = host(Limits {
        memory_bytes: 2 << 16,
        scans_open: 1,
        console_lines: 1,
        stack_bytes: 64 << 10,
        ..Limits::default()
    });
    let body = format!(
        "(if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then (unreachable)))
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then (unreachable)))
        (call $log (i32.const 0) (i32.const 0) (i32.const 1))
        (call $log (i32.const 0) (i32.const 0) (i32.const 1))
        (drop {SCAN}) (drop {SCAN}) (i32.const 0)"
    );
    let mut deployed = Deployed::on(&tight, &module(&body, ""));
    assert_eq!(
        deployed.call("r", &[]).to_string(),
        "misused datastore.scan: there are 1 already (in r)"
    );
    assert_eq!(deployed.instances.console().dropped(), 1);
}
