//! Arbitrary bytes as a WebSocket connection, of either end: the same messages or the same violation
//! however they are cut, within the limits, and each message can be sent again.

#![no_main]

use cosmictron_fuzz::reads::Reads;
use cosmictron_net::ws::{
    CloseCode, Closing, Compression, Decoder, Deflater, Encoder, Inflater, Limits, MaskKey,
    Received, Role, Violation, WindowBits,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { message_bytes_max: 4096, frame_bytes_max: 3000, fragments_max: 20 };

/// Something received, on its own.
#[derive(Clone, Debug, PartialEq)]
enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(CloseCode, String)>),
}

#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    end: Result<bool, Violation>,
}

fn decode(role: Role, receives_deflate: bool, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(role, receives_deflate, LIMITS);
    let mut inflater = Inflater::new();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.input().extend_from_slice(piece);
        loop {
            let event = match decoder.next(&mut inflater) {
                Ok(Received::NeedMore | Received::Closed) => break,
                Ok(Received::Text(text)) => Event::Text(text.to_owned()),
                Ok(Received::Binary(bytes)) => Event::Binary(bytes.to_vec()),
                Ok(Received::Ping(bytes)) => Event::Ping(bytes.to_vec()),
                Ok(Received::Pong(bytes)) => Event::Pong(bytes.to_vec()),
                Ok(Received::Close(close)) => {
                    Event::Close(close.map(|close| (close.code, close.reason.to_owned())))
                }
                Err(violation) => return Outcome { events, end: Err(violation) },
            };
            assert!(event.len() <= LIMITS.message_bytes_max, "{event:?}");
            events.push(event);
        }
    }
    Outcome { events, end: Ok(decoder.is_within_message()) }
}

impl Event {
    fn len(&self) -> usize {
        match self {
            Event::Text(text) => text.len(),
            Event::Binary(bytes) => bytes.len(),
            Event::Ping(bytes) | Event::Pong(bytes) => {
                assert!(bytes.len() <= 125);
                bytes.len()
            }
            Event::Close(close) => close.as_ref().map_or(0, |(_, reason)| reason.len()),
        }
    }

    fn encode(&self, encoder: &Encoder, deflater: &mut Deflater, out: &mut Vec<u8>) {
        match self {
            Event::Text(text) => encoder.text(text, deflater, out),
            Event::Binary(bytes) => encoder.binary(bytes, deflater, out),
            Event::Ping(bytes) => encoder.ping(bytes, out),
            Event::Pong(bytes) => encoder.pong(bytes, out),
            Event::Close(Some((code, reason))) => {
                Closing::default().start(*code, reason, encoder, out);
            }
            Event::Close(None) => Closing::default().receive(None, encoder, out),
        }
    }
}

/// What was understood can be said again, if its frames are no longer than the limit.
fn check_again(events: Vec<Event>, role: Role, window: WindowBits) {
    let mut encoder = Encoder::new(Compression::Deflate(window)).deflating_from(100);
    if role == Role::Server {
        encoder = encoder.masked(MaskKey::new([1, 2, 3, 4]));
    }
    let mut deflater = Deflater::new();
    let mut bytes = Vec::new();
    let events: Vec<Event> =
        events.into_iter().filter(|event| event.len() <= LIMITS.frame_bytes_max).collect();
    events.iter().for_each(|event| event.encode(&encoder, &mut deflater, &mut bytes));
    let again = decode(role, true, &[&bytes]);
    assert_eq!(again, Outcome { events, end: Ok(false) });
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let Some(reads) = Reads::split(input) else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let receives_deflate = choice & 2 == 0;
    let window = WindowBits::new(9 + (choice >> 2) % 7).expect("it is from 9 to 15");
    let outcome = decode(role, receives_deflate, &[reads.whole]);
    assert_eq!(decode(role, receives_deflate, &reads.pieces), outcome);
    check_again(outcome.events, role, window);
});
