//! Arbitrary text as a client's message: refused in few words, or understood within its bounds and
//! as JSON to others too, its id brought back as it was.

#![no_main]

use cosmictron_net::ProblemCode;
use cosmictron_net::wire::{
    ClientMessage, ID_BYTES_MAX, ID_MAX, RequestId, ServerMessage, Subprotocol,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

/// Far more than any refusal has, far less than the fuzzer can send.
const REFUSAL_BYTES_MAX: usize = 500;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    match ClientMessage::parse(text) {
        Ok(message) => check(text, &message),
        Err(refusal) => {
            let told = refusal.to_string();
            assert!(told.len() <= REFUSAL_BYTES_MAX, "{told}");
            if let Some(id) = &refusal.id {
                check_id(id);
            }
        }
    }
});

fn check(text: &str, message: &ClientMessage<'_>) {
    // Deeply nested, or with a number beyond its floats, serde_json does not read it as a value.
    let value: Option<Value> = serde_json::from_str(text).ok();
    let member = |name: &str| value.as_ref().map(|value| &value[name]);
    let is_member = |name: &str, found: &str| member(name).is_none_or(|value| value == found);
    match message {
        ClientMessage::Authenticate { token } => assert!(is_member("token", token)),
        ClientMessage::Call { id, reducer, module, args, idempotency_key } => {
            check_id(id);
            check_raw(args);
            assert!(is_member("reducer", reducer));
            assert!(reducer.len() <= 256);
            assert!(module.as_ref().is_none_or(|module| is_member("module", module)));
            assert!(idempotency_key.as_ref().is_none_or(|key| key.len() <= 255));
        }
        ClientMessage::Subscribe { id, query, params, since } => {
            check_id(id);
            params.iter().for_each(|params| check_raw(params));
            assert!(is_member("query", query));
            let told = since.map(|tx| Value::from(tx.get()));
            assert!(member("since").is_none_or(|value| *value == told.unwrap_or_default()));
        }
        ClientMessage::Unsubscribe { id } => check_id(id),
        ClientMessage::Query { id, query, params } => {
            check_id(id);
            params.iter().for_each(|params| check_raw(params));
            assert!(is_member("query", query));
        }
    }
}

fn check_raw(json: &RawValue) {
    assert!(json.get().starts_with(['[', '{']), "{json}");
}

fn check_id(id: &RequestId) {
    match id {
        RequestId::Number(number) => assert!(*number <= ID_MAX),
        RequestId::Text(text) => assert!((1..=ID_BYTES_MAX).contains(&text.len())),
    }
    let mut out = Vec::new();
    let code = ProblemCode::NotFound;
    ServerMessage::Error { id: Some(id), code, detail: "" }.write(Subprotocol::JsonV1, &mut out);
    let answer: Value = serde_json::from_slice(&out).expect("an answer is JSON");
    let question =
        Value::from_iter([("type", Value::from("unsubscribe")), ("id", answer["id"].clone())]);
    let question = question.to_string();
    let Ok(ClientMessage::Unsubscribe { id: again }) = ClientMessage::parse(&question) else {
        panic!("{question}");
    };
    assert_eq!(again, *id);
}
