//! What is framed how, and what is refused: a table of requests and their verdicts.
//!
//! Every request of the table is decoded whole, byte by byte, and split at each of its octets; the verdict is the same.

use crate::transcript::{of_requests, singly};

/// A name, the bytes of a connection, and what is decoded from them. `\n` in a verdict separates its lines.
type Case = (&'static str, &'static [u8], &'static str);

const GOOD: &[Case] = &[
    ("a request", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a @x"),
    ("no reason to have a host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET /"),
    ("a query", b"GET /a?b=c&d=%20? HTTP/1.1\r\nHost: x:3000\r\n\r\n", "GET /a ?b=c&d=%20? @x:3000"),
    ("an empty query", b"GET /a? HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a @x"),
    ("an IPv6 host", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / @[::1]:80"),
    ("a browser's query", b"GET /?a|b[0]={c}^` HTTP/1.1\r\nHost: x\r\n\r\n", "GET / ?a|b[0]={c}^` @x"),
    ("two slashes", b"GET //a//b HTTP/1.1\r\nHost: x\r\n\r\n", "GET //a//b @x"),
    ("an empty line before", b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / @x"),
    ("an empty line behind", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n", "GET / @x"),
    ("white space around a value", b"GET / HTTP/1.1\r\nHost: \t x \t\r\n\r\n", "GET / @x"),
    ("octets that are not ASCII in a value", b"GET / HTTP/1.1\r\nHost: x\r\nA: \xff\xc3\xa4\r\n\r\n", "GET / @x"),
    ("an empty value", b"GET / HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", "GET / @x"),
    ("lists over several fields", b"GET / HTTP/1.1\r\nHost: x\r\nAccept: a\r\nAccept: b\r\n\r\n", "GET / @x"),
    // Bodies.
    ("a length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "POST / @x \"abc\""),
    ("length zero", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "POST / @x"),
    ("zeros before a length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 003\r\n\r\nabc", "POST / @x \"abc\""),
    ("no length", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / @x"),
    ("a GET with a body", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "GET / @x \"abc\""),
    ("a missing body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab", "… body"),
    ("half a head", b"POST / HTTP/1.1\r\nHost: x\r\n", "… head"),
    ("chunks", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "POST / @x \"abc0123456789\""),
    ("no chunks", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST / @x"),
    ("case of a coding", b"POST / HTTP/1.1\r\nHost: x\r\nTRANSFER-ENCODING: , ChunKED,\r\n\r\n000\r\n\r\n", "POST / @x"),
    ("chunk data that looks like framing", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "POST / @x \"\\r\\n0\\r\\n\\r\\n\""),
    ("chunk extensions", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n1 ; a = \"q\\\";\" ;b=c\r\ny\r\n0;z\r\n\r\n", "POST / @x \"xy\""),
    ("trailers are dropped", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 9\r\nHost: y\r\n\r\n", "POST / @x \"x\""),
    ("a chunked body that ends early", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "… body"),
    // Pipelining and the end of connections.
    ("two in one read", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a @x\nGET /b @x"),
    ("one behind a body", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a @x \"x\"\nGET /b @x"),
    ("one behind chunks", b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a @x \"x\"\nGET /b @x"),
    ("one and a half", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HT", "GET /a @x\n… head"),
    ("close", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, CLOSE\r\n\r\nGET /never HTTP/1.1\r\n", "GET / @x +close\nclosed"),
    ("close and keep-alive", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n", "GET / @x +close\nclosed"),
    ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", "GET / +close\nclosed"),
    ("HTTP/1.0 that stays", b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n", "GET /\nGET /b +close\nclosed"),
    // Forms of targets.
    ("absolute form", b"GET http://y:80/a?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a ?b @y:80"),
    ("absolute form, other case", b"GET HTTPS://y/ HTTP/1.1\r\nHost: x\r\n\r\n", "GET / @y"),
    ("absolute form without a path", b"GET http://y HTTP/1.1\r\nHost: x\r\n\r\n", "GET / @y"),
    ("absolute form with only a query", b"GET http://y?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET / ?b @y"),
    ("asterisk form", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * @x"),
    ("asterisk form by way of a proxy", b"OPTIONS http://y HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * @y"),
    // Upgrades.
    ("a WebSocket", b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n", "GET /ws @x +upgrade"),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", "GET / @x"),
    ("an upgrade that the connection does not name", b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", "GET / @x"),
    ("a WebSocket by POST", b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "POST / @x"),
    ("a WebSocket with a body", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx", "GET / @x \"x\""),
    ("a WebSocket in HTTP/1.0", b"GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET /"),
    ("a WebSocket that closes", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET / @x +close\nclosed"),
];

const REFUSED: &[Case] = &[
    // Lengths.
    ("both lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 both content-length and transfer-encoding are given"),
    ("both lengths, other order", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400 both content-length and transfer-encoding are given"),
    ("length twice, equal", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400 header content-length is repeated"),
    ("length twice, unequal", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400 header content-length is repeated"),
    ("length as a list", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\nx", "400 malformed content-length"),
    ("length with a plus", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", "400 malformed content-length"),
    ("length with a minus", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx", "400 malformed content-length"),
    ("length in hexadecimal", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\nx", "400 malformed content-length"),
    ("length with a fraction", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1.0\r\n\r\nx", "400 malformed content-length"),
    ("length with a space within", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\nx", "400 malformed content-length"),
    ("length with an underscore", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\nx", "400 malformed content-length"),
    ("length of no digits", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", "400 malformed content-length"),
    ("length beyond the limit", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", "413 body exceeds the limit of 1048576 bytes"),
    ("length beyond 64 bits", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\nx", "413 body exceeds the limit of 1048576 bytes"),
    // Codings.
    ("chunked twice", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked in two fields", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked before another", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "400 malformed transfer-encoding"),
    ("another before chunked", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501 transfer coding not implemented"),
    ("another before chunked, in two fields", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "501 transfer coding not implemented"),
    ("another alone", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", "400 malformed transfer-encoding"),
    ("almost chunked", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked with a parameter", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked in quotes", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked behind a vertical tab", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", "400 malformed header value"),
    ("no coding at all", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n", "400 malformed transfer-encoding"),
    ("commas for a coding", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ,\r\n\r\n", "400 malformed transfer-encoding"),
    ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 malformed transfer-encoding"),
    // Chunks.
    ("a chunk size of no digits", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\nx", "400 malformed chunk size"),
    ("a chunk size with 0x", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size with a plus", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size with a minus", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size behind a space", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size before a space", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size of other letters", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nG\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size of 17 digits", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk size that wraps around", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("the largest chunk size", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "413 body exceeds the limit of 1048576 bytes"),
    ("chunks beyond the limit together", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n100000\r\n", "413 body exceeds the limit of 1048576 bytes"),
    ("a size line with a bare line feed", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", "400 line feed without carriage return"),
    ("a size line with a bare carriage return", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\rx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a line feed in an extension", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n", "400 line feed without carriage return"),
    ("a carriage return in an extension", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\rb\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("an extension without a name", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;\r\nx\r\n0\r\n\r\n", "400 malformed chunk extension"),
    ("an extension without a value", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\r\nx\r\n0\r\n\r\n", "400 malformed chunk extension"),
    ("an extension with an open quote", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\"b\r\nx\r\n0\r\n\r\n", "400 malformed chunk extension"),
    ("a NUL in an extension", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\0\r\nx\r\n0\r\n\r\n", "400 malformed chunk size"),
    ("a chunk without its end", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n", "400 chunk without line end"),
    ("a chunk with half an end", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", "400 chunk without line end"),
    ("a chunk with another half", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r0\r\n\r\n", "400 chunk without line end"),
    ("a trailer without a colon", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n", "400 malformed trailer"),
    ("a folded trailer", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n c\r\n\r\n", "400 malformed trailer"),
    ("a trailer with a bare line feed", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\n\r\n", "400 line feed without carriage return"),
    ("a trailer with a NUL", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: \0\r\n\r\n", "400 malformed trailer"),
    // Line ends and white space.
    ("bare line feeds", b"GET / HTTP/1.1\nHost: x\n\n", "400 line feed without carriage return"),
    ("a bare line feed behind a field", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "400 line feed without carriage return"),
    ("a bare line feed for the empty line", b"GET / HTTP/1.1\r\nHost: x\r\n\n", "400 line feed without carriage return"),
    ("a bare carriage return in a value", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n", "400 malformed header value"),
    ("a bare carriage return in a name", b"GET / HTTP/1.1\r\nHost: x\r\nA\rB: d\r\n\r\n", "400 malformed header name"),
    ("a bare carriage return for the empty line", b"GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n", "400 carriage return without line feed"),
    ("a doubled carriage return", b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", "400 malformed header value"),
    ("a carriage return before the method", b"\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 carriage return without line feed"),
    ("a line feed before the method", b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 line feed without carriage return"),
    ("two empty lines before the method", b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a space before the method", b" GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a folded field", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "400 malformed header name"),
    ("a field folded by a tab", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", "400 malformed header name"),
    ("a space before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400 malformed header name"),
    ("a space before a colon", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\nx", "400 malformed header name"),
    ("a tab before a colon", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 1\r\n\r\nx", "400 malformed header name"),
    ("a space in a name", b"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", "400 malformed header name"),
    ("no name", b"GET / HTTP/1.1\r\nHost: x\r\n: c\r\n\r\n", "400 malformed header name"),
    ("no colon", b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", "400 malformed header name"),
    ("a NUL in a value", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", "400 malformed header value"),
    ("a NUL in a name", b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", "400 malformed header name"),
    ("an escape in a value", b"GET / HTTP/1.1\r\nHost: x\r\nA: \x1b[31m\r\n\r\n", "400 malformed header value"),
    ("an octet beyond ASCII in a name", b"GET / HTTP/1.1\r\nHost: x\r\nA\xe9: b\r\n\r\n", "400 malformed header name"),
    // Request lines.
    ("HTTP/0.9", b"GET /\r\n\r\n", "400 malformed request line"),
    ("two spaces", b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a tab for a space", b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a space behind the version", b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a space in the target", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a bare carriage return in the target", b"GET /a\rb HTTP/1.1\r\nHost: x\r\n\r\n", "400 carriage return without line feed"),
    ("no target", b"GET HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("no method", b"/ HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("a TLS handshake", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "400 malformed request line"),
    // Methods.
    ("an unknown method", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "501 method not implemented"),
    ("a method in lower case", b"get / HTTP/1.1\r\nHost: x\r\n\r\n", "501 method not implemented"),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "501 method not implemented"),
    ("authority form", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "501 method not implemented"),
    ("a method that is no token", b"GE(T / HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed method"),
    ("a NUL in the method", b"GET\0 / HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed method"),
    // Versions.
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP version not supported"),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", "505 HTTP version not supported"),
    ("HTTP/3.0", b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP version not supported"),
    ("HTTP/0.9 by name", b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", "505 HTTP version not supported"),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("HTTP/01.1", b"GET / HTTP/01.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("HTTP/1", b"GET / HTTP/1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    ("http in lower case", b"GET / http/1.1\r\nHost: x\r\n\r\n", "400 malformed request line"),
    // Targets.
    ("a target without a slash", b"GET a HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("authority form without CONNECT", b"GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("asterisk form without OPTIONS", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("a backslash", b"GET /a\\b HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("an octet beyond ASCII", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("a NUL in the target", b"GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("another scheme", b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("a scheme with one slash", b"GET http:/x HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed request target"),
    ("an absolute target without a host", b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed host"),
    ("an absolute target with only a port", b"GET http://:80/a HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed host"),
    ("user information", b"GET http://u:p@x/a HTTP/1.1\r\nHost: x\r\n\r\n", "400 malformed host"),
    // Hosts.
    ("no host", b"GET / HTTP/1.1\r\n\r\n", "400 header host is missing"),
    ("no host in absolute form", b"GET http://x/ HTTP/1.1\r\n\r\n", "400 header host is missing"),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 header host is repeated"),
    ("two equal hosts", b"GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", "400 header host is repeated"),
    ("two hosts in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", "400 header host is repeated"),
    ("two hosts in one field", b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", "400 malformed host"),
    ("a host with a path", b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "400 malformed host"),
    ("a host with user information", b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", "400 malformed host"),
    ("a host with a bad port", b"GET / HTTP/1.1\r\nHost: x:8o\r\n\r\n", "400 malformed host"),
    ("a host with two ports", b"GET / HTTP/1.1\r\nHost: x:1:2\r\n\r\n", "400 malformed host"),
    ("half an IPv6 host", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 malformed host"),
    // Others.
    ("two tokens", b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", "400 header authorization is repeated"),
    ("two idempotency keys", b"POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", "400 header idempotency-key is repeated"),
    ("an unknown expectation", b"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", "417 unknown expectation"),
    ("what follows a refused one is not read", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a @x\n400 header host is missing"),
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
        decoder.input().extend_from_slice(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(decoder.next(|_| 1 << 20).unwrap_err(), error, "{name}");
        assert_eq!(decoder.phase(), cosmictron_net::Phase::Closed, "{name}");
    }
}
