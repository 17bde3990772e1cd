//! Who is let in, with what, and how others are told why not.

use cosmictron_net::ws::{
    Agreement, BIN_V1, Compression, Handshake, HandshakeError, JSON_V1, Opening, OpeningError,
    WindowBits,
};
use cosmictron_net::{Decoder, Limits, Method, Progress, ResponseDecoder};

const PROTOCOLS: &[&str] = &[JSON_V1, BIN_V1];

/// The request of RFC 6455 section 1.3 without what `but` names, and with `fields`.
fn request(but: &str, fields: &str) -> String {
    let lines = [
        "Upgrade: websocket\r\n",
        "Connection: keep-alive, Upgrade\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
    ];
    let kept: String =
        lines.iter().copied().filter(|line| but.is_empty() || !line.starts_with(but)).collect();
    format!("GET /v1/ws HTTP/1.1\r\nHost: x\r\n{kept}{fields}\r\n")
}

/// What the server makes of `request`, and what it answers.
fn ask(request: &str) -> (Result<Agreement<'static>, HandshakeError>, String) {
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(request.as_bytes());
    let head = match decoder.next(|_| 100) {
        Ok(Progress::Request(request) | Progress::Upgrade(request)) => request.head,
        other => panic!("{other:?}"),
    };
    let mut out = Vec::new();
    let result = Handshake::check(&head, PROTOCOLS);
    let result = match result {
        Ok(handshake) => {
            handshake.write(&mut out, &head.reply());
            Ok(handshake.agreement())
        }
        Err(error) => {
            error.write(&mut out, &head.reply());
            Err(error)
        }
    };
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn the_example_of_the_rfc_is_answered_as_there() {
    let (agreement, answer) = ask(&request("", "Sec-WebSocket-Protocol: chat, superchat\r\n"));
    let plain = Agreement { protocol: None, receives_deflate: false, sends: Compression::Off };
    assert_eq!(agreement, Ok(plain));
    assert_eq!(
        answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
}

#[test]
fn the_clients_first_known_subprotocol_is_chosen() {
    let chosen = |fields: &str| ask(&request("", fields)).0.unwrap().protocol;
    assert_eq!(chosen(""), None);
    assert_eq!(chosen("Sec-WebSocket-Protocol: cosmictron.bin.v1\r\n"), Some(BIN_V1));
    let both = "Sec-WebSocket-Protocol: x, cosmictron.bin.v1 , cosmictron.json.v1\r\n";
    assert_eq!(chosen(both), Some(BIN_V1));
    let fields = "Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: cosmictron.json.v1\r\n";
    assert_eq!(chosen(fields), Some(JSON_V1));
    assert_eq!(chosen("Sec-WebSocket-Protocol: COSMICTRON.JSON.V1\r\n"), None);
    let (_, answer) = ask(&request("", both));
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: cosmictron.bin.v1\r\n"), "{answer}");
}

#[test]
fn compression_is_without_context_takeover() {
    let offer = |offer: &str| {
        let (agreement, answer) =
            ask(&request("", &format!("Sec-WebSocket-Extensions: {offer}\r\n")));
        let agreement = agreement.unwrap();
        assert_eq!(agreement.receives_deflate, agreement.sends != Compression::Off);
        let field = answer.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        (agreement.sends, field.unwrap_or_default().to_owned())
    };
    let base = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let deflate = |bits| Compression::Deflate(WindowBits::new(bits).unwrap());
    assert_eq!(offer("permessage-deflate; client_max_window_bits"), (deflate(15), base.to_owned()));
    assert_eq!(
        offer("permessage-deflate; server_max_window_bits=10"),
        (deflate(10), format!("{base}; server_max_window_bits=10"))
    );
    // Python's websockets fails a connection whose server does not confirm the limit that holds
    // anyway: RFC 7692 section 7.1.2.1 has it confirmed.
    assert_eq!(
        offer("permessage-deflate; server_max_window_bits=15"),
        (deflate(15), format!("{base}; server_max_window_bits=15"))
    );
    assert_eq!(offer("permessage-deflate; nonsense"), (Compression::Off, String::new()));
    assert_eq!(offer("x-other"), (Compression::Off, String::new()));
}

#[test]
fn what_is_no_handshake_is_told_so() {
    #[track_caller]
    fn check(request: &str, expected: HandshakeError, answer: &[&str]) {
        let (result, text) = ask(request);
        assert_eq!(result, Err(expected), "{request}");
        for part in answer {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
    let needs =
        ["HTTP/1.1 426 ", "\r\nSec-WebSocket-Version: 13\r\n", "\r\nUpgrade: websocket\r\n"];
    check(&request("Upgrade", ""), HandshakeError::NotAsked, &needs);
    check(&request("Connection", ""), HandshakeError::NotAsked, &needs);
    check(&request("Upgrade", "Upgrade: h2c\r\n"), HandshakeError::NotAsked, &needs);
    for version in ["8", "14", "013", "13, 8"] {
        let field = format!("Sec-WebSocket-Version: {version}\r\n");
        check(&request("Sec-WebSocket-Version", &field), HandshakeError::BadVersion, &needs);
    }
    check(&request("Sec-WebSocket-Version", ""), HandshakeError::BadVersion, &needs);
    let bad = ["HTTP/1.1 400 ", "application/problem+json"];
    check(&request("Sec-WebSocket-Key", ""), HandshakeError::BadKey, &bad);
    let short = "Sec-WebSocket-Key: c2hvcnQ=\r\n";
    check(&request("Sec-WebSocket-Key", short), HandshakeError::BadKey, &bad);
    let protocol = "Sec-WebSocket-Protocol: a b\r\n";
    check(&request("", protocol), HandshakeError::BadProtocol, &bad);
    let extensions = "Sec-WebSocket-Extensions: permessage-deflate; =\r\n";
    check(&request("", extensions), HandshakeError::BadExtensions, &bad);
    let post = request("", "Content-Length: 0\r\n").replace("GET", "POST");
    check(&post, HandshakeError::NotGet, &["HTTP/1.1 405 ", "\r\nAllow: GET\r\n"]);
    check(&request("", "").replace("HTTP/1.1", "HTTP/1.0"), HandshakeError::OldHttp, &bad);
}

#[test]
fn a_repeated_key_or_version_is_no_request() {
    for field in ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"] {
        let mut decoder = Decoder::new(Limits::default());
        let request = request("", &format!("{field}\r\n"));
        decoder.input().extend_from_slice(request.as_bytes());
        assert!(decoder.next(|_| 0).is_err());
    }
}

/// What a client makes of the answer that `change` made of a good one.
fn open(opening: &Opening<'static>, change: fn(String) -> String) -> Result<String, OpeningError> {
    let mut request = Vec::new();
    opening.write("/v1/ws?a=b", "x", Some("secret"), &mut request);
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("GET /v1/ws?a=b HTTP/1.1\r\nHost: x\r\n"), "{request}");
    assert!(request.contains("\r\nAuthorization: Bearer secret\r\n"), "{request}");
    let (_, answer) = ask(&request);
    let mut decoder = ResponseDecoder::new(Limits::default(), 1000);
    decoder.input().extend_from_slice(change(answer).as_bytes());
    let answer = decoder.next(Method::Get).unwrap().unwrap();
    opening.check(&answer).map(|agreement| format!("{agreement:?}"))
}

#[test]
fn both_halves_agree() {
    let opening = Opening::new([7; 16], &[BIN_V1]);
    let agreed = open(&opening, |answer| answer).unwrap();
    let deflate = Compression::Deflate(WindowBits::MAX);
    let expected = Agreement { protocol: Some(BIN_V1), receives_deflate: true, sends: deflate };
    assert_eq!(agreed, format!("{expected:?}"));
    let opening = Opening::new([7; 16], &[]).without_deflate();
    let expected = Agreement { protocol: None, receives_deflate: false, sends: Compression::Off };
    assert_eq!(open(&opening, |answer| answer).unwrap(), format!("{expected:?}"));
}

#[test]
fn a_client_is_not_taken_in() {
    let opening = Opening::new([7; 16], &[BIN_V1]);
    let check = |change: fn(String) -> String, expected: OpeningError| {
        assert_eq!(open(&opening, change), Err(expected));
    };
    check(
        |_| "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
        OpeningError::Refused(401),
    );
    check(|answer| answer.replace("Upgrade: websocket", "X: y"), OpeningError::NotUpgraded);
    check(|answer| answer.replace("Accept: ", "Accept: x"), OpeningError::BadAccept);
    check(|answer| answer.replace("Accept", "Except"), OpeningError::BadAccept);
    check(|answer| answer.replace(BIN_V1, JSON_V1), OpeningError::BadProtocol);
    check(|answer| answer.replace("server_no", "no"), OpeningError::BadExtensions);
    check(|answer| answer.replace("permessage", "perframe"), OpeningError::BadExtensions);
    let plain = Opening::new([7; 16], &[BIN_V1]).without_deflate();
    let change = |answer: String| {
        let field = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
        answer.replacen("\r\n", &format!("\r\n{field}\r\n"), 1)
    };
    assert_eq!(open(&plain, change), Err(OpeningError::BadExtensions));
}
