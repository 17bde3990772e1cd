//! The messages of `cosmictron.json.v1`: what a client says is understood as it meant it, what it
//! says wrongly is told by the field, and what the server says is JSON with the client's id.

use std::fmt::Write;

use cosmictron_net::ProblemCode;
use cosmictron_net::wire::{
    AnswerRows, ClientMessage, ID_MAX, MessageError, RequestId, ServerMessage, Subprotocol,
    UpdateWriter,
};
use cosmictron_types::{ConnectionId, Duration, Identity, TxId};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is understood, as a text: the message and its fields, JSON as it came.
fn read(text: &str) -> String {
    let message = match ClientMessage::parse(text) {
        Ok(message) => message,
        Err(refusal) => return format!("{:?} {refusal}", refusal.id.as_ref().map(id_of)),
    };
    let mut out = String::new();
    match message {
        ClientMessage::Authenticate { token } => write!(out, "authenticate {token:?}"),
        ClientMessage::Call { id, reducer, module, args, idempotency_key } => {
            write!(out, "call {} {reducer:?} of {module:?} {args} {idempotency_key:?}", id_of(&id))
        }
        ClientMessage::Subscribe { id, query, params, since } => write!(
            out,
            "subscribe {} {query:?} {:?} {:?}",
            id_of(&id),
            params.map(|params| params.get()),
            since.map(TxId::get)
        ),
        ClientMessage::Unsubscribe { id } => write!(out, "unsubscribe {}", id_of(&id)),
        ClientMessage::Query { id, query, params } => {
            write!(out, "query {} {query:?} {:?}", id_of(&id), params.map(|params| params.get()))
        }
    }
    .unwrap();
    out
}

fn id_of(id: &RequestId) -> String {
    let mut out = Vec::new();
    id.write(&mut out);
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(read(text), expected, "{text}");
}

#[test]
fn every_message_is_understood() {
    check(r#"{"type":"authenticate","token":"eyJ"}"#, r#"authenticate "eyJ""#);
    check(
        r#"{"type":"call","id":1,"reducer":"transfer","args":{"to": 7}}"#,
        r#"call 1 "transfer" of None {"to": 7} None"#,
    );
    check(
        r#" { "args" : [ 1 , [] ] , "id":"a\u0062", "module":"bank","reducer":"r","idempotency_key":"k","type":"call" } "#,
        r#"call "ab" "r" of Some("bank") [ 1 , [] ] Some("k")"#,
    );
    check(
        r#"{"type":"subscribe","id":2,"query":"SELECT \"x\"","params":[1,"a"],"since":18446744073709551615}"#,
        r#"subscribe 2 "SELECT \"x\"" Some("[1,\"a\"]") Some(18446744073709551615)"#,
    );
    check(
        r#"{"type":"subscribe","id":2,"query":"q","params":null,"since":null}"#,
        r#"subscribe 2 "q" None None"#,
    );
    check(r#"{"type":"unsubscribe","id":0}"#, "unsubscribe 0");
    check(r#"{"type":"query","id":"q","query":""}"#, r#"query "q" "" None"#);
}

#[test]
fn fields_that_a_message_does_not_have_are_passed_over() {
    check(
        r#"{"type":"unsubscribe","id":1,"later":{"a":[1e999,{}]},"later":2,"token":7}"#,
        "unsubscribe 1",
    );
    let deep = format!(
        r#"{{"type":"unsubscribe","id":1,"x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    check(&deep, "unsubscribe 1");
}

#[test]
fn what_is_wrong_is_told_by_the_field_with_the_id() {
    check("", "None malformed JSON at line 1, column 0");
    check("{\"type\":\n 'x'}", "None malformed JSON at line 2, column 2");
    check(r#"{"type":"query"} x"#, "None malformed JSON at line 1, column 18");
    check("[]", "None expected an object");
    check("\"query\"", "None expected an object");
    check(r#"{"id":7}"#, r#"Some("7") field type is missing"#);
    check(r#"{"id":7,"type":1}"#, r#"Some("7") field type: expected a string"#);
    check(r#"{"id":7,"type":"x\n"}"#, r#"Some("7") field type: unknown message "x\n""#);
    check(r#"{"type":"query","query":"q"}"#, "None field id is missing");
    check(r#"{"type":"call","id":7,"args":[]}"#, r#"Some("7") field reducer is missing"#);
    check(r#"{"type":"call","id":7,"reducer":"r"}"#, r#"Some("7") field args is missing"#);
    check(
        r#"{"type":"call","id":7,"reducer":"r","args":"[]"}"#,
        r#"Some("7") field args: expected an object or an array"#,
    );
    check(
        r#"{"type":"query","id":7,"query":"q","params":{}}"#,
        r#"Some("7") field params: expected an array"#,
    );
    check(
        r#"{"type":"query","id":7,"query":"\ud800"}"#,
        r#"Some("7") field query: expected a string"#,
    );
    check(r#"{"type":"query","id":7,"query":null}"#, r#"Some("7") field query: expected a string"#);
    check(
        r#"{"type":"call","id":7,"reducer":"","args":[]}"#,
        r#"Some("7") field reducer: expected a string of 1 to 256 bytes"#,
    );
    for since in ["-1", "1.0", "1e3", "18446744073709551616", "\"1\""] {
        check(
            &format!(r#"{{"type":"subscribe","id":7,"query":"q","since":{since}}}"#),
            r#"Some("7") field since: expected an integer from 0 to 18446744073709551615"#,
        );
    }
    check(
        r#"{"type":"query","id":7,"query":"q","query":"q"}"#,
        r#"Some("7") field query is repeated"#,
    );
    check(
        r#"{"type":"query","i\u0064":7,"id":8,"query":"q"}"#,
        r#"Some("8") field id is repeated"#,
    );
}

#[test]
fn texts_have_limits() {
    let with = |field: &str, length: usize| {
        let text = "x".repeat(length);
        let message = json!({
            "type": if field == "token" { "authenticate" } else { "call" },
            "id": 1, "reducer": "r", "args": [], field: text,
        });
        match ClientMessage::parse(&message.to_string()) {
            Ok(_) => true,
            Err(refusal) => {
                let is_wrong = matches!(refusal.error, MessageError::Wrong { field: told, .. } if told == field);
                assert!(is_wrong, "{refusal}");
                false
            }
        }
    };
    for (field, longest) in
        [("id", 64), ("token", 8192), ("reducer", 256), ("module", 256), ("idempotency_key", 255)]
    {
        assert!(with(field, longest) && !with(field, longest + 1), "{field}");
    }
    assert!(!with("id", 0) && !with("idempotency_key", 0) && !with("module", 0));
}

#[test]
fn an_id_comes_back_as_it_was() {
    for id in ["0", "9007199254740992", r#""a""#, r#""\"\\ü""#] {
        check(&format!(r#"{{"type":"unsubscribe","id":{id}}}"#), &format!("unsubscribe {id}"));
    }
    for id in ["9007199254740993", "-0", "-1", "1.0", "1e2", "true", "null", "[]", "{}"] {
        check(
            &format!(r#"{{"type":"unsubscribe","id":{id}}}"#),
            "None field id: expected an integer from 0 to 9007199254740992, or a string of 1 to 64 bytes",
        );
    }
}

#[test]
fn an_unknown_type_is_told_in_part() {
    let text = format!(r#"{{"type":"{}"}}"#, "ä".repeat(1000));
    let refusal = ClientMessage::parse(&text).unwrap_err();
    assert_eq!(refusal.error, MessageError::UnknownType("ä".repeat(32).into()));
}

fn write(message: &ServerMessage<'_>) -> String {
    let mut out = b"before".to_vec();
    message.write(Subprotocol::JsonV1, &mut out);
    String::from_utf8(out.split_off(6)).unwrap()
}

#[test]
fn the_server_says_what_the_contract_says() {
    let id = RequestId::Number(7);
    let answer = AnswerRows {
        columns: r#"["id","name"]"#,
        types: r#"["u64","string"]"#,
        rows: br#"[[1,"ada"]]"#,
    };
    let tx_id = TxId::new(u64::MAX);
    let welcome = ServerMessage::Welcome {
        identity: Identity::from_bytes([0xab; 32]),
        connection_id: ConnectionId::from_bytes([1; 16]),
        expires_at: 1_735_689_600,
    };
    assert_eq!(
        write(&welcome),
        format!(
            r#"{{"type":"welcome","identity":"{}","connection_id":"{}","expires_at":1735689600}}"#,
            "ab".repeat(32),
            "01".repeat(16)
        )
    );
    let duration = Duration::from_micros(2045);
    assert_eq!(
        write(&ServerMessage::Called { id: &id, tx_id, duration, result: None }),
        r#"{"type":"called","id":7,"tx_id":18446744073709551615,"status":"committed","duration_ms":2.045}"#
    );
    let called = ServerMessage::Called { id: &id, tx_id, duration, result: Some("[1]") };
    assert!(write(&called).ends_with(r#","duration_ms":2.045,"result":[1]}"#));
    let tx_id = TxId::new(3);
    let subscribed =
        |key| ServerMessage::Subscribed { id: &id, tx_id, answer, key, resumed: false };
    assert_eq!(
        write(&subscribed(None)),
        r#"{"type":"subscribed","id":7,"tx_id":3,"columns":["id","name"],"types":["u64","string"],"rows":[[1,"ada"]],"resumed":false}"#
    );
    assert_eq!(
        write(&subscribed(Some("[0,1]"))),
        r#"{"type":"subscribed","id":7,"tx_id":3,"columns":["id","name"],"types":["u64","string"],"rows":[[1,"ada"]],"key":[0,1],"resumed":false}"#
    );
    assert_eq!(
        write(&ServerMessage::Unsubscribed { id: &id }),
        r#"{"type":"unsubscribed","id":7}"#
    );
    assert_eq!(
        write(&ServerMessage::Rows { id: &id, tx_id: TxId::new(3), answer }),
        r#"{"type":"rows","id":7,"tx_id":3,"columns":["id","name"],"types":["u64","string"],"rows":[[1,"ada"]]}"#
    );
    let code = ProblemCode::NotFound;
    assert_eq!(
        write(&ServerMessage::Error { id: Some(&id), code, detail: "no \"x\"" }),
        r#"{"type":"error","id":7,"code":"not_found","detail":"no \"x\""}"#
    );
    assert_eq!(
        write(&ServerMessage::Error { id: None, code, detail: "" }),
        r#"{"type":"error","code":"not_found","detail":""}"#
    );
    assert_eq!(
        write(&ServerMessage::TokenExpiring { detail: "soon" }),
        r#"{"type":"error","code":"token_expiring","detail":"soon"}"#
    );
}

#[test]
fn an_update_has_all_subscriptions() {
    let mut out = Vec::new();
    let mut update = UpdateWriter::begin(Subprotocol::JsonV1, TxId::new(9), &mut out);
    update.change(&RequestId::Number(1), b"[[1]],[]");
    update.change(&RequestId::Text("b".into()), b"[],[[2],[3]]");
    update.finish();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"type":"update","tx_id":9,"changes":[[1,[[1]],[]],["b",[],[[2],[3]]]]}"#
    );
}

fn id() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_filter("an id is short", |text| (1..=64).contains(&text.len()));
    prop_oneof![(0..=ID_MAX).prop_map(Value::from), text.prop_map(Value::from)]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 10, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_client_means_is_understood(
        id in id(),
        query in any::<String>(),
        params in proptest::option::of(proptest::collection::vec(value(), 0..4)),
        since in proptest::option::of(any::<u64>()),
        more in (any::<String>(), value()),
        pretty in any::<bool>(),
    ) {
        let mut message = json!({ "type": "subscribe", "id": id, "query": query });
        if !["type", "id", "query", "params", "since"].contains(&more.0.as_str()) {
            message[&more.0] = more.1;
        }
        if let Some(params) = &params {
            message["params"] = Value::from(params.clone());
        }
        if let Some(since) = since {
            message["since"] = Value::from(since);
        }
        let text = match pretty {
            true => serde_json::to_string_pretty(&message).unwrap(),
            false => message.to_string(),
        };
        let read = ClientMessage::parse(&text).unwrap();
        let ClientMessage::Subscribe { id: told, query: asked, params: given, since: from } = read
        else {
            panic!("{text}");
        };
        prop_assert_eq!(serde_json::from_str::<Value>(&id_of(&told)).unwrap(), id);
        prop_assert_eq!(asked, query);
        let given = given.map(|given| serde_json::from_str::<Value>(given.get()).unwrap());
        prop_assert_eq!(given, params.map(Value::from));
        prop_assert_eq!(from.map(TxId::get), since);
    }

    /// Half of a message, or one with an octet changed, is refused or is a message; it never harms.
    #[test]
    fn what_is_no_message_is_refused(
        at in any::<proptest::sample::Index>(),
        put in proptest::option::of(any::<char>()),
    ) {
        let text = r#"{"type":"call","id":"a\n","reducer":"r\u00e4","args":[{"a":1.5e3}],"module":null}"#;
        let at = at.index(text.len());
        let changed = match put {
            Some(put) => format!("{}{put}{}", &text[..at], &text[at + 1..]),
            None => text[..at].to_owned(),
        };
        match ClientMessage::parse(&changed) {
            Ok(_) => prop_assert!(serde_json::from_str::<Value>(&changed).unwrap().is_object()),
            Err(refusal) => prop_assert!(refusal.to_string().len() < 200, "{}", refusal),
        }
    }

    #[test]
    fn what_the_server_says_is_json(id in id(), detail in any::<String>()) {
        let text = json!({ "type": "unsubscribe", "id": id }).to_string();
        let Ok(ClientMessage::Unsubscribe { id: told }) = ClientMessage::parse(&text) else {
            panic!("{text}");
        };
        let code = ProblemCode::Overloaded;
        let written = write(&ServerMessage::Error { id: Some(&told), code, detail: &detail });
        let expected = json!({ "type": "error", "id": id, "code": "overloaded", "detail": detail });
        prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
    }
}
