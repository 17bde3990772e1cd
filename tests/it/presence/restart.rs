//! Servers that end while connections are open: whatever was not told before is told at the next start.

use std::thread;

use cosmictron_tests::{TestServer, TestSocket};
use rustix::process::Signal;

use super::{TOLD, come, here, metric, occasions, serve, wait_for_here};

fn flags(shards: u16) -> Vec<String> {
    vec!["--shards".to_owned(), shards.to_string()]
}

#[test]
fn a_killed_server_tells_of_the_ends_at_its_next_start() {
    let (mut server, ada) = serve("", 1);
    let token = ada.token().unwrap().to_owned();
    let mut gone: Vec<String> = Vec::new();
    // Its next start may have any number of shards.
    for shards in [1, 3, 2, 1] {
        let mut ada = server.client_of(&token);
        let mut open: Vec<(TestSocket, String)> = (0..5).map(|_| come(&server, &ada)).collect();
        let (early, id) = open.pop().unwrap();
        drop(early);
        gone.push(id);
        let ids: Vec<&str> = open.iter().map(|(_, id)| id.as_str()).collect();
        wait_for_here(&mut ada, &ids);
        let (_, (folder, _)) = server.end(Signal::KILL);
        server = TestServer::start_in(folder, flags(shards))
            .unwrap_or_else(|log| panic!("on {shards} shards: {log:#?}"));
        let mut ada = server.client_of(&token);
        wait_for_here(&mut ada, &[]);
        gone.extend(open.into_iter().map(|(_, id)| id));
        for id in &gone {
            assert_eq!(occasions(&mut ada, id), TOLD, "on {shards} shards");
        }
    }
}

#[test]
fn what_is_told_after_a_start_is_not_told_again_after_the_next() {
    let (server, mut ada) = serve("", 2);
    let token = ada.token().unwrap().to_owned();
    let open: Vec<(TestSocket, String)> = (0..30).map(|_| come(&server, &ada)).collect();
    assert_eq!(here(&mut ada).len(), 30);
    // At once again: some ends have been told by then, some have not.
    let mut server = server.kill_and_restart();
    for _ in 0..3 {
        server = server.kill_and_restart();
    }
    let mut ada = server.client_of(&token);
    wait_for_here(&mut ada, &[]);
    for (_, id) in open {
        assert_eq!(occasions(&mut ada, &id), TOLD);
    }
}

#[test]
fn a_server_that_stops_tells_of_the_ends_before() {
    let (server, mut ada) = serve("", 2);
    let token = ada.token().unwrap().to_owned();
    let mut open: Vec<(TestSocket, String)> = (0..10).map(|_| come(&server, &ada)).collect();
    assert_eq!(here(&mut ada).len(), 10);
    let server = thread::scope(|scope| {
        // Each answers the close frame, and stays.
        scope.spawn(|| {
            for (socket, _) in &mut open {
                assert_eq!(socket.wait_for_close().0, 1001);
            }
        });
        server.stop_and_restart()
    });
    let mut ada = server.client_of(&token);
    assert!(here(&mut ada).is_empty());
    for (_, id) in open {
        assert_eq!(occasions(&mut ada, &id), TOLD);
    }
    assert_eq!(metric(&server, "cosmictron_visits_ended_total"), 0, "it was left to the start");
}
