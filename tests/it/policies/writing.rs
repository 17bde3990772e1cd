//! Reducers write what the caller may write, whatever they were written to do; and read what the caller may read, where the table
//! says so.

use cosmictron_tests::TestClient;
use serde_json::{Value, json};

use super::{Rooms, SHARDS, called, forbidden};

#[track_caller]
fn call(client: &mut TestClient, reducer: &str, args: Value) -> cosmictron_tests::TestAnswer {
    client.call(reducer, &args.to_string())
}

#[test]
fn a_refused_write_undoes_the_call_and_cannot_be_caught() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let before = rooms.all("SELECT id, room, author, text FROM message ORDER BY id");
        let id = |text: &str| {
            rooms.all(&format!("SELECT id FROM message WHERE text = '{text}'"))[0][0].clone()
        };
        let (hello, secret) = (id("hello"), id("secret"));
        let [ada_id, bob_id, eve_id] = rooms.ids.clone();
        let attempts = [
            // The new row of an insert.
            ("say", json!([2, "not in that room", 1])),
            ("say_as", json!([1, bob_id, "not Ada", 1])),
            ("say_regardless", json!([2, ada_id, "caught?"])),
            // The old row of an update, and of a delete; a row that is not even hers to see among them.
            ("edit", json!([secret, "edited"])),
            ("take_over", json!([secret])),
            ("erase", json!([secret])),
            ("clear", json!([2])),
            // The new row of an update.
            ("move_to", json!([hello, 2])),
        ];
        for (reducer, args) in attempts {
            forbidden(&call(&mut rooms.ada, reducer, args), "message");
        }
        // Of a table with a key that the server makes, and whose policy reads the very table.
        forbidden(&call(&mut rooms.bob, "invite", json!([1, eve_id])), "member");
        forbidden(&call(&mut rooms.eve, "open_room", json!([1, "mine now"])), "member");
        forbidden(&call(&mut rooms.eve, "expel", json!([1, bob_id])), "member");
        let member =
            rooms.all(&format!("SELECT id FROM member WHERE person = '{bob_id}' AND room = 1"));
        forbidden(&call(&mut rooms.bob, "promote", json!([member[0][0]])), "member");
        assert_eq!(rooms.all("SELECT id, room, author, text FROM message ORDER BY id"), before);
        assert_eq!(rooms.all("SELECT count(*) FROM member"), json!([[3]]));
        // What is theirs they write as ever.
        called(&mut rooms.ada, "edit", &json!([hello, "hi"]));
        assert_eq!(called(&mut rooms.ada, "erase", &json!([hello]))["result"], json!(true));
        assert_eq!(called(&mut rooms.bob, "clear", &json!([2]))["result"], json!(2));
        called(&mut rooms.ada, "promote", &json!([member[0][0]]));
        called(&mut rooms.bob, "invite", &json!([1, eve_id]));
        called(&mut rooms.eve, "say", &json!([1, "at last", 1]));
    }
}

#[test]
fn a_key_is_answered_the_same_again() {
    let mut rooms = Rooms::open(2);
    let args = json!([2, "not yet", 1]).to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
    let ask = |rooms: &mut Rooms| {
        rooms.ada.request("POST", "/v1/reducers/say", &headers, args.as_bytes())
    };
    let first = ask(&mut rooms);
    forbidden(&first, "message");
    // Now she might.
    called(&mut rooms.bob, "invite", &json!([2, rooms.ids[0]]));
    let again = ask(&mut rooms);
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    called(&mut rooms.ada, "say", &json!([2, "now", 1]));
    let token = rooms.ada.token().unwrap().to_owned();
    let server = rooms.server.kill_and_restart();
    let again =
        server.client_of(&token).request("POST", "/v1/reducers/say", &headers, args.as_bytes());
    forbidden(&again, "message");
}

#[test]
fn what_the_module_does_by_itself_nobody_is_judged_for() {
    let mut rooms = Rooms::open(2);
    called(&mut rooms.ada, "announce", &json!([1, "by the module"]));
    let query = "SELECT count(*) FROM message WHERE text = 'by the module'";
    rooms.server.admin().wait_for_rows(query, &json!([[1]]));
    assert_eq!(rooms.ada.sql(query), json!([[1]]));
}

#[test]
fn forced_policies_hide_rows_from_reducers() {
    for shards in [1, 2] {
        let mut rooms = Rooms::open(shards);
        let id = |text: &str| {
            rooms.all(&format!("SELECT id FROM draft WHERE text = '{text}'"))[0][0].clone()
        };
        let (mine, bobs) = (id("mine"), id("bobs"));
        let peek = |client: &mut TestClient, id: &Value| {
            called(client, "peek", &json!([id]))["result"].clone()
        };
        assert_eq!(peek(&mut rooms.ada, &mine), json!(format!("mine; {mine}; {mine}; {mine}; 1")));
        assert_eq!(peek(&mut rooms.ada, &bobs), json!(format!("none; {mine}; {mine}; {mine}; 1")));
        assert_eq!(peek(&mut rooms.eve, &bobs), json!("none; ; ; ; 0"));
        // A hidden row is not there: it is neither changed nor deleted, nor is that forbidden.
        let ada_id = rooms.ids[0].clone();
        let missing = call(&mut rooms.ada, "overwrite", json!([bobs, ada_id, "stolen"]));
        let absent = call(&mut rooms.ada, "overwrite", json!([999, ada_id, "stolen"]));
        assert_eq!((missing.status, &missing.body), (422, &absent.body));
        assert_eq!(called(&mut rooms.ada, "discard", &json!([bobs]))["result"], json!(false));
        assert_eq!(called(&mut rooms.ada, "discard_rank", &json!([1]))["result"], json!(1));
        assert_eq!(rooms.all("SELECT text FROM draft"), json!([["bobs"]]));
        // One's own may not be given away.
        let bob_id = rooms.ids[1].clone();
        called(&mut rooms.bob, "overwrite", &json!([bobs, bob_id, "still"]));
        forbidden(&call(&mut rooms.bob, "overwrite", json!([bobs, ada_id, "gift"])), "draft");
        // That a key is taken shows whatever hides the row: a unique index has no policy.
        assert_eq!(rooms.all("SELECT text FROM draft"), json!([["still"]]));
    }
}
