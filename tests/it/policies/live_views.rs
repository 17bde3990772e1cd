//! Subscriptions to views, by `examples/rooms`: each is at every moment what a query of the same rows is, also in a crowd of
//! calls; views run again when what they have read was touched, and only then; what ends them.
//! `COSMICTRON_LIVE_VIEW_CALLS` says how many calls there are.

use cosmictron_tests::{LiveRows, TestClient, TestServer, TestSocket, rooms_example};
use serde_json::{Value, json};

use super::{Rooms, SHARDS, called};

/// Queries of views, each with one of tables that has the same answer for whoever asks.
const PAIRS: [[&str; 2]; 6] = [
    ["SELECT id, text FROM aloud", "SELECT id, text FROM message WHERE volume > 1"],
    ["SELECT rows FROM own_census WHERE what = 'message'", "SELECT count(*) FROM message"],
    [
        "SELECT room, max(volume), count(*) FROM aloud GROUP BY room",
        "SELECT room, max(volume), count(*) FROM message WHERE volume > 1 GROUP BY room",
    ],
    [
        "SELECT a.id, r.name FROM aloud a JOIN room r ON r.id = a.room",
        "SELECT m.id, r.name FROM message m JOIN room r ON r.id = m.room WHERE m.volume > 1",
    ],
    [
        "SELECT id, volume FROM aloud ORDER BY volume DESC, id LIMIT 3",
        "SELECT id, volume FROM message WHERE volume > 1 ORDER BY volume DESC, id LIMIT 3",
    ],
    [
        "SELECT m.id FROM message m WHERE m.room IN (SELECT room FROM membership)",
        "SELECT id FROM message",
    ],
];

/// Queries that tables have no answer to, for who is no admin.
const ALONE: [&str; 2] = ["SELECT * FROM membership", "SELECT * FROM census"];

/// Somebody who follows all of these.
struct Follower {
    socket: TestSocket,
    pairs: Vec<[(u64, LiveRows); 2]>,
    alone: Vec<(u64, LiveRows)>,
}

impl Follower {
    fn new(server: &TestServer, client: &TestClient) -> Follower {
        let mut socket = server.socket_of(client);
        let pairs = PAIRS.map(|pair| pair.map(|query| socket.subscribe(query)));
        let alone = ALONE.map(|query| socket.subscribe(query));
        Follower { socket, pairs: pairs.into(), alone: alone.into() }
    }

    /// Takes in everything up to the answer of a call that is made now. Where `is_settled`, both of a pair have to be the same
    /// at each moment.
    fn catch_up(&mut self, is_settled: bool) {
        let id = self.socket.new_id();
        self.socket.send(&json!({"type": "call", "id": id, "reducer": "peek", "args": [0]}));
        loop {
            let message = self.socket.wait_for(|_| true);
            match message["type"].as_str().unwrap() {
                "called" if message["id"] == id => break,
                "update" => self.take(&message, is_settled),
                _ => panic!("{message}"),
            }
        }
    }

    fn take(&mut self, update: &Value, is_settled: bool) {
        for (id, rows) in self.pairs.iter_mut().flatten().chain(&mut self.alone) {
            rows.apply(*id, update);
        }
        if is_settled {
            self.check_pairs();
        }
    }

    #[track_caller]
    fn check_pairs(&self) {
        for ([(_, view), (_, table)], [query, _]) in self.pairs.iter().zip(PAIRS) {
            assert_eq!(
                view.rows(),
                table.rows(),
                "{query} as of {} and {}",
                view.tx_id,
                table.tx_id
            );
        }
    }

    /// Compares with what is answered to who asks now, when nothing goes on.
    #[track_caller]
    fn check(&self, client: &mut TestClient) {
        self.check_pairs();
        for ([(_, view), _], [query, _]) in self.pairs.iter().zip(PAIRS) {
            view.check(&client.sql(query));
        }
        for ((_, rows), query) in self.alone.iter().zip(ALONE) {
            rows.check(&client.sql(query));
        }
    }
}

/// Numbers that look random and follow from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A call that may be refused.
    fn call(&mut self, ids: &[String; 3]) -> Value {
        let (room, person) = (1 + self.below(2), &ids[self.below(3) as usize]);
        let (message, volume) = (1 + self.below(40), self.below(5));
        let (reducer, args) = match self.below(12) {
            0 | 1 => ("invite", json!([room, person])),
            2 | 3 => ("expel", json!([room, person])),
            4..=7 => ("say", json!([room, format!("t{volume}"), volume])),
            8 => ("erase", json!([message])),
            9 => ("edit", json!([message, format!("e{volume}")])),
            10 => ("move_to", json!([message, room])),
            _ => ("save", json!(["draft", 1])),
        };
        json!({"type": "call", "reducer": reducer, "args": args})
    }
}

/// Sends calls without waiting for their answers.
fn crowd(sockets: &mut [TestSocket], ids: &[String; 3], chance: &mut Chance, calls: usize) {
    for at in 0..calls {
        let count = sockets.len();
        let socket = &mut sockets[at % count];
        let mut call = chance.call(ids);
        call["id"] = socket.new_id().into();
        socket.send(&call);
    }
}

/// Reads the answers.
fn settle(sockets: &mut [TestSocket], calls: usize) {
    let count = sockets.len();
    for at in 0..calls {
        sockets[at % count]
            .wait_for(|message| ["called", "error"].iter().any(|kind| message["type"] == *kind));
    }
}

#[test]
fn a_view_is_followed_as_its_tables_are_in_a_crowd_of_calls() {
    let calls =
        std::env::var("COSMICTRON_LIVE_VIEW_CALLS").ok().and_then(|calls| calls.parse().ok());
    let calls: usize = calls.unwrap_or(240);
    for (seed, shards) in (1..).zip(SHARDS) {
        let mut rooms = Rooms::open(shards);
        let mut chance = Chance(seed);
        let people = [&rooms.ada, &rooms.bob, &rooms.eve];
        let people = people.map(|one| rooms.server.client_of(one.token().unwrap()));
        let mut writers = people.iter().map(|one| rooms.server.socket_of(one)).collect::<Vec<_>>();
        writers.iter_mut().for_each(|socket| drop(socket.message()));
        let mut followers: Vec<Follower> =
            people.iter().map(|one| Follower::new(&rooms.server, one)).collect();
        followers
            .iter_mut()
            .for_each(|follower| drop(follower.socket.wait_for(|m| m["type"] == "welcome")));
        for round in 0..4 {
            crowd(&mut writers, &rooms.ids, &mut chance, calls / 4);
            if round == 2 {
                // One that begins in the midst of it.
                let mut late = Follower::new(&rooms.server, &people[0]);
                late.socket.wait_for(|message| message["type"] == "welcome");
                followers.push(late);
            }
            settle(&mut writers, calls / 4);
            for (at, follower) in followers.iter_mut().enumerate() {
                follower.catch_up(at < 3);
            }
            let mut clients = [&mut rooms.ada, &mut rooms.bob, &mut rooms.eve];
            for (follower, client) in followers.iter().zip(&mut clients) {
                follower.check(client);
            }
        }
        followers[3].check(&mut rooms.ada);
    }
}

/// How often views of live queries have run.
fn runs(server: &TestServer) -> u64 {
    let metrics = TestClient::connect(server.metrics(), None).get("/metrics").body;
    let lines = metrics.lines().filter(|line| line.starts_with("cosmictron_view_runs_total{"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn a_view_runs_again_when_what_it_has_read_is_touched_and_not_otherwise() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let mut ada = rooms.server.socket_of(&rooms.ada);
        let mut bob = rooms.server.socket_of(&rooms.bob);
        let (_, of_ada) = ada.subscribe("SELECT room FROM membership");
        let (id, mut of_bob) = bob.subscribe("SELECT room FROM membership");
        assert_eq!((of_ada.rows().len(), of_bob.rows().len()), (1, 2));
        let begun = runs(&rooms.server);
        assert_eq!(begun, 2);
        // Neither a message nor somebody else's membership is among what they have read.
        called(&mut rooms.ada, "say", &json!([1, "more", 3]));
        called(&mut rooms.ada, "invite", &json!([1, rooms.ids[2]]));
        for socket in [&mut ada, &mut bob] {
            socket.call("peek", json!([0]));
        }
        assert_eq!(runs(&rooms.server), begun);
        let expelled = called(&mut rooms.ada, "expel", &json!([1, rooms.ids[1]]));
        bob.follow(id, &mut of_bob, expelled["tx_id"].as_u64().unwrap());
        assert_eq!(of_bob.tx_id, expelled["tx_id"], "at that very transaction");
        of_bob.check(&rooms.bob.sql("SELECT room FROM membership"));
        ada.call("peek", json!([0]));
        assert_eq!(runs(&rooms.server), begun + 1);
    }
}

#[test]
fn memberships_change_what_a_view_shows_at_that_very_transaction() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let mut eve = rooms.server.socket_of(&rooms.eve);
        let (aloud, mut texts) = eve.subscribe("SELECT text FROM aloud");
        let (census, mut counts) = eve.subscribe("SELECT rows FROM census WHERE what = 'message'");
        assert_eq!((texts.rows(), counts.rows()), (vec![], vec![json!([4])]));
        for (reducer, shown) in [("invite", json!([["again"]])), ("expel", json!([]))] {
            let done = called(&mut rooms.ada, reducer, &json!([1, rooms.ids[2]]));
            eve.follow(aloud, &mut texts, done["tx_id"].as_u64().unwrap());
            assert_eq!(texts.tx_id, done["tx_id"]);
            texts.check(&shown);
        }
        // The definer's view shows her what she may not read.
        let said = called(&mut rooms.ada, "say", &json!([1, "x", 9]));
        eve.follow(census, &mut counts, said["tx_id"].as_u64().unwrap());
        counts.check(&json!([[5]]));
        assert_eq!(counts.tx_id, said["tx_id"]);
    }
}

#[test]
fn a_view_that_breaks_ends_its_subscription_alone() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let mut socket = rooms.server.socket_of(&rooms.ada);
        let (id, _) = socket.subscribe("SELECT max(volume) FROM volumes");
        let (other, mut loud) = socket.subscribe("SELECT volume FROM aloud");
        let said = called(&mut rooms.ada, "say", &json!([1, "loud", 256]));
        let error = socket.wait_for(|message| message["type"] == "error");
        assert_eq!(
            (&error["id"], &error["code"]),
            (&json!(id), &json!("reducer_failed")),
            "{error}"
        );
        assert!(error["detail"].as_str().unwrap().starts_with("view volumes: "), "{error}");
        socket.follow(other, &mut loud, said["tx_id"].as_u64().unwrap());
        loud.check(&json!([[5], [256]]));
        let refused = socket.ask(json!({"type": "subscribe", "query": "SELECT * FROM volumes"}));
        assert_eq!(refused["code"], "reducer_failed", "{refused}");
        called(&mut rooms.ada, "erase", &json!([said["result"]]));
        let (_, quiet) = socket.subscribe("SELECT max(volume) FROM volumes");
        assert_eq!(quiet.rows(), [json!([5])]);
    }
}

#[test]
fn a_new_version_of_the_module_ends_subscriptions_to_its_views() {
    for shards in SHARDS {
        let mut rooms = Rooms::open(shards);
        let mut socket = rooms.server.socket_of(&rooms.ada);
        let (id, rows) = socket.subscribe("SELECT text FROM aloud");
        rooms.server.deploy("rooms", &rooms_example());
        let error = socket.wait_for(|message| message["type"] == "error");
        assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!("conflict")), "{error}");
        let query =
            json!({"type": "subscribe", "query": "SELECT text FROM aloud", "since": rows.tx_id});
        let begun = socket.ask(query);
        assert_eq!((&begun["resumed"], &begun["rows"]), (&json!(false), &json!([["again"]])));
        let (id, mut rows) = (begun["id"].as_u64().unwrap(), LiveRows::begin(&begun));
        let said = called(&mut rooms.ada, "say", &json!([1, "once more", 9]));
        socket.follow(id, &mut rows, said["tx_id"].as_u64().unwrap());
        rows.check(&json!([["again"], ["once more"]]));
        rooms.server.admin().request("DELETE", "/v1/modules/rooms", &[], b"");
        let error = socket.wait_for(|message| message["type"] == "error");
        assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!("conflict")), "{error}");
    }
}
