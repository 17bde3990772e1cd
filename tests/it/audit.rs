//! The audit: what was done to the server and by whom, whichever core it was done on, also after a restart.

use cosmictron_tests::{TestClient, TestServer, becomes, rooms_example, sdk_checks};
use serde_json::{Value, json};

use super::redistribution::start_with;

/// The entries, as (event, actor, subject, detail).
fn entries(admin: &mut TestClient) -> Vec<[String; 4]> {
    let list = admin.get("/v1/admin/audit?limit=1000").json();
    assert_eq!(list["truncated"], false);
    let text = |value: &Value| value.as_str().unwrap_or("nobody").to_owned();
    let entries = list["entries"].as_array().unwrap().iter();
    entries.map(|it| ["event", "actor", "subject", "detail"].map(|name| text(&it[name]))).collect()
}

#[track_caller]
fn wait_for(admin: &mut TestClient, found: impl Fn(&[String; 4]) -> bool) {
    // A refusal is answered before it is written down.
    assert!(becomes(|| entries(admin).iter().any(&found)), "not found in {:#?}", entries(admin));
}

fn identity(client: &mut TestClient) -> String {
    client.get("/v1/auth/me").json()["identity"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_done_to_the_server_is_written_down() {
    let server = TestServer::start(&["--shards", "4"]);
    let mut admin = server.admin();
    server.deploy("checks", &sdk_checks());
    let mut ada = server.sign_up("ada@example.com");
    let ada_id = identity(&mut ada);
    let admin_id = identity(&mut admin);
    let grant = json!({ "email": "ada@example.com", "capability": "checks:run" }).to_string();
    assert_eq!(admin.post("/v1/admin/grant", &grant).status, 204);
    assert_eq!(admin.post("/v1/admin/revoke", &grant).status, 204);
    let sign_in = |password: &str| {
        let body = json!({ "email": "ada@example.com", "password": password }).to_string();
        server.client().post("/v1/auth/sign-in", &body)
    };
    assert_eq!(sign_in("wrong-secret").status, 401);
    let token = sign_in("secret").json()["token"].as_str().unwrap().to_owned();
    assert_eq!(server.client_of(&token).post("/v1/auth/sign-out", "").status, 204);
    assert_eq!(ada.call("guarded", r#"["a secret of ada"]"#).status, 403);
    assert_eq!(ada.get("/v1/admin/audit").status, 403);
    assert_eq!(admin.request("DELETE", "/v1/modules/checks", &[], b"").status, 204);
    wait_for(&mut admin, |[event, _, subject, _]| {
        event == "refused" && subject == "/v1/admin/audit"
    });

    let server = server.stop_and_restart();
    let entries = entries(&mut server.admin());
    let has = |event: &str, actor: &str, subject: &str, detail: &str| {
        let is_it = |it: &&[String; 4]| {
            it[0] == event && it[1] == actor && it[2] == subject && it[3].starts_with(detail)
        };
        assert_eq!(entries.iter().filter(is_it).count(), 1, "{event} in {entries:#?}");
    };
    has("deploy", &admin_id, "checks", "sha256:");
    has("sign_up", &ada_id, &ada_id, "");
    has("grant", &admin_id, &ada_id, "checks:run");
    has("revoke", &admin_id, &ada_id, "checks:run");
    has("sign_in_refused", "nobody", &ada_id, "password");
    has("sign_in", &ada_id, &ada_id, "password");
    has("sign_out", &ada_id, &ada_id, "");
    has("refused", &ada_id, "/v1/reducers/guarded", "this needs the capability checks:");
    has("refused", &ada_id, "/v1/admin/audit", "this needs the role admin");
    has("undeploy", &admin_id, "checks", "data kept");
    for entry in &entries {
        assert!(!entry.iter().any(|text| text.contains("secret")), "{entry:?}");
    }
}

#[test]
fn what_policies_refuse_is_written_down_without_the_row() {
    let server = TestServer::start(&["--shards", "2"]);
    server.deploy("rooms", &rooms_example());
    let (mut ada, mut eve) = (server.sign_up("ada@example.com"), server.sign_up("eve@example.com"));
    let eve_id = identity(&mut eve);
    assert_eq!(ada.call("open_room", r#"[1, "hall"]"#).status, 200);
    assert_eq!(eve.call("say", r#"[1, "let me in", 1]"#).status, 403);
    let mut socket = server.socket_of(&eve);
    assert_eq!(socket.message().unwrap()["type"], "welcome");
    let call = json!({ "type": "call", "id": 1, "reducer": "say", "args": [1, "let me in", 1] });
    socket.send(&call);
    assert_eq!(socket.message().unwrap()["code"], "forbidden");
    let mut admin = server.admin();
    for subject in ["a call", "a WebSocket"] {
        let detail = "a policy of table message forbids what the reducer writes";
        let expected = ["refused", &eve_id, subject, detail];
        wait_for(&mut admin, |entry| *entry == expected);
    }
}

#[test]
fn the_audit_is_read_in_pieces_and_survives_another_number_of_shards() {
    let server = TestServer::start(&["--shards", "4"]);
    for number in 0..6 {
        server.sign_up(&format!("user{number}@example.com"));
        server.deploy(&format!("checks{number}"), &sdk_checks());
    }
    let all = entries(&mut server.admin());
    assert_eq!(all.len(), 12, "{all:#?}");
    let server = start_with(server, 2);
    let mut admin = server.admin();
    assert_eq!(entries(&mut admin), all);
    let mut pieces = Vec::new();
    let mut path = "/v1/admin/audit?limit=5".to_owned();
    loop {
        let list = admin.get(&path).json();
        let entries = list["entries"].as_array().unwrap();
        pieces.extend(entries.iter().map(|entry| entry["subject"].as_str().unwrap().to_owned()));
        let last = entries.last().unwrap()["id"].as_str().unwrap();
        path = format!("/v1/admin/audit?limit=5&after={last}");
        if list["truncated"] == false {
            break;
        }
    }
    assert_eq!(pieces, all.iter().map(|entry| entry[2].clone()).collect::<Vec<_>>());
    for (query, said) in [("limit=0", "limit"), ("limit=x", "limit"), ("after=x", "after")] {
        let answer = admin.get(&format!("/v1/admin/audit?{query}"));
        assert_eq!(answer.code(), "invalid_request");
        assert!(answer.body.contains(said), "{}", answer.body);
    }
}

#[test]
fn old_entries_go() {
    let server = TestServer::start_with("audit.kept = \"1ms\"\n", &[]);
    server.sign_up("ada@example.com");
    // It is looked for what has expired when the server starts, and at times.
    let server = server.stop_and_restart();
    let mut admin = server.admin();
    assert!(becomes(|| entries(&mut admin).is_empty()));
}
