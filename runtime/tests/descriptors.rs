//! Counts descriptors, so it is alone in its process: no connection leaks one, and running out of them is survived.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::sync::{Arc, Mutex};

use cosmictron_runtime::real::{IoDriver, Options, Shard, TcpStream, run};
use cosmictron_runtime::{Event, Machine, Seam};
use cosmictron_types::{Duration, ShardCount};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Only sockets are tested here.
struct Nothing;

impl Machine for Nothing {
    type Request = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn handle(&mut self, _: Event<Self>, _: &mut dyn Seam<Self>) {}
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(64);
    while let (Ok(1..), filled) = stream.read(buffer).await {
        let (written, returned) = stream.write_all(filled).await;
        if written.is_err() {
            return;
        }
        buffer = returned;
        buffer.clear();
    }
}

/// Comes, talks or not, and leaves politely, at once, or with a reset.
fn visit(address: SocketAddr, number: u32) {
    let mut client = Client::connect(address).unwrap();
    if number.is_multiple_of(2) {
        client.write_all(b"x").unwrap();
    }
    if number.is_multiple_of(4) {
        client.read_exact(&mut [0]).unwrap();
    }
    if number.is_multiple_of(3) {
        set_socket_linger(&client, Some(std::time::Duration::ZERO)).unwrap();
    }
}

/// Takes descriptors until `left` are left.
fn use_up_descriptors(left: u64) -> Vec<File> {
    let null = File::open("/dev/null").unwrap();
    let limit = getrlimit(Resource::Nofile);
    let lowered = descriptors() as u64 + 8;
    setrlimit(Resource::Nofile, Rlimit { current: Some(lowered), ..limit }).unwrap();
    let mut taken: Vec<File> = std::iter::from_fn(|| null.try_clone().ok()).collect();
    for _ in 0..left {
        taken.pop();
    }
    taken
}

/// The last descriptor goes to the client, so the server has none to accept it with.
fn connect_without_descriptors(address: SocketAddr) -> (Client, Vec<File>, Rlimit) {
    let limit = getrlimit(Resource::Nofile);
    let taken = use_up_descriptors(1);
    (Client::connect(address).unwrap(), taken, limit)
}

/// Sockets are closed through the ring, a little later than they are dropped.
async fn until_all_are_back(shard: &Shard<Nothing>, before: usize) {
    while shard.facts().connections != 0 || before < descriptors() {
        shard.sleep(Duration::from_millis(1)).await;
    }
}

async fn serve(shard: Shard<Nothing>, notes: Arc<Mutex<Vec<String>>>) {
    let tasks = shard.clone();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    let address =
        shard.listen(any_port, move |stream| tasks.spawn(echo(stream))).unwrap().address();
    let before = descriptors();
    let visits = shard.offload(move || (0..600).for_each(|number| visit(address, number)));
    visits.unwrap().await.unwrap();
    until_all_are_back(&shard, before).await;

    let (mut client, taken, limit) = connect_without_descriptors(address);
    while shard.facts().accept_shortages == 0 {
        shard.sleep(Duration::from_millis(1)).await;
    }
    drop(taken);
    let talk = shard.offload(move || {
        client.write_all(b"late").unwrap();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = talk.unwrap().await.unwrap();
    setrlimit(Resource::Nofile, limit).unwrap();
    notes.lock().unwrap().push(answer);

    until_all_are_back(&shard, before).await;
    // A listener that finds few descriptors left keeps them for others.
    let tasks = shard.clone();
    let null = File::open("/dev/null").unwrap();
    let many: Vec<File> = (0..64).map(|_| null.try_clone().unwrap()).collect();
    let lowered = Rlimit { current: Some(descriptors() as u64 + 8), ..limit };
    setrlimit(Resource::Nofile, lowered).unwrap();
    let careful =
        shard.listen(any_port, move |stream| tasks.spawn(echo(stream))).unwrap().address();
    let turned_away = shard.offload(move || {
        // An end or a reset, by what the kernel had seen of it.
        let mut client = Client::connect(careful).unwrap();
        let sent = client.write_all(b"x");
        sent.is_err() || !matches!(client.read(&mut [0]), Ok(1..))
    });
    let turned_away = turned_away.unwrap().await.unwrap();
    setrlimit(Resource::Nofile, limit).unwrap();
    drop(many);
    notes.lock().unwrap().push(format!("turned away: {turned_away}"));
}

/// A dropped accept or a forgotten socket leaks a descriptor a connection (both were seen). Without descriptors the
/// accept loop once span; it pauses now, and goes on when some are free again.
#[test]
fn descriptors_come_back_and_their_lack_is_survived() {
    for io in [IoDriver::Auto, IoDriver::Epoll] {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new(root.path());
        (options.io, options.shards) = (io, ShardCount::new(1));
        (options.pin, options.signals) = (false, false);
        let notes = Arc::new(Mutex::new(Vec::new()));
        let boot = |_: &mut cosmictron_runtime::Boot<'_>| Ok::<_, Infallible>(Nothing);
        run(&options, boot, |shard| serve(shard, Arc::clone(&notes))).unwrap();
        assert_eq!(*notes.lock().unwrap(), ["late", "turned away: true"], "{io:?}");
    }
}
