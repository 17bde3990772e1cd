//! `generate`: the same code from wherever the schema comes, written only where it changes.

use std::fs;
use std::path::Path;

use cosmictron_tests::{TestServer, counter, my_agent, rooms_example};

use super::{DONE, LOCAL, REFUSED, Shell, WRONG_USE};

const FILES: [&str; 4] = ["hooks.ts", "index.ts", "schema.ts", "tables.ts"];

/// A shell whose user is signed in, at a server with `my-agent`.
fn shell() -> (TestServer, Shell) {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let shell = Shell::of(&server);
    shell.run(DONE, &["sign-up", "ada@example.com", "--password", "secret"]);
    (server, shell)
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_server_a_wasm_file_and_a_schema_file_give_the_same_code() {
    let (server, shell) = shell();
    let home = shell.home.path();
    fs::write(home.join("my_agent.wasm"), my_agent()).unwrap();
    let schema = server.admin().get("/v1/modules/my-agent/schema").body;
    fs::write(home.join("schema.json"), schema).unwrap();
    for language in ["typescript", "rust"] {
        let of = |out: &str, source: &[&str]| {
            let out = format!("{language}-{out}");
            let arguments = [&["generate", "--lang", language, "--out", &out], source].concat();
            shell.run(DONE, &arguments);
            files(&home.join(out))
        };
        let of_server = of("server", &["--module", "my-agent"]);
        assert_eq!(of("only", &[]), of_server);
        assert_eq!(of("wasm", &["--wasm", "my_agent.wasm"]), of_server);
        assert_eq!(of("schema", &["--schema", "schema.json"]), of_server);
        let names: Vec<&str> = of_server.iter().map(|(name, _)| name.as_str()).collect();
        match language {
            "rust" => assert_eq!(names, ["my_agent.rs"]),
            _ => assert_eq!(names, FILES),
        }
    }
}

#[test]
fn code_is_written_once_and_checked_after_that() {
    let (server, shell) = shell();
    let generate = ["generate", "--lang", "typescript", "--out", "src/db", "--no-hooks"];
    let check = [&generate[..], &["--check"]].concat();
    let stale = shell.run(REFUSED, &check).error;
    assert!(stale.contains("not up to date: src/db/schema.ts, "), "{stale}");
    assert!(!shell.home.path().join("src").exists(), "a check writes nothing");
    let written = shell.run(DONE, &generate).out;
    assert_eq!(
        written,
        "Wrote src/db/schema.ts.\nWrote src/db/tables.ts.\nWrote src/db/index.ts.\n"
    );
    assert_eq!(shell.run(DONE, &check).out, "");
    assert_eq!(shell.run(DONE, &generate).out, "src/db is up to date.\n");
    // Another module under the name: other code.
    server.deploy("my-agent", &rooms_example());
    shell.run(REFUSED, &check);
    shell.run(DONE, &generate);
    let schema = fs::read_to_string(shell.home.path().join("src/db/schema.ts")).unwrap();
    assert!(schema.contains("RoomRow") && !schema.contains("AgentStateRow"), "{schema}");
}

#[test]
fn what_somebody_has_written_by_hand_stays() {
    let (_server, shell) = shell();
    let file = shell.home.path().join("schema.ts");
    fs::write(&file, "export type Mine = string;\n").unwrap();
    let refused = shell.run(LOCAL, &["generate", "--lang", "ts", "--out", "."]).error;
    assert!(refused.contains("schema.ts is not of `cosmictron generate`"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "export type Mine = string;\n");
    assert!(!shell.home.path().join("tables.ts").exists(), "it is all or nothing");
}

#[test]
fn a_source_that_is_none_is_refused_by_name() {
    let (server, shell) = shell();
    let generate = |code, more: &[&str]| {
        let arguments = [&["generate", "--lang", "rust", "--out", "out"], more].concat();
        shell.run(code, &arguments).error
    };
    let error = generate(REFUSED, &["--module", "nothing"]);
    assert!(error.contains("not_found, 404"), "{error}");
    server.deploy("counter", &counter());
    let error = generate(LOCAL, &[]);
    assert!(error.contains("several modules: give --module, one of counter, my-agent"), "{error}");
    generate(WRONG_USE, &["--wasm", "a.wasm", "--schema", "b.json"]);
    fs::write(shell.home.path().join("a.wasm"), "no module").unwrap();
    let error = generate(LOCAL, &["--wasm", "a.wasm"]);
    assert!(error.contains("a.wasm: the module is not valid WebAssembly"), "{error}");
    fs::write(shell.home.path().join("b.json"), r#"{"module":"b","tables":7}"#).unwrap();
    let error = generate(LOCAL, &["--schema", "b.json"]);
    assert!(error.contains("b.json: "), "{error}");
}
