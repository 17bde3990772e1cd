//! The commands, as people and scripts use them: what they print, what they leave, how they exit.

mod generate;
mod subscribe;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cosmictron_tests::{TestServer, binary, my_agent};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Exit codes, by `docs/cli.md`.
const DONE: i32 = 0;
const REFUSED: i32 = 1;
const WRONG_USE: i32 = 2;
const UNREACHABLE: i32 = 3;
const LOCAL: i32 = 4;

/// A user's shell, with a home of its own.
struct Shell {
    home: TempDir,
    url: String,
}

struct Done {
    code: i32,
    out: String,
    error: String,
}

impl Shell {
    fn new(url: String) -> Shell {
        Shell { home: tempfile::tempdir().unwrap(), url }
    }

    fn of(server: &TestServer) -> Shell {
        Shell::new(format!("http://{}", server.address()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COSMICTRON_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("COSMICTRON_URL", &self.url);
        command
    }

    /// Runs a command; `typed` is what its user types.
    fn type_into(&self, arguments: &[&str], typed: &str) -> Done {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that does not read has ended already.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("it ends by itself");
        Done { code, out: text(output.stdout), error: text(output.stderr) }
    }

    /// Runs a command that has to end with this code.
    #[track_caller]
    fn run(&self, code: i32, arguments: &[&str]) -> Done {
        let done = self.type_into(arguments, "");
        assert_eq!(done.code, code, "{arguments:?}: {}{}", done.out, done.error);
        match code {
            DONE => assert_eq!(done.error, "", "{arguments:?}"),
            _ => assert_eq!(done.out, "", "{arguments:?}"),
        }
        done
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        self.run(DONE, arguments).out
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Runs a command that has to fail, and say this.
    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str], reason: &str) {
        let done = self.run(code, arguments);
        assert!(done.error.contains(reason), "{arguments:?}: {}", done.error);
    }

    fn credentials(&self) -> PathBuf {
        self.home.path().join("cosmictron/credentials.json")
    }
}

/// `my-agent` as a file that a build has left.
fn wasm_file(shell: &Shell) -> String {
    let file = shell.home.path().join("my_agent.wasm");
    std::fs::write(&file, my_agent()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn admin_token(server: &TestServer) -> String {
    std::fs::read_to_string(server.data_dir().join("admin.token")).unwrap().trim().to_owned()
}

#[test]
fn a_session_is_kept_until_it_is_ended() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = Shell::of(&server);
    shell.fails(REFUSED, &["token"], "no token for http://127.0.0.1");
    shell.fails(REFUSED, &["sql", "SELECT 1"], "cosmictron sign-in");
    let signed = shell.done(&["sign-up", "ada@example.com", "--password", "secret"]);
    assert!(signed.starts_with("Signed in as ada@example.com ("), "{signed}");
    let mode = shell.credentials().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = shell.done(&["token"]).trim().to_owned();
    let me = server.client_of(&token).get("/v1/auth/me").json();
    assert_eq!(me["email"], "ada@example.com");

    shell.fails(
        REFUSED,
        &["sign-up", "ada@example.com", "--password", "secret"],
        "(conflict, 409)",
    );
    shell.fails(
        REFUSED,
        &["sign-in", "ada@example.com", "--password", "wrong-password"],
        "(unauthenticated, 401)",
    );
    shell.fails(LOCAL, &["sign-in", "ada@example.com"], "COSMICTRON_PASSWORD");
    assert_eq!(shell.done(&["token"]).trim(), token, "a refusal leaves what was kept");
    let again = shell.json(&["sign-in", "ada@example.com", "--password", "secret"]);
    assert_eq!(again["identity"], me["identity"]);
    assert_ne!(again["token"], token);

    assert_eq!(shell.done(&["sign-out"]), "");
    shell.fails(REFUSED, &["token"], "no token for");
    let ended = again["token"].as_str().unwrap();
    shell.fails(REFUSED, &["modules", "--token", ended], "signed out");
    shell.done(&["modules", "--token", &token]);
}

#[test]
fn a_module_is_deployed_described_and_removed() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = Shell::of(&server);
    let (file, admin) = (wasm_file(&shell), admin_token(&server));
    shell.done(&["sign-up", "ada@example.com", "--password", "secret"]);
    shell.fails(REFUSED, &["deploy", &file], "(forbidden, 403)");
    let grant = ["grant", "ada@example.com", "deployer"];
    shell.fails(REFUSED, &grant, "(forbidden, 403)");
    let granted = shell.done(&[&grant[..], &["--token", &admin]].concat());
    assert_eq!(granted, "Gave deployer to ada@example.com.\n");

    let deployed = shell.done(&["deploy", &file]);
    assert!(deployed.starts_with("Deployed my-agent (sha256:"), "{deployed}");
    assert!(
        deployed.contains("\nReducers: complete_tool_call, record_agent_message, "),
        "{deployed}"
    );
    let other = shell.json(&["deploy", &file, "--name", "other"]);
    assert_eq!((&other["name"], &other["status"]), (&json!("other"), &json!("active")));

    let listed = shell.done(&["modules"]);
    assert!(listed.contains("│ my-agent ┆ active"), "{listed}");
    let listed = shell.json(&["modules"]);
    assert_eq!(listed["modules"].as_array().unwrap().len(), 2);
    assert_eq!(shell.json(&["modules", "other"])["tables"][0]["name"], "agent_state");
    shell.fails(REFUSED, &["modules", "nobody"], "(not_found, 404)");
    shell.run(WRONG_USE, &["modules", "--remove"]);
    assert_eq!(shell.done(&["modules", "other", "--remove", "--data", "drop"]), "");
    shell.fails(REFUSED, &["modules", "other"], "(not_found, 404)");
    assert_eq!(shell.done(&["modules", "my-agent", "--remove"]), "");
    assert_eq!(shell.json(&["modules", "my-agent"])["status"], "inactive");

    let revoked = shell.done(&[&grant[..], &["--revoke", "--token", &admin]].concat());
    assert_eq!(revoked, "Took deployer from ada@example.com.\n");
    shell.fails(REFUSED, &["deploy", &file], "(forbidden, 403)");
}

/// A shell that is signed in where `my-agent` is served.
fn at_my_agent(server: &TestServer) -> Shell {
    server.deploy("my-agent", &my_agent());
    let shell = Shell::of(server);
    shell.done(&["sign-up", "ada@example.com", "--password", "secret"]);
    shell
}

#[test]
fn reducers_are_called_with_pairs_or_with_json() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let called =
        shell.done(&["call", "record_agent_message", "session_id=s", "role=user", "content=a b"]);
    assert!(called.starts_with("1\nCommitted as transaction "), "{called}");
    let called = shell.json(&["call", "my-agent/record_agent_message", r#"["s", "user", "x"]"#]);
    assert_eq!((&called["result"], &called["status"]), (&json!(2), &json!("committed")));
    let object = r#"{"session_id": "s", "role": "user", "content": "1"}"#;
    assert_eq!(shell.json(&["call", "record_agent_message", object])["result"], 3);
    shell.fails(REFUSED, &["call", "record_agent_message"], "argument session_id: missing");
    shell.fails(REFUSED, &["call", "nothing"], "(not_found, 404)");
    shell.fails(LOCAL, &["call", "record_agent_message", "a", "b"], "neither JSON nor NAME=VALUE");
    shell.run(WRONG_USE, &["call"]);
}

#[test]
fn queries_are_answered_as_a_table_or_as_json() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    shell.done(&["call", "record_agent_message", r#"["s", "user", "a\u001b[31m"]"#]);
    let query = "SELECT id, content FROM agent_state WHERE session_id = $1";
    let table = shell.done(&["sql", query, "s"]);
    // What is stored does not steer the reader's terminal.
    assert!(table.contains(r"│ 1  ┆ a\u{1b}[31m │"), "{table}");
    assert!(table.contains("\n1 row (transaction "), "{table}");
    assert!(shell.done(&["sql", query, "nobody"]).contains("\n0 rows (transaction "));
    let answered = shell.json(&["sql", query, "s"]);
    assert_eq!(answered["columns"], json!(["id", "content"]));
    assert_eq!(answered["rows"], json!([[1, "a\u{1b}[31m"]]));
    shell.fails(REFUSED, &["sql", "SELECT nothing FROM agent_state"], "(invalid_request, 400)");
}

#[test]
fn queries_are_read_from_a_pipe_until_its_end() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let typed = "SELECT count(*)\n  FROM agent_state;\nSELECT nonsense;\n\nSELECT 40 + 2 FROM agent_state;\nSELECT 7";
    let done = shell.type_into(&["sql"], typed);
    assert_eq!(done.code, DONE, "{}", done.error);
    assert!(done.out.contains("│ 0 "), "{}", done.out);
    assert!(done.out.contains("0 rows (transaction "), "{}", done.out);
    assert!(done.error.contains("error: ") && done.error.contains("nonsense"), "{}", done.error);
    let done = shell.type_into(&["sql", "--json"], "SELECT count(*) FROM agent_state;\n");
    let answered: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(answered["rows"], json!([[0]]));
}

#[test]
fn what_is_at_fault_is_in_the_exit_code() {
    let shell = Shell::new("http://127.0.0.1:1".to_owned());
    shell.run(WRONG_USE, &["nonsense"]);
    shell.run(WRONG_USE, &["serve", "--shards", "many"]);
    shell.run(DONE, &["--version"]);
    let nobody = ["--token", "x"];
    shell.fails(UNREACHABLE, &[&["modules"][..], &nobody].concat(), "cannot be reached");
    shell.fails(LOCAL, &[&["deploy", "absent.wasm"][..], &nobody].concat(), "absent.wasm");
    shell.fails(LOCAL, &[&["deploy", "."][..], &nobody].concat(), "Cargo.toml");
    shell.fails(LOCAL, &["dev", "absent"], "absent");
    std::fs::create_dir(shell.home.path().join("cosmictron")).unwrap();
    std::fs::write(shell.credentials(), "{").unwrap();
    shell.fails(LOCAL, &["token"], "credentials.json");
    let out_of_range = shell.run(REFUSED, &["serve", "--shards", "0", "--data-dir", "data"]);
    assert!(out_of_range.error.contains("shards is 0"), "{}", out_of_range.error);

    let (url, stranger) = stranger();
    let shell = Shell::new(url);
    shell.fails(UNREACHABLE, &["modules", "--token", "x"], "does not answer as a cosmictron");
    stranger.join().unwrap();
}

/// A server of another kind, which answers one request.
fn stranger() -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    });
    (url, stranger)
}

#[test]
fn a_new_project_is_made_once_and_under_a_plain_name() {
    let shell = Shell::new(String::new());
    let made = shell.done(&["new", "my-notes"]);
    assert!(made.contains("cosmictron dev my-notes"), "{made}");
    let file = |name: &str| std::fs::read_to_string(shell.home.path().join("my-notes").join(name));
    assert!(file("Cargo.toml").unwrap().contains("name = \"my-notes\""));
    assert!(file("src/lib.rs").unwrap().contains("#[reducer]"));
    assert!(file(".gitignore").is_ok() && file("README.md").is_ok());
    shell.fails(LOCAL, &["new", "my-notes"], "exists already");
    for name in ["../notes", "1st", "a b"] {
        shell.fails(LOCAL, &["new", name], "a module's name is");
    }
    assert!(!Path::new(shell.home.path()).join("../notes").exists());
}
