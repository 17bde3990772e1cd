//! What live queries may keep is bounded, each for itself and all together; what is refused harms nobody.

use serde_json::json;

use super::{agent, message, record};

#[test]
fn live_queries_together_keep_no_more_than_they_may() {
    let (server, mut ada) = agent("storage.live_bytes_max = \"64KiB\"\n", 1);
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    let mut codes = Vec::new();
    for number in 0..80 {
        let query = format!("SELECT content FROM agent_state WHERE session_id = 's{number}'");
        let answer = socket.ask(json!({"type": "subscribe", "query": query}));
        codes.push(answer["code"].as_str().unwrap_or("subscribed").to_owned());
    }
    let begun = codes.iter().take_while(|code| *code == "subscribed").count();
    assert!((30..=64).contains(&begun), "{codes:?}");
    assert!(codes[begun..].iter().all(|code| code == "overloaded"), "{codes:?}");
    // Those that were begun go on, and who makes room gets it.
    record(&mut ada, "s3", "hello");
    let update = socket.wait_for(|message| message["type"] == "update");
    assert_eq!(update["changes"][0][1], json!([["hello"]]));
    drop(socket);
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    let (id, mut rows) =
        socket.subscribe("SELECT content FROM agent_state WHERE session_id = 's3'");
    let tx_id = record(&mut ada, "s3", "again");
    socket.follow(id, &mut rows, tx_id);
    rows.check(&json!([["hello"], ["again"]]));
}

#[test]
fn one_that_keeps_too_much_ends_alone() {
    let (server, mut ada) = agent("storage.live_query_bytes_max = \"64KiB\"\n", 1);
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    let (id, mut rows) = socket.subscribe("SELECT content FROM agent_state WHERE session_id = 's'");
    let sorted = "SELECT max(content) FROM agent_state GROUP BY content";
    let ask = json!({"type": "subscribe", "id": "large", "query": sorted});
    socket.send(&ask);
    assert_eq!(socket.wait_for(|message| message["id"] == "large")["type"], "subscribed");
    let call = |number: u32| message("s", &format!("{number} {}", "x".repeat(4_000)));
    for number in 0..40 {
        let answer = ada.call("record_agent_message", &call(number).to_string());
        let tx_id = answer.json()["tx_id"].as_u64().unwrap();
        socket.follow(id, &mut rows, tx_id);
    }
    assert_eq!(rows.rows().len(), 40, "the other one goes on");
    socket.send(&ask);
    let answer = socket.wait_for(|message| message["id"] == "large" && message["type"] == "error");
    assert_eq!(answer["code"], "too_large", "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("memory"), "{answer}");
}
