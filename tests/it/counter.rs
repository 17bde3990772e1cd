//! The hand-written module that `docs/wasm-abi.md` ends with, on a server.

use cosmictron_tests::{TestClient, TestServer, counter};
use serde_json::{Value, json};

#[track_caller]
fn call(client: &mut TestClient, reducer: &str, arguments: &str) -> Value {
    let answer = client.call(reducer, arguments);
    assert_eq!(answer.status, 200, "{reducer}: {}", answer.body);
    answer.json()["result"].clone()
}

#[track_caller]
fn refusal(client: &mut TestClient, reducer: &str, arguments: &str) -> String {
    let answer = client.call(reducer, arguments);
    assert_eq!((answer.status, &*answer.code()), (422, "reducer_failed"), "{reducer}");
    answer.json()["detail"].as_str().unwrap().to_owned()
}

/// `clear` was refused: its key of no columns, which fits every row, was one to the host and none to the tables.
#[test]
fn every_reducer_does_what_the_document_says() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("counters", &counter());
    let mut ada = server.sign_up("ada@example.com");
    assert_eq!(call(&mut ada, "last", ""), Value::Null);
    assert_eq!(call(&mut ada, "clear", ""), 0);
    for (name, id) in [("b", 1), ("a", 2), ("c", 3)] {
        assert_eq!(call(&mut ada, "create", &json!([name]).to_string()), id);
    }
    assert!(refusal(&mut ada, "create", r#"["a"]"#).contains("by_name"));
    assert_eq!(refusal(&mut ada, "create", r#"[""]"#), "a name has 1 to 1000 bytes");
    assert_eq!(refusal(&mut ada, "add", r#"["d", 1]"#), "there is no counter of this name");
    assert_eq!(call(&mut ada, "add", r#"["a", 40]"#), 40);
    assert_eq!(call(&mut ada, "add", r#"["a", -50]"#), -10);
    assert_eq!(call(&mut ada, "add", r#"["c", 3]"#), 3);
    assert_eq!(call(&mut ada, "total", ""), -7);
    assert_eq!(call(&mut ada, "last", ""), "c");
    assert_eq!(call(&mut ada, "remove", r#"["c"]"#), 1);
    assert_eq!(call(&mut ada, "remove", r#"["c"]"#), 0);
    let rows = json!([[1, "b", 0], [2, "a", -10]]);
    assert_eq!(ada.sql("SELECT id, name, value FROM counter ORDER BY id"), rows);
    assert_eq!(call(&mut ada, "clear", ""), 2);
    assert_eq!(ada.sql("SELECT count(*) FROM counter"), json!([[0]]));
    server.wait_for_line("counter created");
}
