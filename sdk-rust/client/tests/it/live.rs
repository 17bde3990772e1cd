//! What is asked and told over one connection that holds.

use cosmictron_client::{Code, Error, IdempotencyKey, Options, Subscription, Update};

use super::{MESSAGES, Message, agent, record};

/// The rows after so many updates.
async fn follow(subscription: &mut Subscription<Message>, updates: usize) -> Vec<Message> {
    let mut rows = Vec::new();
    for _ in 0..updates {
        subscription.next().await.unwrap().unwrap().apply(&mut rows);
    }
    rows
}

#[tokio::test]
async fn a_subscriber_is_told_what_there_is_and_then_what_changes() {
    let (_server, client) = agent(Options::default()).await;
    let first = record(&client, "one").await;
    let mut messages = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    assert_eq!(messages.columns(), ["id", "content"]);
    assert_eq!(messages.key().unwrap().collect::<Vec<_>>(), ["id"]);
    let called = client.call::<u64>("record_agent_message", &("s", "user", "two")).await.unwrap();
    let one = Message { id: first, content: "one".to_owned() };
    let two = Message { id: called.result, content: "two".to_owned() };
    let begun = messages.next().await.unwrap().unwrap();
    assert!(matches!(&begun, Update::Rows { rows, .. } if *rows == [one]), "{begun:?}");
    let changed = messages.next().await.unwrap().unwrap();
    let expected = Update::Changes { tx_id: called.tx_id, inserts: vec![two], deletes: vec![] };
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn what_the_server_refuses_has_its_code() {
    let (_server, client) = agent(Options::default()).await;
    let code = |error: Error| error.code().cloned().unwrap();
    let unknown = client.call::<()>("no_such", &()).await.unwrap_err();
    assert_eq!(code(unknown), Code::NotFound);
    let wrong = client.query::<u64>("SELECT nothing", &()).await.unwrap_err();
    assert_eq!(code(wrong), Code::InvalidRequest);
    let wrong = client.subscribe::<u64>("EXPLAIN SELECT 1", &()).await.unwrap_err();
    assert_eq!(code(wrong), Code::InvalidRequest);
    let failed = client.call::<()>("complete_tool_call", &("none", "result")).await.unwrap_err();
    assert_eq!(code(failed), Code::ReducerFailed);
}

#[tokio::test]
async fn what_is_too_long_for_the_server_is_refused_and_all_else_goes_on() {
    let (_server, client) = agent(Options::default()).await;
    let mut messages = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    let long = "x".repeat(2 << 20);
    let args = ("s", "user", &long);
    let (refused, done) = tokio::join!(
        client.call::<u64>("record_agent_message", &args),
        client.call::<u64>("record_agent_message", &("s", "user", "short")),
    );
    assert_eq!(refused.unwrap_err().code(), Some(&Code::TooLarge));
    let mut rows = Vec::new();
    while rows.is_empty() {
        messages.next().await.unwrap().unwrap().apply(&mut rows);
    }
    assert_eq!(rows[0].id, done.unwrap().result);
}

#[tokio::test]
async fn a_call_with_a_key_runs_once() {
    let (_server, client) = agent(Options::default()).await;
    let key = IdempotencyKey::of("order 7");
    let args = ("s", "user", "once");
    let first = client.call_once::<u64>(&key, "record_agent_message", &args).await.unwrap();
    let again = client.call_once::<u64>(&key, "record_agent_message", &args).await.unwrap();
    assert_eq!(first, again);
    let count = client.query::<u64>("SELECT count(*) FROM agent_state", &()).await.unwrap();
    assert_eq!(count.rows, [1]);
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_is_told_the_rest() {
    let (_server, client) = agent(Options { updates_max: 1, ..Options::default() }).await;
    let mut messages = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    let mut last = 0;
    for number in 0..20 {
        last = record(&client, &number.to_string()).await;
    }
    let mut rows = Vec::new();
    let mut updates = 0;
    while rows.last().is_none_or(|row: &Message| row.id < last) {
        messages.next().await.unwrap().unwrap().apply(&mut rows);
        updates += 1;
    }
    assert_eq!(rows.len(), 20);
    assert!(updates < 20, "{updates} updates were kept, where there is room for one");
}

#[tokio::test]
async fn subscribers_of_one_client_do_not_hold_each_other_up() {
    let (_server, client) = agent(Options { updates_max: 2, ..Options::default() }).await;
    let idle = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    let mut keen = client.subscribe::<Message>(MESSAGES, &["s"]).await.unwrap();
    assert_eq!(follow(&mut keen, 1).await, []);
    for number in 0..10 {
        let id = record(&client, &number.to_string()).await;
        assert_eq!(follow(&mut keen, 1).await[0].id, id);
    }
    drop(idle);
    record(&client, "more").await;
    assert_eq!(follow(&mut keen, 1).await[0].content, "more");
}
