//! What one side encodes, the other side decodes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use cosmictron_net::http::{JSON, write_chunk, write_json, write_last_chunk};
use cosmictron_net::{
    Decoder, HttpDate, Limits, Method, Problem, ProblemCode, Progress, Reply, RequestEncoder,
    Response, ResponseDecoder, Status,
};
use cosmictron_types::Timestamp;

const BODY_BYTES_MAX: usize = 1 << 20;

/// The reply that the request in `bytes` asks for.
fn reply_to(bytes: &[u8]) -> Reply {
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(bytes);
    match decoder.next(|_| BODY_BYTES_MAX).unwrap() {
        Progress::Request(request) => request.head.reply(),
        other => panic!("{other:?}"),
    }
}

fn reply() -> Reply {
    reply_to(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
}

#[track_caller]
fn check(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut out = Vec::new();
    write(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_json_answer_is_a_head_and_a_body() {
    check(
        |out| write_json(out, &reply(), Status::Ok, b"{}"),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    );
}

#[test]
fn head_gets_the_length_and_no_body() {
    let reply = reply_to(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    check(|out| write_json(out, &reply, Status::Ok, b"{}"), &format!("{head}2\r\n\r\n"));
    check(
        |out| Response::begin(out, &reply, Status::Ok).body_with(JSON, |out| out.extend(b"{}")),
        &format!("{head}2\r\n\r\n"),
    );
}

/// A body that is written in place gets its length afterwards. Where it is large, moving it over
/// the digits that were not needed would cost more than the white space before the others.
#[test]
fn the_length_of_a_large_body_may_stand_behind_white_space() {
    for (body_bytes, digits) in [(16_384, "16384"), (16_385, "               16385")] {
        let body = "x".repeat(body_bytes);
        let mut out = Vec::new();
        Response::begin(&mut out, &reply(), Status::Ok)
            .body_with(JSON, |out| out.extend_from_slice(body.as_bytes()));
        let expected = format!("\r\nContent-Length: {digits}\r\n\r\n{body}");
        assert!(out.ends_with(expected.as_bytes()), "{body_bytes}");
    }
}

#[test]
fn the_end_of_a_connection_is_said() {
    let closes = reply_to(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let old = reply_to(b"GET / HTTP/1.0\r\n\r\n");
    let old_stays = reply_to(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let with = |field: &str| format!("HTTP/1.1 204 No Content\r\n{field}\r\n");
    for (reply, field) in [
        (reply(), ""),
        (closes, "Connection: close\r\n"),
        (old, "Connection: close\r\n"),
        (old_stays, "Connection: keep-alive\r\n"),
        (Reply::closing(), "Connection: close\r\n"),
    ] {
        check(|out| Response::begin(out, &reply, Status::NoContent).empty(), &with(field));
    }
}

#[test]
fn statuses_without_a_body_get_none() {
    for status in [Status::NoContent, Status::NotModified] {
        let expected = format!("{}\r\n", status.line());
        check(|out| Response::begin(out, &reply(), status).body(JSON, b"{}"), &expected);
        check(
            |out| Response::begin(out, &reply(), status).body_with(JSON, |out| out.push(0)),
            &expected,
        );
    }
}

#[test]
fn fields_come_in_order_and_can_not_end_their_line() {
    let date = HttpDate::new(Timestamp::from_micros(784_111_777_000_000));
    let reply = reply().dated(date);
    check(
        |out| {
            Response::begin(out, &reply, Status::Created)
                .header("ETag", "\"a\r\nSet-Cookie: b\0\"")
                .header_number("Retry-After", 7)
                .header_if("Location", None)
                .empty();
        },
        "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         ETag: \"a  Set-Cookie: b \"\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    );
}

#[test]
fn a_problem_is_an_answer() {
    let problem = Problem::new(ProblemCode::Overloaded, "queue is full").retry_after(1);
    let mut out = Vec::new();
    problem.write(&mut out, &reply());
    let mut decoder = ResponseDecoder::new(Limits::default(), BODY_BYTES_MAX);
    decoder.input().extend_from_slice(&out);
    let answer = decoder.next(Method::Get).unwrap().unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers.get("retry-after"), Some(&b"1"[..]));
    assert_eq!(answer.headers.get("content-type"), Some(&b"application/problem+json"[..]));
}

#[test]
fn a_refused_token_is_told_the_scheme() {
    let mut out = Vec::new();
    Problem::new(ProblemCode::Unauthenticated, "").write(&mut out, &reply());
    assert!(String::from_utf8(out).unwrap().contains("\r\nWWW-Authenticate: Bearer\r\n"));
}

#[test]
fn an_interim_answer_is_skipped_by_the_client() {
    let mut decoder = ResponseDecoder::new(Limits::default(), BODY_BYTES_MAX);
    Response::interim(decoder.input());
    write_json(decoder.input(), &reply(), Status::Ok, b"1");
    assert_eq!(decoder.next(Method::Post).unwrap().unwrap().body, b"1");
}

#[test]
fn a_target_can_not_end_its_line() {
    let mut out = Vec::new();
    RequestEncoder::begin(&mut out, Method::Get, "/a b\r\n\u{e4}", "x").empty();
    assert_eq!(out, b"GET /a%20b%0D%0A%C3%A4 HTTP/1.1\r\nHost: x\r\n\r\n");
}

const METHODS: &[Method] = &[
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Patch,
    Method::Options,
];

/// How a request's body is sent.
#[derive(Clone, Debug)]
enum Sent {
    None,
    Whole(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
}

impl Sent {
    fn strategy() -> impl Strategy<Value = Sent> {
        let bytes = || vec(any::<u8>(), 0..200);
        prop_oneof![
            Just(Sent::None),
            bytes().prop_map(Sent::Whole),
            vec(bytes(), 0..5).prop_map(Sent::Chunks),
        ]
    }

    fn body(&self) -> Vec<u8> {
        match self {
            Sent::None => Vec::new(),
            Sent::Whole(body) => body.clone(),
            Sent::Chunks(chunks) => chunks.concat(),
        }
    }

    fn finish(&self, out: &mut Vec<u8>, method: Method, target: &str) {
        let request = RequestEncoder::begin(out, method, target, "localhost:3000")
            .header("Authorization", "Bearer t");
        match self {
            Sent::None => request.empty(),
            Sent::Whole(body) => request.body(JSON, body),
            Sent::Chunks(chunks) => {
                request.chunked(JSON);
                chunks.iter().for_each(|chunk| write_chunk(out, chunk));
                write_last_chunk(out);
            }
        }
    }
}

/// A status, a body, whether HEAD asked, and whether the body is written in place.
fn answer() -> impl Strategy<Value = (Status, Vec<u8>, bool, bool)> {
    (select(Status::ALL), vec(any::<u8>(), 0..200), any::<bool>(), any::<bool>())
}

proptest! {
    #[test]
    fn requests_arrive_as_they_were_sent(
        requests in vec((select(METHODS), "/[!-~]{0,20}", Sent::strategy()), 1..5),
    ) {
        let mut decoder = Decoder::new(Limits::default());
        for (method, target, sent) in &requests {
            sent.finish(decoder.input(), *method, target);
        }
        for (method, target, sent) in &requests {
            let progress = decoder.next(|_| BODY_BYTES_MAX).unwrap();
            let Progress::Request(request) = progress else { panic!("{progress:?}") };
            prop_assert_eq!(request.head.method, *method);
            prop_assert_eq!(request.head.host, "localhost:3000");
            prop_assert_eq!(request.head.headers.get("AUTHORIZATION"), Some(&b"Bearer t"[..]));
            prop_assert_eq!(request.body, &sent.body()[..]);
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let escaped = |text: &str| text.replace('"', "%22").replace('#', "%23")
                .replace('<', "%3C").replace('>', "%3E").replace('\\', "%5C");
            prop_assert_eq!(request.head.path, escaped(path));
            prop_assert_eq!(request.head.query, escaped(query));
        }
        prop_assert!(decoder.take_unread().is_empty());
    }

    #[test]
    fn answers_arrive_as_they_were_sent(
        answers in vec(answer(), 1..6),
    ) {
        let mut decoder = ResponseDecoder::new(Limits::default(), BODY_BYTES_MAX);
        let answers: Vec<_> =
            answers.into_iter().filter(|(status, ..)| 200 <= status.code()).collect();
        for (status, body, is_head, in_place) in &answers {
            let mut reply = reply();
            reply.head_only = *is_head;
            let response = Response::begin(decoder.input(), &reply, *status);
            match in_place {
                true => response.body_with(JSON, |out| out.extend_from_slice(body)),
                false => response.body(JSON, body),
            }
        }
        for (status, body, is_head, _) in &answers {
            let method = if *is_head { Method::Head } else { Method::Get };
            let answer = decoder.next(method).unwrap().unwrap();
            prop_assert_eq!(answer.status, status.code());
            prop_assert!(answer.keep_alive);
            let has_body = !is_head && status.has_body();
            let expected: &[u8] = if has_body { body } else { b"" };
            prop_assert_eq!(answer.body, expected);
        }
        prop_assert!(decoder.take_unread().is_empty());
    }
}
