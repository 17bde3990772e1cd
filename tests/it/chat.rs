//! `examples/chat` on the real server: who may read and change what, who is here and who is writing, what was said before.

use cosmictron_tests::{TestClient, TestServer, TestSocket, chat_example};
use serde_json::{Value, json};

const TEXTS: &str = "SELECT text FROM message ORDER BY id";
const HERE: &str = "SELECT p.name, count(*) FROM online o JOIN person p ON p.id = o.person GROUP BY p.name ORDER BY p.name";
const WRITING: &str = "SELECT p.name FROM typing t JOIN person p ON p.id = t.person WHERE t.until > now() ORDER BY p.name";
const UNREAD: &str = "SELECT m.room, count(*) FROM message m JOIN member mine ON mine.room = m.room \
    WHERE mine.person = $1::identity AND m.id > mine.last_read AND m.author <> $1::identity GROUP BY m.room";

/// Ada has opened a hall (room 1), which Bob has joined, and a den (room 2), which is by invitation. Eve is nowhere.
struct Chat {
    server: TestServer,
    ada: TestClient,
    bob: TestClient,
    eve: TestClient,
}

impl Chat {
    fn open(shards: &str) -> Chat {
        let server = TestServer::start(&["--shards", shards]);
        server.deploy("chat", &chat_example());
        let [mut ada, mut bob, eve] = ["Ada", "Bob", "Eve"].map(|name| {
            let mut client = server.sign_up(&format!("{name}@example.com"));
            called(&mut client, "set_name", json!([name]));
            client
        });
        assert_eq!(called(&mut ada, "open_room", json!(["Hall", true])), 1);
        assert_eq!(called(&mut ada, "open_room", json!(["Den", false])), 2);
        called(&mut bob, "join_room", json!([1]));
        Chat { server, ada, bob, eve }
    }

    /// A tab of somebody's, welcomed.
    fn tab(&self, client: &TestClient) -> TestSocket {
        let mut socket = self.server.socket_of(client);
        assert_eq!(socket.message().unwrap()["type"], "welcome");
        socket
    }
}

/// What a call returns.
#[track_caller]
fn called(client: &mut TestClient, reducer: &str, args: Value) -> Value {
    let answer = client.call(reducer, &args.to_string());
    assert_eq!(answer.status, 200, "{reducer} {args}: {}", answer.body);
    answer.json()["result"].clone()
}

/// Why a call is refused.
#[track_caller]
fn refused(client: &mut TestClient, reducer: &str, args: Value) -> String {
    let answer = client.call(reducer, &args.to_string());
    assert_eq!((answer.status, answer.code().as_str()), (422, "reducer_failed"), "{}", answer.body);
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[track_caller]
fn unread(client: &mut TestClient) -> Value {
    let identity = client.get("/v1/auth/me").json()["identity"].clone();
    let answer =
        client.post("/v1/sql", &json!({ "query": UNREAD, "params": [identity] }).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["rows"].clone()
}

#[test]
fn members_alone_read_a_room_and_strangers_see_only_open_ones() {
    for shards in ["1", "2"] {
        let mut chat = Chat::open(shards);
        called(&mut chat.ada, "send_message", json!([1, "hello"]));
        called(&mut chat.ada, "send_message", json!([2, "psst"]));
        assert_eq!(chat.ada.sql(TEXTS), json!([["hello"], ["psst"]]));
        assert_eq!(chat.bob.sql(TEXTS), json!([["hello"]]));
        assert_eq!(chat.eve.sql(TEXTS), json!([]));
        let rooms = "SELECT name FROM room ORDER BY id";
        assert_eq!(chat.ada.sql(rooms), json!([["Hall"], ["Den"]]));
        assert_eq!(chat.eve.sql(rooms), json!([["Hall"]]));
        assert_eq!(chat.bob.sql("SELECT count(*) FROM member"), json!([[2]]));
        assert_eq!(chat.eve.sql("SELECT count(*) FROM member"), json!([[0]]));
    }
}

#[test]
fn a_closed_room_is_entered_by_its_owners_invitation_alone() {
    let mut chat = Chat::open("1");
    assert_eq!(refused(&mut chat.bob, "join_room", json!([2])), "room 2 cannot be joined");
    assert_eq!(refused(&mut chat.bob, "send_message", json!([2, "x"])), "you are not in room 2");
    let mut live = chat.tab(&chat.bob);
    let (id, mut rooms) = live.subscribe("SELECT name FROM room");
    let answer = chat.ada.call("invite", &json!([2, "Bob"]).to_string());
    live.follow(id, &mut rooms, answer.json()["tx_id"].as_u64().unwrap());
    assert_eq!(rooms.rows().len(), 2);
    // Bob is in, and still not its owner: what the reducer lets pass, the policy does not.
    let answer = chat.bob.call("invite", &json!([2, "Eve"]).to_string());
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{}", answer.body);
    assert_eq!(chat.eve.sql(TEXTS), json!([]));
    called(&mut chat.bob, "leave_room", json!([2]));
    assert_eq!(chat.bob.sql("SELECT name FROM room"), json!([["Hall"]]));
    assert_eq!(
        chat.ada.sql("SELECT has_left FROM visit WHERE room = 2 ORDER BY id"),
        json!([[false], [false], [true]])
    );
}

#[test]
fn a_message_is_changed_and_removed_by_its_author_alone() {
    let mut chat = Chat::open("1");
    let id = called(&mut chat.ada, "send_message", json!([1, "helo"]));
    for (reducer, args) in [("edit_message", json!([id, "x"])), ("remove_message", json!([id]))] {
        assert_eq!(
            refused(&mut chat.bob, reducer, args),
            format!("message {id} is not one of yours")
        );
    }
    called(&mut chat.ada, "edit_message", json!([id, "hello"]));
    assert_eq!(
        chat.bob.sql("SELECT text, edited_at IS NOT NULL FROM message"),
        json!([["hello", true]])
    );
    called(&mut chat.ada, "remove_message", json!([id]));
    assert_eq!(chat.bob.sql(TEXTS), json!([]));
}

#[test]
fn what_others_said_is_unread_until_it_is_marked() {
    let mut chat = Chat::open("2");
    called(&mut chat.ada, "send_message", json!([1, "one"]));
    let last = called(&mut chat.ada, "send_message", json!([1, "two"]));
    assert_eq!(unread(&mut chat.bob), json!([[1, 2]]));
    assert_eq!(unread(&mut chat.ada), json!([]));
    called(&mut chat.bob, "mark_read", json!([1, last]));
    assert_eq!(unread(&mut chat.bob), json!([]));
    // Who comes later has nothing to catch up with.
    called(&mut chat.eve, "join_room", json!([1]));
    assert_eq!(unread(&mut chat.eve), json!([]));
    assert_eq!(chat.eve.sql(TEXTS), json!([["one"], ["two"]]));
}

#[test]
fn somebody_is_here_until_their_last_tab_is_closed_also_over_a_kill() {
    let mut chat = Chat::open("2");
    let tabs = [&chat.bob, &chat.bob].map(|client| chat.tab(client));
    chat.ada.wait_for_rows(HERE, &json!([["Bob", 2]]));
    assert_eq!(chat.eve.sql("SELECT count(*) FROM online"), json!([[0]]));
    let [one, other] = tabs;
    drop(one);
    chat.ada.wait_for_rows(HERE, &json!([["Bob", 1]]));
    let token = chat.ada.token().unwrap().to_owned();
    let server = chat.server.kill_and_restart();
    drop(other);
    server.client_of(&token).wait_for_rows(HERE, &json!([]));
}

#[test]
fn who_writes_is_seen_until_they_have_said_it_or_are_gone() {
    let mut chat = Chat::open("1");
    let mut tab = chat.tab(&chat.bob);
    for end in [("send_message", json!([1, "done"])), ("stop_typing", json!([]))] {
        assert_eq!(tab.call("start_typing", json!([1]))["type"], "called");
        assert_eq!(chat.ada.sql(WRITING), json!([["Bob"]]));
        assert_eq!(chat.eve.sql("SELECT count(*) FROM typing"), json!([[0]]));
        assert_eq!(tab.call(end.0, end.1)["type"], "called");
        assert_eq!(chat.ada.sql("SELECT count(*) FROM typing"), json!([[0]]));
    }
    tab.call("start_typing", json!([1]));
    drop(tab);
    chat.ada.wait_for_rows("SELECT count(*) FROM typing", &json!([[0]]));
    assert_eq!(
        refused(&mut chat.bob, "start_typing", json!([1])),
        "presence is told over a WebSocket"
    );
}

#[test]
fn what_was_said_is_read_as_it_was_also_by_who_came_later() {
    let mut chat = Chat::open("2");
    let id = called(&mut chat.ada, "send_message", json!([1, "before"]));
    let then = chat.ada.get("/v1/auth/me").status;
    assert_eq!(then, 200);
    let answer = chat.ada.post("/v1/sql", &json!({ "query": TEXTS }).to_string()).json();
    called(&mut chat.ada, "edit_message", json!([id, "after"]));
    let past = format!("SELECT text FROM message AS OF TX {} WHERE room = 1", answer["tx_id"]);
    assert_eq!(chat.bob.sql(&past), json!([["before"]]));
    assert_eq!(chat.bob.sql(TEXTS), json!([["after"]]));
    // Today's policy is asked of the rows and of the members as they were then: Eve was not there.
    called(&mut chat.eve, "join_room", json!([1]));
    assert_eq!(chat.eve.sql(&past), json!([]));
    assert_eq!(chat.eve.sql(TEXTS), json!([["after"]]));
}
