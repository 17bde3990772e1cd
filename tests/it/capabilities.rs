//! Capabilities: what a reducer asks of its callers, who gives it, and that it holds at once and everywhere.

use cosmictron_tests::{TestClient, TestServer, sdk_checks};
use serde_json::{Value, json};

const BOTH: [&str; 2] = ["checks:run", "checks:write"];

fn serve() -> (TestServer, TestClient) {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("checks", &sdk_checks());
    let ada = server.sign_up("ada@example.com");
    (server, ada)
}

/// Has an admin give a capability to ada, or take it.
#[track_caller]
fn change(server: &TestServer, verb: &str, capability: &str) {
    let body = json!({ "email": "ada@example.com", "capability": capability }).to_string();
    let answer = server.admin().post(&format!("/v1/admin/{verb}"), &body);
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[track_caller]
fn refused(client: &mut TestClient, missing: &str) {
    let answer = client.call("guarded", r#"["a room"]"#);
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{}", answer.body);
    assert!(answer.body.contains(missing), "{}", answer.body);
}

#[test]
fn a_reducer_runs_for_those_who_have_all_that_it_asks_for() {
    let (server, mut ada) = serve();
    refused(&mut ada, "checks:");
    change(&server, "grant", "checks:run");
    refused(&mut ada, "checks:write");
    change(&server, "grant", "checks:write");
    // Twice is as good as once.
    change(&server, "grant", "checks:write");
    assert_eq!(ada.get("/v1/auth/me").json()["capabilities"], json!(BOTH));
    // Connections are spread over the cores: it holds on each of them.
    let token = ada.token().unwrap().to_owned();
    for number in 0..8 {
        let answer =
            server.client_of(&token).call("guarded", &json!([format!("{number}")]).to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let mut bob = server.sign_up("bob@example.com");
    refused(&mut bob, "checks:");

    let server = server.stop_and_restart();
    assert_eq!(server.client_of(&token).call("guarded", r#"["after"]"#).status, 200);
    change(&server, "revoke", "checks:run");
    change(&server, "revoke", "checks:run");
    for _ in 0..8 {
        refused(&mut server.client_of(&token), "checks:run");
    }
}

#[test]
fn no_role_brings_a_capability_with_it() {
    let (server, _ada) = serve();
    let mut admin = server.admin();
    refused(&mut admin, "checks:");
}

#[test]
fn a_socket_is_refused_as_a_request_is() {
    let (server, ada) = serve();
    let mut socket = server.socket_of(&ada);
    assert_eq!(socket.message().unwrap()["type"], "welcome");
    let mut call = |id: u64| -> Value {
        let call =
            json!({ "type": "call", "id": id, "reducer": "guarded", "args": [format!("{id}")] });
        socket.send(&call);
        socket.message().unwrap()
    };
    assert_eq!(call(1)["code"], "forbidden");
    BOTH.iter().for_each(|capability| change(&server, "grant", capability));
    assert_eq!(call(2)["type"], "called");
    change(&server, "revoke", BOTH[0]);
    assert_eq!(call(3)["code"], "forbidden");
}

#[test]
fn what_the_module_schedules_needs_no_capability() {
    let (_server, mut ada) = serve();
    assert_eq!(ada.call("guarded_later", r#"["hall"]"#).status, 200);
    ada.wait_for_rows("SELECT name FROM rooms", &json!([["hall"]]));
}

#[test]
fn whoever_has_more_than_others_is_listed_for_admins_alone() {
    let (server, mut ada) = serve();
    assert_eq!(ada.get("/v1/admin/grants").code(), "forbidden");
    change(&server, "grant", "checks:run");
    let listed = server.admin().get("/v1/admin/grants").json();
    let accounts = listed["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2, "{listed}");
    let ada = accounts.iter().find(|account| account["email"] == "ada@example.com").unwrap();
    assert_eq!(ada["roles"], json!(["user"]));
    assert_eq!(ada["capabilities"], json!(["checks:run"]));
    let owner = accounts.iter().find(|account| account["email"].is_null()).unwrap();
    assert_eq!(owner["roles"], json!(["user", "admin"]));
}

#[test]
fn a_wrong_grant_is_refused_by_its_field() {
    let (server, _ada) = serve();
    for (body, said) in [
        (json!({ "email": "ada@example.com" }), "either role or capability"),
        (json!({ "email": "ada@example.com", "role": "user", "capability": "a:b" }), "either role"),
        (json!({ "email": "ada@example.com", "role": "deploier" }), "role: one of"),
        (json!({ "email": "ada@example.com", "role": "a:b" }), "role: a:b is none"),
        (json!({ "email": "ada@example.com", "capability": "admin" }), "capability: admin is none"),
        (json!({ "email": "ada@example.com", "capability": "A:b" }), "capability: one of"),
    ] {
        let answer = server.admin().post("/v1/admin/grant", &body.to_string());
        assert_eq!(answer.code(), "invalid_request");
        assert!(answer.body.contains(said), "{body}: {}", answer.body);
    }
    let nobody = json!({ "email": "nobody@example.com", "capability": "a:b" }).to_string();
    assert_eq!(server.admin().post("/v1/admin/grant", &nobody).code(), "not_found");
}

/// What was planned for somebody who could read everything goes on for nobody else.
#[test]
fn a_connection_ends_when_its_account_may_read_something_else() {
    let (server, ada) = serve();
    let body = json!({ "email": "ada@example.com", "role": "admin" }).to_string();
    assert_eq!(server.admin().post("/v1/admin/grant", &body).status, 204);
    let mut sockets: Vec<_> = (0..4).map(|_| server.socket_of(&ada)).collect();
    for socket in &mut sockets {
        assert_eq!(socket.message().unwrap()["type"], "welcome");
        socket.send(&json!({ "type": "subscribe", "id": 1, "query": "SELECT name FROM rooms" }));
        assert_eq!(socket.message().unwrap()["type"], "subscribed");
    }
    // What says nothing of reading changes nothing.
    change(&server, "grant", "checks:run");
    assert_eq!(server.admin().post("/v1/admin/revoke", &body).status, 204);
    for mut socket in sockets {
        let (code, said) = socket.wait_for_close();
        assert_eq!(code, 4004, "{said:?}");
        assert_eq!(said.len(), 1, "{said:?}");
    }
}
