//! What the three programs share: the answer, and how requests are told apart.
//!
//! Each program listens on a free port of the loopback, prints its address and answers every request, whatever it
//! asks, on one thread. The difference between them is the runtime.

/// What every request is answered.
pub const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";

/// Where the programs listen.
pub const ADDRESS: &str = "127.0.0.1:0";

/// Bytes that are read at once.
pub const READ_BYTES: usize = 4096;

/// Appends an answer to `out` for each request that ends in `input`, and keeps what has not ended.
pub fn answer(input: &mut Vec<u8>, out: &mut Vec<u8>) {
    const END: &[u8] = b"\r\n\r\n";
    let mut rest = 0;
    while let Some(at) = input[rest..].windows(END.len()).position(|window| window == END) {
        rest += at + END.len();
        out.extend_from_slice(ANSWER);
    }
    input.drain(..rest);
}
