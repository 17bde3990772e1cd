//! The main job where io_uring is not used: epoll for sockets, a thread for the log.

use cosmictron_tests::{TestServer, my_agent};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn without_io_uring_calls_are_as_durable() {
    let server = TestServer::start(&["--shards", "2", "--io", "epoll"]);
    let diagnostics = server.admin().get("/v1/health/diagnostics").json();
    assert_eq!((&diagnostics["io"], &diagnostics["log"]), (&json!("epoll"), &json!("thread")));

    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    for number in 1..=20u64 {
        let answer = ada.call("record_agent_message", r#"["abc", "user", "Hello"]"#);
        assert_eq!(answer.json()["result"].as_u64(), Some(number), "{}", answer.body);
    }
    let server = server.kill_and_restart();
    let mut ada = server.client_of(&token);
    let rows = ada.sql("SELECT count(*), max(id) FROM agent_state WHERE content = 'Hello'");
    assert_eq!(rows, json!([[20, 20]]));
    assert_eq!(ada.call("record_agent_message", r#"["abc", "user", "Hi"]"#).json()["result"], 21);

    let server = server.stop_and_restart();
    assert_eq!(server.client_of(&token).sql("SELECT count(*) FROM agent_state"), json!([[21]]));
}

#[test]
fn a_log_goes_from_one_driver_to_the_other() {
    let mut server = TestServer::start(&["--shards", "1", "--io", "epoll"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    for (number, io) in [(1, "auto"), (2, "epoll"), (3, "auto")] {
        let answer = ada.call("record_agent_message", r#"["abc", "user", "Hello"]"#);
        assert_eq!(answer.json()["result"], number, "{}", answer.body);
        let (_, (folder, _)) = server.end(Signal::KILL);
        let flags = ["--shards", "1", "--io", io].map(str::to_owned).to_vec();
        server = TestServer::start_in(folder, flags).unwrap();
        ada = server.client_of(&token);
    }
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[3]]));
}
