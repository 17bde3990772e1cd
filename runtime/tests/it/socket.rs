//! The real driver's sockets, turns and deadlines.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream as Client};
use std::rc::Rc;
use std::thread;

use cosmictron_runtime::real::{Control, Deadline, ReservedAddress, Shard, TcpStream};
use cosmictron_types::{Duration, ShardId};

use crate::echo::{Echo, Request};
use crate::form::notes_of_each_form;

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Sends everything back until the peer ends.
async fn echo(mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(16);
    loop {
        let (read, filled) = stream.read(buffer).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        let (written, returned) = stream.write_all(filled).await;
        if written.is_err() {
            return;
        }
        buffer = returned;
        buffer.clear();
    }
}

fn listen_and_echo(shard: &Shard<Echo>) -> SocketAddr {
    let tasks = shard.clone();
    shard.listen(any_port(), move |stream| tasks.spawn(echo(stream))).unwrap().address()
}

/// Runs on a thread of its own, then ends the server.
fn client<T>(control: Control, talk: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T>
where
    T: Send + 'static,
{
    thread::spawn(move || {
        let said = talk();
        control.stop();
        said
    })
}

/// A core that spins can't be told to stop, so no answer ends the process.
fn round_trip(client: &mut Client, bytes: &[u8]) -> Vec<u8> {
    client.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    client.write_all(bytes).unwrap();
    let mut answer = vec![0; bytes.len()];
    if let Err(error) = client.read_exact(&mut answer) {
        eprintln!("no answer: {error}");
        std::process::abort();
    }
    answer
}

#[test]
fn bytes_come_back_whole_however_large() {
    let answers = notes_of_each_form(1, |shard, notes| async move {
        let address = listen_and_echo(&shard);
        client(shard.control(), move || {
            let mut stream = Client::connect(address).unwrap();
            for length in [1, 15, 16, 17, 4_096, 100_000] {
                let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
                notes.write(round_trip(&mut stream, &bytes) == bytes);
            }
            stream.shutdown(Shutdown::Write).unwrap();
            notes.write(stream.read(&mut [0]).unwrap() == 0);
        });
        std::future::pending::<()>().await;
    });
    assert_eq!(answers, [[true; 7]; 3]);
}

/// One task that yields in a loop once starved all sockets and timers of its core: a task that is woken while it runs
/// goes to the front of this executor's queue. Turns now go through the kernel.
#[test]
fn a_task_that_yields_for_ever_starves_neither_sockets_nor_timers() {
    const TURNS_MAX: u32 = 5_000_000;
    let outcomes = notes_of_each_form(1, |shard, notes| async move {
        let address = listen_and_echo(&shard);
        let (ticks, yielding) = (Rc::new(Cell::new(0)), shard.clone());
        let (ticked, timer) = (Rc::clone(&ticks), shard.clone());
        shard.spawn(async move {
            loop {
                timer.sleep(Duration::from_millis(1)).await;
                ticked.set(ticked.get() + 1);
            }
        });
        shard.spawn(async move {
            for _ in 0..TURNS_MAX {
                yielding.yield_now().await;
            }
            yielding.stop(); // The others were starved.
        });
        let talk = shard.offload(move || {
            let mut stream = Client::connect(address).unwrap();
            (0..100).all(|byte| round_trip(&mut stream, &[byte]) == [byte])
        });
        let all_answered = talk.unwrap().await.unwrap();
        while ticks.get() < 3 {
            shard.yield_now().await;
        }
        notes.write(all_answered);
        shard.stop();
    });
    assert_eq!(outcomes, [[true]; 3]);
}

/// A machine that always has mail must not keep its core from its sockets.
#[test]
fn endless_mail_leaves_sockets_served() {
    let outcomes = notes_of_each_form(1, |shard, notes| async move {
        let address = listen_and_echo(&shard);
        shard.request(Request::Spin).await;
        client(shard.control(), move || {
            let mut stream = Client::connect(address).unwrap();
            notes.write((0..200).all(|byte| round_trip(&mut stream, &[byte]) == [byte]));
        });
        shard.shutdown().await;
    });
    assert_eq!(outcomes, [[true]; 3]);
}

/// While foreign wake-ups come in without a pause, the executor never waits for its sockets; so a core that is rung
/// again and again takes a turn now and then.
#[test]
fn a_flood_of_messages_leaves_sockets_served() {
    let outcomes = notes_of_each_form(2, |shard, notes| async move {
        if shard.id().get() == 1 {
            for _ in 0..16 {
                let flood = shard.clone();
                shard.spawn(async move {
                    loop {
                        flood.request(Request::Ping { to: ShardId::FIRST }).await;
                    }
                });
            }
            return shard.shutdown().await;
        }
        let address = listen_and_echo(&shard);
        client(shard.control(), move || {
            let mut stream = Client::connect(address).unwrap();
            notes.write((0..200).all(|byte| round_trip(&mut stream, &[byte]) == [byte]));
        });
        shard.shutdown().await;
    });
    assert_eq!(outcomes, [[true]; 3]);
}

#[test]
fn a_peer_that_is_late_is_told_so_and_let_go() {
    let said = notes_of_each_form(1, |shard, notes| async move {
        let tasks = shard.clone();
        let late = move |mut stream: TcpStream| {
            stream.set_deadline(Deadline::Due(Duration::ZERO));
            tasks.spawn(async move {
                let (read, _) = stream.read(Vec::new()).await;
                let kind = read.unwrap_err().kind();
                let _ = stream.write_all(format!("{kind:?}").into_bytes()).await;
            });
        };
        let address = shard.listen(any_port(), late).unwrap().address();
        client(shard.control(), move || {
            let mut answer = String::new();
            Client::connect(address).unwrap().read_to_string(&mut answer).unwrap();
            notes.write(answer);
        });
        std::future::pending::<()>().await;
    });
    assert_eq!(said, [["TimedOut"]; 3]);
}

#[test]
fn idle_connections_end_when_asked_and_busy_ones_stay() {
    let ends = notes_of_each_form(1, |shard, notes| async move {
        let tasks = shard.clone();
        let take = move |mut stream: TcpStream| {
            tasks.spawn(async move {
                stream.set_deadline(Deadline::Due(Duration::from_secs(60)));
                let (read, mut first) = stream.read(Vec::with_capacity(1)).await;
                read.unwrap();
                if first == b"i" {
                    stream.set_deadline(Deadline::Idle(Duration::from_secs(60)));
                }
                (_, first) = stream.write_all(first).await;
                first.clear();
                echo_after(stream, first).await;
            });
        };
        let address = shard.listen(any_port(), take).unwrap().address();
        let connect = move || {
            let (mut idle, mut busy) =
                (Client::connect(address).unwrap(), Client::connect(address).unwrap());
            round_trip(&mut idle, b"i");
            round_trip(&mut busy, b"b");
            (idle, busy)
        };
        let (mut idle, mut busy) = shard.offload(connect).unwrap().await.unwrap();
        shard.end_idle_connections();
        let talk = shard.offload(move || {
            let idle_ended = idle.read(&mut [0]).unwrap() == 0;
            (idle_ended, round_trip(&mut busy, b"x"))
        });
        notes.write(talk.unwrap().await.unwrap());
        shard.stop();
    });
    assert_eq!(ends, vec![vec![(true, b"x".to_vec())]; 3]);
}

async fn echo_after(mut stream: TcpStream, buffer: Vec<u8>) {
    let (read, filled) = stream.read(buffer).await;
    if matches!(read, Ok(1..)) {
        let _ = stream.write_all(filled).await;
    }
}

/// Closing a listener resets what the kernel has queued for it; clients saw "connection reset" at every shutdown.
#[test]
fn a_closed_listener_still_hands_out_what_was_queued() {
    let counts = notes_of_each_form(1, |shard, notes| async move {
        let (tasks, taken) = (shard.clone(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&taken);
        let take = move |stream| {
            count.set(count.get() + 1);
            tasks.spawn(echo(stream));
        };
        let listening = shard.listen(any_port(), take).unwrap();
        let address = listening.address();
        // This thread is the executor's, so nothing is accepted in between.
        let clients: Vec<_> = (0..8).map(|_| Client::connect(address).unwrap()).collect();
        listening.close();
        let talk = shard.offload(move || {
            let answers = clients.into_iter().map(|mut client| round_trip(&mut client, b"x"));
            let answered = answers.filter(|answer| answer == b"x").count();
            let refused = Client::connect(address).map_err(|error| error.kind());
            (answered, refused.err())
        });
        let (answered, refused) = talk.unwrap().await.unwrap();
        notes.write((taken.get(), answered, refused));
        shard.stop();
    });
    assert_eq!(counts, [[(8, 8, Some(io::ErrorKind::ConnectionRefused))]; 3]);
}

#[test]
fn all_cores_listen_on_one_reserved_address() {
    let reserved = ReservedAddress::reserve(any_port()).unwrap();
    let address = reserved.address();
    let outcomes = notes_of_each_form(2, move |shard, notes| async move {
        let tasks = shard.clone();
        let listening = shard.listen(address, move |stream| tasks.spawn(echo(stream)));
        notes.write(listening.is_ok());
        // Both listen before either leaves.
        let to = shard.count().shards().find(|other| *other != shard.id()).unwrap();
        shard.request(Request::Ping { to }).await;
    });
    assert_eq!(outcomes, [[true; 2]; 3]);
}
