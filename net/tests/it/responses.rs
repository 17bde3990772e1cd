//! What a client makes of responses: a table of bytes and verdicts.

use crate::transcript::{of_responses, singly};
use cosmictron_net::Method::{self, Get, Head};
use cosmictron_net::{HttpError, Limits, ResponseDecoder};

#[track_caller]
fn check(bytes: &[u8], methods: &[Method], is_ended: bool, expected: &str) {
    assert_eq!(of_responses([bytes], methods, is_ended), expected, "whole");
    assert_eq!(of_responses(singly(bytes), methods, is_ended), expected, "byte by byte");
}

#[test]
fn a_length_frames_a_body() {
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", &[Get], false, "200 \"ab\"\n");
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", &[Get], false, "… body\n");
}

#[test]
fn the_width_of_a_length_does_not_matter() {
    check(b"HTTP/1.1 200 OK\r\nContent-Length:        2\r\n\r\nab", &[Get], false, "200 \"ab\"\n");
}

#[test]
fn responses_follow_each_other() {
    let bytes =
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nb";
    check(bytes, &[Get, Get], false, "200 \"a\"\n404 \"b\"\n");
}

#[test]
fn the_answer_to_head_has_no_body() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
    check(bytes, &[Head, Get], false, "200\n200 \"b\"\n");
}

#[test]
fn some_statuses_have_no_body() {
    check(b"HTTP/1.1 204 No Content\r\n\r\n", &[Get], false, "204\n");
    check(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", &[Get], false, "304\n");
}

#[test]
fn interim_responses_are_skipped() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    check(bytes, &[Get], false, "200 \"a\"\n");
}

#[test]
fn a_switch_of_protocols_is_handed_out() {
    let mut decoder = ResponseDecoder::new(Limits::default(), 10);
    decoder.input().extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00");
    assert_eq!(decoder.next(Get).unwrap().unwrap().status, 101);
    assert_eq!(decoder.take_unread(), b"\x81\x00");
}

#[test]
fn a_body_may_end_with_its_connection() {
    let bytes = b"HTTP/1.1 200 OK\r\n\r\nabc";
    check(bytes, &[Get], true, "200 \"abc\" +close\nclosed\n");
    check(bytes, &[Get], false, "… body\n");
}

#[test]
fn a_connection_that_ends_within_a_message_is_an_error() {
    let truncated = "refused: connection ended within a message\n";
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", &[Get], true, truncated);
    check(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        &[Get],
        true,
        truncated,
    );
    check(b"HTTP/1.1 200 OK\r\nCont", &[Get], true, truncated);
}

#[test]
fn ambiguous_responses_are_refused() {
    let refused = |head: &str, error: &str| {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
        check(bytes.as_bytes(), &[Get], false, &format!("refused: {error}\n"));
    };
    refused("Content-Length: 1\r\nContent-Length: 1", "header content-length is repeated");
    refused("Content-Length: -1", "malformed content-length");
    refused(
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "both content-length and transfer-encoding are given",
    );
    refused("Transfer-Encoding: gzip, chunked", "transfer coding not implemented");
    refused("A : b", "malformed header name");
    refused("A: b\nC: d", "line feed without carriage return");
}

#[test]
fn a_status_line_is_a_status_line() {
    let refused = "refused: malformed status line\n";
    check(b"HTTP/1.1 2000 OK\r\n\r\n", &[Get], false, refused);
    check(b"HTTP/1.1 099 No\r\n\r\n", &[Get], false, refused);
    check(b"\x16\x03\x01", &[Get], false, refused);
    check(b"HTTP/2.0 200 OK\r\n\r\n", &[Get], false, "refused: HTTP version not supported\n");
}

/// What becomes of `bytes` when a body may have three octets.
fn of_a_short_body(bytes: &[u8]) -> Result<Option<usize>, HttpError> {
    let mut decoder = ResponseDecoder::new(Limits::default(), 3);
    decoder.input().extend_from_slice(bytes);
    decoder.end();
    decoder.next(Get).map(|answer| answer.map(|answer| answer.body.len()))
}

#[test]
fn a_body_has_a_limit_however_it_is_framed() {
    let too_large = Err(HttpError::BodyTooLarge { bytes_max: 3 });
    let framings = [
        "Content-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "\r\nabc",
    ];
    for head in framings {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}");
        assert_eq!(of_a_short_body(bytes.as_bytes()), Ok(Some(3)), "{head}");
        let longer = bytes.replace('3', "4").replace("abc", "abcd");
        assert_eq!(of_a_short_body(longer.as_bytes()), too_large, "{head}");
    }
}
