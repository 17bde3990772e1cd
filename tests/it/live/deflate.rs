//! Compressed messages, in both directions: through the product's own client side, since tungstenite has no deflate.

use std::io::{Read, Write};
use std::net::TcpStream;

use cosmictron_net::ws::{
    Compression, Decoder, Deflater, Encoder, Inflater, Limits, MaskKey, Opening, Received, Role,
};
use cosmictron_net::{Limits as HttpLimits, Method, ResponseDecoder};
use cosmictron_tests::{JSON_V1, binary};
use serde_json::{Value, json};

use super::{agent, message, record};

struct Client {
    stream: TcpStream,
    decoder: Decoder,
    inflater: Inflater,
    /// Bytes that have come.
    received: usize,
}

impl Client {
    fn next(&mut self) -> Value {
        loop {
            match self.decoder.next(&mut self.inflater).unwrap() {
                Received::Text(text) => return serde_json::from_str(text).unwrap(),
                Received::Binary(bytes) => {
                    return binary::decode(bytes, &|_| vec!["string".to_owned()]);
                }
                Received::NeedMore => {}
                other => panic!("{other:?}"),
            }
            let mut bytes = [0; 16 << 10];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the connection has ended");
            self.received += count;
            self.decoder.input().extend_from_slice(&bytes[..count]);
        }
    }
}

in_both_subprotocols! {
    messages_are_compressed_where_both_sides_agree_on_it,
}

fn messages_are_compressed_where_both_sides_agree_on_it(spoken: &str) {
    let (server, mut ada) = agent("", 1);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let protocols = [spoken];
    let (opening, mut out) = (Opening::new([7; 16], &protocols), Vec::new());
    opening.write("/v1/ws", "a", ada.token(), &mut out);
    stream.write_all(&out).unwrap();
    let mut http = ResponseDecoder::new(HttpLimits::default(), 1 << 20);
    let agreement = loop {
        if let Some(answer) = http.next(Method::Get).unwrap() {
            break opening.check(&answer).unwrap();
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        http.input().extend_from_slice(&byte);
    };
    assert!(agreement.receives_deflate);
    assert!(matches!(agreement.sends, Compression::Deflate(_)));
    let decoder = Decoder::new(Role::Client, agreement.receives_deflate, Limits::default());
    let mut client = Client {
        stream: stream.try_clone().unwrap(),
        decoder,
        inflater: Inflater::new(),
        received: 0,
    };
    assert_eq!(client.next()["type"], "welcome");
    let content = "to be or not to be ".repeat(5_000);
    let (mut deflater, mut out) = (Deflater::new(), Vec::new());
    let encoder = Encoder::new(agreement.sends).masked(MaskKey::new([1, 2, 3, 4]));
    let mut send = |message: &Value, out: &mut Vec<u8>| match spoken == JSON_V1 {
        true => encoder.text(&message.to_string(), &mut deflater, out),
        false => encoder.binary(&binary::encode(message), &mut deflater, out),
    };
    let subscribe =
        json!({"type": "subscribe", "id": 1, "query": "SELECT content FROM agent_state"});
    send(&subscribe, &mut out);
    let call = json!({"type": "call", "id": 2, "reducer": "record_agent_message",
        "args": message("s", &content)});
    send(&call, &mut out);
    assert!(out.len() < 10_000, "{} bytes were sent", out.len());
    stream.write_all(&out).unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let message = client.next();
        kinds.push(message["type"].as_str().unwrap().to_owned());
        if message["type"] == "update" {
            assert_eq!(message["changes"][0][1], json!([[content]]));
        }
    }
    assert_eq!(kinds[0], "subscribed");
    assert!(client.received < 10_000, "{} bytes were received", client.received);
    record(&mut ada, "s", "short");
    assert_eq!(client.next()["changes"], json!([[1, [["short"]], []]]));
}
