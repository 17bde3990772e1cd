//! Answers Prometheus, on an address of its own that only the operator's network should reach.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use cosmictron_net::{Decoder, Limits, Problem, ProblemCode, Progress, Reply, Response, Status};
use cosmictron_runtime::real::{Deadline, Listening, TcpStream};
use cosmictron_types::Duration;

use super::gate::{Gate, Pass};
use crate::api::{Api, metrics_text};

/// Connections at once: a scraper or two.
const CONNECTIONS_MAX: u32 = 16;
/// For a request to arrive, and between two.
const PATIENCE: Duration = Duration::from_secs(75);
/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Listens for scrapers.
pub fn listen(api: &Rc<Api>, address: SocketAddr) -> io::Result<Listening> {
    let (api, gate) = (api.clone(), Rc::new(Gate::new(CONNECTIONS_MAX, CONNECTIONS_MAX)));
    let shard = api.shard.clone();
    let listening = shard.listen(address, move |stream| {
        if let Some(pass) = Gate::enter(&gate, None) {
            api.shard.spawn(serve(api.clone(), stream, pass));
        }
    });
    listening.inspect_err(|error| tracing::error!(%error, %address, "no metrics"))
}

async fn serve(api: Rc<Api>, mut stream: TcpStream, pass: Pass) {
    let mut decoder = Decoder::new(Limits::default());
    let mut out = Vec::new();
    loop {
        stream.set_deadline(Deadline::Idle(PATIENCE));
        let mut input = std::mem::take(decoder.input());
        input.reserve(decoder.read_bytes());
        let (read, input) = stream.read(input).await;
        *decoder.input() = input;
        if !matches!(read, Ok(bytes) if bytes > 0) {
            break;
        }
        let goes_on = loop {
            match decoder.next(|_| 0) {
                Ok(Progress::Request(request) | Progress::Upgrade(request)) => {
                    let (reply, path) = (request.head.reply(), request.head.path.to_owned());
                    answer(&api, &path, &reply, &mut out).await;
                }
                Ok(Progress::NeedMore { .. }) => break true,
                Ok(Progress::Closed) => break false,
                Err(error) => {
                    Problem::from(error).write(&mut out, &Reply::closing());
                    break false;
                }
            }
        };
        let (written, mut back) = stream.write_all(std::mem::take(&mut out)).await;
        back.clear();
        out = back;
        if written.is_err() || !goes_on {
            break;
        }
    }
    drop(pass);
}

async fn answer(api: &Api, path: &str, reply: &Reply, out: &mut Vec<u8>) {
    if path != "/metrics" {
        let detail = "only /metrics is here";
        return Problem::new(ProblemCode::NotFound, detail).write(out, reply);
    }
    match api.reports().await {
        Ok(reports) => {
            let text = metrics_text(&reports);
            Response::begin(out, reply, Status::Ok).body(CONTENT_TYPE, text.as_bytes());
        }
        Err(problem) => problem.write(out, reply),
    }
}
