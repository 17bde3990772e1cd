//! A disk that takes no more: full, or read-only. Nothing that was answered is lost, and what can be read is read.
//!
//! The disk is a small file system in a file. Where this process may not mount one, the tests say so and end.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use cosmictron_tests::{TestClient, TestServer, folder_on, my_agent};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

/// Room for a few segments of 4 MiB, the module and the file system itself.
const DISK_BYTES: u64 = 32 << 20;
/// Fills what was prepared of the log in a few dozen calls.
const CONTENT_BYTES: usize = 200 << 10;

/// A mounted file system of its own; unmounted when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// `None`, and a word about it, where mounting is not allowed.
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(DISK_BYTES).unwrap();
        let disk = SmallDisk { folder };
        fs::create_dir(disk.path()).unwrap();
        let made = run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let mounted = made.and_then(|()| {
            run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(disk.path()))
        });
        match mounted {
            Ok(()) => Some(disk),
            Err(error) => {
                eprintln!("skipped: no file system can be mounted here: {error}");
                None
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// A folder for a server whose data are on this disk.
    fn server_folder(&self) -> TempDir {
        let data = self.path().join("data");
        fs::create_dir_all(&data).unwrap();
        folder_on(&data)
    }

    fn make_read_only(&self) {
        run(Command::new("mount").args(["-o", "remount,ro"]).arg(self.path())).unwrap();
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        let chunk = vec![1; 64 << 10];
        while file.write_all(&chunk).is_ok() {}
        while file.write_all(&[1]).is_ok() {}
        // A full disk may refuse this too; what matters is that nothing is left.
        let _ = file.sync_all();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is still going down holds files open.
        let _ = run(Command::new("umount").arg("-l").arg(self.path()));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// Calls until one is refused for want of room. How many were answered.
fn call_until_full(ada: &mut TestClient, answered: u64) -> u64 {
    let arguments = json!(["session", "user", "x".repeat(CONTENT_BYTES)]).to_string();
    for number in answered.. {
        let answer = ada.call("record_agent_message", &arguments);
        if answer.status != 200 {
            assert_eq!((answer.status, answer.code().as_str()), (507, "out_of_space"));
            assert!(answer.body.contains("the disk is full"), "{}", answer.body);
            return number;
        }
        assert_eq!(answer.json()["result"], number + 1);
    }
    unreachable!("a disk has an end");
}

fn check_rows(ada: &mut TestClient, answered: u64) {
    let rows = ada.sql("SELECT count(*), max(id) FROM agent_state");
    assert_eq!(rows, json!([[answered, answered]]));
}

#[test]
fn a_full_disk_refuses_calls_loses_nothing_and_is_used_again_once_it_has_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let flags = vec!["--shards".to_owned(), "1".to_owned()];
    let server = TestServer::start_in(disk.server_folder(), flags).unwrap();
    server.deploy("one", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    disk.fill();
    let answered = call_until_full(&mut ada, 0);
    assert!(answered > 0, "what was prepared is used");
    check_rows(&mut ada, answered);
    let body = r#"{"email": "bob@example.com", "password": "secret"}"#;
    assert_eq!(ada.post("/v1/auth/sign-up", body).status, 507);
    assert_eq!(server.try_deploy("other", &my_agent()).status, 507);
    assert_eq!(ada.get("/v1/auth/me").json()["email"], "ada@example.com");

    // It starts on the full disk, too, and can be read.
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    check_rows(&mut ada, answered);
    assert_eq!(call_until_full(&mut ada, answered), answered);

    disk.free();
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    check_rows(&mut ada, answered);
    assert_eq!(ada.call("record_agent_message", r#"["s", "user", "x"]"#).status, 200);

    // And once more, without a restart: the server looks for room now and then.
    disk.fill();
    let answered = call_until_full(&mut ada, answered + 1);
    disk.free();
    let arguments = r#"["s", "user", "x"]"#;
    let mut answer = ada.call("one/record_agent_message", arguments);
    while answer.status == 507 {
        answer = ada.call("one/record_agent_message", arguments);
    }
    assert_eq!(answer.json()["result"], answered + 1);
    check_rows(&mut ada, answered + 1);
    let (status, _) = server.end(Signal::TERM);
    assert!(status.success(), "{status}");
}

#[test]
fn a_read_only_directory_is_refused() {
    let Some(disk) = SmallDisk::mount() else { return };
    let flags = vec!["--shards".to_owned(), "1".to_owned()];
    let (folder, again) = (disk.server_folder(), disk.server_folder());
    let server = TestServer::start_in(folder, flags.clone()).unwrap();
    server.sign_up("ada@example.com");
    server.end(Signal::TERM);
    disk.make_read_only();
    let Err(refusal) = TestServer::try_start_in(again, flags) else {
        panic!("a server that cannot write has started");
    };
    assert_eq!(refusal.status.code(), Some(1));
    let text = refusal.text();
    assert!(text.contains("/data: Read-only file system"), "{text}");
}
