//! What RFC 6455 and RFC 7692 allow and refuse, whole, byte by byte, and cut at every offset.

use cosmictron_net::ws::{Decoder, Limits, Role};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::transcript::{BINARY, CLOSE, FINAL, PING, RSV1, TEXT, decoder, frame, masked, play};

const PONG: u8 = 0x8a;
const MORE: u8 = 0;

/// `hello` compressed, as in RFC 7692 section 7.2.3.1 but for its first letter.
const HELLO_DEFLATED: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn server() -> Decoder {
    decoder(Limits::default())
}

#[track_caller]
fn check(frames: &[Vec<u8>], expected: &[&str]) {
    check_for(server, frames, expected);
}

#[track_caller]
fn check_for(decoder: fn() -> Decoder, frames: &[Vec<u8>], expected: &[&str]) {
    let bytes = frames.concat();
    let expected = expected.iter().fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(play(decoder(), [&bytes[..]]), expected, "whole: {}", bytes.escape_ascii());
    assert_eq!(play(decoder(), bytes.chunks(1)), expected, "singly: {}", bytes.escape_ascii());
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(play(decoder(), [head, tail]), expected, "{cut}: {}", bytes.escape_ascii());
    }
}

#[test]
fn messages_are_what_was_sent() {
    check(&[masked(FINAL | TEXT, "κόσμε".as_bytes())], &["text \"κόσμε\""]);
    check(&[masked(FINAL | TEXT, b"")], &["text \"\""]);
    check(&[masked(FINAL | BINARY, b"\x00\xff")], &[r#"binary "\x00\xff""#]);
    check(&[masked(PING, b""), masked(PONG, b"x")], &["ping \"\"", "pong \"x\""]);
    let longest = masked(PING, &[b'p'; 125]);
    check(&[longest], &[&format!("ping \"{}\"", "p".repeat(125))]);
    for length in [125, 126, 127, 300] {
        let text = "t".repeat(length);
        check(&[masked(FINAL | TEXT, text.as_bytes())], &[&format!("text {text:?}")]);
    }
    check(&[masked(FINAL | TEXT, b"abc")[..8].to_vec()], &["… more"]);
}

#[test]
fn long_messages_are_what_was_sent() {
    for length in [65_535, 65_536, 300_000] {
        let payload: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[1]).collect();
        let bytes = masked(FINAL | BINARY, &payload);
        let expected = format!("binary \"{}\"\n", payload.escape_ascii());
        for step in [bytes.len(), 4096, 1023] {
            assert!(play(server(), bytes.chunks(step)) == expected, "{length} in {step}");
        }
    }
}

#[test]
fn fragments_add_up() {
    check(&[masked(TEXT, b"a"), masked(MORE, b"b"), masked(FINAL | MORE, b"c")], &["text \"abc\""]);
    check(
        &[
            masked(BINARY, b""),
            masked(PING, b"1"),
            masked(MORE, b""),
            masked(PONG, b"2"),
            masked(FINAL | MORE, b""),
            masked(FINAL | TEXT, b"next"),
        ],
        &["ping \"1\"", "pong \"2\"", "binary \"\"", "text \"next\""],
    );
    // A character may be cut.
    check(&[masked(TEXT, b"\xce"), masked(FINAL | MORE, b"\xba")], &["text \"κ\""]);
    check(&[masked(TEXT, b"abc")], &["… more"]);
}

#[test]
fn heads_that_break_the_rules_are_refused() {
    let payload = b"never read";
    let refused = |first: u8, why: &str| {
        check(&[masked(FINAL | TEXT, b"a"), masked(first, payload)], &["text \"a\"", why]);
    };
    refused(FINAL | 0x20 | TEXT, "1002 reserved bit is set");
    refused(FINAL | 0x10 | BINARY, "1002 reserved bit is set");
    refused(RSV1 | PING, "1002 reserved bit is set");
    refused(RSV1 | CLOSE, "1002 reserved bit is set");
    refused(FINAL | RSV1, "1002 reserved bit is set");
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        refused(FINAL | opcode, &format!("1002 opcode {opcode} is reserved"));
        refused(opcode, &format!("1002 opcode {opcode} is reserved"));
    }
    for control in [8, 9, 10] {
        refused(control, "1002 control frame is fragmented");
    }
    refused(FINAL | MORE, "1002 continuation without a message");
    refused(MORE, "1002 continuation without a message");
    check(
        &[masked(TEXT, b"a"), masked(FINAL | TEXT, b"b")],
        &["1002 message within a fragmented message"],
    );
    check(
        &[masked(TEXT, b"a"), masked(FINAL | MORE, b"b"), masked(FINAL | MORE, b"c")],
        &["text \"ab\"", "1002 continuation without a message"],
    );
    check(
        &[masked(RSV1 | BINARY, b"a"), masked(FINAL | RSV1, b"b")],
        &["1002 reserved bit is set"],
    );
    check(&[frame(FINAL | TEXT, None, b"a")], &["1002 frame of a client is not masked"]);
    check(&[masked(PING, &[0; 126])], &["1002 control frame exceeds 125 bytes"]);
    check(&[vec![PING, 0x80 | 127]], &["1002 control frame exceeds 125 bytes"]);
}

#[test]
fn lengths_have_one_form() {
    let too_long = "1002 payload length is not in its shortest form";
    check(&[vec![FINAL | BINARY, 0x80 | 126, 0, 125]], &[too_long]);
    check(&[vec![FINAL | BINARY, 0x80 | 126, 0, 0]], &[too_long]);
    check(&[vec![FINAL | BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]], &[too_long]);
    check(
        &[vec![FINAL | BINARY, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0]],
        &["1002 payload length exceeds 63 bits"],
    );
}

#[test]
fn a_server_does_not_mask_and_keeps_to_what_was_agreed() {
    let client = || Decoder::new(Role::Client, false, Limits::default());
    check_for(client, &[frame(FINAL | TEXT, None, b"a")], &["text \"a\""]);
    check_for(client, &[masked(FINAL | TEXT, b"a")], &["1002 frame of a server is masked"]);
    let compressed = frame(FINAL | RSV1 | TEXT, None, HELLO_DEFLATED);
    check_for(client, &[compressed], &["1002 reserved bit is set"]);
}

#[test]
fn close_frames_are_validated() {
    let close = |payload: &[u8]| masked(CLOSE, payload);
    check(&[close(b"")], &["close"]);
    check(&[close(b"\x03\xe8")], &["close 1000 \"\""]);
    check(&[close(b"\x0f\xa0bye")], &["close 4000 \"bye\""]);
    let longest = [&b"\x03\xe8"[..], &[b'r'; 123]].concat();
    check(&[close(&longest)], &[&format!("close 1000 \"{}\"", "r".repeat(123))]);
    check(&[close(b"\x03")], &["1002 close frame of one byte"]);
    check(&[close(b"\x03\xe8\xff")], &["1007 text is not UTF-8"]);
    for code in [1000_u16, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
        check(&[close(&code.to_be_bytes())], &[&format!("close {code} \"\"")]);
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        let refused = format!("1002 close code {code} must not be sent");
        check(&[close(&code.to_be_bytes())], &[&refused]);
    }
}

#[test]
fn nothing_is_read_behind_a_close_frame() {
    check(
        &[masked(CLOSE, b"\x03\xe8"), masked(FINAL | TEXT, b"a"), masked(PING, b""), vec![0xff; 9]],
        &["close 1000 \"\""],
    );
    check(&[masked(TEXT, b"a"), masked(CLOSE, b"")], &["close"]);
}

#[test]
fn text_is_utf8() {
    let refused = "1007 text is not UTF-8";
    check(
        &[masked(FINAL | TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80")],
        &[refused],
    );
    check(&[masked(FINAL | TEXT, b"a\xce")], &[refused]);
    check(
        &[masked(TEXT, b"a\xce"), masked(PING, b""), masked(FINAL | MORE, b"")],
        &["ping \"\"", refused],
    );
    // Refused with the fragment, the piece, that can't be mended: what follows is not waited for.
    check(&[masked(TEXT, b"\xf4\x90"), masked(PING, b"")], &[refused]);
    let long = masked(FINAL | TEXT, &[b"\xf4\x90".as_slice(), &[b'x'; 100]].concat());
    assert_eq!(play(server(), [&long[..8]]), "1007 text is not UTF-8\n");
}

#[test]
fn compressed_messages_are_decompressed() {
    let message = &masked(FINAL | RSV1 | TEXT, HELLO_DEFLATED);
    check(std::slice::from_ref(message), &["text \"Hello\""]);
    let (head, tail) = HELLO_DEFLATED.split_at(3);
    check(
        &[masked(RSV1 | TEXT, head), masked(PING, b"1"), masked(FINAL | MORE, tail)],
        &["ping \"1\"", "text \"Hello\""],
    );
    check(
        &[message.clone(), masked(FINAL | BINARY, b"plain"), message.clone()],
        &["text \"Hello\"", "binary \"plain\"", "text \"Hello\""],
    );
    // The window of the message before, as in RFC 7692 section 7.2.3.2, was not agreed on.
    check(
        &[message.clone(), masked(FINAL | RSV1 | TEXT, &[0xf2, 0x00, 0x11, 0x00, 0x00])],
        &["text \"Hello\"", "1007 compressed message is malformed"],
    );
    // "\xff" in a stored block.
    let not_text = [0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00];
    check(&[masked(FINAL | RSV1 | TEXT, &not_text)], &["1007 text is not UTF-8"]);
    check(&[masked(FINAL | RSV1 | BINARY, b"rubbish")], &["1007 compressed message is malformed"]);
    check(&[masked(FINAL | RSV1 | BINARY, b"")], &["1007 compressed message is malformed"]);
}

/// One frame, good as a rule.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => select(vec![FINAL | TEXT, TEXT, FINAL | BINARY, BINARY, MORE, FINAL | MORE]),
        2 => select(vec![PING, PONG, CLOSE, FINAL | RSV1 | TEXT, RSV1 | BINARY]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        vec(any::<u8>(), 0..10),
        any::<String>().prop_map(String::into_bytes),
        Just(HELLO_DEFLATED.to_vec()),
        Just(b"\x03\xe8bye".to_vec()),
        (120..200_usize).prop_map(|length| vec![b'x'; length]),
    ];
    (first, payload).prop_map(|(first, payload)| masked(first, &payload))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_received_does_not_depend_on_reads(
        frames in vec(any_frame(), 1..8),
        mutation in proptest::option::weighted(0.2, (any::<Index>(), any::<u8>())),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let mut bytes = frames.concat();
        if let Some((at, octet)) = mutation {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        let whole = play(server(), [&bytes[..]]);
        prop_assert_eq!(&play(server(), bytes.chunks(1)), &whole);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        let pieces: Vec<&[u8]> = cuts
            .into_iter()
            .chain([bytes.len()])
            .map(|cut| &bytes[std::mem::replace(&mut from, cut)..cut])
            .collect();
        prop_assert_eq!(&play(server(), pieces), &whole);
    }
}
