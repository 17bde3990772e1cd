//! Arbitrary bytes as a server's connection: the same answers or the same refusal however they are
//! cut.

#![no_main]

use cosmictron_fuzz::reads::Reads;
use cosmictron_net::{HttpError, Limits, Method, Phase, ResponseDecoder};
use libfuzzer_sys::fuzz_target;

const BODY_BYTES_MAX: usize = 4096;

/// What is asked for, over and over.
const METHODS: [Method; 3] = [Method::Get, Method::Head, Method::Post];

#[derive(Debug, PartialEq)]
struct Received {
    status: u16,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    keep_alive: bool,
}

#[derive(Debug, PartialEq)]
struct Outcome {
    answers: Vec<Received>,
    end: Result<Phase, HttpError>,
}

fn decode(pieces: &[&[u8]]) -> Outcome {
    let mut decoder = ResponseDecoder::new(Limits::new(1024, 256, 16), BODY_BYTES_MAX);
    let mut answers = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        decoder.input().extend_from_slice(piece);
        if index + 1 == pieces.len() {
            decoder.end();
        }
        loop {
            match decoder.next(METHODS[answers.len() % METHODS.len()]) {
                Ok(Some(answer)) => {
                    assert!((101..=599).contains(&answer.status));
                    let fields = answer.headers.iter();
                    let fields = fields.map(|(name, value)| (name.to_vec(), value.to_vec()));
                    answers.push(Received {
                        status: answer.status,
                        fields: fields.collect(),
                        body: answer.body.to_vec(),
                        keep_alive: answer.keep_alive,
                    });
                }
                Ok(None) => break,
                Err(error) => return Outcome { answers, end: Err(error) },
            }
        }
    }
    Outcome { answers, end: Ok(decoder.phase()) }
}

fuzz_target!(|input: &[u8]| {
    let Some(reads) = Reads::split(input) else { return };
    assert_eq!(decode(&reads.pieces), decode(&[reads.whole]));
});
