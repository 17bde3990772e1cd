//! What campaigns have found once, each by its name: a disk that fails or is full, and what a shard owes its clients
//! then.

use cosmictron::shard::{Answer, CallError, Called, Deploy, Request, Unavailable};
use cosmictron_runtime::sim::Faults;
use cosmictron_types::{Duration, Identity, ShardCount, ShardId};

use crate::bank::{Books, Order};
use crate::server::{Server, rows};
use crate::site::{Family, SEGMENT_BYTES, Site};

const BANK: &str = "bank";

/// A server with a bank, on a disk without faults.
struct Scene {
    server: Server,
    marks: u64,
}

impl Scene {
    fn new(site: &Site, shards: u16) -> Self {
        let mut server = Server::new(1, ShardCount::new(shards).unwrap(), site.plan(1));
        *server.world.faults_mut() = Faults::none();
        server.start().unwrap();
        let compiled = site.bank(Family::AtHome)[0].clone();
        let deploy = Deploy { name: BANK.into(), compiled, deployer: Identity::SYSTEM };
        let asked = server.ask(ShardId::FIRST, Request::Deploy(deploy));
        let Answer::Deployed(Ok(_)) = server.wait(asked) else { panic!("the bank is refused") };
        Self { server, marks: 0 }
    }

    fn call(&mut self, order: Order) -> Result<Called, CallError> {
        self.marks += 1;
        let request =
            order.request(&self.server, ShardId::FIRST, BANK, self.marks, false, Vec::new());
        let asked = self.server.ask(ShardId::FIRST, request);
        let Answer::Called(called) = self.server.wait(asked) else { panic!("not a call's answer") };
        called
    }

    fn transfer(&mut self) -> Result<Called, CallError> {
        self.call(Order::Transfer { source: 1, target: 2, amount: 0 })
    }

    fn entries(&mut self) -> Option<usize> {
        let (_, books) = Books::read(&mut self.server, ShardId::FIRST, BANK)?;
        Some(books.entries.len())
    }

    fn faults(&mut self) -> &mut Faults {
        self.server.world.faults_mut()
    }
}

/// Answers wait for the log, and a log that has failed moves no more: calls, reads and syncs that came after the
/// failure were held for ever. They are told of it at once.
#[test]
fn a_shard_whose_log_has_failed_refuses_at_once() {
    let site = Site::new();
    let mut scene = Scene::new(&site, 1);
    scene.faults().write_fails = 1_000_000;
    for _ in 0..3 {
        let lost = Err(CallError::Unavailable(Unavailable::LogFailed));
        assert_eq!(scene.transfer().map(|_| ()), lost);
    }
    let query = scene.server.query(ShardId::FIRST, "SELECT id FROM account");
    let asked = scene.server.ask(ShardId::FIRST, query);
    assert_eq!(rows(scene.server.wait(asked)), None);
    let asked = scene.server.ask(ShardId::FIRST, Request::Sync(ShardId::FIRST));
    let Answer::Synced(Err(Unavailable::LogFailed)) = scene.server.wait(asked) else {
        panic!("what is lost is not synced")
    };
}

/// Whoever joins waits until the log can be written. One that failed on its way there left the start hanging, also
/// that of the other shards.
#[test]
fn a_log_that_fails_at_the_start_does_not_keep_the_server_from_opening() {
    let site = Site::new();
    for shards in 1..=3 {
        let mut scene = Scene::new(&site, shards);
        assert_eq!(scene.transfer().map(|_| ()), Ok(()));
        scene.server.crash();
        scene.faults().write_fails = 1_000_000;
        scene.server.start().unwrap();
        assert_eq!(scene.entries(), None);
        scene.server.crash();
        scene.faults().write_fails = 0;
        scene.server.start().unwrap();
        assert_eq!(scene.entries(), Some(2));
    }
}

/// A full disk refused reads as well, a call that was due then kept its core busy, and room that was made later was not
/// found: nothing asked for the next segment, since that came with records alone, and none was taken.
#[test]
fn a_full_disk_refuses_writes_serves_reads_and_comes_back() {
    let site = Site::new();
    let mut scene = Scene::new(&site, 1);
    scene.faults().disk_bytes = 2 * SEGMENT_BYTES;
    let after = Duration::from_secs(5).as_micros();
    scene.call(Order::Later { source: 1, target: 2, after }).unwrap();
    let mut done = 0;
    let refusal = loop {
        match scene.transfer() {
            Ok(_) => done += 1,
            // The next segment is still being made, or refused.
            Err(CallError::Unavailable(Unavailable::Overloaded)) => {
                scene.server.world.run_for(Duration::from_millis(1));
            }
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, CallError::Unavailable(Unavailable::OutOfSpace));
    scene.server.world.run_for(Duration::from_secs(60));
    assert_eq!(scene.entries(), Some(2 * done));
    let steps = scene.server.steps_in(Duration::from_secs(10));
    assert!(steps < 1_000, "{steps} steps in ten seconds of waiting");
    scene.faults().disk_bytes = u64::MAX;
    scene.server.world.run_for(Duration::from_secs(20));
    scene.transfer().unwrap();
    assert_eq!(scene.entries(), Some(2 * (done + 2)), "and the call that was due has run");
}

/// As above, with a disk that is full from the start: then not even the first segment is there.
#[test]
fn a_server_that_starts_on_a_full_disk_takes_calls_once_there_is_room() {
    let site = Site::new();
    let mut scene = Scene::new(&site, 1);
    scene.transfer().unwrap();
    scene.server.crash();
    scene.faults().disk_bytes = 0;
    scene.server.start().unwrap();
    assert_eq!(scene.entries(), Some(2));
    let refused = Err(CallError::Unavailable(Unavailable::OutOfSpace));
    assert_eq!(scene.transfer().map(|_| ()), refused);
    scene.faults().disk_bytes = u64::MAX;
    scene.server.world.run_for(Duration::from_secs(20));
    scene.transfer().unwrap();
    assert_eq!(scene.entries(), Some(4));
}
