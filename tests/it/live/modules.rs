//! Live queries over tables of several modules, each of which is at home on a shard of its own.

use cosmictron_tests::{TestServer, my_agent};
use serde_json::json;

use super::message;

const MODULES: [&str; 4] = ["agent-a", "agent-b", "agent-c", "agent-d"];

#[test]
fn a_join_over_modules_that_are_at_home_on_several_shards_is_kept_up_to_date() {
    let server = TestServer::start_with("", &["--shards", "4"]);
    MODULES.iter().for_each(|name| server.deploy(name, &my_agent()));
    let ada = server.sign_up("ada@example.com");
    let mut socket = server.socket_of(&ada);
    socket.message().unwrap();
    let table = |name: &str| format!("\"{name}\".agent_state");
    let [a, b, c, d] = MODULES.map(table);
    let queries = [
        format!(
            "SELECT a.content, b.content, c.content FROM {a} a JOIN {b} b ON a.session_id = b.session_id \
             LEFT JOIN {c} c ON c.session_id = a.session_id"
        ),
        format!(
            "SELECT session_id, count(*) FROM (SELECT session_id FROM {a} UNION ALL SELECT session_id FROM {b} \
             UNION ALL SELECT session_id FROM {c} UNION ALL SELECT session_id FROM {d}) all_of_them GROUP BY session_id"
        ),
        format!(
            "SELECT content FROM {d} d WHERE NOT EXISTS (SELECT 1 FROM {a} a WHERE a.session_id = d.session_id)"
        ),
    ];
    let mut held: Vec<_> = queries.iter().map(|query| socket.subscribe(query)).collect();
    for step in 0..24 {
        let (module, session) = (MODULES[step * 7 % 4], format!("s{}", step % 5));
        let (id, args) = (socket.new_id(), message(&session, &format!("{module} {step}")));
        socket.send(&json!({"type": "call", "id": id, "module": module,
            "reducer": "record_agent_message", "args": args}));
        // What the call did is told before it is answered.
        loop {
            let told =
                socket.wait_for(|message| message["type"] == "update" || message["id"] == id);
            if told["type"] != "update" {
                assert_eq!(told["type"], "called", "{told}");
                break;
            }
            held.iter_mut().for_each(|(id, rows)| rows.apply(*id, &told));
        }
        for (query, (_, rows)) in queries.iter().zip(&held) {
            rows.check(&socket.ask(json!({"type": "query", "query": query}))["rows"]);
        }
    }
}
