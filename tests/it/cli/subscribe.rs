//! `subscribe`, as scripts use it: what it prints of a live query, how it ends, and what it does when the server goes away.

use std::io::{BufRead, BufReader, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use cosmictron_tests::TestServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{DONE, LOCAL, REFUSED, Shell, UNREACHABLE, at_my_agent, stranger};

/// A command that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(60);
const QUERY: &str = "SELECT id, content FROM agent_state WHERE session_id = $1";

/// A command that goes on.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(shell: &Shell, arguments: &[&str]) -> Running {
        let mut command = shell.command(&[&["subscribe"], arguments].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = follow(child.stdout.take().unwrap());
        Running { child, lines }
    }

    #[track_caller]
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the command says more")
    }

    /// Lines up to the status line of an answer or an update, and that.
    #[track_caller]
    fn lines_to_status(&self) -> Vec<String> {
        let mut lines = vec![self.line()];
        while !lines.last().unwrap().contains(" (transaction ") {
            lines.push(self.line());
        }
        lines
    }

    fn interrupt(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code, and what it has said on standard error.
    fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().expect("it ends by itself");
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (code, error)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(out: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn record(shell: &Shell, session: &str, content: &str) -> u64 {
    let args = json!([session, "user", content]).to_string();
    shell.json(&["call", "record_agent_message", &args])["tx_id"].as_u64().unwrap()
}

#[test]
fn the_first_answer_is_printed_and_then_what_changes() {
    let server = TestServer::start(&["--shards", "2"]);
    let shell = at_my_agent(&server);
    let first = record(&shell, "s", "a\u{1b}[31m");
    let running = Running::start(&shell, &[QUERY, "s", "--count", "2"]);
    let lines = running.lines_to_status();
    assert!(lines.contains(&r"│ 1  ┆ a\u{1b}[31m │".to_owned()), "{lines:?}");
    let (_, tx_id) = lines.last().unwrap().split_once("1 row (transaction ").unwrap();
    assert!(first <= tx_id.trim_end_matches(')').parse().unwrap(), "{lines:?}");

    let second = record(&shell, "s", "b\tc\nd");
    let status = format!("2 rows (transaction {second})");
    assert_eq!(running.lines_to_status(), ["+ 2\tb\\tc\\nd", &status]);
    record(&shell, "t", "unheard");
    let third = record(&shell, "s", "e");
    let status = format!("3 rows (transaction {third})");
    assert_eq!(running.lines_to_status(), ["+ 4\te", &status]);
    assert_eq!(running.end(), (DONE, String::new()));
}

#[test]
fn what_goes_is_printed_before_what_comes() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let query = "SELECT session_id, count(*) AS n FROM agent_state GROUP BY session_id";
    record(&shell, "s", "a");
    let running = Running::start(&shell, &[query, "--count", "1"]);
    running.lines_to_status();
    let tx_id = record(&shell, "s", "b");
    let status = format!("1 row (transaction {tx_id})");
    assert_eq!(running.lines_to_status(), ["- s\t1", "+ s\t2", &status]);
    assert_eq!(running.end().0, DONE);
}

#[test]
fn programs_are_given_the_servers_messages_a_line_each() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let message = |running: &Running| serde_json::from_str::<Value>(&running.line()).unwrap();
    let running = Running::start(&shell, &[QUERY, "s", "--json", "--count", "1"]);
    let begun = message(&running);
    assert_eq!((&begun["type"], &begun["rows"]), (&json!("subscribed"), &json!([])));
    assert_eq!(begun["columns"], json!(["id", "content"]));
    let tx_id = record(&shell, "s", "a");
    let update = message(&running);
    let expected = json!({"type": "update", "tx_id": tx_id, "changes": [[1, [[1, "a"]], []]]});
    assert_eq!(update, expected);
    assert_eq!(running.end(), (DONE, String::new()));
    // As one line among others of a script.
    let first = shell.json(&["subscribe", QUERY, "s", "--count", "0"]);
    assert_eq!(first["rows"], json!([[1, "a"]]));
}

#[test]
fn a_signal_ends_it_in_order() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    for signal in [Signal::INT, Signal::TERM] {
        let running = Running::start(&shell, &["SELECT count(*) FROM agent_state"]);
        running.lines_to_status();
        running.interrupt(signal);
        assert_eq!(running.end(), (DONE, String::new()));
    }
}

#[test]
fn it_ends_when_nobody_reads_what_it_prints() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let mut command = shell.command(&["subscribe", "SELECT content FROM agent_state"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains(" (transaction ") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ends before it was told anything");
    }
    drop(out);
    record(&shell, "s", "unread");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(DONE), &b""[..]));
}

#[test]
fn what_is_refused_is_told_by_its_reason_and_exit_code() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let query = "SELECT count(*) FROM agent_state";
    shell.fails(REFUSED, &["subscribe", "SELECT x FROM agent_state"], "(invalid_request, 400)");
    let past = "SELECT count(*) FROM agent_state AS OF TX 1";
    shell.fails(REFUSED, &["subscribe", past], "AS OF");
    shell.fails(REFUSED, &["subscribe", query, "--token", "x"], "(unauthenticated, 401)");
    shell.fails(LOCAL, &["subscribe", query, "--url", "nonsense", "--token", "x"], "http://");
    let secure = format!("https://{}", server.address());
    let nobody = ["subscribe", query, "--token", "x", "--url"];
    shell.fails(UNREACHABLE, &[&nobody[..], &[&secure]].concat(), "cannot be reached");
    shell.fails(UNREACHABLE, &[&nobody[..], &["http://127.0.0.1:1"]].concat(), "cannot be reached");
    let (url, answered) = stranger();
    shell.fails(UNREACHABLE, &[&nobody[..], &[&url]].concat(), "does not answer as");
    answered.join().unwrap();
    let signed_out = Shell::of(&server);
    signed_out.fails(REFUSED, &["subscribe", query], "cosmictron sign-in");
}

#[test]
fn it_ends_when_its_query_ends() {
    let server = TestServer::start(&["--shards", "1"]);
    let shell = at_my_agent(&server);
    let running = Running::start(&shell, &["SELECT count(*) FROM agent_state"]);
    running.lines_to_status();
    let gone = server.admin().request("DELETE", "/v1/modules/my-agent?data=drop", &[], b"");
    assert_eq!(gone.status, 204, "{}", gone.body);
    let (code, error) = running.end();
    assert!(code == REFUSED && error.starts_with("error: "), "{code}: {error}");
}

#[test]
fn it_ends_when_its_token_is_signed_out() {
    let server = TestServer::start(&["--shards", "2"]);
    let shell = at_my_agent(&server);
    let running = Running::start(&shell, &["SELECT count(*) FROM agent_state"]);
    running.lines_to_status();
    shell.done(&["sign-out"]);
    let (code, error) = running.end();
    assert_eq!(code, REFUSED);
    assert_eq!(error, "error: the token was signed out (unauthenticated, 401)\n");
}

/// Hands connections on to a server that may become another one.
struct Relay {
    address: SocketAddr,
    targets: Sender<SocketAddr>,
}

impl Relay {
    fn to(server: &TestServer) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (targets, news) = channel();
        let mut target = server.address();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                target = news.try_iter().last().unwrap_or(target);
                // Without a server the client's connection ends.
                if let Ok(server) = TcpStream::connect(target) {
                    hand_on(client.try_clone().unwrap(), server.try_clone().unwrap());
                    hand_on(server, client);
                }
            }
        });
        Relay { address, targets }
    }
}

fn hand_on(mut source: TcpStream, mut target: TcpStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut source, &mut target);
        let _ = target.shutdown(Shutdown::Both);
    });
}

#[test]
fn it_goes_on_where_it_was_when_the_server_comes_back() {
    let server = TestServer::start(&["--shards", "2"]);
    let shell = at_my_agent(&server);
    let relay = Relay::to(&server);
    let url = format!("http://{}", relay.address);
    let token = shell.done(&["token"]).trim().to_owned();
    record(&shell, "s", "one");
    let arguments = [QUERY, "s", "--url", &url, "--token", &token];
    let running = Running::start(&shell, &arguments);
    running.lines_to_status();
    record(&shell, "s", "two");
    assert_eq!(running.lines_to_status()[0], "+ 2\ttwo");

    let server = server.kill_and_restart();
    let shell = Shell { home: shell.home, url: format!("http://{}", server.address()) };
    let client = &mut server.client_of(&token);
    let recorded = client.call("record_agent_message", &json!(["s", "user", "three"]).to_string());
    assert_eq!(recorded.status, 200, "{}", recorded.body);
    relay.targets.send(server.address()).unwrap();
    let missed = running.lines_to_status();
    assert!(missed[0].starts_with("+ ") && missed[0].ends_with("\tthree"), "{missed:?}");
    assert!(missed[1].starts_with("3 rows (transaction "), "{missed:?}");
    let args = json!(["s", "user", "four"]).to_string();
    shell.done(&["call", "record_agent_message", &args, "--token", &token]);
    assert!(running.lines_to_status()[0].ends_with("\tfour"));
    running.interrupt(Signal::INT);
    let (code, error) = running.end();
    assert_eq!(code, DONE, "{error}");
    assert!(error.contains("not connected, trying again"), "{error}");
    assert!(error.contains("connected again"), "{error}");
}
