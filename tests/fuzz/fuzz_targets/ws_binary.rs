//! Arbitrary bytes as a client's message of `cosmictron.bin.v1`: refused in few words, or understood within its bounds, and
//! understood alike when it is written again.

#![no_main]

use cosmictron_net::wire::{ClientMessage, ID_BYTES_MAX, ID_MAX, RequestId};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

/// Far more than any refusal has, far less than the fuzzer can send.
const REFUSAL_BYTES_MAX: usize = 500;

fuzz_target!(|input: &[u8]| {
    match ClientMessage::decode(input) {
        Ok(message) => check(&message),
        Err(refusal) => {
            let told = refusal.to_string();
            assert!(told.len() <= REFUSAL_BYTES_MAX, "{told}");
            if let Some(id) = &refusal.id {
                check_id(id);
            }
        }
    }
});

fn check(message: &ClientMessage<'_>) {
    let again = write(message);
    let read = ClientMessage::decode(&again).expect("what was understood is understood again");
    assert_eq!(format!("{read:?}"), format!("{message:?}"));
}

/// The message as bytes, whatever they were: fields in order, and nothing else.
fn write(message: &ClientMessage<'_>) -> Vec<u8> {
    match message {
        ClientMessage::Authenticate { token } => {
            assert!(token.len() <= 8192);
            fields(1, &[(3, Some(token.as_bytes()))])
        }
        ClientMessage::Call { id, reducer, module, args, idempotency_key } => {
            assert!((1..=256).contains(&reducer.len()));
            assert!(module.as_ref().is_none_or(|module| (1..=256).contains(&module.len())));
            assert!(idempotency_key.as_ref().is_none_or(|key| (1..=255).contains(&key.len())));
            let args = check_raw(args);
            let module = module.as_ref().map(|module| module.as_bytes());
            let key = idempotency_key.as_ref().map(|key| key.as_bytes());
            let (tag, id) = id_field(id);
            let reducer = Some(reducer.as_bytes());
            fields(2, &[(tag, Some(&id)), (4, reducer), (5, module), (6, Some(args)), (7, key)])
        }
        ClientMessage::Subscribe { id, query, params, since } => {
            let params = params.map(check_raw);
            let since = since.map(|tx| tx.get().to_le_bytes());
            let since = since.as_ref().map(|since| &since[..]);
            let (tag, id) = id_field(id);
            let query = Some(query.as_bytes());
            fields(3, &[(tag, Some(&id)), (8, query), (9, params), (10, since)])
        }
        ClientMessage::Unsubscribe { id } => {
            let (tag, id) = id_field(id);
            fields(4, &[(tag, Some(&id))])
        }
        ClientMessage::Query { id, query, params } => {
            let params = params.map(check_raw);
            let (tag, id) = id_field(id);
            fields(5, &[(tag, Some(&id)), (8, Some(query.as_bytes())), (9, params)])
        }
    }
}

fn fields(kind: u32, fields: &[(u32, Option<&[u8]>)]) -> Vec<u8> {
    let mut out = [kind.to_le_bytes(), [0; 4]].concat();
    for (tag, value) in fields {
        let Some(value) = value else { continue };
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&u32::try_from(value.len()).expect("inputs are short").to_le_bytes());
        out.extend_from_slice(value);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out
}

fn id_field(id: &RequestId) -> (u32, Vec<u8>) {
    check_id(id);
    match id {
        RequestId::Number(number) => (1, number.to_le_bytes().to_vec()),
        RequestId::Text(text) => (2, text.as_bytes().to_vec()),
    }
}

fn check_raw(json: &RawValue) -> &[u8] {
    assert!(json.get().starts_with(['[', '{']), "{json}");
    json.get().as_bytes()
}

fn check_id(id: &RequestId) {
    match id {
        RequestId::Number(number) => assert!(*number <= ID_MAX),
        RequestId::Text(text) => assert!((1..=ID_BYTES_MAX).contains(&text.len())),
    }
}
