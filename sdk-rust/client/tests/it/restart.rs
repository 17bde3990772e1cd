//! The server is killed, and nobody notices but by the time it takes.

use cosmictron_client::{Client, Error, Options};

use super::proxy::Proxy;
use super::{MESSAGES, Message, agent};

const CALLS: usize = 200;

#[tokio::test]
async fn what_was_asked_while_the_server_was_killed_is_done_once() {
    let (server, direct) = agent(Options::default()).await;
    let token = Some(direct.refresh().await.unwrap().token);
    let proxy = Proxy::to(server.address()).await;
    let client = Client::new(proxy.url(), Options { token, ..Options::default() }).unwrap();
    let mut messages = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    let mut rows = Vec::new();
    messages.next().await.unwrap().unwrap().apply(&mut rows);
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let args = ("s", "user", number.to_string());
                client.call::<u64>("record_agent_message", &args).await
            })
        })
        .collect();
    // Once some are done the others are under way.
    while rows.len() < CALLS / 10 {
        messages.next().await.unwrap().unwrap().apply(&mut rows);
    }
    let server = server.kill_and_restart();
    proxy.turn_to(server.address());
    let mut ids = Vec::new();
    for call in calls {
        let called: Result<_, Error> = call.await.unwrap();
        ids.push(called.unwrap().result);
    }
    while rows.len() < CALLS {
        messages.next().await.unwrap().unwrap().apply(&mut rows);
    }
    let answer = client.query::<Message>(MESSAGES, &["s"]).await.unwrap().rows;
    rows.sort_by_key(|row| row.id);
    assert_eq!(rows, answer, "what was told adds up to the answer");
    let mut contents: Vec<usize> = rows.iter().map(|row| row.content.parse().unwrap()).collect();
    contents.sort_unstable();
    assert_eq!(contents, (0..CALLS).collect::<Vec<_>>(), "each call ran once");
    ids.sort_unstable();
    assert_eq!(ids, rows.iter().map(|row| row.id).collect::<Vec<_>>());
}
