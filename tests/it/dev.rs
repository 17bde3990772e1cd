//! `cosmictron dev`: from a new project to a served module, by the lines that it prints.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cosmictron_tests::{binary, root};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A build that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running `cosmictron dev`. Killed when dropped.
struct Dev {
    process: Child,
    lines: Receiver<String>,
}

impl Dev {
    fn start(home: &Path) -> Dev {
        let mut process = command(home, &["dev", "notes"])
            .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--shards", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = follow(process.stdout.take().unwrap());
        Dev { process, lines }
    }

    /// What it prints, up to a line that has this in it.
    fn read_to(&self, end: &str) -> String {
        let mut text = String::new();
        while !text.contains(end) {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => text += &format!("{line}\n"),
                Err(error) => panic!("no {end:?} ({error}) in {text}"),
            }
        }
        text
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn follow(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .current_dir(home)
        // What `cargo xtask test` has built is not built again.
        .env("CARGO_TARGET_DIR", root().join("examples/my-agent/target"));
    command
}

/// Makes a project that builds from what is on this machine: a new one has no lock file and would ask the registry.
fn make_project(home: &Path) {
    assert!(command(home, &["new", "notes"]).stdout(Stdio::null()).status().unwrap().success());
    let lock = std::fs::read_to_string(root().join("examples/my-agent/Cargo.lock")).unwrap();
    // In its place in the order of the names.
    let packages: Vec<String> =
        lock.split("\n\n").map(|package| package.trim().to_owned()).collect();
    let (own, mut others): (Vec<_>, Vec<_>) =
        packages.into_iter().partition(|package| package.contains("name = \"my-agent\""));
    let own = own[0].replace("my-agent", "notes");
    let place = others.iter().position(|package| package.contains("name = \"proc-macro2\""));
    others.insert(place.unwrap(), own);
    std::fs::write(home.join("notes/Cargo.lock"), others.join("\n\n") + "\n").unwrap();
}

/// What a shell prints that is given these lines.
fn shell(lines: &str) -> String {
    let output = Command::new("sh").args(["-euc", lines]).output().unwrap();
    assert!(output.status.success(), "{lines}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_new_project_is_served_called_changed_and_stopped() {
    let home = tempfile::tempdir().unwrap();
    make_project(home.path());
    let mut dev = Dev::start(home.path());
    let printed = dev.read_to("Ctrl-C ends the server.");
    let start = printed.find("TOKEN=$(curl").expect("there are lines to try");
    let end = printed.find("\nnotes is deployed").expect("they end");
    let lines = &printed[start..end];
    let answers = shell(&lines.replace("\ncurl", "\necho; curl"));
    let answers: Vec<Value> =
        answers.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!((&answers[0]["status"], &answers[0]["result"]), (&json!("committed"), &json!(1)));
    assert_eq!(answers[1]["columns"], json!(["id", "author", "text", "written_at"]));
    assert_eq!(answers[1]["rows"][0][2], "hello");

    let source = home.path().join("notes/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text + "\n#[reducer]\npub fn answer() -> u8 {\n    42\n}\n").unwrap();
    dev.read_to("Deployed notes (sha256:");
    let sign_in = &lines[..lines.find("\n\n").expect("the first lines sign in")];
    let call = lines[lines.find("curl -s -X POST").unwrap()..].lines().next().unwrap();
    let url = call.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let url = &url[..url.find("/v1").unwrap()];
    let called = shell(&format!(
        "{sign_in}\ncurl -s -X POST {url}/v1/reducers/answer -H \"Authorization: Bearer $TOKEN\""
    ));
    assert_eq!(serde_json::from_str::<Value>(&called).unwrap()["result"], 42, "{called}");

    kill_process(Pid::from_child(&dev.process), Signal::INT).unwrap();
    let status = dev.process.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(home.path().join("notes/.cosmictron/admin.token").exists());
}
