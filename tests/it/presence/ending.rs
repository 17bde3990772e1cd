//! Connections that come and end in every way there is, on a server that goes on.

use std::net::TcpStream;
use std::time::Duration;

use cosmictron_tests::{JSON_V1, TestSocket};
use rustix::net::sockopt::set_socket_linger;
use serde_json::json;

use super::{TOLD, come, here, occasions, serve, wait_for_here, welcomed};

#[test]
fn a_connection_is_known_from_its_welcome_until_its_end() {
    for shards in [1, 3] {
        let (server, mut ada) = serve("", shards);
        let identity = ada.get("/v1/auth/me").json()["identity"].clone();
        let (mut first, one) = come(&server, &ada);
        // Who is welcomed is there: nothing has to be waited for.
        let who = format!("SELECT identity FROM presence WHERE connection = '{one}'");
        assert_eq!(ada.sql(&who), json!([[identity]]));
        let (second, two) = come(&server, &ada);
        let mut both = [one.clone(), two.clone()];
        both.sort_unstable();
        assert_eq!(here(&mut ada), both);
        // Its calls come after.
        let called = first.call("who", json!([]));
        assert_eq!(called["result"]["connection_id"], json!(one));
        let connected = format!("SELECT tx_id FROM occasions WHERE connection = '{one}'");
        let connected = ada.sql(&connected)[0][0].as_u64().unwrap();
        assert!(connected < called["tx_id"].as_u64().unwrap());
        drop(second);
        wait_for_here(&mut ada, &[&one]);
        drop(first);
        wait_for_here(&mut ada, &[]);
        for id in [one, two] {
            assert_eq!(occasions(&mut ada, &id), TOLD);
        }
    }
}

#[test]
fn a_token_in_the_first_message_introduces_as_well_and_once() {
    let (server, mut ada) = serve("", 2);
    let token = ada.token().unwrap().to_owned();
    let mut socket = TestSocket::connect(server.address(), None);
    assert!(here(&mut ada).is_empty(), "nobody knows who it is");
    // What stands behind it waits.
    socket.send(&json!({"type": "authenticate", "token": token}));
    socket.send(&json!({"type": "call", "id": 1, "reducer": "who", "args": []}));
    let id = welcomed(&mut socket);
    assert_eq!(socket.wait_for(|message| message["id"] == 1)["result"]["connection_id"], id);
    assert_eq!(here(&mut ada), [id.as_str()]);
    socket.send(&json!({"type": "authenticate", "token": token}));
    assert_eq!(welcomed(&mut socket), id);
    assert_eq!(occasions(&mut ada, &id), ["connected"]);
    // Others who ask are no connections that stay.
    let mut plain = server.client();
    assert_eq!(plain.get("/v1/health").status, 200);
    assert_eq!(here(&mut ada).len(), 1);
}

#[test]
fn subscribers_see_who_comes_and_goes() {
    let (server, ada) = serve("", 2);
    let (mut watching, _) = come(&server, &ada);
    let (id, _) = watching.subscribe("SELECT count(*) FROM presence");
    let (other, _) = come(&server, &ada);
    let is_update = |message: &serde_json::Value| message["type"] == "update";
    assert_eq!(watching.wait_for(is_update)["changes"], json!([[id, [[2]], [[1]]]]));
    drop(other);
    assert_eq!(watching.wait_for(is_update)["changes"], json!([[id, [[1]], [[2]]]]));
}

#[test]
fn every_way_to_end_is_an_end() {
    let (server, mut ada) = serve("websocket.ping_interval = \"300ms\"\n", 2);
    let mut ids = Vec::new();

    // A close frame, and its answer.
    let (mut socket, id) = come(&server, &ada);
    socket.send_message(tungstenite::Message::Close(None));
    assert_eq!(socket.message(), Err(0));
    wait_for_here(&mut ada, &[]);
    ids.push(id);

    // A reset.
    let (socket, id) = come(&server, &ada);
    set_socket_linger(socket.stream(), Some(Duration::ZERO)).unwrap();
    drop(socket);
    wait_for_here(&mut ada, &[]);
    ids.push(id);

    // A message that breaks the protocol.
    let (mut socket, id) = come(&server, &ada);
    socket.send_message(tungstenite::Message::binary(vec![1]));
    assert_eq!(socket.message(), Err(1003));
    wait_for_here(&mut ada, &[]);
    ids.push(id);

    // Silence: it is pinged, and answers nothing.
    let (silent, id) = come(&server, &ada);
    wait_for_here(&mut ada, &[]);
    drop(silent);
    ids.push(id);

    // Its token is signed out.
    let bob = server.sign_up("bob@example.com");
    let (mut socket, id) = come(&server, &bob);
    assert_eq!(server.client_of(bob.token().unwrap()).post("/v1/auth/sign-out", "").status, 204);
    assert_eq!(socket.wait_for_close().0, 4001);
    wait_for_here(&mut ada, &[]);
    ids.push(id);

    for id in ids {
        assert_eq!(occasions(&mut ada, &id), TOLD);
    }
}

#[test]
fn who_leaves_before_the_welcome_has_come_and_gone() {
    let (server, mut ada) = serve("", 2);
    for _ in 0..20 {
        let path = "/v1/ws";
        let socket = TestSocket::try_connect(server.address(), path, ada.token(), Some(JSON_V1));
        drop(socket.unwrap());
    }
    // A handshake that was never answered is none.
    drop(TcpStream::connect(server.address()).unwrap());
    let told = "SELECT what, count(*) FROM occasions GROUP BY what ORDER BY what";
    ada.wait_for_rows(told, &json!([["connected", 20], ["disconnected", 20]]));
    wait_for_here(&mut ada, &[]);
}
