//! The messages of `cosmictron.bin.v1`: they say what those of `cosmictron.json.v1` say, in both directions, and what is no
//! message is refused by what is wrong with it.

use cosmictron_net::ProblemCode;
use cosmictron_net::wire::{
    AnswerRows, ClientMessage, MessageError, RequestId, ServerMessage, Subprotocol, UpdateWriter,
};
use cosmictron_types::{ConnectionId, Duration, Identity, TxId};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Independent of the product.
#[path = "../../../tests/fixture/binary.rs"]
mod binary;

use binary::{decode, encode, field};

/// What a message says, as a text.
fn said(message: &ClientMessage<'_>) -> String {
    format!("{message:?}")
}

fn no_types(_: &Value) -> Vec<String> {
    Vec::new()
}

#[test]
fn every_message_says_what_it_says_in_json() {
    for message in [
        json!({"type": "authenticate", "token": "eyJ"}),
        json!({"type": "call", "id": 1, "reducer": "transfer", "args": {"to": 7}}),
        json!({"type": "call", "id": "é", "reducer": "r", "args": [1, []], "module": "bank",
            "idempotency_key": "k"}),
        json!({"type": "subscribe", "id": 2, "query": "SELECT \"x\"", "params": [1, "a"],
            "since": u64::MAX}),
        json!({"type": "subscribe", "id": 9_007_199_254_740_992_u64, "query": ""}),
        json!({"type": "unsubscribe", "id": 0}),
        json!({"type": "query", "id": "q", "query": "SELECT 1", "params": []}),
    ] {
        let text = message.to_string();
        let bytes = encode(&message);
        let in_bytes = ClientMessage::decode(&bytes).unwrap();
        assert_eq!(said(&in_bytes), said(&ClientMessage::parse(&text).unwrap()));
    }
}

#[test]
fn fields_that_a_message_does_not_have_are_passed_over() {
    let mut bytes = encode(&json!({"type": "unsubscribe", "id": 1, "token": "x"}));
    field(12345, b"later", &mut bytes);
    field(12345, b"", &mut bytes);
    assert!(matches!(ClientMessage::decode(&bytes), Ok(ClientMessage::Unsubscribe { .. })));
}

/// The id and the error of what is refused.
fn refused(bytes: &[u8]) -> (Option<RequestId>, String) {
    let refusal = ClientMessage::decode(bytes).unwrap_err();
    (refusal.id, refusal.error.to_string())
}

#[test]
fn what_is_wrong_is_told_by_the_field_with_the_id() {
    let with_id = |number: u32, fields: &[(u32, &[u8])]| {
        let mut bytes = [number.to_le_bytes(), [0; 4]].concat();
        field(1, &7u64.to_le_bytes(), &mut bytes);
        fields.iter().for_each(|(number, value)| field(*number, value, &mut bytes));
        let (id, error) = refused(&bytes);
        assert_eq!(id, Some(RequestId::Number(7)), "{error}");
        error
    };
    assert_eq!(with_id(5, &[]), "field query is missing");
    assert_eq!(with_id(6, &[]), "unknown message 6");
    assert_eq!(with_id(16, &[]), "unknown message 16");
    assert_eq!(with_id(5, &[(8, b"q"), (8, b"q")]), "field query is repeated");
    assert_eq!(with_id(4, &[(1, &7u64.to_le_bytes())]), "field id is repeated");
    assert_eq!(with_id(5, &[(8, b"\xff")]), "field query: expected a string");
    assert_eq!(
        with_id(2, &[(4, b""), (6, b"[]")]),
        "field reducer: expected a string of 1 to 256 bytes"
    );
    assert_eq!(with_id(2, &[(4, b"r")]), "field args is missing");
    for args in [&b"7"[..], b"", b"[1", b"[1] x", b"[\"\xff\"]", b"\"[]\""] {
        let error = with_id(2, &[(4, b"r"), (6, args)]);
        assert_eq!(error, "field args: expected an object or an array");
    }
    assert_eq!(with_id(5, &[(8, b"q"), (9, b"{}")]), "field params: expected an array");
    assert_eq!(
        with_id(3, &[(8, b"q"), (10, &[1, 0, 0, 0])]),
        "field since: expected an integer from 0 to 18446744073709551615"
    );
    let wrong_id =
        "field id: expected an integer from 0 to 9007199254740992, or a string of 1 to 64 bytes";
    let long = [b'x'; 65];
    let too_great = 9_007_199_254_740_993_u64.to_le_bytes();
    let ids: [(u32, &[u8]); 6] =
        [(1, &too_great), (1, &[0; 7]), (1, b""), (2, b""), (2, &long), (2, b"\xff")];
    for (number, id) in ids {
        let mut bytes = vec![4, 0, 0, 0, 0, 0, 0, 0];
        field(number, id, &mut bytes);
        assert_eq!(refused(&bytes), (None, wrong_id.to_owned()));
    }
    let twice = {
        let mut bytes = encode(&json!({"type": "unsubscribe", "id": 1}));
        field(2, b"a", &mut bytes);
        bytes
    };
    assert_eq!(refused(&twice), (Some(RequestId::Text("a".into())), "field id is repeated".into()));
    assert_eq!(refused(&[4, 0, 0, 0, 0, 0, 0, 0]), (None, "field id is missing".into()));
}

#[test]
fn what_has_not_the_form_of_a_message_is_refused_by_the_byte() {
    for length in 0..8 {
        assert_eq!(
            refused(&[5, 0, 0, 0, 0, 0, 0, 0][..length]),
            (None, "the message ends within what begins at byte 0".into())
        );
    }
    assert_eq!(refused(&[5, 0, 0, 0, 0, 0, 1, 0]), (None, "byte 6 is not zero".into()));
    let whole = encode(&json!({"type": "query", "id": 7, "query": "SELECT 1+1"}));
    // Whichever field comes second: its head, its value or its zeros are cut.
    let second = 8 + 8 + 8;
    for length in second + 1..whole.len() {
        let (_, error) = refused(&whole[..length]);
        assert!(error.starts_with("the message ends within what begins at byte"), "{error}");
    }
    let mut padded = vec![5, 0, 0, 0, 0, 0, 0, 0];
    field(8, b"SELECT 1+1", &mut padded);
    *padded.last_mut().unwrap() = 1;
    assert_eq!(refused(&padded), (None, format!("byte {} is not zero", padded.len() - 1)));
    let mut endless = vec![5, 0, 0, 0, 0, 0, 0, 0];
    endless.extend_from_slice(&[8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(refused(&endless), (None, "the message ends within what begins at byte 8".into()));
}

#[test]
fn texts_have_the_limits_of_json() {
    let with = |name: &str, length: usize| {
        let message = json!({
            "type": if name == "token" { "authenticate" } else { "call" },
            "id": 1, "reducer": "r", "args": [], name: "x".repeat(length),
        });
        match ClientMessage::decode(&encode(&message)) {
            Ok(_) => true,
            Err(refusal) => {
                assert!(
                    matches!(refusal.error, MessageError::Wrong { field, .. } if field == name)
                );
                false
            }
        }
    };
    for (name, longest) in
        [("id", 64), ("token", 8192), ("reducer", 256), ("module", 256), ("idempotency_key", 255)]
    {
        assert!(with(name, longest) && !with(name, longest + 1), "{name}");
    }
}

fn write(message: &ServerMessage<'_>, subprotocol: Subprotocol) -> Vec<u8> {
    let mut out = b"before".to_vec();
    message.write(subprotocol, &mut out);
    out.split_off(6)
}

/// A batch of no rows.
const NONE: [u8; 16] = [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn the_server_says_what_it_says_in_json() {
    let (number, text) = (RequestId::Number(7), RequestId::Text("é".into()));
    let answer = |rows| AnswerRows { columns: r#"["id"]"#, types: r#"["u64"]"#, rows };
    let tx_id = TxId::new(u64::MAX);
    let duration = Duration::from_micros(2045);
    let code = ProblemCode::NotFound;
    let subscribed = |id, answer, key: Option<&'static str>| ServerMessage::Subscribed {
        id,
        tx_id,
        answer,
        key,
        resumed: key.is_some(),
    };
    let messages = |rows| {
        [
            ServerMessage::Welcome {
                identity: Identity::from_bytes([0xab; 32]),
                connection_id: ConnectionId::from_bytes([1; 16]),
                expires_at: 1_735_689_600,
            },
            ServerMessage::Called { id: &number, tx_id, duration, result: None },
            ServerMessage::Called { id: &text, tx_id, duration, result: Some("[1,{}]") },
            subscribed(&text, answer(rows), None),
            subscribed(&number, answer(rows), Some("[0]")),
            subscribed(&number, answer(rows), Some("[]")),
            ServerMessage::Unsubscribed { id: &number },
            ServerMessage::Rows { id: &number, tx_id, answer: answer(rows) },
            ServerMessage::Error { id: Some(&text), code, detail: "no \"x\"" },
            ServerMessage::Error { id: None, code, detail: "" },
            ServerMessage::TokenExpiring { detail: "soon" },
        ]
    };
    for (in_bytes, in_json) in messages(&NONE).iter().zip(&messages(b"[]")) {
        let bytes = write(in_bytes, Subprotocol::BinV1);
        let json: Value = serde_json::from_slice(&write(in_json, Subprotocol::JsonV1)).unwrap();
        assert_eq!(decode(&bytes, &no_types), json);
    }
}

/// The bytes of the document's examples.
fn documented() -> Vec<Vec<u8>> {
    let document = include_str!("../../../docs/protocol.md");
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for block in document.split("```hex\n").skip(1) {
        let mut bytes = Vec::new();
        for line in block.split_once("```").unwrap().0.lines() {
            let hex = line.split_once("  ").map_or(line, |(hex, _)| hex).replace(' ', "");
            if hex == "(batch)" {
                bytes.extend_from_slice(&blocks[1]);
                continue;
            }
            let digits = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            bytes.extend(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
        blocks.push(bytes);
    }
    blocks
}

#[test]
fn the_messages_of_the_document_are_what_it_says() {
    let blocks = documented();
    let [subscribe, batch, told] = &blocks[..] else { panic!("{} examples", blocks.len()) };
    let message = ClientMessage::decode(subscribe).unwrap();
    assert_eq!(
        said(&message),
        said(&ClientMessage::parse(r#"{"type":"subscribe","id":7,"query":"SELECT 1"}"#).unwrap())
    );
    let mut out = Vec::new();
    let mut update = UpdateWriter::begin(Subprotocol::BinV1, TxId::new(12), &mut out);
    update.change(&RequestId::Number(7), &[&batch[..], &NONE].concat());
    update.finish();
    assert_eq!(out, *told);
    let types = |_: &Value| ["i64", "string", "bool"].map(str::to_owned).to_vec();
    let rows = json!([[1, "ada", null], [300, "é😀", true], [-1, null, false]]);
    let expected = json!({"type": "update", "tx_id": 12, "changes": [[7, rows, []]]});
    assert_eq!(decode(&out, &types), expected);
}

#[test]
fn an_update_has_all_subscriptions() {
    let mut out = Vec::new();
    let mut update = UpdateWriter::begin(Subprotocol::BinV1, TxId::new(9), &mut out);
    let none = [NONE, NONE].concat();
    update.change(&RequestId::Number(1), &none);
    update.change(&RequestId::Text("b".into()), &none);
    update.finish();
    let expected = json!({"type": "update", "tx_id": 9, "changes": [[1, [], []], ["b", [], []]]});
    assert_eq!(decode(&out, &no_types), expected);
}

proptest! {
    #[test]
    fn what_a_client_means_is_understood(
        id in prop_oneof![(0..=1u64 << 53).prop_map(Value::from), "[a-zé😀]{1,16}".prop_map(Value::from)],
        query in any::<String>(),
        params in proptest::option::of(proptest::collection::vec(any::<String>(), 0..4)),
        since in proptest::option::of(any::<u64>()),
    ) {
        let message = json!({
            "type": "subscribe", "id": id, "query": query, "params": params, "since": since,
        });
        let (bytes, text) = (encode(&message), message.to_string());
        let in_bytes = ClientMessage::decode(&bytes).unwrap();
        prop_assert_eq!(said(&in_bytes), said(&ClientMessage::parse(&text).unwrap()));
    }

    /// Half of a message, or one with bytes changed, is refused or is a message; it never harms.
    #[test]
    fn what_is_no_message_is_refused(
        cut in any::<proptest::sample::Index>(),
        puts in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let message = json!({"type": "call", "id": "a", "reducer": "rä", "args": [{"a": 1.5}],
            "idempotency_key": "k"});
        let mut bytes = encode(&message);
        for (at, put) in &puts {
            let at = at.index(bytes.len());
            bytes[at] = *put;
        }
        if puts.is_empty() {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(refusal) = ClientMessage::decode(&bytes) {
            prop_assert!(refusal.to_string().len() < 200, "{}", refusal);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_are_a_message(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Err(refusal) = ClientMessage::decode(&bytes) {
            prop_assert!(refusal.to_string().len() < 200, "{}", refusal);
        }
    }
}
