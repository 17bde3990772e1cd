//! What is answered to those who speak plain HTTP where TLS is spoken. What they have sent can be read by others already.

use cosmictron_net::{
    Decoder, Head, Limits, Problem, ProblemCode, Progress, Reply, Response, Status,
};
use cosmictron_runtime::real::TcpStream;

use crate::config::PlainHttp;

/// Answers the first request and says that it was the last. `first` are its first bytes; the deadline of the connection
/// bounds how long the rest may take.
pub async fn answer(stream: &mut TcpStream, first: Vec<u8>, plain_http: PlainHttp) {
    let mut out = Vec::new();
    let mut decoder = Decoder::new(Limits::default());
    *decoder.input() = first;
    let (mut location, mut reply) = (None, Reply::closing());
    loop {
        // No body is read: all that is needed stands in the head.
        let is_done = match decoder.next(|head| {
            location = secure_location(head);
            0
        }) {
            Ok(Progress::NeedMore { .. }) => false,
            Ok(Progress::Request(request) | Progress::Upgrade(request)) => {
                location = secure_location(&request.head);
                reply = request.head.reply();
                reply.keep_alive = false;
                true
            }
            Ok(Progress::Closed) | Err(_) => true,
        };
        if is_done {
            break;
        }
        let mut input = std::mem::take(decoder.input());
        input.reserve(decoder.read_bytes());
        let (read, input) = stream.read(input).await;
        *decoder.input() = input;
        if !matches!(read, Ok(1..)) {
            break;
        }
    }
    match location {
        Some(location) if plain_http == PlainHttp::Redirect => {
            Response::begin(&mut out, &reply, Status::PermanentRedirect)
                .header("Location", &location)
                .empty();
        }
        _ => {
            let detail = "TLS is spoken on this port: use https or wss";
            let problem = Problem::new(ProblemCode::InvalidRequest, detail);
            problem.write(&mut out, &reply);
        }
    }
    // The client has gone already where this fails.
    let _ = stream.write_all(out).await;
}

/// Where the same thing is asked for within TLS.
fn secure_location(head: &Head<'_>) -> Option<String> {
    let Head { host, path, query, .. } = head;
    if host.is_empty() || !path.starts_with('/') {
        return None;
    }
    let mark = if query.is_empty() { "" } else { "?" };
    Some(format!("https://{host}{path}{mark}{query}"))
}
