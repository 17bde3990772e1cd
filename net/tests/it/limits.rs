//! What is too large is refused in time, what is slow is told apart, and memory stays bounded.

use cosmictron_net::{Decoder, HttpError, Limits, Phase, Progress};

const BODY_BYTES_MAX: usize = 1 << 20;

/// Feeds `bytes` in reads of `step` octets until something is decided.
fn feed(decoder: &mut Decoder, bytes: &[u8], step: usize) -> Result<Vec<Vec<u8>>, HttpError> {
    let mut bodies = Vec::new();
    for piece in bytes.chunks(step) {
        decoder.input().extend_from_slice(piece);
        while let Progress::Request(request) = decoder.next(|_| BODY_BYTES_MAX)? {
            bodies.push(request.body.to_vec());
        }
    }
    Ok(bodies)
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: HttpError) {
    for step in [bytes.len(), 4096, 1000, 1] {
        let found = feed(&mut Decoder::new(Limits::default()), bytes, step);
        assert_eq!(found.unwrap_err(), expected, "in reads of {step}");
    }
}

fn request(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n").into_bytes()
}

#[test]
fn a_target_has_a_limit() {
    let longest = format!("/{}", "a".repeat(8191));
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(feed(&mut decoder, &request(&longest, ""), 100).unwrap().len(), 1);
    let too_long = HttpError::TargetTooLong { bytes_max: 8192 };
    check_refused(&request(&format!("{longest}a"), ""), too_long);
    check_refused(&request(&"/a".repeat(50_000), ""), too_long);
    assert_eq!(too_long.status().code(), 414);
}

#[test]
fn a_head_has_a_limit() {
    let around = request("/", "A: \r\n").len();
    let longest = format!("A: {}\r\n", "b".repeat(16 * 1024 - around));
    let bytes = request("/", &longest);
    assert_eq!(bytes.len(), 16 * 1024);
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(feed(&mut decoder, &bytes, 100).unwrap().len(), 1);
    let too_large = HttpError::HeadTooLarge { bytes_max: 16 * 1024 };
    check_refused(&request("/", &longest.replace("A: ", "A:  ")), too_large);
    check_refused(&request("/", &format!("A: {}\r\n", "b".repeat(100_000))), too_large);
    check_refused(&request("/", &"A: b\r\n".repeat(10_000)), too_large);
    assert_eq!(too_large.status().code(), 431);
}

#[test]
fn a_head_has_a_hundred_fields() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(feed(&mut decoder, &request("/", &"A: b\r\n".repeat(99)), 100).unwrap().len(), 1);
    let too_many = HttpError::TooManyHeaders { headers_max: 100 };
    check_refused(&request("/", &"A: b\r\n".repeat(100)), too_many);
    assert_eq!(too_many.status().code(), 431);
}

#[test]
fn a_large_length_is_refused_before_the_body() {
    let too_large = HttpError::BodyTooLarge { bytes_max: BODY_BYTES_MAX };
    check_refused(&request("/", "Content-Length: 1073741824\r\n"), too_large);
    assert_eq!(too_large.status().code(), 413);
}

/// The limit is asked for with the head in hand, once for each request.
#[test]
fn the_route_sets_the_limit_of_the_body() {
    let mut decoder = Decoder::new(Limits::default());
    let first = request("/large", "Content-Length: 10\r\n");
    decoder.input().extend_from_slice(&first);
    let mut asked = 0;
    for octet in b"0123456789" {
        let progress = decoder.next(|head| {
            asked += 1;
            assert_eq!((head.path, head.body_bytes), ("/large", Some(10)));
            10
        });
        assert!(matches!(progress, Ok(Progress::NeedMore { .. })));
        decoder.input().push(*octet);
    }
    assert_eq!(asked, 1);
    let progress = decoder.next(|_| unreachable!("the head is known"));
    assert!(matches!(progress, Ok(Progress::Request(_))));
    decoder.input().extend_from_slice(&request("/small", "Content-Length: 10\r\n"));
    assert_eq!(decoder.next(|_| 9).unwrap_err(), HttpError::BodyTooLarge { bytes_max: 9 });
}

fn chunked(body: &[u8]) -> Vec<u8> {
    [&request("/", "Transfer-Encoding: chunked\r\n"), body].concat()
}

/// A million chunks of one octet once cost some servers a second for each megabyte: here each octet
/// is moved once, and the framing does not pile up in the buffer.
#[test]
fn a_million_tiny_chunks_are_one_body() {
    let chunks = b"1\r\nx\r\n".repeat(1_000_000);
    let bytes = chunked(&[&chunks[..], b"0\r\n\r\n"].concat());
    for step in [65_536, 4_096, 7] {
        let mut decoder = Decoder::new(Limits::default());
        let mut body_bytes = 0;
        let mut buffer_bytes_max = 0;
        for piece in bytes.chunks(step) {
            decoder.input().extend_from_slice(piece);
            buffer_bytes_max = buffer_bytes_max.max(decoder.input().len());
            if let Progress::Request(request) = decoder.next(|_| BODY_BYTES_MAX).unwrap() {
                body_bytes = request.body.len();
            }
        }
        assert_eq!(body_bytes, 1_000_000);
        assert!(buffer_bytes_max <= 1_000_000 + 2 * 65_536, "{buffer_bytes_max}");
    }
}

#[test]
fn chunks_together_have_the_limit_of_the_body() {
    let chunks = b"100\r\n".iter().copied().chain([b'x'; 256]).chain(*b"\r\n");
    let chunks = chunks.collect::<Vec<_>>().repeat(5000);
    check_refused(&chunked(&chunks), HttpError::BodyTooLarge { bytes_max: BODY_BYTES_MAX });
}

#[test]
fn extensions_have_a_limit() {
    let long = format!("1;{}\r\nx\r\n", "a".repeat(600));
    check_refused(&chunked(long.as_bytes()), HttpError::ChunkExtensionsTooLong { bytes_max: 512 });
    let many = format!("1;{}\r\nx\r\n", "a".repeat(400)).repeat(20);
    check_refused(&chunked(many.as_bytes()), HttpError::ChunkExtensionsTooLong { bytes_max: 4096 });
}

#[test]
fn trailers_have_limits() {
    let too_large = HttpError::HeadTooLarge { bytes_max: 16 * 1024 };
    let long = format!("0\r\nA: {}\r\n\r\n", "b".repeat(20_000));
    check_refused(&chunked(long.as_bytes()), too_large);
    let several = format!("0\r\n{}\r\n", format!("A: {}\r\n", "b".repeat(1000)).repeat(20));
    check_refused(&chunked(several.as_bytes()), too_large);
    let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(101));
    check_refused(&chunked(many.as_bytes()), HttpError::TooManyHeaders { headers_max: 100 });
}

#[test]
fn phases_say_which_deadline_applies() {
    let mut decoder = Decoder::new(Limits::default());
    let mut found = vec![decoder.phase()];
    for piece in
        [&b"\r\n"[..], b"GET / HTTP/1.1\r\nHost: x\r\n", b"Content-Length: 1\r\n\r\n", b"x"]
    {
        decoder.input().extend_from_slice(piece);
        let _ = decoder.next(|_| 1).unwrap();
        found.push(decoder.phase());
    }
    use Phase::{Idle, ReadingBody, ReadingHead};
    assert_eq!(found, [Idle, Idle, ReadingHead, ReadingBody, Idle]);
}

/// What the decoder says after `head` arrived alone and again after nothing more came.
fn asks_to_continue(head: &[u8]) -> [bool; 2] {
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(head);
    [0; 2].map(|_| match decoder.next(|_| BODY_BYTES_MAX).unwrap() {
        Progress::NeedMore { expects_continue } => expects_continue,
        _ => false,
    })
}

#[test]
fn a_client_that_waits_is_asked_to_go_on_once() {
    let expecting = "Expect: 100-Continue\r\nContent-Length: 2\r\n";
    assert_eq!(asks_to_continue(&request("/", expecting)), [true, false]);
    assert_eq!(asks_to_continue(&request("/", "Content-Length: 2\r\n")), [false, false]);
    let begun = [&request("/", expecting)[..], b"a"].concat();
    assert_eq!(asks_to_continue(&begun), [false, false]);
    let empty = request("/", "Expect: 100-continue\r\nContent-Length: 0\r\n");
    assert_eq!(asks_to_continue(&empty), [false, false]);
    let old = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(asks_to_continue(old), [false, false]);
    let chunks = request("/", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n");
    assert_eq!(asks_to_continue(&chunks), [true, false]);
}

#[test]
fn a_large_body_does_not_stay_in_memory() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(&request("/", "Content-Length: 1000000\r\n"));
    assert!(matches!(decoder.next(|_| BODY_BYTES_MAX), Ok(Progress::NeedMore { .. })));
    assert_eq!(decoder.read_bytes(), 256 * 1024);
    decoder.input().extend_from_slice(&vec![0; 1_000_000]);
    assert!(matches!(decoder.next(|_| BODY_BYTES_MAX), Ok(Progress::Request(_))));
    assert_eq!(decoder.read_bytes(), 4096);
    assert_eq!(decoder.input().capacity(), 0);
}

/// The bytes behind an agreed upgrade are another protocol's; behind a refused one they are
/// requests.
#[test]
fn an_upgrade_hands_over_what_is_unread() {
    let upgrade = request("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    let mut agreed = Decoder::new(Limits::default());
    agreed.input().extend_from_slice(&[&upgrade[..], b"\x81\x80\0\0\0\0"].concat());
    assert!(matches!(agreed.next(|_| 0), Ok(Progress::Upgrade(_))));
    assert_eq!(agreed.take_unread(), b"\x81\x80\0\0\0\0");
    let mut refused = Decoder::new(Limits::default());
    refused.input().extend_from_slice(&[&upgrade[..], &request("/next", "")].concat());
    assert!(matches!(refused.next(|_| 0), Ok(Progress::Upgrade(_))));
    let Ok(Progress::Request(next)) = refused.next(|_| 0) else { panic!("no request") };
    assert_eq!(next.head.path, "/next");
}

/// A driver that reads by value takes the buffer out, and what was decoded before does not come
/// back.
#[test]
fn the_buffer_can_be_taken_out_and_put_back() {
    let mut decoder = Decoder::new(Limits::default());
    let bytes = [request("/a", ""), request("/b", "Content-Length: 2\r\n")].concat();
    decoder.input().extend_from_slice(&bytes);
    assert!(matches!(decoder.next(|_| 9), Ok(Progress::Request(_))));
    assert!(matches!(decoder.next(|_| 9), Ok(Progress::NeedMore { .. })));
    let mut taken = std::mem::take(decoder.input());
    taken.extend_from_slice(b"xy");
    *decoder.input() = taken;
    let Ok(Progress::Request(second)) = decoder.next(|_| 9) else { panic!("no request") };
    assert_eq!((second.head.path, second.body), ("/b", &b"xy"[..]));
}
