//! Row-level security on the real server, by `examples/rooms`: queries and subscriptions of several people with one text, on
//! one shard and on several; what reducers may write, and what they may read where a table forces policies on them.

mod attacks;
mod deploying;
mod live_views;
mod model;
mod views;
mod writing;

use cosmictron_tests::{TestAnswer, TestClient, TestServer, rooms_example};
use serde_json::{Value, json};

const SHARDS: [usize; 3] = [1, 2, 4];

/// Ada and Bob have a room each, Bob is in Ada's too; Eve is in none. All rows that are hidden from Ada have a volume of 0.
struct Rooms {
    server: TestServer,
    ada: TestClient,
    bob: TestClient,
    eve: TestClient,
    ids: [String; 3],
}

fn identity(client: &mut TestClient) -> String {
    client.get("/v1/auth/me").json()["identity"].as_str().unwrap().to_owned()
}

/// What a call has to come to.
#[track_caller]
fn called(client: &mut TestClient, reducer: &str, args: &Value) -> Value {
    let answer = client.call(reducer, &args.to_string());
    assert_eq!(answer.status, 200, "{reducer} {args}: {}", answer.body);
    answer.json()
}

#[track_caller]
fn forbidden(answer: &TestAnswer, table: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{}", answer.body);
    let detail = format!("a policy of table {table} forbids what the reducer writes");
    assert_eq!(answer.json()["detail"], json!(detail));
}

impl Rooms {
    fn open(shards: usize) -> Rooms {
        let server = TestServer::start(&["--shards", &shards.to_string()]);
        server.deploy("rooms", &rooms_example());
        let [mut ada, mut bob, mut eve] =
            ["ada", "bob", "eve"].map(|name| server.sign_up(&format!("{name}@example.com")));
        let ids = [identity(&mut ada), identity(&mut bob), identity(&mut eve)];
        called(&mut ada, "open_room", &json!([1, "hall"]));
        called(&mut bob, "open_room", &json!([2, "den"]));
        called(&mut ada, "invite", &json!([1, ids[1]]));
        for (text, volume) in [("hello", 1), ("again", 5)] {
            called(&mut ada, "say", &json!([1, text, volume]));
        }
        for text in ["secret", "more"] {
            called(&mut bob, "say", &json!([2, text, 0]));
        }
        called(&mut ada, "save", &json!(["mine", 1]));
        called(&mut bob, "save", &json!(["bobs", 1]));
        Rooms { server, ada, bob, eve, ids }
    }

    /// Somebody who sees everything, and their rows of a query.
    fn all(&self, query: &str) -> Value {
        self.server.admin().sql(query)
    }
}

#[test]
fn a_query_shows_each_caller_their_rows() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let texts = "SELECT text FROM message ORDER BY text";
        let names = "SELECT name FROM room ORDER BY id";
        // One text, one plan, three answers; and again, when everything is remembered.
        for _ in 0..2 {
            assert_eq!(rooms.ada.sql(texts), json!([["again"], ["hello"]]));
            assert_eq!(rooms.bob.sql(texts), json!([["again"], ["hello"], ["more"], ["secret"]]));
            assert_eq!(rooms.eve.sql(texts), json!([]));
            assert_eq!(rooms.all(texts), json!([["again"], ["hello"], ["more"], ["secret"]]));
            assert_eq!(rooms.ada.sql(names), json!([["hall"]]));
            assert_eq!(rooms.bob.sql(names), json!([["hall"], ["den"]]));
            assert_eq!(rooms.all(names), json!([["hall"], ["den"]]));
            assert_eq!(rooms.ada.sql("SELECT text FROM draft"), json!([["mine"]]));
            assert_eq!(rooms.all("SELECT count(*) FROM draft"), json!([[2]]));
        }
        // What is not public is not, policies or none.
        for query in
            ["SELECT * FROM member", "EXPLAIN SELECT * FROM member", "SELECT 1 FROM room, member"]
        {
            let answer = rooms.ada.post("/v1/sql", &json!({ "query": query }).to_string());
            assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{query}");
        }
        assert_eq!(rooms.all("SELECT count(*) FROM member"), json!([[3]]));
    }
}

#[test]
fn a_role_that_is_given_or_taken_changes_what_is_seen() {
    let mut rooms = Rooms::open(2);
    let (texts, two) = ("SELECT count(*) FROM message", json!([[2]]));
    assert_eq!(rooms.ada.sql(texts), two);
    let grant = json!({ "email": "ada@example.com", "role": "admin" }).to_string();
    assert_eq!(rooms.server.admin().post("/v1/admin/grant", &grant).status, 204);
    assert_eq!(rooms.ada.sql(texts), json!([[4]]));
    assert_eq!(rooms.ada.sql("SELECT count(*) FROM member"), json!([[3]]));
    let mut socket = rooms.server.socket_of(&rooms.ada);
    assert_eq!(socket.subscribe("SELECT text FROM message").1.rows().len(), 4);
    assert_eq!(rooms.server.admin().post("/v1/admin/revoke", &grant).status, 204);
    assert_eq!(rooms.ada.sql(texts), two);
    // What she followed as an admin she is told no more of.
    assert_eq!(socket.wait_for_close().0, 4004);
    let mut socket = rooms.server.socket_of(&rooms.ada);
    assert_eq!(socket.subscribe("SELECT text FROM message").1.rows().len(), 2);
    assert_eq!(rooms.eve.sql(texts), json!([[0]]));
}

#[test]
fn subscribers_of_one_text_are_told_what_is_theirs() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let query = "SELECT room, text FROM message";
        let mut sockets = [&rooms.ada, &rooms.bob, &rooms.eve, &rooms.server.admin()]
            .map(|client| rooms.server.socket_of(client));
        let mut told: Vec<_> = sockets.iter_mut().map(|socket| socket.subscribe(query)).collect();
        let counts = |told: &[(u64, cosmictron_tests::LiveRows)]| -> Vec<usize> {
            told.iter().map(|(_, rows)| rows.rows().len()).collect()
        };
        assert_eq!(counts(&told), [2, 4, 0, 4]);
        // A message, a membership that is granted, one that is revoked: each is told to whom it concerns.
        let said =
            called(&mut rooms.ada, "say", &json!([1, "third", 2]))["tx_id"].as_u64().unwrap();
        for at in [0, 1, 3] {
            let (id, rows) = &mut told[at];
            sockets[at].follow(*id, rows, said);
        }
        assert_eq!(counts(&told), [3, 5, 0, 5]);
        let invited =
            called(&mut rooms.ada, "invite", &json!([1, rooms.ids[2]]))["tx_id"].as_u64().unwrap();
        let (id, rows) = &mut told[2];
        sockets[2].follow(*id, rows, invited);
        assert_eq!(rows.tx_id, invited, "at that very transaction");
        rows.check(&rooms.eve.sql(query));
        assert_eq!(counts(&told), [3, 5, 3, 5]);
        let expelled =
            called(&mut rooms.ada, "expel", &json!([1, rooms.ids[1]]))["tx_id"].as_u64().unwrap();
        let (id, rows) = &mut told[1];
        sockets[1].follow(*id, rows, expelled);
        rows.check(&rooms.bob.sql(query));
        assert_eq!(counts(&told), [3, 2, 3, 5]);
    }
}

#[test]
fn who_was_away_is_told_what_has_become_of_their_rows() {
    let mut rooms = Rooms::open(2);
    let query = "SELECT room, text FROM message";
    let mut socket = rooms.server.socket_of(&rooms.bob);
    let (_, mut rows) = socket.subscribe(query);
    drop(socket);
    called(&mut rooms.ada, "expel", &json!([1, rooms.ids[1]]));
    let resume = json!({"type": "subscribe", "query": query, "since": rows.tx_id});
    let mut socket = rooms.server.socket_of(&rooms.bob);
    let begun = socket.ask(resume.clone());
    assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(true), &json!([])), "{begun}");
    let update = socket.wait_for(|message| message["type"] == "update");
    rows.apply(begun["id"].as_u64().unwrap(), &update);
    rows.check(&rooms.bob.sql(query));
    assert_eq!(rows.rows().len(), 2);
    // Another one who says to have been told so much learns of nothing that is not theirs.
    let mut socket = rooms.server.socket_of(&rooms.eve);
    let begun = socket.ask(resume);
    assert_eq!(begun["rows"], json!([]), "{begun}");
    let said = called(&mut rooms.ada, "say", &json!([1, "x", 1]))["tx_id"].as_u64().unwrap();
    let answer = socket.ask(json!({"type": "query", "query": query}));
    assert!(said <= answer["tx_id"].as_u64().unwrap());
    assert_eq!(answer["rows"], json!([]));
}

#[test]
fn a_module_says_its_policies() {
    let mut rooms = Rooms::open(1);
    let described = rooms.eve.get("/v1/modules/rooms").json();
    let tables = described["tables"].as_array().unwrap();
    let draft = tables.iter().find(|table| table["name"] == "draft").unwrap();
    assert_eq!(
        draft["policies"],
        json!([{"read": "owner = $identity"}, {"write": "owner = $identity"}])
    );
    assert_eq!(draft["force_policies"], json!(true));
}
