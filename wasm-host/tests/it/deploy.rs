//! What must not be deployed, and what its author is told.

use cosmictron_wasm_host::{CompileError, Host, HostOptions, Instances, Limits};

use crate::guest::{HOST, REDUCER, TABLE, compile, host, module, module_with};
use crate::model::Model;

const RETURN: &str = "(i32.const 0)";

#[track_caller]
fn refusal(text: &str) -> String {
    match compile(text) {
        Ok(_) => panic!("the module was accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(text: &str, message: &str) {
    assert_eq!(refusal(text), message);
}

/// A module that has everything but what `without` names.
fn complete_without(without: &str) -> String {
    let all = [
        ("memory", r#"(memory (export "memory") 1)"#),
        ("abi", r#"(func (export "cosm_abi_1"))"#),
        ("buffer", r#"(func (export "cosm_buffer") (param i32) (result i32) (i32.const 0))"#),
    ];
    let kept = all.iter().filter(|(name, _)| *name != without).map(|(_, text)| *text);
    format!("(module {})", kept.collect::<String>())
}

#[test]
fn a_module_that_declares_nothing_is_a_module() {
    let module = compile(&complete_without("")).unwrap();
    assert_eq!(module.schema().tables.len() + module.schema().reducers.len(), 0);
}

#[test]
fn what_is_not_webassembly_is_refused() {
    let wasm = wat::parse_str(module(RETURN, "")).unwrap();
    for bytes in [&b""[..], b"\0asm", b"not wasm at all", b"(module)", b"\x7fELF\x02\x01\x01\0"] {
        let error = HOST.compile(bytes).unwrap_err();
        assert!(matches!(error, CompileError::Invalid(_)), "{error}");
    }
    let component = wat::parse_str("(component)").unwrap();
    assert!(matches!(HOST.compile(&component), Err(CompileError::Component)));
    // None of these is where a section ends: what is before the names alone is a whole module.
    for cut in (2..wasm.len()).step_by(7) {
        assert!(HOST.compile(&wasm[..cut]).is_err(), "the first {cut} bytes");
    }
}

#[test]
fn a_flipped_bit_never_harms_the_host() {
    let wasm = wat::parse_str(module(RETURN, "")).unwrap();
    for at in (0..wasm.len()).step_by(13) {
        let mut damaged = wasm.clone();
        damaged[at] ^= 1 << (at % 8);
        drop(HOST.compile(&damaged)); // Refused, or another module: both are answers.
    }
}

#[test]
fn imports_that_do_not_exist_are_named() {
    let offered =
        "which this server does not offer; there are functions of cosm, console and datastore";
    for (import, name) in [
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (func))"#,
            "wasi_snapshot_preview1.fd_write",
        ),
        (r#"(import "datastore" "drop_everything" (func))"#, "datastore.drop_everything"),
        (r#"(import "env" "memory" (memory 1))"#, "env.memory"),
        (r#"(import "cosm" "fail" (global i32))"#, "cosm.fail"),
    ] {
        check(&format!("(module {import})"), &format!("the module imports {name}, {offered}"));
    }
    let long = format!(r#"(module (import "m" "{}" (func)))"#, "é".repeat(5000));
    assert!(refusal(&long).len() < 300);
}

#[test]
fn an_import_of_another_type_is_refused() {
    let text = r#"(module (import "cosm" "fail" (func (param i64)))
        (memory (export "memory") 1) (func (export "cosm_abi_1"))
        (func (export "cosm_buffer") (param i32) (result i32) (i32.const 0)))"#;
    let message = refusal(text);
    assert!(message.contains("imports a function by another type"), "{message}");
    assert!(message.contains("cosm::fail"), "{message}");
}

#[test]
fn exports_that_are_missing_or_of_another_type_are_named() {
    check(&complete_without("memory"), "the module has no export memory a memory");
    check(
        &complete_without("abi"),
        "the module has no export cosm_abi_1, which says that it speaks version 1 of the ABI",
    );
    check(
        &complete_without("buffer"),
        "the module has no export cosm_buffer a function (i32) -> i32",
    );
    check(
        r#"(module (memory (export "memory") 1) (func (export "cosm_abi_2")))"#,
        "the module speaks another version of the ABI than 1: it exports cosm_abi_2",
    );
    check(
        &module(RETURN, r#"(func (export "cosm_describe_more") (result i32) (i32.const 0))"#),
        "the module's export cosm_describe_more is a function () -> i32, but has to be a function ()",
    );
    check(
        &module(RETURN, r#"(func (export "cosm_reducer_s"))"#),
        "the module's export cosm_reducer_s is a function (), but has to be a function (i32, i32) -> i32",
    );
    check(
        &module(RETURN, r#"(global (export "cosm_reducer_s") i32 (i32.const 0))"#),
        "the module's export cosm_reducer_s is a global, but has to be a function (i32, i32) -> i32",
    );
    check(
        &module(RETURN, r#"(func (export "cosm_teleport"))"#),
        "the module's export cosm_teleport begins with cosm_ and is not known",
    );
    check(
        &module(RETURN, r#"(func (export "cosm_view_v"))"#),
        "the module's export cosm_view_v is a function (), but has to be a function (i32, i32) -> i32",
    );
}

#[test]
fn the_schema_and_the_exports_have_the_same_reducers() {
    check(
        &module_with(&[TABLE], RETURN, ""),
        "there is an export cosm_reducer_r, but the schema has no reducer r",
    );
    check(
        &module_with(&[REDUCER, r#"{"reducer":{"name":"s"}}"#], RETURN, ""),
        "the schema has the reducer s, but there is no export cosm_reducer_s",
    );
}

#[test]
fn the_schema_and_the_exports_have_the_same_views() {
    let view = r#"(func (export "cosm_view_v") (param i32 i32) (result i32) (i32.const 0))"#;
    check(&module(RETURN, view), "there is an export cosm_view_v, but the schema has no view v");
    let item = r#"{"view":{"name":"w","columns":[{"name":"n","type":"u64"}]}}"#;
    check(
        &module_with(&[TABLE, REDUCER, item], RETURN, ""),
        "the schema has the view w, but there is no export cosm_view_w",
    );
    let item = r#"{"view":{"name":"v","columns":[]}}"#;
    check(
        &module_with(&[TABLE, REDUCER, item], RETURN, view),
        "the module's schema is refused: view v: a view has at least one column",
    );
    let item = r#"{"view":{"name":"t","columns":[{"name":"n","type":"u64"}]}}"#;
    check(
        &module_with(&[TABLE, REDUCER, item], RETURN, view),
        "the module's schema is refused: table or view t is declared twice",
    );
}

#[test]
fn a_schema_that_lies_or_breaks_a_rule_is_refused() {
    check(
        &module_with(&[TABLE, TABLE, REDUCER], RETURN, ""),
        "the module's schema is refused: table or view t is declared twice",
    );
    for item in ["", "{", "[]", r#"{"table":{}}"#, r#"{"reducer":{"name":"r","x":1}}"#, "\u{0}"] {
        let message = refusal(&module_with(&[item], RETURN, ""));
        assert!(message.starts_with("the module's schema is refused"), "{message}");
    }
}

#[test]
fn a_description_that_goes_wrong_says_how() {
    let describe =
        |body: &str| module(RETURN, &format!(r#"(func $d (export "cosm_describe_bad") {body})"#));
    check(
        &describe("(unreachable)"),
        "the module's cosm_describe_bad trapped: `unreachable` was reached (in d)",
    );
    check(
        &describe("(call $fail (i32.const 16) (i32.const 7)) (unreachable)"),
        "the module's cosm_describe_bad panicked: by_name",
    );
    check(
        &describe("(loop $l (br $l))"),
        "the module's cosm_describe_bad ran for longer than it may",
    );
    check(
        &describe("(call $describe (i32.const -1) (i32.const 1))"),
        "the module's cosm_describe_bad misused cosm.describe: 1 bytes at 0xffffffff are not within the memory of \
         65536 bytes (in d)",
    );
    check(
        &describe(
            "(drop (memory.grow (i32.const 31))) (call $describe (i32.const 0) (i32.const 2000000))",
        ),
        "the module's cosm_describe_bad misused cosm.describe: 2000000 bytes are more than the limit of 1048260 \
         (in d)",
    );
    check(
        &describe(
            "(i32.store8 (i32.const 0) (i32.const 255)) (call $describe (i32.const 0) (i32.const 1))",
        ),
        "the module's cosm_describe_bad misused cosm.describe: the text is not UTF-8 (in d)",
    );
    check(
        &describe("(drop (call $count (i32.const 0)))"),
        "the module's cosm_describe_bad misused datastore.count: it can be called only while a reducer or a view runs (in d)",
    );
    let flood = "(loop $l (call $describe (i32.const 0) (i32.const 0)) (br $l))";
    check(
        &describe(flood),
        "the module's cosm_describe_bad misused cosm.describe: there are 4096 already (in d)",
    );
}

#[test]
fn a_start_function_is_bounded_and_reaches_nothing() {
    let start = |body: &str| module(RETURN, &format!("(func $s {body}) (start $s)"));
    check(&start("(loop $l (br $l))"), "the module does not start: ran for longer than it may");
    check(
        &start("(unreachable)"),
        "the module does not start: trapped: `unreachable` was reached (in s)",
    );
    check(&start("(call $s)"), "the module does not start: trapped: the stack is full (in s)");
    check(
        &start("(drop (call $count (i32.const 0)))"),
        "the module does not start: misused datastore.count: it can be called only \
         while a reducer or a view runs (in s)",
    );
    check(
        &module(RETURN, r#"(data (i32.const 65535) "ab")"#),
        "the module does not start: trapped: an access outside of the memory",
    );
    compile(&start("(i32.store (i32.const 0) (i32.const 5))")).unwrap();
}

#[test]
fn a_module_beyond_a_limit_is_refused_before_it_is_compiled() {
    check(
        r#"(module (memory (export "memory") 1025))"#,
        "the module has 67174400 bytes of memory to start with, and the limit is 67108864",
    );
    check(
        r#"(module (table 20001 funcref))"#,
        "the module has 20001 elements of a table, and the limit is 20000",
    );
    check(
        &format!("(module {})", "(table 1 funcref)".repeat(5)),
        "the module has 5 tables, and the limit is 4",
    );
    check(
        &format!("(module (func {}))", "(drop (i32.const 0))".repeat(200_000)),
        "the module has 600002 bytes of a function, and the limit is 524288",
    );
    let data = wat::parse_str(format!(
        r#"(module (memory 1000) (data (i32.const 0) "{}"))"#,
        "x".repeat(17 << 20)
    ));
    let error = HOST.compile(&data.unwrap()).unwrap_err().to_string();
    assert!(error.ends_with("bytes, and the limit is 16777216"), "{error}");
}

/// Small modules that keep the compiler busy for minutes, or have it take gigabytes: 15 KB of loops that carry values
/// took 12 GB and 16 seconds, and nothing can stop a compilation.
#[test]
fn shapes_that_are_hard_to_compile_are_refused() {
    let results = "i32 ".repeat(80);
    let check = |function: String, what: &str, count_max: u64| {
        let message =
            refusal(&format!("(module (func $f (result {results}) unreachable) {function})"));
        let limit = format!("{what}, and the limit is {count_max}");
        assert!(message.ends_with(&limit), "{message}");
    };
    let (seconds, bytes) =
        ("seconds of work for the compiler", "bytes to take up while one function is compiled");
    let nested = |count: usize, open: &str| format!("{}{}", open.repeat(count), ")".repeat(count));
    let branches = "(if (local.get 0) (then (nop)))".repeat(60_000);
    let many = format!("(func (param i32) {branches})").repeat(4);
    check(many, seconds, 60);
    check(format!("(func {})", nested(15_000, "(loop (br_if 0 (i32.const 1))")), seconds, 60);
    let locals = "(local i64)".repeat(4000);
    check(
        format!("(func {locals} {})", nested(1500, "(loop (br_if 0 (i32.const 1))")),
        seconds,
        60,
    );
    let carrying = "(loop (param i32 i32 i32 i32 i32) (result i32 i32 i32 i32 i32)";
    let five = "(i32.const 1)".repeat(5);
    check(
        format!("(func {five} {} (drop) (drop) (drop) (drop) (drop))", nested(3000, carrying)),
        bytes,
        1 << 30,
    );
    check(format!("(func {})", "(block (call $f) (br 0))".repeat(30_000)), bytes, 1 << 30);
}

#[test]
fn a_million_functions_are_refused_at_once() {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    wasm.extend_from_slice(&[1, 4, 1, 0x60, 0, 0]); // One type: () -> ().
    let count = [0xc0, 0x84, 0x3d]; // 1,000,000 as LEB128.
    let mut functions = count.to_vec();
    functions.resize(3 + 1_000_000, 0);
    let mut code = count.to_vec();
    code.extend(std::iter::repeat_n([2, 0, 0x0b], 1_000_000).flatten());
    for (section, body) in [(3, functions), (10, code)] {
        wasm.push(section);
        let mut length = body.len();
        while length >= 0x80 {
            wasm.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        wasm.push(u8::try_from(length).unwrap());
        wasm.extend_from_slice(&body);
    }
    assert_eq!(
        HOST.compile(&wasm).unwrap_err().to_string(),
        "the module has 1000000 functions, and the limit is 50000"
    );
}

#[test]
fn features_beyond_the_abi_are_refused() {
    for text in [
        r#"(module (memory (export "memory") 1 1 shared))"#,
        r#"(module (memory (export "memory") i64 1))"#,
        r#"(module (memory (export "memory") 1) (memory 1))"#,
        "(module (type (struct (field i32))))",
        "(module (tag) (func (throw 0)))",
        "(module (func (param v128 v128 v128) (drop (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))))",
    ] {
        let error = compile(text).unwrap_err();
        assert!(matches!(error, CompileError::Invalid(_)), "{text}: {error}");
    }
}

#[test]
fn a_host_without_a_free_instance_says_so() {
    let options = HostOptions { instances_max: 1, ..HostOptions::default() };
    let small = Host::new(options).unwrap();
    let compiled = small.compile(&wat::parse_str(module(RETURN, "")).unwrap()).unwrap();
    let mut first = Instances::<Model>::new(&compiled);
    first.replenish().unwrap();
    let refused = small.compile(&wat::parse_str(complete_without("")).unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "all WebAssembly instances of this server are in use");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let limits = Limits { scans_open: 0, ..Limits::default() };
    let options = HostOptions { limits, ..HostOptions::default() };
    assert_eq!(
        Host::new(options).unwrap_err().to_string(),
        "scans_open is 0, but has to be at least 1"
    );
}

#[test]
fn a_thousand_bad_modules_leave_room_for_a_good_one() {
    let fresh = host(Limits::default());
    let trapping = wat::parse_str(module(RETURN, "(func $s (unreachable)) (start $s)")).unwrap();
    let lying = wat::parse_str(module_with(&[TABLE], RETURN, "")).unwrap();
    let importing = wat::parse_str(r#"(module (import "a" "b" (func)))"#).unwrap();
    for round in 0..1000 {
        let bad = [&trapping, &importing, &lying, &importing][round % 4];
        fresh.compile(bad).unwrap_err();
    }
    fresh.compile(&wat::parse_str(module(RETURN, "")).unwrap()).unwrap();
}
