//! What is too large is refused before it is there, and idle connections keep little.

use cosmictron_net::ws::{
    Decoder, Deflater, Inflater, Limits, Received, Role, Violation, WindowBits,
};

use super::transcript::{BINARY, FINAL, RSV1, decoder, frame, masked, play};

const LIMITS: Limits = Limits::with_message_bytes_max(1000);

#[track_caller]
fn check(limits: Limits, frames: &[Vec<u8>], expected: &str) {
    let bytes = frames.concat();
    for step in [bytes.len(), 100, 1] {
        let text = play(decoder(limits), bytes.chunks(step));
        let line = text.lines().last().unwrap_or_default();
        let line = if line.starts_with("binary") { "binary" } else { line };
        assert_eq!(line, expected, "in reads of {step}");
    }
}

#[test]
fn a_message_has_a_limit() {
    let too_large = "1009 message exceeds the limit of 1000 bytes";
    check(LIMITS, &[masked(FINAL | BINARY, &[1; 1000])], "binary");
    // Refused by the head alone.
    check(LIMITS, &[masked(FINAL | BINARY, &[1; 1001])[..8].to_vec()], too_large);
    let fragments = |last| vec![masked(BINARY, &[1; 600]), masked(FINAL, &vec![1; last])];
    check(LIMITS, &fragments(400), "binary");
    check(LIMITS, &fragments(401), too_large);
}

#[test]
fn a_frame_has_a_limit() {
    let limits = Limits { frame_bytes_max: 500, ..LIMITS };
    let too_large = "1009 frame of 501 bytes exceeds the limit of 500";
    check(limits, &[masked(FINAL | BINARY, &[1; 500])], "binary");
    check(limits, &[masked(FINAL | BINARY, &[1; 501])[..8].to_vec()], too_large);
    check(limits, &[masked(BINARY, &[1; 500]), masked(FINAL, &[1; 500])], "binary");
    let huge =
        vec![FINAL | BINARY, 0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0];
    check(limits, &[huge], "1009 frame of 9223372036854775807 bytes exceeds the limit of 500");
}

#[test]
fn a_message_has_so_many_fragments() {
    let limits = Limits { fragments_max: 3, ..LIMITS };
    let message = |middle: usize| {
        let mut frames = vec![masked(0, b""); middle];
        frames.insert(0, masked(BINARY, b"a"));
        frames.push(masked(FINAL, b"b"));
        frames
    };
    check(limits, &message(1), "binary");
    check(limits, &message(2), "1009 message has more than 3 fragments");
    check(limits, &[message(1), message(1)].concat(), "binary");
}

#[test]
fn the_limit_of_a_compressed_message_is_what_it_says() {
    let deflate = |message: &[u8]| {
        let mut payload = Vec::new();
        Deflater::new().deflate(WindowBits::MAX, message, &mut payload);
        masked(FINAL | RSV1 | BINARY, &payload)
    };
    check(LIMITS, &[deflate(&[7; 1000])], "binary");
    let too_large = "1009 message exceeds the limit of 1000 bytes";
    check(LIMITS, &[deflate(&[7; 1001])], too_large);
    // What can't be compressed may be longer than what it says.
    let noise: Vec<u8> = (0..1000_u32).map(|at| (at * at * 31 + at / 7).to_le_bytes()[1]).collect();
    check(LIMITS, &[deflate(&noise)], "binary");
}

/// 16 MiB of zeros in 160 KB: no more than the limit is ever made of it.
#[test]
fn a_bomb_is_refused_at_the_limit() {
    let mut payload = Vec::new();
    Deflater::new().deflate(WindowBits::MAX, &vec![0; 16 << 20], &mut payload);
    assert!(payload.len() < 200_000, "{}", payload.len());
    let mut inflater = Inflater::new();
    let refused = inflater.inflate(&payload, 100_000).unwrap_err();
    assert_eq!(refused.to_string(), "message exceeds the limit of 100000 bytes");
    assert_eq!(inflater.inflate(&payload, 16 << 20).unwrap().len(), 16 << 20);
}

/// A connection that has received large messages of every kind keeps no more than one that has not.
#[test]
fn an_idle_connection_keeps_little() {
    let mut decoder = Decoder::new(Role::Client, true, Limits::default());
    let mut inflater = Inflater::new();
    let mut compressed = Vec::new();
    Deflater::new().deflate(WindowBits::MAX, &[3; 500_000], &mut compressed);
    let messages = [
        frame(FINAL | BINARY, None, &vec![1; 500_000]),
        [frame(BINARY, None, &vec![1; 250_000]), frame(FINAL, None, &vec![1; 250_000])].concat(),
        frame(FINAL | RSV1 | BINARY, None, &compressed),
    ];
    for message in messages {
        let mut received = 0;
        for piece in message.chunks(10_000) {
            decoder.input().extend_from_slice(piece);
            while let Received::Binary(bytes) = decoder.next(&mut inflater).unwrap() {
                received += bytes.len();
            }
        }
        assert_eq!(received, 500_000);
        assert!(decoder.input().capacity() <= 2048);
        assert!(!decoder.is_within_message());
    }
    assert!(size_of::<Decoder>() <= 256, "{}", size_of::<Decoder>());
}

#[test]
fn a_driver_is_told_how_much_to_read() {
    let mut decoder = decoder(Limits::default());
    let mut inflater = Inflater::new();
    let idle = decoder.read_bytes();
    decoder.input().extend_from_slice(&masked(FINAL | BINARY, &[1; 100_000])[..1000]);
    assert_eq!(decoder.next(&mut inflater), Ok(Received::NeedMore));
    assert!(decoder.is_within_message());
    assert_eq!((idle, decoder.read_bytes()), (1024, 100_000 - (1000 - 14)));
}

#[test]
fn a_violation_has_the_code_that_the_rfc_gives_it() {
    let codes = [
        (Violation::NotMasked, 1002),
        (Violation::BadCloseCode(5), 1002),
        (Violation::NotUtf8, 1007),
        (Violation::BadDeflate, 1007),
        (Violation::MessageTooLarge { bytes_max: 1 }, 1009),
        (Violation::TooManyFragments { fragments_max: 1 }, 1009),
    ];
    for (violation, code) in codes {
        assert_eq!(violation.close_code().get(), code, "{violation}");
    }
}
