//! What is framed how, and what is refused: a table of requests and their verdicts.
//!
//! Every request of the table is decoded whole, byte by byte, and split at each of its octets; the
//! verdict is the same.

use crate::transcript::{of_requests, singly};

/// A request with `$line` and a host.
macro_rules! line {
    ($line:literal) => {
        concat!($line, "\r\nHost: x\r\n\r\n").as_bytes()
    };
}

/// A GET request with the fields `$fields`.
macro_rules! get {
    ($fields:literal) => {
        concat!("GET / HTTP/1.1\r\nHost: x\r\n", $fields, "\r\n\r\n").as_bytes()
    };
}

/// A POST request with the fields `$fields`, and what follows them.
macro_rules! post {
    ($fields:literal, $body:literal) => {
        concat!("POST / HTTP/1.1\r\nHost: x\r\n", $fields, "\r\n\r\n", $body).as_bytes()
    };
}

/// A POST request whose chunked body is `$body`.
macro_rules! chunked {
    ($body:literal) => {
        post!("Transfer-Encoding: chunked", $body)
    };
}

/// A name, the bytes of a connection, and what is decoded from them. `\n` in a verdict separates
/// its lines.
type Case = (&'static str, &'static [u8], &'static str);

const GOOD: &[Case] = &[
    ("a request", line!("GET /a HTTP/1.1"), "GET /a @x"),
    ("no reason to have a host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /"),
    (
        "a query",
        b"GET /a?b=c&d=%20? HTTP/1.1\r\nHost: x:3000\r\n\r\n",
        "GET /a ?b=c&d=%20? @x:3000",
    ),
    ("an empty query", line!("GET /a? HTTP/1.1"), "GET /a @x"),
    ("an IPv6 host", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / @[::1]:80"),
    ("a browser's query", line!("GET /?a|b[0]={c}^` HTTP/1.1"), "GET / ?a|b[0]={c}^` @x"),
    ("two slashes", line!("GET //a//b HTTP/1.1"), "GET //a//b @x"),
    ("an empty line before", b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / @x"),
    ("an empty line behind", get!(""), "GET / @x"),
    ("white space around a value", b"GET / HTTP/1.1\r\nHost: \t x \t\r\n\r\n", "GET / @x"),
    (
        "octets that are not ASCII in a value",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: \xff\xc3\xa4\r\n\r\n",
        "GET / @x",
    ),
    ("an empty value", get!("A:"), "GET / @x"),
    ("lists over several fields", get!("Accept: a\r\nAccept: b"), "GET / @x"),
    // Bodies.
    ("a length", post!("Content-Length: 3", "abc"), "POST / @x \"abc\""),
    ("length zero", post!("Content-Length: 0", ""), "POST / @x"),
    ("zeros before a length", post!("Content-Length: 003", "abc"), "POST / @x \"abc\""),
    ("no length", line!("POST / HTTP/1.1"), "POST / @x"),
    (
        "a GET with a body",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "GET / @x \"abc\"",
    ),
    ("a missing body", post!("Content-Length: 3", "ab"), "… body"),
    ("half a head", b"POST / HTTP/1.1\r\nHost: x\r\n", "… head"),
    ("chunks", chunked!("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "POST / @x \"abc0123456789\""),
    ("no chunks", chunked!("0\r\n\r\n"), "POST / @x"),
    ("case of a coding", post!("TRANSFER-ENCODING: , ChunKED,", "000\r\n\r\n"), "POST / @x"),
    (
        "chunk data that looks like framing",
        chunked!("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        "POST / @x \"\\r\\n0\\r\\n\\r\\n\"",
    ),
    (
        "chunk extensions",
        chunked!("1;a\r\nx\r\n1 ; a = \"q\\\";\" ;b=c\r\ny\r\n0;z\r\n\r\n"),
        "POST / @x \"xy\"",
    ),
    (
        "trailers are dropped",
        chunked!("1\r\nx\r\n0\r\nContent-Length: 9\r\nHost: y\r\n\r\n"),
        "POST / @x \"x\"",
    ),
    ("a chunked body that ends early", chunked!("5\r\nabc"), "… body"),
    // Pipelining and the end of connections.
    (
        "two in one read",
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a @x\nGET /b @x",
    ),
    (
        "one behind a body",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\n\
          Host: x\r\n\r\n",
        "POST /a @x \"x\"\nGET /b @x",
    ),
    (
        "one behind chunks",
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n\
          GET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /a @x \"x\"\nGET /b @x",
    ),
    ("one and a half", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HT", "GET /a @x\n… head"),
    (
        "close",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE\r\n\r\nGET /never HTTP/1.1\r\n",
        "GET / @x +close\nclosed",
    ),
    ("close and keep-alive", get!("Connection: keep-alive, close"), "GET / @x +close\nclosed"),
    ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "GET / +close\nclosed"),
    (
        "HTTP/1.0 that stays",
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        "GET /\nGET /b +close\nclosed",
    ),
    // Forms of targets.
    ("absolute form", line!("GET http://y:80/a?b HTTP/1.1"), "GET /a ?b @y:80"),
    ("absolute form, other case", line!("GET HTTPS://y/ HTTP/1.1"), "GET / @y"),
    ("absolute form without a path", line!("GET http://y HTTP/1.1"), "GET / @y"),
    ("absolute form with only a query", line!("GET http://y?b HTTP/1.1"), "GET / ?b @y"),
    ("asterisk form", line!("OPTIONS * HTTP/1.1"), "OPTIONS * @x"),
    ("asterisk form by way of a proxy", line!("OPTIONS http://y HTTP/1.1"), "OPTIONS * @y"),
    // Upgrades.
    (
        "a WebSocket",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\
          Upgrade: h2c, WebSocket\r\n\r\n",
        "GET /ws @x +upgrade",
    ),
    ("another protocol", get!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"), "GET / @x"),
    ("an upgrade that the connection does not name", get!("Upgrade: websocket"), "GET / @x"),
    ("a WebSocket by POST", post!("Connection: Upgrade\r\nUpgrade: websocket", ""), "POST / @x"),
    (
        "a WebSocket with a body",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Content-Length: 1\r\n\r\nx",
        "GET / @x \"x\"",
    ),
    (
        "a WebSocket in HTTP/1.0",
        b"GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /",
    ),
    (
        "a WebSocket that closes",
        get!("Connection: close, Upgrade\r\nUpgrade: websocket"),
        "GET / @x +close\nclosed",
    ),
];

const REFUSED: &[Case] = &[
    // Lengths.
    (
        "both lengths",
        post!("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        "400 both content-length and transfer-encoding are given",
    ),
    (
        "both lengths, other order",
        post!("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        "400 both content-length and transfer-encoding are given",
    ),
    (
        "length twice, equal",
        post!("Content-Length: 1\r\nContent-Length: 1", "x"),
        "400 header content-length is repeated",
    ),
    (
        "length twice, unequal",
        post!("Content-Length: 1\r\nContent-Length: 2", "xx"),
        "400 header content-length is repeated",
    ),
    ("length as a list", post!("Content-Length: 1, 1", "x"), "400 malformed content-length"),
    ("length with a plus", post!("Content-Length: +1", "x"), "400 malformed content-length"),
    ("length with a minus", post!("Content-Length: -1", "x"), "400 malformed content-length"),
    ("length in hexadecimal", post!("Content-Length: 0x1", "x"), "400 malformed content-length"),
    ("length with a fraction", post!("Content-Length: 1.0", "x"), "400 malformed content-length"),
    (
        "length with a space within",
        post!("Content-Length: 1 1", "x"),
        "400 malformed content-length",
    ),
    (
        "length with an underscore",
        post!("Content-Length: 1_0", "x"),
        "400 malformed content-length",
    ),
    ("length of no digits", post!("Content-Length:", ""), "400 malformed content-length"),
    (
        "length beyond the limit",
        post!("Content-Length: 1048577", ""),
        "413 body exceeds the limit of 1048576 bytes",
    ),
    (
        "length beyond 64 bits",
        post!("Content-Length: 18446744073709551617", "x"),
        "413 body exceeds the limit of 1048576 bytes",
    ),
    // Codings.
    (
        "chunked twice",
        post!("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        "400 malformed transfer-encoding",
    ),
    (
        "chunked in two fields",
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        "400 malformed transfer-encoding",
    ),
    (
        "chunked before another",
        post!("Transfer-Encoding: chunked, gzip", ""),
        "400 malformed transfer-encoding",
    ),
    (
        "another before chunked",
        post!("Transfer-Encoding: gzip, chunked", ""),
        "501 transfer coding not implemented",
    ),
    (
        "another before chunked, in two fields",
        post!("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", ""),
        "501 transfer coding not implemented",
    ),
    ("another alone", post!("Transfer-Encoding: identity", ""), "400 malformed transfer-encoding"),
    ("almost chunked", post!("Transfer-Encoding: xchunked", ""), "400 malformed transfer-encoding"),
    (
        "chunked with a parameter",
        post!("Transfer-Encoding: chunked;q=1", ""),
        "400 malformed transfer-encoding",
    ),
    (
        "chunked in quotes",
        post!("Transfer-Encoding: \"chunked\"", ""),
        "400 malformed transfer-encoding",
    ),
    (
        "chunked behind a vertical tab",
        post!("Transfer-Encoding: \x0bchunked", ""),
        "400 malformed header value",
    ),
    ("no coding at all", post!("Transfer-Encoding:", ""), "400 malformed transfer-encoding"),
    ("commas for a coding", post!("Transfer-Encoding: ,", ""), "400 malformed transfer-encoding"),
    (
        "chunked in HTTP/1.0",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 malformed transfer-encoding",
    ),
    // Chunks.
    ("a chunk size of no digits", chunked!("\r\nx"), "400 malformed chunk size"),
    ("a chunk size with 0x", chunked!("0x1\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk size with a plus", chunked!("+1\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk size with a minus", chunked!("-1\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk size behind a space", chunked!(" 1\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk size before a space", chunked!("1 \r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk size of other letters", chunked!("G\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    (
        "a chunk size of 17 digits",
        chunked!("00000000000000001\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk size",
    ),
    (
        "a chunk size that wraps around",
        chunked!("10000000000000001\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk size",
    ),
    (
        "the largest chunk size",
        chunked!("ffffffffffffffff\r\nx"),
        "413 body exceeds the limit of 1048576 bytes",
    ),
    (
        "chunks beyond the limit together",
        chunked!("1\r\nx\r\n100000\r\n"),
        "413 body exceeds the limit of 1048576 bytes",
    ),
    (
        "a size line with a bare line feed",
        chunked!("1\nx\r\n0\r\n\r\n"),
        "400 line feed without carriage return",
    ),
    (
        "a size line with a bare carriage return",
        chunked!("1\rx\r\n0\r\n\r\n"),
        "400 malformed chunk size",
    ),
    (
        "a line feed in an extension",
        chunked!("1;a\nb\r\nx\r\n0\r\n\r\n"),
        "400 line feed without carriage return",
    ),
    (
        "a carriage return in an extension",
        chunked!("1;a\rb\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk size",
    ),
    (
        "an extension without a name",
        chunked!("1;\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk extension",
    ),
    (
        "an extension without a value",
        chunked!("1;a=\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk extension",
    ),
    (
        "an extension with an open quote",
        chunked!("1;a=\"b\r\nx\r\n0\r\n\r\n"),
        "400 malformed chunk extension",
    ),
    ("a NUL in an extension", chunked!("1;a\0\r\nx\r\n0\r\n\r\n"), "400 malformed chunk size"),
    ("a chunk without its end", chunked!("1\r\nxx\r\n0\r\n\r\n"), "400 chunk without line end"),
    ("a chunk with half an end", chunked!("1\r\nx\n0\r\n\r\n"), "400 chunk without line end"),
    ("a chunk with another half", chunked!("1\r\nx\r0\r\n\r\n"), "400 chunk without line end"),
    ("a trailer without a colon", chunked!("0\r\nGET / HTTP/1.1\r\n\r\n"), "400 malformed trailer"),
    ("a folded trailer", chunked!("0\r\na: b\r\n c\r\n\r\n"), "400 malformed trailer"),
    (
        "a trailer with a bare line feed",
        chunked!("0\r\na: b\n\r\n"),
        "400 line feed without carriage return",
    ),
    ("a trailer with a NUL", chunked!("0\r\na: \0\r\n\r\n"), "400 malformed trailer"),
    // Line ends and white space.
    ("bare line feeds", b"GET / HTTP/1.1\nHost: x\n\n", "400 line feed without carriage return"),
    (
        "a bare line feed behind a field",
        b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
        "400 line feed without carriage return",
    ),
    (
        "a bare line feed for the empty line",
        b"GET / HTTP/1.1\r\nHost: x\r\n\n",
        "400 line feed without carriage return",
    ),
    ("a bare carriage return in a value", get!("A: b\rC: d"), "400 malformed header value"),
    ("a bare carriage return in a name", get!("A\rB: d"), "400 malformed header name"),
    (
        "a bare carriage return for the empty line",
        get!("\rA: b"),
        "400 carriage return without line feed",
    ),
    (
        "a doubled carriage return",
        b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n",
        "400 malformed header value",
    ),
    (
        "a carriage return before the method",
        line!("\rGET / HTTP/1.1"),
        "400 carriage return without line feed",
    ),
    (
        "a line feed before the method",
        b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "400 line feed without carriage return",
    ),
    (
        "two empty lines before the method",
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "400 malformed request line",
    ),
    ("a space before the method", line!(" GET / HTTP/1.1"), "400 malformed request line"),
    ("a folded field", get!("A: b\r\n c"), "400 malformed header name"),
    ("a field folded by a tab", get!("A: b\r\n\tc"), "400 malformed header name"),
    (
        "a space before the first field",
        b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        "400 malformed header name",
    ),
    ("a space before a colon", post!("Content-Length : 1", "x"), "400 malformed header name"),
    ("a tab before a colon", post!("Content-Length\t: 1", "x"), "400 malformed header name"),
    ("a space in a name", get!("A b: c"), "400 malformed header name"),
    ("no name", get!(": c"), "400 malformed header name"),
    ("no colon", get!("A"), "400 malformed header name"),
    ("a NUL in a value", get!("A: b\0c"), "400 malformed header value"),
    ("a NUL in a name", get!("A\0: b"), "400 malformed header name"),
    ("an escape in a value", get!("A: \x1b[31m"), "400 malformed header value"),
    (
        "an octet beyond ASCII in a name",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\xe9: b\r\n\r\n",
        "400 malformed header name",
    ),
    // Request lines.
    ("HTTP/0.9", b"GET /\r\n\r\n", "400 malformed request line"),
    ("two spaces", line!("GET  / HTTP/1.1"), "400 malformed request line"),
    ("two spaces before the version", line!("GET /  HTTP/1.1"), "400 malformed request line"),
    ("a tab for a space", line!("GET\t/ HTTP/1.1"), "400 malformed request line"),
    ("a space behind the version", line!("GET / HTTP/1.1 "), "400 malformed request line"),
    ("a space in the target", line!("GET /a b HTTP/1.1"), "400 malformed request line"),
    (
        "a bare carriage return in the target",
        line!("GET /a\rb HTTP/1.1"),
        "400 carriage return without line feed",
    ),
    ("no target", line!("GET HTTP/1.1"), "400 malformed request line"),
    ("no method", line!("/ HTTP/1.1"), "400 malformed request line"),
    ("a TLS handshake", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "400 malformed request line"),
    // Methods.
    ("an unknown method", line!("BREW / HTTP/1.1"), "501 method not implemented"),
    ("a method in lower case", line!("get / HTTP/1.1"), "501 method not implemented"),
    ("TRACE", line!("TRACE / HTTP/1.1"), "501 method not implemented"),
    ("authority form", line!("CONNECT x:80 HTTP/1.1"), "501 method not implemented"),
    ("a method that is no token", line!("GE(T / HTTP/1.1"), "400 malformed method"),
    ("a NUL in the method", line!("GET\0 / HTTP/1.1"), "400 malformed method"),
    // Versions.
    (
        "the preface of HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "505 HTTP version not supported",
    ),
    ("HTTP/1.2", line!("GET / HTTP/1.2"), "505 HTTP version not supported"),
    ("HTTP/3.0", line!("GET / HTTP/3.0"), "505 HTTP version not supported"),
    ("HTTP/0.9 by name", line!("GET / HTTP/0.9"), "505 HTTP version not supported"),
    ("HTTP/1.10", line!("GET / HTTP/1.10"), "400 malformed request line"),
    ("HTTP/01.1", line!("GET / HTTP/01.1"), "400 malformed request line"),
    ("HTTP/1", line!("GET / HTTP/1"), "400 malformed request line"),
    ("http in lower case", line!("GET / http/1.1"), "400 malformed request line"),
    // Targets.
    ("a target without a slash", line!("GET a HTTP/1.1"), "400 malformed request target"),
    ("authority form without CONNECT", line!("GET x:80 HTTP/1.1"), "400 malformed request target"),
    ("asterisk form without OPTIONS", line!("GET * HTTP/1.1"), "400 malformed request target"),
    ("a fragment", line!("GET /a#b HTTP/1.1"), "400 malformed request target"),
    ("a backslash", line!("GET /a\\b HTTP/1.1"), "400 malformed request target"),
    (
        "an octet beyond ASCII",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n",
        "400 malformed request target",
    ),
    ("a NUL in the target", line!("GET /a\0b HTTP/1.1"), "400 malformed request target"),
    ("another scheme", line!("GET ftp://x/ HTTP/1.1"), "400 malformed request target"),
    ("a scheme with one slash", line!("GET http:/x HTTP/1.1"), "400 malformed request target"),
    ("an absolute target without a host", line!("GET http:///a HTTP/1.1"), "400 malformed host"),
    (
        "an absolute target with only a port",
        line!("GET http://:80/a HTTP/1.1"),
        "400 malformed host",
    ),
    ("user information", line!("GET http://u:p@x/a HTTP/1.1"), "400 malformed host"),
    // Hosts.
    ("no host", b"GET / HTTP/1.1\r\n\r\n", "400 header host is missing"),
    ("no host in absolute form", b"GET http://x/ HTTP/1.1\r\n\r\n", "400 header host is missing"),
    ("two hosts", get!("Host: y"), "400 header host is repeated"),
    ("two equal hosts", get!("host: x"), "400 header host is repeated"),
    (
        "two hosts in HTTP/1.0",
        b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
        "400 header host is repeated",
    ),
    ("two hosts in one field", b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", "400 malformed host"),
    ("a host with a path", b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "400 malformed host"),
    ("a host with user information", b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", "400 malformed host"),
    ("a host with a bad port", b"GET / HTTP/1.1\r\nHost: x:8o\r\n\r\n", "400 malformed host"),
    ("a host with two ports", b"GET / HTTP/1.1\r\nHost: x:1:2\r\n\r\n", "400 malformed host"),
    ("half an IPv6 host", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 malformed host"),
    // Others.
    (
        "two tokens",
        get!("Authorization: a\r\nAuthorization: b"),
        "400 header authorization is repeated",
    ),
    (
        "two idempotency keys",
        post!("Idempotency-Key: a\r\nIdempotency-Key: b", ""),
        "400 header idempotency-key is repeated",
    ),
    (
        "an unknown expectation",
        post!("Expect: tea\r\nContent-Length: 1", ""),
        "417 unknown expectation",
    ),
    (
        "what follows a refused one is not read",
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\
          Host: x\r\n\r\n",
        "GET /a @x\n400 header host is missing",
    ),
];

#[track_caller]
fn check((name, bytes, verdict): &Case) {
    let expected = format!("{verdict}\n");
    assert_eq!(of_requests([*bytes]), expected, "{name}, whole");
    assert_eq!(of_requests(singly(bytes)), expected, "{name}, byte by byte");
    for at in 0..bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(of_requests([first, second]), expected, "{name}, split at {at}");
    }
}

#[test]
fn good_requests_are_framed_as_the_rfc_says() {
    GOOD.iter().for_each(check);
}

#[test]
fn ambiguous_requests_are_refused_however_they_arrive() {
    REFUSED.iter().for_each(check);
}

#[test]
fn a_refused_request_ends_its_connection() {
    for (name, bytes, _) in REFUSED {
        let mut decoder = cosmictron_net::Decoder::new(cosmictron_net::Limits::default());
        decoder.input().extend_from_slice(bytes);
        let error = loop {
            match decoder.next(|_| 1 << 20) {
                Ok(progress) => assert!(matches!(progress, cosmictron_net::Progress::Request(_))),
                Err(error) => break error,
            }
        };
        decoder.input().extend_from_slice(line!("GET / HTTP/1.1"));
        assert_eq!(decoder.next(|_| 1 << 20).unwrap_err(), error, "{name}");
        assert_eq!(decoder.phase(), cosmictron_net::Phase::Closed, "{name}");
    }
}
