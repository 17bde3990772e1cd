//! What passes through a session, and how it ends.

use cosmictron_net::tls::{Acceptor, FIRST_BYTE, Progress};
use proptest::prelude::*;

use super::{Pair, VERSIONS, client_config, make};

#[test]
fn both_sides_are_understood_however_records_are_cut() {
    let made = make();
    let acceptor = Acceptor::new(made.parse()).unwrap();
    for version in VERSIONS {
        let config = client_config(&[&made], version, &["h2", "http/1.1"]);
        for piece_bytes in [1, 7, 100, usize::MAX] {
            let mut pair = Pair::new(&acceptor, &config);
            pair.shake_hands(piece_bytes);
            assert_eq!(pair.client.alpn_protocol(), Some(&b"http/1.1"[..]));
            let said: Vec<u8> = (0..40_000_u32).map(|number| number.to_le_bytes()[1]).collect();
            pair.say(&said);
            assert_eq!(pair.give_server(piece_bytes), Progress::Open);
            assert!(pair.heard == said, "{version:?} in pieces of {piece_bytes}");
            let mut out = Vec::new();
            pair.session.encrypt(&said, &mut out).unwrap();
            pair.give_client(&out).unwrap();
            assert!(pair.told() == said, "{version:?}");
        }
    }
}

#[test]
fn the_first_byte_tells_tls_from_http() {
    let made = make();
    let acceptor = Acceptor::new(made.parse()).unwrap();
    for version in VERSIONS {
        let mut pair = Pair::new(&acceptor, &client_config(&[&made], version, &[]));
        assert_eq!(pair.client_records()[0], FIRST_BYTE);
    }
}

#[test]
fn whoever_comes_back_is_known_also_after_another_certificate_is_shown() {
    for version in VERSIONS {
        let (first, second) = (make(), make());
        let acceptor = Acceptor::new(first.parse()).unwrap();
        let config = client_config(&[&first, &second], version, &[]);
        for (visit, is_resumed) in [(0, false), (1, true), (2, true)] {
            if visit == 2 {
                acceptor.show(second.parse());
            }
            let mut pair = Pair::new(&acceptor, &config);
            pair.shake_hands(usize::MAX);
            assert_eq!(pair.session.is_resumed(), is_resumed, "{version:?}, visit {visit}");
            // Tickets may come behind the handshake.
            let mut out = Vec::new();
            pair.session.encrypt(b"x", &mut out).unwrap();
            pair.give_client(&out).unwrap();
        }
        let other = client_config(&[&second], version, &[]);
        Pair::new(&acceptor, &other).shake_hands(usize::MAX);
    }
}

#[test]
fn a_client_that_speaks_only_another_protocol_is_told_why() {
    let made = make();
    let acceptor = Acceptor::new(made.parse()).unwrap();
    for version in VERSIONS {
        let mut pair = Pair::new(&acceptor, &client_config(&[&made], version, &["h2"]));
        let mut records = pair.client_records();
        assert!(pair.session.receive(&mut records).is_err());
        let mut out = Vec::new();
        pair.session.close(&mut out);
        let error = pair.give_client(&out).unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        // It stays so.
        assert!(pair.session.receive(&mut vec![1]).is_err());
        assert!(pair.session.encrypt(b"x", &mut out).is_err());
    }
}

#[test]
fn an_end_that_was_said_is_told_from_one_that_was_not() {
    let made = make();
    let acceptor = Acceptor::new(made.parse()).unwrap();
    for version in VERSIONS {
        let mut pair = Pair::new(&acceptor, &client_config(&[&made], version, &[]));
        pair.shake_hands(usize::MAX);
        pair.say(b"last words");
        assert_eq!(pair.give_server(usize::MAX), Progress::Open, "not yet");
        pair.client.send_close_notify();
        assert_eq!(pair.give_server(3), Progress::PeerClosed);
        assert_eq!(pair.heard, b"last words");
        // We may go on.
        let mut out = Vec::new();
        pair.session.encrypt(b"an answer", &mut out).unwrap();
        pair.session.close(&mut out);
        pair.give_client(&out).unwrap();
        assert_eq!(pair.told(), b"an answer");
        let mut end = [0];
        assert_eq!(std::io::Read::read(&mut pair.client.reader(), &mut end).unwrap(), 0);
    }
}

#[test]
fn new_keys_are_taken_and_answered_with_new_ones_in_the_middle_of_a_record() {
    let made = make();
    let acceptor = Acceptor::new(made.parse()).unwrap();
    let config = client_config(&[&made], &rustls::version::TLS13, &[]);
    let mut pair = Pair::new(&acceptor, &config);
    pair.shake_hands(usize::MAX);
    for round in 0..5 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.say(b"hello");
        let records = pair.client_records();
        let (first, rest) = records.split_at(records.len() - 2);
        pair.session.read(&mut first.to_vec(), &mut pair.heard).unwrap();
        let mut out = Vec::new();
        pair.session.encrypt(b"meanwhile", &mut out).unwrap();
        pair.session.read(&mut rest.to_vec(), &mut pair.heard).unwrap();
        pair.give_client(&out).unwrap();
        assert_eq!(pair.told(), b"meanwhile", "round {round}");
    }
    assert_eq!(pair.heard, b"hello".repeat(5));
}

#[test]
fn nothing_can_be_said_before_the_handshake_is_over() {
    let acceptor = Acceptor::new(make().parse()).unwrap();
    let mut session = acceptor.begin().unwrap();
    let mut out = Vec::new();
    assert!(session.encrypt(b"x", &mut out).is_err());
    session.close(&mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn a_record_that_was_changed_says_nothing_else(at: prop::sample::Index, flip in 1_u8..) {
        let made = make();
        let acceptor = Acceptor::new(made.parse()).unwrap();
        let config = client_config(&[&made], &rustls::version::TLS13, &[]);
        let mut pair = Pair::new(&acceptor, &config);
        pair.shake_hands(usize::MAX);
        pair.say(b"pay ten");
        let mut records = pair.client_records();
        let at = at.index(records.len());
        records[at] ^= flip;
        let _ = pair.session.read(&mut records, &mut pair.heard);
        // Of the head rustls holds neither type nor version against a record: what counts is within. That says what it said.
        prop_assert!(pair.heard.is_empty() || (at < 3 && pair.heard == b"pay ten"));
    }

    #[test]
    fn bytes_that_are_no_tls_only_fail(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8)) {
        let acceptor = Acceptor::new(make().parse()).unwrap();
        let mut session = acceptor.begin().unwrap();
        let mut heard = Vec::new();
        for mut piece in pieces {
            let _ = session.read(&mut piece, &mut heard);
        }
        prop_assert!(heard.is_empty());
        session.close(&mut Vec::new());
    }
}
