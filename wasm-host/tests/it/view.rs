//! What views are given, what they may yield, and what they may not do.

use cosmictron_wasm_host::CallOutcome;

use crate::guest::{CONTEXT, Deployed, ITEMS, module_with};

const VIEW: &str = r#"{"view":{"name":"v","columns":[{"name":"n","type":"u64"}],"caller":true}}"#;

/// A module whose reducer `r` inserts a row, and whose view `v` does this; it leaves an i32.
fn deployed(body: &str) -> Deployed {
    let view = format!(
        r#"(func $v (export "cosm_view_v") (param $input i32) (param $length i32) (result i32)
            (local $table i32) (local $scan i32) {body})"#
    );
    let items = [ITEMS, &[VIEW]].concat();
    let insert = "(i32.store (i32.const 64) (i32.const 21)) (i32.store (i32.const 84) (i32.const 1))
        (i32.store8 (i32.const 88) (i32.const 97))
        (drop (call $insert (call $table (i32.const 0) (i32.const 1)) (i32.const 64) (i32.const 25)))
        (i32.const 0)";
    Deployed::new(&module_with(&items, insert, &view))
}

/// How the view ends, after which the module serves on.
#[track_caller]
fn check(body: &str, outcome: &str) {
    let mut deployed = deployed(body);
    assert_eq!(deployed.view("v").1.to_string(), outcome, "{body}");
    let after = deployed.call("r", &[]);
    assert!(matches!(after, CallOutcome::Returned { .. }), "{after}");
}

/// As [`check`], of what one statement breaks.
#[track_caller]
fn check_misuse(statement: &str, misuse: &str) {
    check(&format!("{statement} (i32.const 0)"), &format!("misused {misuse} (in v)"));
}

#[test]
fn a_view_is_given_its_caller_and_yields_rows_in_blocks() {
    let mut deployed = deployed(
        "(i32.store (i32.const 2048) (i32.const 8)) (i32.store (i32.const 2060) (i32.const 8))
        (i64.store (i32.const 2052) (i64.load (local.get $input)))
        (i64.store (i32.const 2064) (i64.extend_i32_u (local.get $length)))
        (call $rows (i32.const 2048) (i32.const 24))
        (call $rows (i32.const 2048) (i32.const 0))
        (call $rows (i32.const 2060) (i32.const 12))
        (i32.const 0)",
    );
    let (rows, outcome) = deployed.view("v");
    assert!(matches!(outcome, CallOutcome::Returned { result: None }), "{outcome}");
    let sender = CONTEXT.sender.as_bytes()[..8].to_vec();
    let length = 32u64.to_le_bytes().to_vec();
    assert_eq!(rows, [sender, length.clone(), length]);
}

#[test]
fn a_view_reads_what_calls_have_written() {
    let mut deployed = deployed(
        "(local.set $table (call $table (i32.const 0) (i32.const 1)))
        (i32.store (i32.const 2048) (i32.const 8))
        (i64.store (i32.const 2052) (call $count (local.get $table)))
        (call $rows (i32.const 2048) (i32.const 12))
        (local.set $scan (call $scan (local.get $table) (i32.const -1) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0)))
        (i32.const 0)",
    );
    deployed.call("r", &[]);
    assert_eq!(deployed.view("v").0, [1u64.to_le_bytes()]);
    deployed.call("r", &[]);
    assert_eq!(deployed.view("v").0, [1u64.to_le_bytes()], "by_name is unique");
    assert_eq!(deployed.instances.made(), 1, "calls and views share an instance");
}

#[test]
fn a_view_changes_nothing() {
    let only_reads = "a view reads, and changes nothing";
    for (statement, place) in [
        ("(drop (call $insert (i32.const 0) (i32.const 64) (i32.const 0)))", "datastore.insert"),
        ("(drop (call $update (i32.const 0) (i32.const 64) (i32.const 0)))", "datastore.update"),
        (
            "(drop (call $delete (i32.const 0) (i32.const 0) (i32.const 64) (i32.const 1)))",
            "datastore.delete",
        ),
        (
            "(drop (call $schedule (i64.const 0) (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 0)))",
            "cosm.schedule",
        ),
    ] {
        check_misuse(statement, &format!("{place}: {only_reads}"));
    }
    check_misuse(
        "(call $result (i32.const 64) (i32.const 8))",
        "cosm.result: the reducer has no result",
    );
}

#[test]
fn a_view_is_bounded_as_a_reducer_is() {
    check("(loop $l (br $l)) (i32.const 0)", "ran for longer than it may");
    check(
        "(loop $l (call $rows (i32.const 0) (i32.const 0)) (br $l)) (i32.const 0)",
        "ran for longer than it may",
    );
    check("(unreachable)", "trapped: `unreachable` was reached (in v)");
    check("(call $fail (i32.const 8) (i32.const 4)) (unreachable)", "panicked: by_n");
    check("(call $fail (i32.const 8) (i32.const 4)) (i32.const 1)", "by_n");
    check("(i32.const 1)", "misused cosm_view_: 1 was returned without cosm.fail");
    check("(i32.const 7)", "misused cosm_view_: 7 was returned, where 0 or 1 may be");
}

#[test]
fn rows_that_are_no_block_are_misuse() {
    check_misuse(
        "(call $rows (i32.const 65000) (i32.const 1000))",
        "cosm.rows: 1000 bytes at 0xfde8 are not within the memory of 65536 bytes",
    );
    check_misuse(
        "(i32.store (i32.const 64) (i32.const 9)) (call $rows (i32.const 64) (i32.const 12))",
        "cosm.rows: a row of 9 bytes does not end within its block",
    );
}

#[test]
fn only_a_view_yields_rows() {
    let items = [ITEMS, &[VIEW]].concat();
    let view = r#"(func (export "cosm_view_v") (param i32 i32) (result i32) (i32.const 0))"#;
    let body = "(call $rows (i32.const 64) (i32.const 0)) (i32.const 0)";
    let mut deployed = Deployed::new(&module_with(&items, body, view));
    assert_eq!(
        deployed.call("r", &[]).to_string(),
        "misused cosm.rows: it can be called only while a view runs (in r)"
    );
}
