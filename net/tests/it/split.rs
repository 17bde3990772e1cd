//! However the bytes of a connection are split between reads, the same things are decoded from
//! them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::transcript::{of_requests, of_responses, singly};
use cosmictron_net::Method;

/// Octets at which parsers fall over.
const SHARP: &[u8] = b"\r\n\r\n\0 \t:;,=\"\\0159afGPx-+\x7f\x80\xff";

/// One request, good as a rule.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = select(vec![
        "GET / HTTP/1.1",
        "POST /v1/reducers/transfer?a=b HTTP/1.1",
        "HEAD http://y:80/a HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "DELETE /v1/modules/a%2Fb HTTP/1.0",
        "\r\nPUT /x HTTP/1.1",
    ]);
    let field = select(vec![
        "Accept: */*",
        "Connection: keep-alive",
        "Connection: close",
        "Connection: upgrade",
        "Upgrade: websocket",
        "Expect: 100-continue",
        "Authorization: Bearer x.y.z",
        "X-Long: 0123456789012345678901234567890123456789012345678901234567890123456789",
        "x-empty:",
    ]);
    let body = prop_oneof![
        Just(b"\r\n".to_vec()),
        vec(any::<u8>(), 0..40).prop_map(|body| {
            [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
        }),
        vec(vec(any::<u8>(), 1..20), 0..5).prop_map(|chunks| {
            let mut bytes = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\nTrailer: x\r\n\r\n");
            bytes
        }),
    ];
    (line, vec(field, 0..4), body).prop_map(|(line, fields, body)| {
        let head = [&[line, "Host: x"], &fields[..]].concat().join("\r\n");
        [head.as_bytes(), b"\r\n", &body].concat()
    })
}

/// Some requests in a row, with some octets replaced, put in, or taken out.
fn connection() -> impl Strategy<Value = Vec<u8>> {
    let requests = vec(request(), 1..4).prop_map(|requests| requests.concat());
    mutated(requests)
}

fn mutated(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let mutation = (0..3u8, any::<Index>(), select(SHARP));
    (bytes, vec(mutation, 0..3)).prop_map(|(mut bytes, mutations)| {
        for (kind, at, octet) in mutations {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = octet,
                1 => bytes.insert(at, octet),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// `bytes` cut at `cuts`.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts {
        pieces.push(&bytes[from..cut]);
        from = cut;
    }
    pieces.push(&bytes[from..]);
    pieces
}

fn responses() -> impl Strategy<Value = Vec<u8>> {
    let response = select(vec![
        &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"[..],
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    ]);
    mutated(vec(response, 1..4).prop_map(|responses| responses.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn requests_do_not_depend_on_reads(bytes in connection(), cuts in vec(any::<Index>(), 0..6)) {
        let whole = of_requests([&bytes[..]]);
        prop_assert_eq!(&of_requests(singly(&bytes)), &whole);
        prop_assert_eq!(&of_requests(pieces(&bytes, &cuts)), &whole);
    }

    #[test]
    fn responses_do_not_depend_on_reads(bytes in responses(), cuts in vec(any::<Index>(), 0..6)) {
        let methods = [Method::Get, Method::Head, Method::Post];
        let whole = of_responses([&bytes[..]], &methods, true);
        prop_assert_eq!(&of_responses(singly(&bytes), &methods, true), &whole);
        prop_assert_eq!(&of_responses(pieces(&bytes, &cuts), &methods, true), &whole);
    }
}
