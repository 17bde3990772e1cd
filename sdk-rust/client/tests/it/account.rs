//! Who a client is, and what becomes of what it asks when it is nobody.

use cosmictron_client::{Client, Code, Error, Options, State};

use super::{agent, record};

#[tokio::test]
async fn nobody_is_answered_who_has_not_signed_in() {
    let (server, _) = agent(Options::default()).await;
    let client = Client::new(&server.url(), Options::default()).unwrap();
    let refused = client.query::<u64>("SELECT 1", &()).await.unwrap_err();
    assert!(matches!(refused, Error::SignedOut), "{refused}");
    let wrong = client.sign_in("ada@example.com", "wrong!").await.unwrap_err();
    assert_eq!(wrong.code(), Some(&Code::Unauthenticated));
    let session = client.sign_in("ada@example.com", "secret").await.unwrap();
    assert!(!format!("{session:?}").contains(&session.token));
    assert_eq!(client.query::<u64>("SELECT 1", &()).await.unwrap().rows, [1]);
    let State::Connected { identity, .. } = *client.state().borrow() else { panic!() };
    assert_eq!(identity, session.identity);
}

#[tokio::test]
async fn a_token_that_is_refused_signs_the_client_out() {
    let (server, client) = agent(Options::default()).await;
    record(&client, "before").await;
    let mut messages = client.subscribe::<u64>("SELECT id FROM agent_state", &()).await.unwrap();
    messages.next().await.unwrap().unwrap();
    // The same token, signed out elsewhere.
    let session = client.refresh().await.unwrap();
    let other =
        Client::new(&server.url(), Options { token: Some(session.token), ..Options::default() });
    other.unwrap().sign_out().await.unwrap();
    let ended = messages.next().await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Some(&Code::Unauthenticated), "{ended}");
    assert!(messages.next().await.is_none());
    let mut state = client.state();
    state.wait_for(|state| *state == State::SignedOut).await.unwrap();
    assert!(matches!(client.query::<u64>("SELECT 1", &()).await, Err(Error::SignedOut)));
    client.sign_in("ada@example.com", "secret").await.unwrap();
    record(&client, "after").await;
}

#[tokio::test]
async fn what_one_account_has_asked_is_not_told_to_another() {
    let (_server, client) = agent(Options::default()).await;
    let mut messages = client.subscribe::<u64>("SELECT id FROM agent_state", &()).await.unwrap();
    messages.next().await.unwrap().unwrap();
    client.sign_in("ada@example.com", "secret").await.unwrap();
    let id = record(&client, "still hers").await;
    // The same account again: it goes on.
    let mut rows = Vec::new();
    while rows != [id] {
        messages.next().await.unwrap().unwrap().apply(&mut rows);
    }
    client.sign_up("bob@example.com", "secret").await.unwrap();
    let ended = messages.next().await.unwrap().unwrap_err();
    assert!(matches!(ended, Error::SignedOut), "{ended}");
    assert_eq!(client.query::<u64>("SELECT 1", &()).await.unwrap().rows, [1]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let options = Options { timeout: std::time::Duration::from_millis(300), ..Options::default() };
    let client = Client::new("ws://127.0.0.1:9", options).unwrap();
    let refused = client.sign_in("ada@example.com", "secret").await.unwrap_err();
    assert!(matches!(refused, Error::Unreachable(_)), "{refused}");
    let token = Options { token: Some("a.b.c".to_owned()), ..Options::default() };
    let client = Client::new("ws://127.0.0.1:9", token).unwrap();
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.query::<u64>("SELECT 1", &()).await }
    });
    let mut state = client.state();
    state.wait_for(|state| matches!(state, State::Waiting { attempt: 2, .. })).await.unwrap();
    asking.abort();
}
