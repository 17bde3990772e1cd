//! Sends every WebSocket message back: `cargo run --release -p cosmictron-net --example echo -- PORT`.
//!
//! For conformance tools. What answers is the crate's own decoders and encoders, with limits that
//! such tools need; what is here is the driver that they leave to others, with a thread for each
//! connection. `/` answers any plain request with its method and the length of its decoded body:
//!
//! ```text
//! $ curl -d hello http://127.0.0.1:9001/
//! POST 5
//! ```

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cosmictron_net::ws::{
    self, Agreement, Closing, Deflater, Encoder, Handshake, Inflater, Received, Role,
};
use cosmictron_net::{
    Decoder, Limits, Problem, ProblemCode, Progress, Reply, Request, Response, Status,
};

/// What a message, and the body of a plain request, may have.
const BYTES_MAX: usize = 16 << 20;

/// Conformance tools send messages of 16 MiB in fragments of 64 bytes.
const FRAGMENTS_MAX: u32 = 1 << 20;

const PROTOCOLS: &[&str] = &[ws::JSON_V1, ws::BIN_V1];

/// Connections at a time; those beyond are closed at once.
const CONNECTIONS_MAX: usize = 1024;

/// How long a client may say nothing, and how long it may take nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the rest of what a client sends is read after the last word, and how much of it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 64 << 20;

/// Output is written when it has become this long, or when nothing more is to be done.
const BATCH_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let port = std::env::args().nth(1).and_then(|port| port.parse::<u16>().ok());
    let Some(port) = port else {
        eprintln!("usage: echo PORT");
        return ExitCode::FAILURE;
    };
    let listener = match TcpListener::bind(("127.0.0.1", port)) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Ok(address) = listener.local_addr() {
        println!("listening on {address}");
    }
    let connections = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept() {
            Ok((stream, _)) => start(stream, &connections),
            // Out of descriptors, or a client that has gone: the others go on.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn start(stream: TcpStream, connections: &Arc<AtomicUsize>) {
    let place = Place(Arc::clone(connections));
    if CONNECTIONS_MAX <= place.0.fetch_add(1, Ordering::Relaxed) {
        return;
    }
    // Without a thread the stream is dropped, and with it the connection.
    let _ = std::thread::Builder::new().spawn(move || {
        let _place = place;
        // A client that is gone needs no answer.
        let _ = serve(&stream);
    });
}

/// Counts a connection for as long as it lasts.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut decoder = Decoder::new(Limits::default());
    if let Some(agreement) = serve_http(stream, &mut decoder)? {
        serve_messages(stream, &agreement, &decoder.take_unread())?;
    }
    linger(stream)
}

/// Answers requests until the connection is to end, or to speak WebSocket.
fn serve_http(
    mut stream: &TcpStream,
    decoder: &mut Decoder,
) -> std::io::Result<Option<Agreement<'static>>> {
    let mut out = Vec::new();
    loop {
        let room = decoder.read_bytes();
        if read(stream, decoder.input(), room)? == 0 {
            return Ok(None);
        }
        loop {
            match decoder.next(|_| BYTES_MAX) {
                Ok(Progress::Request(request)) => answer(&request, &mut out),
                Ok(Progress::Upgrade(request)) => {
                    let reply = request.head.reply();
                    match Handshake::check(&request.head, PROTOCOLS) {
                        Ok(handshake) => {
                            handshake.write(&mut out, &reply);
                            stream.write_all(&out)?;
                            return Ok(Some(handshake.agreement()));
                        }
                        Err(error) => error.write(&mut out, &reply),
                    }
                }
                Ok(Progress::NeedMore { expects_continue }) => {
                    if expects_continue {
                        Response::interim(&mut out);
                    }
                    break;
                }
                Ok(Progress::Closed) => {
                    stream.write_all(&out)?;
                    return Ok(None);
                }
                Err(error) => {
                    Problem::from(error).write(&mut out, &Reply::closing());
                    stream.write_all(&out)?;
                    return Ok(None);
                }
            }
            flush(stream, &mut out, BATCH_BYTES)?;
        }
        flush(stream, &mut out, 1)?;
    }
}

fn answer(request: &Request<'_>, out: &mut Vec<u8>) {
    let (head, reply) = (&request.head, request.head.reply());
    // Who asks for a WebSocket and gets it wrong is told how.
    if head.headers.get("sec-websocket-key").is_some()
        && let Err(error) = Handshake::check(head, PROTOCOLS)
    {
        return error.write(out, &reply);
    }
    if head.path != "/" {
        return Problem::new(ProblemCode::NotFound, "only / is here").write(out, &reply);
    }
    let text = format!("{} {}\n", head.method.as_str(), request.body.len());
    Response::begin(out, &reply, Status::Ok).body("text/plain", text.as_bytes());
}

/// Sends messages back until either side closes.
fn serve_messages(
    stream: &TcpStream,
    agreement: &Agreement<'_>,
    unread: &[u8],
) -> std::io::Result<()> {
    let mut limits = ws::Limits::with_message_bytes_max(BYTES_MAX);
    limits.fragments_max = FRAGMENTS_MAX;
    let mut decoder = ws::Decoder::new(Role::Server, agreement.receives_deflate, limits);
    decoder.input().extend_from_slice(unread);
    let encoder = Encoder::new(agreement.sends);
    let (mut inflater, mut deflater) = (Inflater::new(), Deflater::new());
    let (mut closing, mut out) = (Closing::default(), Vec::new());
    loop {
        while closing == Closing::Open {
            match decoder.next(&mut inflater) {
                Ok(Received::NeedMore | Received::Closed) => break,
                Ok(Received::Text(text)) => encoder.text(text, &mut deflater, &mut out),
                Ok(Received::Binary(bytes)) => encoder.binary(bytes, &mut deflater, &mut out),
                Ok(Received::Ping(payload)) => encoder.pong(payload, &mut out),
                Ok(Received::Pong(_)) => {}
                Ok(Received::Close(close)) => closing.receive(close, &encoder, &mut out),
                Err(violation) => closing.fail(violation, &encoder, &mut out),
            }
            flush(stream, &mut out, BATCH_BYTES)?;
        }
        flush(stream, &mut out, 1)?;
        if closing == Closing::Done {
            return Ok(());
        }
        let room = decoder.read_bytes();
        if read(stream, decoder.input(), room)? == 0 {
            return Ok(());
        }
    }
}

/// Appends what one read of up to `room` bytes gives.
fn read(mut stream: &TcpStream, input: &mut Vec<u8>, room: usize) -> std::io::Result<usize> {
    let length = input.len();
    input.resize(length + room, 0);
    let read = stream.read(&mut input[length..]);
    input.truncate(length + *read.as_ref().unwrap_or(&0));
    read
}

/// Writes `out` once it has `bytes_min`.
fn flush(mut stream: &TcpStream, out: &mut Vec<u8>, bytes_min: usize) -> std::io::Result<()> {
    if bytes_min <= out.len() {
        stream.write_all(out)?;
        out.clear();
        out.shrink_to(BATCH_BYTES);
    }
    Ok(())
}

/// Ends a connection without destroying what is on its way: a socket that is closed with unread
/// bytes is reset.
fn linger(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    let mut dropped = [0; 16 * 1024];
    let mut bytes = 0;
    while bytes < LINGER_BYTES_MAX {
        match stream.read(&mut dropped)? {
            0 => break,
            read => bytes += read,
        }
    }
    Ok(())
}
