//! Random calls of three people against a model of `examples/rooms` that has its policies in Rust: what is refused, with which
//! table, what each call yields and what there is at the end. `COSMICTRON_POLICY_CALLS` says how many calls there are.

use std::collections::BTreeMap;

use cosmictron_tests::{TestClient, TestServer, rooms_example};
use serde_json::{Value, json};

use super::{SHARDS, identity};

/// Numbers that look random and follow from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}

type Who = usize;

/// What a call comes to.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Done(Value),
    Forbidden(&'static str),
    /// The reducer's own refusal.
    Failed,
}

use Outcome::{Done, Failed, Forbidden};

#[derive(Clone, Debug, PartialEq)]
struct Member {
    id: u64,
    room: u64,
    person: Who,
    is_host: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    room: u64,
    author: Who,
    text: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Draft {
    owner: Who,
    text: String,
    rank: i32,
}

/// The tables, and what their policies say.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    members: Vec<Member>,
    rooms: BTreeMap<u64, String>,
    messages: BTreeMap<u64, Message>,
    drafts: BTreeMap<u64, Draft>,
}

impl Model {
    fn is_in(&self, who: Who, room: u64) -> bool {
        self.members.iter().any(|member| member.person == who && member.room == room)
    }

    fn is_host(&self, who: Who, room: u64) -> bool {
        self.members
            .iter()
            .any(|member| member.person == who && member.room == room && member.is_host)
    }

    fn may_write_member(&self, who: Who, room: u64) -> bool {
        self.is_host(who, room) || self.members.iter().all(|member| member.room != room)
    }

    fn may_write_message(&self, who: Who, message: &Message) -> bool {
        message.author == who && self.is_in(who, message.room)
    }

    fn open_room(&mut self, who: Who, room: u64, name: &str) -> Outcome {
        if !self.may_write_member(who, room) {
            return Forbidden("member");
        }
        if self.rooms.contains_key(&room) {
            return Failed;
        }
        self.members.push(Member { id: 0, room, person: who, is_host: true });
        self.rooms.insert(room, name.to_owned());
        Done(Value::Null)
    }

    fn invite(&mut self, who: Who, room: u64, person: Who) -> Outcome {
        if !self.may_write_member(who, room) {
            return Forbidden("member");
        }
        self.members.push(Member { id: 0, room, person, is_host: false });
        Done(Value::Null)
    }

    fn expel(&mut self, who: Who, room: u64, person: Who) -> Outcome {
        if self.is_in(person, room) && !self.may_write_member(who, room) {
            return Forbidden("member");
        }
        self.members.retain(|member| member.room != room || member.person != person);
        Done(Value::Null)
    }

    fn promote(&mut self, who: Who, at: usize) -> Outcome {
        let Some(member) = self.members.get(at).cloned() else { return Failed };
        if !self.may_write_member(who, member.room) {
            return Forbidden("member");
        }
        self.members[at].is_host = true;
        Done(Value::Null)
    }

    /// `id` is the one that the server gave, if it did.
    fn say(&mut self, who: Who, message: Message, id: Option<u64>) -> Outcome {
        if !self.may_write_message(who, &message) {
            return Forbidden("message");
        }
        let id = id.unwrap_or_default();
        self.messages.insert(id, message);
        Done(json!(id))
    }

    fn change(&mut self, who: Who, id: u64, change: impl FnOnce(&mut Message)) -> Outcome {
        let Some(old) = self.messages.get(&id) else { return Failed };
        let mut new = old.clone();
        change(&mut new);
        if !self.may_write_message(who, old) || !self.may_write_message(who, &new) {
            return Forbidden("message");
        }
        self.messages.insert(id, new);
        Done(Value::Null)
    }

    fn erase(&mut self, who: Who, id: u64) -> Outcome {
        let Some(old) = self.messages.get(&id) else { return Done(json!(false)) };
        if !self.may_write_message(who, old) {
            return Forbidden("message");
        }
        self.messages.remove(&id);
        Done(json!(true))
    }

    fn clear(&mut self, who: Who, room: u64) -> Outcome {
        let all = self.messages.values().filter(|message| message.room == room);
        if all.clone().any(|message| !self.may_write_message(who, message)) {
            return Forbidden("message");
        }
        let count = all.count();
        self.messages.retain(|_, message| message.room != room);
        Done(json!(count))
    }

    fn save(&mut self, who: Who, text: String, rank: i32, id: Option<u64>) -> Outcome {
        let id = id.unwrap_or_default();
        self.drafts.insert(id, Draft { owner: who, text, rank });
        Done(json!(id))
    }

    fn own(&self, who: Who, id: u64) -> Option<&Draft> {
        self.drafts.get(&id).filter(|draft| draft.owner == who)
    }

    fn overwrite(&mut self, who: Who, id: u64, owner: Who, text: String) -> Outcome {
        if self.own(who, id).is_none() {
            return Failed;
        }
        if owner != who {
            return Forbidden("draft");
        }
        self.drafts.insert(id, Draft { owner, text, rank: 1 });
        Done(Value::Null)
    }

    fn discard(&mut self, who: Who, id: u64) -> Outcome {
        let is_own = self.own(who, id).is_some();
        if is_own {
            self.drafts.remove(&id);
        }
        Done(json!(is_own))
    }

    fn discard_rank(&mut self, who: Who, rank: i32) -> Outcome {
        let before = self.drafts.len();
        self.drafts.retain(|_, draft| draft.owner != who || draft.rank != rank);
        Done(json!(before - self.drafts.len()))
    }
}

/// The server beside the model.
struct Site {
    server: TestServer,
    people: Vec<TestClient>,
    ids: Vec<String>,
    model: Model,
    /// Ids that have been given out, of messages and of drafts.
    known: [Vec<u64>; 2],
}

impl Site {
    fn new(shards: usize) -> Site {
        let server = TestServer::start(&["--shards", &shards.to_string()]);
        server.deploy("rooms", &rooms_example());
        let mut people: Vec<TestClient> =
            (0..3).map(|who| server.sign_up(&format!("p{who}@example.com"))).collect();
        let ids = people.iter_mut().map(identity).collect();
        Site { server, people, ids, model: Model::default(), known: [vec![1], vec![1]] }
    }

    fn call(&mut self, who: Who, reducer: &str, args: &Value) -> Outcome {
        let answer = self.people[who].call(reducer, &args.to_string());
        match (answer.status, answer.code().as_str()) {
            (200, _) => Done(answer.json()["result"].clone()),
            (403, "forbidden") => {
                let detail = answer.json()["detail"].as_str().unwrap().to_owned();
                let tables = ["member", "room", "message", "draft"];
                Forbidden(
                    tables
                        .into_iter()
                        .find(|table| detail.contains(&format!("table {table} ")))
                        .unwrap(),
                )
            }
            (422, "reducer_failed") => Failed,
            _ => panic!("{reducer} {args}: {}", answer.body),
        }
    }

    /// One random call on both sides.
    fn step(&mut self, chance: &mut Chance) {
        let (who, other) = (chance.below(3), chance.below(3));
        let room = 1 + chance.below(3) as u64;
        let [messages, drafts] = &self.known;
        let (message, draft) =
            (messages[chance.below(messages.len())], drafts[chance.below(drafts.len())]);
        let (text, rank) = (format!("t{}", chance.below(5)), chance.below(2) as i32);
        let (other_id, me) = (self.ids[other].clone(), self.ids[who].clone());
        let mut model = self.model.clone();
        let (reducer, args, expected) = match chance.below(16) {
            0 | 1 => ("open_room", json!([room, text]), model.open_room(who, room, &text)),
            2 | 3 if !model.is_in(other, room) => {
                ("invite", json!([room, other_id]), model.invite(who, room, other))
            }
            2..=4 => ("expel", json!([room, other_id]), model.expel(who, room, other)),
            5 if !model.members.is_empty() => {
                let at = chance.below(model.members.len());
                ("promote", json!([model.members[at].id]), model.promote(who, at))
            }
            5..=7 => {
                let said = Message { room, author: other, text: text.clone() };
                let args = json!([room, other_id, text, 1]);
                let id = match self.call(who, "say_as", &args) {
                    Done(id) => id.as_u64(),
                    refused => {
                        assert_eq!(
                            refused,
                            model.say(who, said, None),
                            "say_as {args} by {who} {:?}",
                            self.model
                        );
                        return;
                    }
                };
                let done = model.say(who, said, id);
                assert_eq!(done, Done(json!(id)), "say_as {args} by {who} {:?}", self.model);
                self.known[0].extend(id);
                self.model = model;
                return;
            }
            8 => {
                ("edit", json!([message, text]), model.change(who, message, |old| old.text = text))
            }
            9 => {
                ("take_over", json!([message]), model.change(who, message, |old| old.author = who))
            }
            10 => (
                "move_to",
                json!([message, room]),
                model.change(who, message, |old| old.room = room),
            ),
            11 => ("erase", json!([message]), model.erase(who, message)),
            12 => ("clear", json!([room]), model.clear(who, room)),
            13 => {
                let id = match self.call(who, "save", &json!([text, rank])) {
                    Done(id) => id.as_u64(),
                    refused => panic!("save by {me}: {refused:?}"),
                };
                model.save(who, text, rank, id);
                self.known[1].extend(id);
                self.model = model;
                return;
            }
            14 => {
                let args = json!([draft, other_id, text]);
                ("overwrite", args, model.overwrite(who, draft, other, text))
            }
            _ if rank == 0 => ("discard", json!([draft]), model.discard(who, draft)),
            _ => ("discard_rank", json!([rank]), model.discard_rank(who, rank)),
        };
        let found = self.call(who, reducer, &args);
        assert_eq!(found, expected, "{reducer} {args} by {who} {:?}", self.model);
        if matches!(expected, Done(_)) {
            self.model = model;
            self.learn_members();
        }
    }

    /// The keys that the server has given to members.
    fn learn_members(&mut self) {
        for member in self.model.members.iter_mut().filter(|member| member.id == 0) {
            let (room, person) = (member.room, &self.ids[member.person]);
            let query =
                format!("SELECT id FROM member WHERE room = {room} AND person = '{person}'");
            member.id = self.server.admin().sql(&query)[0][0].as_u64().unwrap();
        }
    }

    /// Everything that there is, and what each sees of it by SQL and by a reducer.
    fn check(&mut self) {
        let Model { members, rooms, messages, drafts } = self.model.clone();
        let ids = &self.ids;
        let expected: Vec<Value> = messages
            .iter()
            .map(|(id, message)| json!([id, message.room, ids[message.author], message.text]))
            .collect();
        let all = "SELECT id, room, author, text FROM message ORDER BY id";
        let mut admin = self.server.admin();
        assert_eq!(admin.sql(all), json!(expected));
        let expected: Vec<Value> = rooms.iter().map(|(id, name)| json!([id, name])).collect();
        assert_eq!(admin.sql("SELECT id, name FROM room ORDER BY id"), json!(expected));
        assert_eq!(admin.sql("SELECT count(*) FROM member"), json!([[members.len()]]));
        for who in 0..3 {
            let model = &self.model;
            let seen = messages.iter().filter(|(_, message)| model.is_in(who, message.room));
            let seen: Vec<Value> = seen.map(|(id, _)| json!([id])).collect();
            assert_eq!(self.people[who].sql("SELECT id FROM message ORDER BY id"), json!(seen));
            let own: Vec<(&u64, &Draft)> =
                drafts.iter().filter(|(_, draft)| draft.owner == who).collect();
            let found = self.people[who].sql("SELECT id, text, rank FROM draft ORDER BY id");
            let expected: Vec<Value> =
                own.iter().map(|(id, draft)| json!([id, draft.text, draft.rank])).collect();
            assert_eq!(found, json!(expected));
            let peeked =
                self.people[who].call("peek", "[0]").json()["result"].as_str().unwrap().to_owned();
            assert!(peeked.ends_with(&format!("; {}", own.len())), "{peeked}");
        }
    }
}

#[test]
fn reducers_write_what_the_model_lets_them() {
    let calls = std::env::var("COSMICTRON_POLICY_CALLS").ok().and_then(|calls| calls.parse().ok());
    for (seed, shards) in (1..).zip(SHARDS) {
        let (mut site, mut chance) = (Site::new(shards), Chance(seed));
        for at in 0..calls.unwrap_or(400) {
            site.step(&mut chance);
            if at % 40 == 39 {
                site.check();
            }
        }
        site.check();
    }
}
