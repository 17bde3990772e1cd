//! Compares compression with zlib's own interface, for every window, and with attacks on it.

use cosmictron_net::ws::{
    Compression, Decoder, Deflater, Encoder, InflateError, Inflater, Limits, MaskKey, MessageKind,
    Role, WindowBits,
};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::transcript::play;

const BYTES_MAX: usize = 1 << 20;

fn windows() -> impl Iterator<Item = WindowBits> {
    (9..=15).filter_map(WindowBits::new)
}

/// Any window.
fn window() -> impl Strategy<Value = WindowBits> {
    select(windows().collect::<Vec<_>>())
}

/// A message as a peer compresses it.
fn deflate(window: WindowBits, level: u32, message: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(level);
    let mut context = Compress::new_with_window_bits(level, false, window.bits());
    let mut payload = Vec::with_capacity(message.len() * 2 + 100);
    context.compress_vec(message, &mut payload, FlushCompress::Sync).unwrap();
    assert_eq!(context.total_in(), message.len() as u64);
    assert!(payload.ends_with(&[0, 0, 0xff, 0xff]));
    payload.truncate(payload.len() - 4);
    payload
}

/// A message as a peer with no more than that window decompresses it.
fn inflate(window: WindowBits, payload: &[u8], message_bytes: usize) -> Vec<u8> {
    let mut context = Decompress::new_with_window_bits(false, window.bits());
    let mut message = Vec::with_capacity(message_bytes + 1);
    let payload = [payload, &[0, 0, 0xff, 0xff]].concat();
    // In two halves, so that the window and not the output is what is referred to.
    let half = payload.len() / 2;
    for part in [&payload[..half], &payload[half..]] {
        let mut piece = Vec::with_capacity(message_bytes + 100);
        context.decompress_vec(part, &mut piece, FlushDecompress::None).unwrap();
        message.extend_from_slice(&piece);
    }
    message
}

/// Compressible, incompressible, and in between.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 1..3000),
        (vec(any::<u8>(), 1..50), 1..500_usize).prop_map(|(part, times)| part.repeat(times)),
        vec(select(b"{\"id\":0123456789,}".to_vec()), 1..40_000),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_compressed_a_peer_decompresses(
        messages in vec((message(), window()), 1..4),
    ) {
        let mut deflater = Deflater::new();
        for (message, window) in &messages {
            let mut payload = b"before".to_vec();
            deflater.deflate(*window, message, &mut payload);
            prop_assert!(inflate(*window, &payload[6..], message.len()) == *message);
            prop_assert!(Inflater::new().inflate(&payload[6..], message.len()).unwrap() == message);
        }
    }

    #[test]
    fn what_a_peer_compresses_is_decompressed(
        messages in vec((message(), window(), 0..10_u32), 1..4),
    ) {
        let mut inflater = Inflater::new();
        for (message, window, level) in &messages {
            let payload = deflate(*window, *level, message);
            prop_assert!(inflater.inflate(&payload, BYTES_MAX).unwrap() == message);
            prop_assert_eq!(
                inflater.inflate(&payload, message.len() - 1).unwrap_err(),
                InflateError::TooLarge { bytes_max: message.len() - 1 }
            );
        }
    }

    /// A message that is cut off is not mistaken for a shorter one, save where the cut leaves a
    /// whole one.
    #[test]
    fn what_is_cut_off_is_refused(message in message(), level in 0..10_u32, cut in any::<Index>()) {
        let payload = deflate(WindowBits::MAX, level, &message);
        let cut = cut.index(payload.len());
        match Inflater::new().inflate(&payload[..cut], BYTES_MAX) {
            Ok(said) => prop_assert!(message.starts_with(said)),
            Err(error) => prop_assert_eq!(error, InflateError::Malformed),
        }
    }

    #[test]
    fn rubbish_says_little(payload in vec(any::<u8>(), 0..500), bytes_max in 0..2000_usize) {
        match Inflater::new().inflate(&payload, bytes_max) {
            Ok(said) => prop_assert!(said.len() <= bytes_max),
            Err(InflateError::TooLarge { bytes_max: told }) => prop_assert_eq!(told, bytes_max),
            Err(InflateError::Malformed) => {}
        }
    }

    #[test]
    fn messages_of_both_ends_survive(
        messages in vec((message(), any::<bool>(), any::<[u8; 4]>()), 1..4),
        window in window(),
        threshold in 1..200_usize,
    ) {
        let encoder = Encoder::new(Compression::Deflate(window)).deflating_from(threshold);
        let mut deflater = Deflater::new();
        let (mut from_server, mut from_client) = (Vec::new(), Vec::new());
        let mut expected = String::new();
        for (message, in_place, key) in &messages {
            let masked = encoder.masked(MaskKey::new(*key));
            if *in_place {
                let write = |out: &mut Vec<u8>| out.extend_from_slice(message);
                let kind = MessageKind::Binary;
                encoder.message_with(kind, &mut deflater, &mut from_server, write);
                masked.message_with(kind, &mut deflater, &mut from_client, write);
            } else {
                encoder.binary(message, &mut deflater, &mut from_server);
                masked.binary(message, &mut deflater, &mut from_client);
            }
            expected += &format!("binary \"{}\"\n", message.escape_ascii());
        }
        let end = |role| Decoder::new(role, true, Limits::default());
        prop_assert!(play(end(Role::Client), from_server.chunks(1000)) == expected);
        prop_assert!(play(end(Role::Server), from_client.chunks(1000)) == expected);
    }
}

#[test]
fn a_final_block_may_be_followed_by_more() {
    // RFC 7692 section 7.2.3.4.
    let hello = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let mut inflater = Inflater::new();
    assert_eq!(inflater.inflate(&[&hello[..], &[0]].concat(), 100), Ok(&b"Hello"[..]));
    assert_eq!(inflater.inflate(&hello, 100), Ok(&b"Hello"[..]));
    // What follows may refer to what was said: RFC 7692 section 7.2.3.2.
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    assert_eq!(inflater.inflate(&[&hello[..], &again].concat(), 100), Ok(&b"HelloHello"[..]));
    // One after another, they are an attack on our time.
    assert_eq!(inflater.inflate(&hello.repeat(100), 1000), Err(InflateError::Malformed));
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    let mut inflater = Inflater::new();
    let mut check = |payload: &[u8], expected: &[u8]| {
        assert_eq!(inflater.inflate(payload, 100), Ok(expected));
    };
    check(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], b"Hello");
    check(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], b"Hello");
    check(
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        b"Hello",
    );
    check(&[0x00], b"");
    let mut empty = Vec::new();
    Deflater::new().deflate(WindowBits::MAX, b"", &mut empty);
    check(&empty, b"");
}

#[test]
fn small_and_random_messages_are_sent_as_they_are() {
    let encoder = Encoder::new(Compression::Deflate(WindowBits::MAX));
    let mut deflater = Deflater::new();
    let first = |message: &[u8], deflater: &mut Deflater| {
        let mut out = Vec::new();
        encoder.binary(message, deflater, &mut out);
        let mut in_place = Vec::new();
        let write = |out: &mut Vec<u8>| out.extend_from_slice(message);
        encoder.message_with(MessageKind::Binary, deflater, &mut in_place, write);
        assert_eq!(out, in_place);
        out[0]
    };
    assert_eq!(first(&[b'a'; 1023], &mut deflater), 0x82);
    assert_eq!(first(&[b'a'; 1024], &mut deflater), 0xc2);
    let random: Vec<u8> = (0..1200_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).rotate_left(at % 32).to_le_bytes()[2])
        .collect();
    assert_eq!(first(&random, &mut deflater), 0x82);
}

/// In the midst of a block, the octets that a sender leaves out can be codes that say something.
#[test]
fn no_cut_of_short_messages_is_mistaken_for_a_whole_one() {
    let mut inflater = Inflater::new();
    let mut state = 1_u32;
    for length in 1..60 {
        for level in [1, 6, 9] {
            let message: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8 & 0xf3
            })
            .take(length)
            .collect();
            let payload = deflate(WindowBits::MAX, level, &message);
            for cut in 0..payload.len() {
                if let Ok(said) = inflater.inflate(&payload[..cut], BYTES_MAX) {
                    assert!(
                        message.starts_with(said),
                        "{message:?} at level {level} cut to {cut} says {said:?}"
                    );
                }
            }
        }
    }
}
