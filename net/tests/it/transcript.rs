//! Plays bytes into a decoder and writes down what came out, one line for each thing.

use std::fmt::Write;

use cosmictron_net::{Decoder, Limits, Method, Phase, Progress, Request, ResponseDecoder};

/// The body limit of every test route.
pub(crate) const BODY_BYTES_MAX: usize = 1 << 20;

/// What a server decodes from `pieces`, each of them one read:
///
/// ```text
/// GET /path ?query @host "body" +upgrade +close
/// 400 malformed chunk size
/// … head            more is needed, within this phase
/// closed, 3 left    no more is read
/// ```
pub(crate) fn of_requests<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut decoder = Decoder::new(Limits::default());
    let mut text = String::new();
    for piece in pieces {
        decoder.input().extend_from_slice(piece);
        loop {
            match decoder.next(|_| BODY_BYTES_MAX) {
                Ok(Progress::Request(request)) => write_request(&mut text, &request, ""),
                Ok(Progress::Upgrade(request)) => write_request(&mut text, &request, " +upgrade"),
                Ok(Progress::NeedMore { .. } | Progress::Closed) => break,
                Err(error) => {
                    writeln!(text, "{} {error}", error.status().code()).unwrap();
                    return text;
                }
            }
        }
    }
    match decoder.phase() {
        Phase::Idle => {}
        Phase::ReadingHead => text.push_str("… head\n"),
        Phase::ReadingBody => text.push_str("… body\n"),
        Phase::Closed => text.push_str("closed\n"),
    }
    text
}

fn write_request(text: &mut String, request: &Request<'_>, mark: &str) {
    let Request { head, body } = request;
    write!(text, "{} {}", head.method.as_str(), head.path).unwrap();
    if !head.query.is_empty() {
        write!(text, " ?{}", head.query).unwrap();
    }
    if !head.host.is_empty() {
        write!(text, " @{}", head.host).unwrap();
    }
    if !body.is_empty() {
        write!(text, " \"{}\"", body.escape_ascii()).unwrap();
    }
    text.push_str(mark);
    if !head.keep_alive {
        text.push_str(" +close");
    }
    text.push('\n');
}

/// What a client decodes from `pieces` as the answers to requests with `methods`.
pub(crate) fn of_responses<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    methods: &[Method],
    is_ended: bool,
) -> String {
    let mut decoder = ResponseDecoder::new(Limits::default(), BODY_BYTES_MAX);
    let mut methods = methods.iter().copied();
    let mut method = methods.next().unwrap_or(Method::Get);
    let mut text = String::new();
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        decoder.input().extend_from_slice(piece);
        if is_ended && pieces.peek().is_none() {
            decoder.end();
        }
        loop {
            match decoder.next(method) {
                Ok(Some(answer)) => {
                    write!(text, "{}", answer.status).unwrap();
                    if !answer.body.is_empty() {
                        write!(text, " \"{}\"", answer.body.escape_ascii()).unwrap();
                    }
                    text.push_str(if answer.keep_alive { "\n" } else { " +close\n" });
                    method = methods.next().unwrap_or(Method::Get);
                }
                Ok(None) => break,
                Err(error) => {
                    writeln!(text, "refused: {error}").unwrap();
                    return text;
                }
            }
        }
    }
    match decoder.phase() {
        Phase::Idle => {}
        Phase::ReadingHead => text.push_str("… head\n"),
        Phase::ReadingBody => text.push_str("… body\n"),
        Phase::Closed => text.push_str("closed\n"),
    }
    text
}

/// `bytes` one by one.
pub(crate) fn singly(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(1)
}
