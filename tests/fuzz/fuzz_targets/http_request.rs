//! Arbitrary bytes as a client's connection: the same requests or the same refusal however they are
//! cut, and each request can be sent again.

#![no_main]

use cosmictron_fuzz::reads::Reads;
use cosmictron_net::{
    ContentCoding, Decoder, HeaderName, HttpError, Limits, MediaType, Method, PathSegments, Phase,
    Progress, Query, Request, RequestEncoder, Version,
};
use libfuzzer_sys::fuzz_target;

const BODY_BYTES_MAX: usize = 4096;

/// A request on its own.
#[derive(Clone, Debug, PartialEq)]
struct Received {
    method: Method,
    version: Version,
    path: String,
    query: String,
    host: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    keep_alive: bool,
    is_upgrade: bool,
}

impl Received {
    fn new(request: &Request<'_>, is_upgrade: bool) -> Received {
        let head = &request.head;
        let fields = head.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec()));
        Received {
            method: head.method,
            version: head.version,
            path: head.path.to_owned(),
            query: head.query.to_owned(),
            host: head.host.to_owned(),
            fields: fields.collect(),
            body: request.body.to_vec(),
            keep_alive: head.keep_alive,
            is_upgrade,
        }
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    requests: Vec<Received>,
    end: Result<(Phase, Vec<u8>), HttpError>,
}

fn decode(pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(Limits::new(1024, 256, 16));
    let mut requests = Vec::new();
    for piece in pieces {
        decoder.input().extend_from_slice(piece);
        loop {
            match decoder.next(|_| BODY_BYTES_MAX) {
                Ok(Progress::Request(request)) => {
                    check(&request);
                    requests.push(Received::new(&request, false));
                }
                Ok(Progress::Upgrade(request)) => requests.push(Received::new(&request, true)),
                Ok(Progress::NeedMore { .. } | Progress::Closed) => break,
                Err(error) => return Outcome { requests, end: Err(error) },
            }
        }
    }
    let phase = decoder.phase();
    // How much of an unfinished chunked body was decoded already, and how much of what follows the
    // last request was dropped, depends on the reads.
    let unread = match phase {
        Phase::Idle | Phase::ReadingHead => decoder.take_unread(),
        Phase::ReadingBody | Phase::Closed => Vec::new(),
    };
    Outcome { requests, end: Ok((phase, unread)) }
}

/// Looks at every part of a request as the routes do.
fn check(request: &Request<'_>) {
    let head = &request.head;
    assert!(head.path.starts_with('/') || head.path == "*");
    assert!(request.body.len() <= BODY_BYTES_MAX);
    for &name in HeaderName::ALL {
        assert_eq!(head.headers.find(name), head.headers.get(name.as_str()));
        let count = head.headers.find_all(name).count();
        assert!(!name.is_single() || count <= 1);
        assert_eq!(count == 0, head.headers.find(name).is_none());
    }
    for (_, value) in head.headers.iter() {
        assert!(!value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
        if let Some(media) = MediaType::parse(value) {
            let _ = media.parameter("charset");
        }
    }
    let _ = ContentCoding::choose(&head.headers);
    let _ = PathSegments::new(head.path).count();
    let _ = Query::new(head.query).iter().count();
}

/// What was understood can be said again.
fn check_again(received: &Received) {
    if received.path == "*" {
        return;
    }
    let target = match received.query.is_empty() {
        true => received.path.clone(),
        false => format!("{}?{}", received.path, received.query),
    };
    let mut bytes = Vec::new();
    let request = RequestEncoder::begin(&mut bytes, received.method, &target, &received.host);
    match received.body.is_empty() {
        true => request.empty(),
        false => request.body("application/json", &received.body),
    }
    let again = decode(&[&bytes]);
    let [again] = &again.requests[..] else { panic!("{again:?}") };
    assert_eq!(
        (again.method, &again.path, &again.query, &again.host, &again.body),
        (received.method, &received.path, &received.query, &received.host, &received.body),
    );
}

fuzz_target!(|input: &[u8]| {
    let Some(reads) = Reads::split(input) else { return };
    let outcome = decode(&[reads.whole]);
    assert_eq!(decode(&reads.pieces), outcome);
    outcome.requests.iter().for_each(check_again);
});
