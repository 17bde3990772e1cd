//! Whatever becomes of connections: each call runs once and is answered once, and what a subscriber is told adds up.
//!
//! A model of a server has rows, remembers keys, and forgets what it was for somebody who comes back whenever it likes. Chance decides
//! what is said, what is lost with a connection, and when a subscriber takes what it was told.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;

use super::*;
use crate::wire::Batch;

/// What chance may do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call,
    /// Somebody else adds a row, or removes the first.
    Add,
    Remove,
    /// The server takes one message.
    Serve,
    /// The client takes one.
    Hear,
    /// A connection is lost, with all that was on its way.
    Lose,
    /// And the account may read something else now.
    LoseRights,
    /// The subscriber takes an update.
    Take,
    /// The server does not know any more what has changed.
    Forget,
}

#[derive(Default)]
struct Server {
    tx_id: u64,
    rows: Vec<u64>,
    /// Answers by their calls' keys.
    answered: BTreeMap<String, u64>,
    /// What was done, by transaction.
    history: Vec<(u64, Vec<u64>, Vec<u64>)>,
    followed: Vec<u64>,
    /// How often a call has run.
    runs: usize,
    inbox: VecDeque<Bytes>,
    outbox: VecDeque<ServerMessage>,
}

struct World {
    server: Server,
    conversation: Conversation,
    calls: Vec<oneshot::Receiver<Result<CallAnswer, Error>>>,
    first: Option<oneshot::Receiver<Result<QueryAnswer, Error>>>,
    news: mpsc::Receiver<Result<News, Error>>,
    rows: Vec<u64>,
}

fn bounds(waiting_max: usize) -> Bounds {
    Bounds { waiting_max, message_bytes_max: 100 }
}

fn batch(rows: &[u64]) -> Batch {
    let length = (24 + 8 * rows.len()) as u32;
    let mut bytes = Vec::new();
    for number in [length, rows.len() as u32, 0, 1] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([2, 8, 0, 0, 0, 0, 0, 0]);
    rows.iter().for_each(|row| bytes.extend(row.to_le_bytes()));
    Batch::read(&bytes.into()).unwrap().0
}

/// The kind of a client's message and its fields.
fn said(message: &[u8]) -> (u32, BTreeMap<u32, Vec<u8>>) {
    let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    let (mut fields, mut at) = (BTreeMap::new(), 8);
    while at < message.len() {
        let end = at + 8 + number(at + 4) as usize;
        fields.insert(number(at), message[at + 8..end].to_vec());
        at = end.next_multiple_of(8);
    }
    (number(0), fields)
}

impl Server {
    fn change(&mut self, inserts: Vec<u64>, deletes: Vec<u64>) {
        self.tx_id += 1;
        self.rows.retain(|row| !deletes.contains(row));
        self.rows.extend(&inserts);
        let change = || Change { inserts: batch(&inserts), deletes: batch(&deletes) };
        let changes: Vec<_> = self.followed.iter().map(|id| (*id, change())).collect();
        if !changes.is_empty() {
            self.outbox.push_back(ServerMessage::Update { tx_id: self.tx_id, changes });
        }
        self.history.push((self.tx_id, inserts, deletes));
    }

    fn serve(&mut self) {
        let Some(message) = self.inbox.pop_front() else { return };
        let (kind, fields) = said(&message);
        let number =
            |tag| fields.get(&tag).map(|value| u64::from_le_bytes(value[..].try_into().unwrap()));
        let id = number(1).unwrap();
        match kind {
            2 => {
                let key = String::from_utf8(fields[&7].clone()).unwrap();
                let tx_id = self.answered.get(&key).copied().unwrap_or_else(|| {
                    self.runs += 1;
                    self.change(vec![key.parse().unwrap()], vec![]);
                    self.tx_id
                });
                self.answered.insert(key, tx_id);
                self.outbox.push_back(ServerMessage::Called { id, tx_id, result: None });
            }
            3 => self.subscribe(id, number(10)),
            4 => self.followed.retain(|followed| *followed != id),
            kind => panic!("nobody says {kind}"),
        }
    }

    fn subscribe(&mut self, id: u64, since: Option<u64>) {
        let known = self.tx_id - self.history.len() as u64;
        let since = since.filter(|since| known <= *since);
        let rows = if since.is_some() { batch(&[]) } else { batch(&self.rows) };
        let (columns, types) = (vec!["row".to_owned()], vec!["u64".to_owned()]);
        let answer = Answer { tx_id: since.unwrap_or(self.tx_id), columns, types, key: None, rows };
        self.outbox.push_back(ServerMessage::Subscribed { id, answer, resumed: since.is_some() });
        for (tx_id, inserts, deletes) in &self.history {
            if since.is_some_and(|since| since < *tx_id) {
                let change = Change { inserts: batch(inserts), deletes: batch(deletes) };
                let changes = vec![(id, change)];
                self.outbox.push_back(ServerMessage::Update { tx_id: *tx_id, changes });
            }
        }
        self.followed.push(id);
    }
}

impl World {
    fn new() -> World {
        let mut conversation = Conversation::new(bounds(64));
        let ((begun, first), (news, receiver)) = (oneshot::channel(), mpsc::channel(2));
        let listener = Listener { id: 1, begun: Some(begun), news: Some(news) };
        let (sql, params) = ("SELECT row".to_owned(), None);
        let mut server = Server::default();
        server.inbox.extend(conversation.ask(Asked::Subscribe { sql, params, listener }));
        let (calls, rows) = (Vec::new(), Vec::new());
        World { server, conversation, calls, first: Some(first), news: receiver, rows }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call => {
                let (reply, answer) = oneshot::channel();
                let (reducer, args) = ("add".to_owned(), "[]".to_owned());
                let idempotency_key = (1000 + self.calls.len()).to_string();
                let call = Asked::Call { reducer, args, idempotency_key, reply };
                self.server.inbox.extend(self.conversation.ask(call));
                self.calls.push(answer);
            }
            Step::Add => self.server.change(vec![self.server.tx_id], vec![]),
            Step::Remove => {
                let first = self.server.rows.iter().take(1).copied().collect();
                self.server.change(vec![], first);
            }
            Step::Serve => self.server.serve(),
            Step::Hear => {
                if let Some(message) = self.server.outbox.pop_front() {
                    self.conversation.receive(message).unwrap();
                }
            }
            Step::Lose | Step::LoseRights => {
                self.server.inbox.clear();
                self.server.outbox.clear();
                self.server.followed.clear();
                self.conversation.end(matches!(step, Step::LoseRights));
                self.server.inbox.extend(self.conversation.begin());
            }
            Step::Take => drop(self.take()),
            Step::Forget => self.server.history.clear(),
        }
    }

    /// Whether there was something to take.
    fn take(&mut self) -> bool {
        if let Some(first) = &mut self.first {
            let Ok(first) = first.try_recv() else { return false };
            self.rows = first.unwrap().rows.decode().unwrap();
            self.first = None;
            return true;
        }
        match self.news.try_recv() {
            Ok(news) => self.apply(news.unwrap()),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => {
                let (news, receiver) = mpsc::channel(2);
                self.news = receiver;
                self.server.inbox.extend(self.conversation.ask(Asked::CatchUp { id: 1, news }));
            }
        }
        true
    }

    fn apply(&mut self, news: News) {
        match news {
            News::Rows { rows, .. } => self.rows = rows.decode().unwrap(),
            News::Changes { inserts, deletes, .. } => {
                let deletes: Vec<u64> = deletes.decode().unwrap();
                for row in deletes {
                    let at = self.rows.iter().position(|known| *known == row);
                    self.rows.remove(at.expect("a row that goes is there"));
                }
                self.rows.extend(inserts.decode::<u64>().unwrap());
            }
        }
    }

    /// All that is on its way arrives.
    fn settle(&mut self) {
        loop {
            while !self.server.inbox.is_empty() {
                self.server.serve();
            }
            while !self.server.outbox.is_empty() {
                self.step(Step::Hear);
            }
            let mut has_taken = false;
            while self.take() {
                has_taken = true;
            }
            if !has_taken && self.server.inbox.is_empty() {
                return;
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Call),
        2 => Just(Step::Add),
        1 => Just(Step::Remove),
        6 => Just(Step::Serve),
        6 => Just(Step::Hear),
        1 => Just(Step::Lose),
        1 => Just(Step::LoseRights),
        4 => Just(Step::Take),
        1 => Just(Step::Forget),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_lost_each_call_runs_once_and_rows_add_up(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        for call in &mut world.calls {
            prop_assert!(matches!(call.try_recv(), Ok(Ok(_))), "a call is not answered");
        }
        prop_assert_eq!(world.server.runs, world.calls.len());
        world.rows.sort_unstable();
        world.server.rows.sort_unstable();
        prop_assert_eq!(world.rows, world.server.rows);
    }
}

fn call(args: &str) -> (Asked, oneshot::Receiver<Result<CallAnswer, Error>>) {
    let (reply, answer) = oneshot::channel();
    let (reducer, args) = ("add".to_owned(), args.to_owned());
    let idempotency_key = "key".to_owned();
    (Asked::Call { reducer, args, idempotency_key, reply }, answer)
}

#[test]
fn those_that_have_given_up_make_room() {
    let mut conversation = Conversation::new(bounds(1));
    let (first, waiting) = call("[]");
    assert_eq!(conversation.ask(first).len(), 1);
    let (second, mut refused) = call("[]");
    assert!(conversation.ask(second).is_empty());
    assert!(matches!(refused.try_recv(), Ok(Err(Error::Busy { waiting: 1 }))));
    drop(waiting);
    let (third, _waiting) = call("[]");
    assert_eq!(conversation.ask(third).len(), 1);
}

#[test]
fn what_is_too_long_is_not_said_and_what_the_server_finds_too_long_not_again() {
    let mut conversation = Conversation::new(bounds(9));
    let code = |refused: Option<Result<CallAnswer, Error>>| {
        refused.map(|answer| answer.unwrap_err().code().unwrap().clone())
    };
    let (long, mut refused) = call(&"x".repeat(101));
    assert!(conversation.ask(long).is_empty());
    assert_eq!(code(refused.try_recv().ok()), Some(Code::TooLarge));
    let (short, mut waiting) = call("[]");
    let (longer, mut refused) = call("[1]");
    conversation.ask(short);
    conversation.ask(longer);
    conversation.end(false);
    conversation.fail_longest();
    assert_eq!(code(refused.try_recv().ok()), Some(Code::TooLarge));
    assert_eq!(code(waiting.try_recv().ok()), None);
    assert_eq!(conversation.begin().len(), 1);
}

#[test]
fn a_subscriber_without_room_finds_out_why_it_has_ended() {
    let mut world = World::new();
    world.settle();
    (0..3).for_each(|_| world.step(Step::Add));
    while !world.server.outbox.is_empty() {
        world.step(Step::Hear);
    }
    world.conversation.fail(&Error::Closed);
    let mut ends = Vec::new();
    loop {
        match world.news.try_recv() {
            Ok(Ok(news)) => world.apply(news),
            Ok(Err(error)) => ends.push(error),
            Err(TryRecvError::Disconnected) if ends.is_empty() => {
                let (news, receiver) = mpsc::channel(2);
                world.news = receiver;
                world.conversation.ask(Asked::CatchUp { id: 1, news });
            }
            Err(_) => break,
        }
    }
    assert!(matches!(ends[..], [Error::Closed]), "{ends:?}");
}
