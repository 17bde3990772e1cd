//! Modules that mean harm, uploaded and called over HTTP: each attempt has its problem, and nobody else notices.

use cosmictron_tests::{TestAnswer, TestClient, TestServer, my_agent};
use serde_json::json;

use crate::guest::{Guest, TABLE_B, TABLE_T};

/// Bytes of the largest module that these servers take.
const MODULE_BYTES_MAX: usize = 128 << 10;
const SETTINGS: &str = "http.module_bytes_max = \"128KiB\"\nmodules.transaction_rows_max = 1000\n";

/// A server with a module and a caller that have nothing to do with what is tried.
struct Site {
    server: TestServer,
    /// Keeps its connection open all the while.
    bystander: TestClient,
    messages: u64,
}

impl Site {
    /// One shard: whoever harms its core harms everybody.
    fn new() -> Site {
        let server = TestServer::start_with(SETTINGS, &["--shards", "1"]);
        server.deploy("my-agent", &my_agent());
        let bystander = server.sign_up("ada@example.com");
        Site { server, bystander, messages: 0 }
    }

    #[track_caller]
    fn is_unharmed(&mut self) {
        assert_eq!(self.server.client().get("/v1/health").body, r#"{"status":"ok"}"#);
        self.messages += 1;
        let called = self.bystander.call("record_agent_message", r#"["s", "user", "x"]"#);
        assert_eq!(called.json()["result"], self.messages, "{}", called.body);
    }
}

#[track_caller]
fn check(what: &str, answer: &TestAnswer, status: u16, code: &str, detail: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let found = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(found.contains(detail), "{what}: {found}");
}

#[test]
fn what_is_no_module_is_refused() {
    let mut site = Site::new();
    let good = my_agent();
    let flawed = |at: usize, byte: u8| {
        let mut wasm = good.clone();
        wasm[at] = byte;
        wasm
    };
    let uploads = [
        ("nothing", Vec::new()),
        ("a text", b"not wasm at all".to_vec()),
        ("the text form", b"(module)".to_vec()),
        ("another kind of program", b"\x7fELF\x02\x01\x01\0".to_vec()),
        ("half of its magic number", b"\0as".to_vec()),
        ("another version", flawed(4, 2)),
        ("half a module", good[..good.len() / 2].to_vec()),
        ("all but the last byte", good[..good.len() - 1].to_vec()),
    ];
    for (what, wasm) in uploads {
        check(what, &site.server.try_deploy("bad", &wasm), 400, "invalid_request", "module: ");
    }
    let large = vec![0; MODULE_BYTES_MAX + (16 << 10)];
    check("too much", &site.server.try_deploy("bad", &large), 413, "too_large", "");
    for name in ["", "../my-agent", "1st", "a b", "é", &"a".repeat(64)] {
        check(name, &site.server.try_deploy(name, &good), 400, "invalid_request", "name: ");
    }
    only_my_agent_is_deployed(&mut site);
}

#[track_caller]
fn only_my_agent_is_deployed(site: &mut Site) {
    let modules = site.bystander.get("/v1/modules").json()["modules"].clone();
    let names: Vec<_> = modules.as_array().unwrap().iter().map(|module| &module["name"]).collect();
    assert_eq!(names, ["my-agent"]);
    site.is_unharmed();
}

#[test]
fn a_module_that_lies_about_itself_is_refused() {
    let mut site = Site::new();
    let table = |rest: &str| Guest::new().item(&format!(r#"{{"table":{{"name":"x",{rest}}}}}"#));
    let import = |import: &str| wat::parse_str(format!("(module {import})")).unwrap();
    let id = r#""columns":[{"name":"id","type":"u64"}]"#;
    let lies = [
        ("imports datastore.drop", import(r#"(import "datastore" "drop" (func))"#)),
        ("imports env.memory", import(r#"(import "env" "memory" (memory 1))"#)),
        ("imports wasi.fd_write", import(r#"(import "wasi" "fd_write" (func))"#)),
        (
            "no reducer ghost",
            Guest::new()
                .text(r#"(func (export "cosm_reducer_ghost") (param i32 i32) (result i32) (i32.const 0))"#)
                .wasm(),
        ),
        ("no export cosm_reducer_r", Guest::new().item(r#"{"reducer":{"name":"r"}}"#).wasm()),
        ("declared twice", Guest::new().item(TABLE_T).item(TABLE_T).wasm()),
        ("EOF", Guest::new().item("{").wasm()),
        ("unknown field `colour`", table(&format!(r#"{id},"colour":1"#)).wasm()),
        ("unknown variant `u65`", table(r#""columns":[{"name":"id","type":"u65"}]"#).wasm()),
        ("auto_inc", table(r#""columns":[{"name":"id","type":"string","auto_inc":true}]"#).wasm()),
        ("nowhere", table(&format!(r#"{id},"indexes":[{{"name":"i","columns":["nowhere"]}}]"#)).wasm()),
        (
            "absent",
            table(r#""columns":[{"name":"id","type":"u64","foreign_key":{"table":"absent","column":"id"}}]"#).wasm(),
        ),
        ("ran for longer", Guest::new().text("(func $s (loop $l (br $l))) (start $s)").wasm()),
        ("the stack is full", Guest::new().text("(func $s (call $s)) (start $s)").wasm()),
        ("only while a reducer or a view runs", Guest::new().text("(func $s (drop (call $t))) (start $s)").wasm()),
        (
            "panicked: by_n",
            Guest::new()
                .text(r#"(func (export "cosm_describe_bad") (call $fail (i32.const 8) (i32.const 4)) (unreachable))"#)
                .wasm(),
        ),
    ];
    for (detail, wasm) in lies {
        check(detail, &site.server.try_deploy("bad", &wasm), 400, "invalid_request", detail);
    }
    only_my_agent_is_deployed(&mut site);
}

#[test]
fn protection_that_is_not_given_yet_is_not_promised() {
    let mut site = Site::new();
    let table = |column: &str, rest: &str| {
        let columns = format!(r#"[{{"name":"id","type":"u64"}},{{"name":"email",{column}}}]"#);
        let key = r#"[{"name":"id","columns":["id"],"primary":true}]"#;
        Guest::new().item(&format!(
            r#"{{"table":{{"name":"x","columns":{columns},"indexes":{key}{rest}}}}}"#
        ))
    };
    let modules = [(
        "column email of table x is pii",
        table(r#""type":{"option":"string"},"pii":{"key_context":"id"}"#, ""),
    )];
    for (what, guest) in modules {
        let detail = format!("module: {what}, which this server does not enforce yet");
        let answer = site.server.try_deploy("bad", &guest.wasm());
        check(what, &answer, 400, "invalid_request", &detail);
    }
    only_my_agent_is_deployed(&mut site);
}

/// What a reducer tries, after it has written a row: its body, then how the call has to be answered.
type Attempt<'a> = (&'a str, String, u16, &'a str, &'a str);

/// Calls a reducer for each attempt, and looks around after each.
fn try_all(attempts: &[Attempt<'_>]) {
    let mut site = Site::new();
    let mut guest = Guest::new()
        .item(TABLE_T)
        .item(TABLE_B)
        .reducer("healthy", "(call $insert_t (i64.const 1))")
        .reducer("late", "(i32.const 0)");
    for (name, body, ..) in attempts {
        let result = if body.contains("$result") { r#","result":"u64""# } else { "" };
        let body = format!("(drop (call $insert_t (i64.const 2))) {body}");
        guest = guest.reducer_with(name, result, &body);
    }
    site.server.deploy("hostile", &guest.wasm());
    let mut eve = site.server.sign_up("eve@example.com");
    for (at, (name, body, status, code, detail)) in attempts.iter().enumerate() {
        let answer = eve.call(name, "");
        check(&format!("{name}: {body}"), &answer, *status, code, detail);
        assert_eq!(eve.sql("SELECT count(*) FROM t WHERE n = 2"), json!([[0]]), "{name}");
        assert_eq!(eve.call("healthy", "").status, 200, "after {name}");
        assert_eq!(eve.sql("SELECT count(*) FROM t"), json!([[at + 1]]), "after {name}");
        site.is_unharmed();
    }
    let token = eve.token().unwrap().to_owned();
    let server = site.server.kill_and_restart();
    let rows = server.client_of(&token).sql("SELECT count(*) FROM t");
    assert_eq!(rows, json!([[attempts.len()]]), "what failed has come back");
}

#[test]
fn a_call_that_does_not_end_well_has_no_effect() {
    let late = "(i32.const 16) (i32.const 4)";
    let until_refused = |write: &str| {
        format!(
            "(loop $l (local.set $code {write}) (br_if $l (i32.eqz (local.get $code))))
             (if (i32.ne (local.get $code) (i32.const -7)) (then (unreachable)))
             (call $fail_with_error)"
        )
    };
    let failed = |name, body: &str, detail| (name, body.to_owned(), 422, "reducer_failed", detail);
    let timed = |name, body: &str| {
        (name, body.to_owned(), 504, "deadline_exceeded", "ran for longer than it may")
    };
    try_all(&[
        timed("loops", "(loop $l (br $l)) (i32.const 0)"),
        timed("counts", "(loop $l (drop (call $count (call $t))) (br $l)) (i32.const 0)"),
        timed("grows", "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (i32.const 0)"),
        failed(
            "recurses",
            "(call $recurses (i32.const 0) (i32.const 0))",
            "trapped: the stack is full",
        ),
        failed(
            "fills_memory",
            "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 64)) (i32.const -1))))
             (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536))) (unreachable)",
            "trapped: `unreachable` was reached (in fills_memory)",
        ),
        failed("traps", "(i32.div_u (i32.const 1) (i32.const 0))", "trapped: a division by zero"),
        failed(
            "panics",
            "(call $fail (i32.const 8) (i32.const 4)) (unreachable)",
            "panicked: by_n",
        ),
        failed("refuses", "(call $fail (i32.const 8) (i32.const 4)) (i32.const 1)", "by_n"),
        failed("lies", "(i32.const 1)", "1 was returned without cosm.fail"),
        failed(
            "floods",
            &until_refused("(call $insert_t (i64.const 2))"),
            "transaction writes more than 1000 rows",
        ),
        failed(
            "floods_bytes",
            // Large rows: their bytes come to the limit before their number does.
            &until_refused("(call $insert_b (i32.const 16384))"),
            "transaction writes more than 524288 bytes",
        ),
        failed(
            "schedules",
            &until_refused(&format!(
                "(call $schedule (i64.const 0) {late} (i32.const 0) (i32.const 0))"
            )),
            "transaction writes more than 1000 rows",
        ),
        failed(
            "scans",
            "(loop $l (drop (call $scan (call $t) (i32.const -1) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0))) (br $l)) (i32.const 0)",
            "misused datastore.scan: there are 64 already",
        ),
    ]);
}

/// Every import that takes a pointer, with the pointer and the length left open as P and L.
const POINTERS: [&str; 14] = [
    "(drop (call $insert (call $t) P L))",
    "(drop (call $update (call $t) P L))",
    "(call $fail P L)",
    "(drop (call $schedule (i64.const 0) P L (i32.const 0) (i32.const 0)))",
    "(drop (call $schedule (i64.const 0) (i32.const 16) (i32.const 4) P L))",
    "(call $log (i32.const 0) P L)",
    "(call $result P L)",
    "(drop (call $table P L))",
    "(drop (call $index (call $t) P L))",
    "(drop (call $error P L))",
    "(drop (call $delete (call $t) (i32.const 0) P L))",
    "(i32.store8 (i32.const 64) (i32.const 1))
     (drop (call $find (call $t) (i32.const 0) (i32.const 64) (i32.const 9) P L))",
    "(drop (call $scan (call $t) (i32.const 0) P L (i32.const 0) (i32.const 0) (i32.const 0)))",
    "(drop (call $next (call $scan (call $t) (i32.const -1) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0)) P L))",
];

#[test]
fn a_pointer_that_leads_elsewhere_ends_its_own_call_alone() {
    let ranges = [(u32::MAX, 1), (u32::MAX, u32::MAX), (0, u32::MAX), (65_535, 2)];
    let mut attempts = Vec::new();
    for (statement, call) in POINTERS.iter().zip(1..) {
        for (pointer, length) in ranges {
            let name = format!("call_{call}_{pointer:x}_{length:x}");
            let body = statement
                .replace('P', &format!("(i32.const {pointer})"))
                .replace('L', &format!("(i32.const {length})"));
            let rule = format!("{length} bytes at {pointer:#x} are not within the memory of 65536");
            attempts.push((name, format!("{body} (i32.const 0)"), rule));
        }
    }
    let attempts: Vec<Attempt<'_>> = attempts
        .iter()
        .map(|(name, body, rule)| (&**name, body.clone(), 422, "reducer_failed", &**rule))
        .collect();
    try_all(&attempts);
}

#[test]
fn a_flood_of_log_lines_is_cut_and_told() {
    let mut site = Site::new();
    let flood = "(loop $l (call $log (i32.const 2) (i32.const 8) (i32.const 4))
        (local.set $code (i32.add (local.get $code) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $code) (i32.const 10000)))) (i32.const 0)";
    site.server.deploy("hostile", &Guest::new().reducer("floods", flood).wasm());
    assert_eq!(site.bystander.call("floods", "").status, 200);
    let (before, told) = site.server.wait_for_line("lines were cut or left out");
    assert!(told.contains("9744"), "{told}");
    assert_eq!(before.iter().filter(|line| line.contains("by_n")).count(), 256);
    site.is_unharmed();
}
