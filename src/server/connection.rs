//! One client's connection: reads requests, answers them in order, ends it when the client is too slow.
//!
//! All complete requests of one read are begun before the first answer is waited for, and their answers leave in one
//! write. What comes meanwhile waits in the socket: a client that sends faster than it is answered is held back there.
//! A connection that is to speak WebSocket goes on in [`websocket`], one that is to be told events in [`event_stream`].

use std::net::IpAddr;
use std::rc::Rc;

use cosmictron_net::{Decoder, Limits, Phase, Problem, ProblemCode, Progress, Reply, Response};
use cosmictron_runtime::real::Deadline;

use super::gate::Pass;
use super::stream::{LINGER, Stream};
use super::{event_stream, websocket};
use crate::api::{Api, Events, Outcome, Upgrade, Upgraded};
use crate::config::HttpConfig;

/// Requests of one connection that are begun before the first of them is answered.
const PIPELINED_MAX: usize = 64;
/// Output that is kept from one batch to the next.
const OUTPUT_BYTES_KEPT: usize = 64 << 10;

/// One connection.
struct Connection {
    api: Rc<Api>,
    stream: Stream,
    peer: IpAddr,
    decoder: Decoder,
    out: Vec<u8>,
    /// Answers that are not written yet, in the order of their requests.
    waiting: Vec<Outcome>,
    /// Answers that stand behind one that is waited for, by their places in `waiting`.
    behind: Vec<Vec<u8>>,
    phase: Phase,
}

/// How a connection goes on that is done with HTTP's requests and answers.
enum Handover {
    WebSocket(Box<Upgraded>),
    Events(Box<Events>),
}

/// Whether the connection goes on.
enum Next {
    Read,
    Handover(Handover),
    /// The last answer was given.
    End,
    /// The client was refused and may still be sending.
    Linger,
}

/// Serves one connection to its end.
pub async fn serve(api: Rc<Api>, stream: Stream, pass: Pass) {
    let mut connection = Connection {
        api,
        peer: stream.peer().ip(),
        stream,
        decoder: Decoder::new(Limits::default()),
        out: Vec::new(),
        waiting: Vec::new(),
        behind: Vec::new(),
        phase: Phase::Closed,
    };
    let Some(handover) = connection.run().await else {
        connection.stream.end().await;
        return drop(pass);
    };
    let Connection { api, stream, mut decoder, .. } = connection;
    let unread = decoder.take_unread();
    drop(decoder);
    // Tasks of their own: as parts of this one they would take its memory in addition, for as long as they last.
    let shard = api.shard.clone();
    match handover {
        Handover::WebSocket(upgraded) => {
            shard.spawn(websocket::serve(api, stream, unread, *upgraded, pass));
        }
        Handover::Events(events) => {
            shard.spawn(event_stream::serve(api, stream, *events, pass));
        }
    }
}

impl Connection {
    /// Serves HTTP to the connection's end, or until it is to go on otherwise.
    async fn run(&mut self) -> Option<Handover> {
        loop {
            self.set_deadline();
            let room = self.decoder.read_bytes();
            let mut input = std::mem::take(self.decoder.input());
            input.reserve(room);
            let (read, input) = self.stream.read(input).await;
            *self.decoder.input() = input;
            let next = match read {
                Ok(0) => return None,
                Ok(_) => self.answer_batch().await,
                Err(_) => self.answer_late().await,
            };
            match next? {
                Next::Read => {}
                Next::Handover(handover) => return Some(handover),
                // A client that has all of its answers closes; one that does not is not waited for long.
                Next::End | Next::Linger => {
                    self.stream.linger().await;
                    return None;
                }
            }
        }
    }

    /// Handles every request that is complete and writes the answers. `None` when the client has gone.
    async fn answer_batch(&mut self) -> Option<Next> {
        let mut next = Next::Read;
        loop {
            let api = &self.api;
            match self.decoder.next(|head| api.body_bytes_max(head)) {
                Ok(Progress::Upgrade(request)) if Api::is_socket(&request.head) => {
                    self.phase = Phase::Closed;
                    let upgrade = api.upgrade(&request, self.peer);
                    // It stands behind the answers to the requests before.
                    self.collect().await;
                    match upgrade {
                        Upgrade::Agreed(upgraded, answer) => {
                            self.out.extend_from_slice(&answer);
                            next = Next::Handover(Handover::WebSocket(upgraded));
                            break;
                        }
                        Upgrade::Refused(answer) => self.out.extend_from_slice(&answer),
                    }
                }
                Ok(Progress::Request(request) | Progress::Upgrade(request)) => {
                    self.phase = Phase::Closed;
                    let mut answer = Vec::new();
                    let is_first = self.waiting.is_empty();
                    let out = if is_first { &mut self.out } else { &mut answer };
                    match api.handle(&request, self.peer, out) {
                        Outcome::Events(mut events) => {
                            self.collect().await;
                            self.out.extend_from_slice(&events.take_head());
                            next = Next::Handover(Handover::Events(events));
                            break;
                        }
                        Outcome::Written if is_first => {}
                        outcome => {
                            self.waiting.push(outcome);
                            self.behind.push(answer);
                            if !is_first {
                                continue;
                            }
                        }
                    }
                }
                Ok(Progress::NeedMore { expects_continue }) => {
                    if expects_continue {
                        // It stands behind the answers to the requests before, and is asked for only once.
                        self.collect().await;
                        Response::interim(&mut self.out);
                    }
                    break;
                }
                Ok(Progress::Closed) => {
                    next = Next::End;
                    break;
                }
                Err(error) => {
                    self.collect().await;
                    Problem::from(error).write(&mut self.out, &Reply::closing());
                    next = Next::Linger;
                    break;
                }
            }
            if self.waiting.len() >= PIPELINED_MAX {
                self.collect().await;
                self.flush().await?;
            }
        }
        self.collect().await;
        self.flush().await?;
        if self.api.shard.is_shutting_down() && matches!(next, Next::Read) {
            next = Next::End;
        }
        Some(next)
    }

    /// Waits for the answers that are missing and puts all of them into the output.
    async fn collect(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.stream.set_deadline(Deadline::None);
        self.phase = Phase::Closed;
        for (outcome, answer) in self.waiting.drain(..).zip(self.behind.drain(..)) {
            match outcome {
                Outcome::Written => self.out.extend_from_slice(&answer),
                Outcome::Waiting(waiting) => self.api.write(waiting, &mut self.out).await,
                Outcome::Task(task) => self.out.extend_from_slice(&task.await),
                Outcome::Events(_) => unreachable!("nothing is answered behind a stream"),
            }
        }
    }

    /// Writes the output. `None` when the client has gone, or does not take it.
    async fn flush(&mut self) -> Option<()> {
        if self.out.is_empty() {
            return Some(());
        }
        let patience = self.api.common.config.http.answer_timeout.get();
        self.stream.set_deadline(Deadline::Due(patience));
        self.phase = Phase::Closed;
        let out = std::mem::take(&mut self.out);
        let (written, mut out) = self.stream.write_all(out).await;
        out.clear();
        out.shrink_to(OUTPUT_BYTES_KEPT);
        self.out = out;
        written.ok()
    }

    /// The deadline has passed, or the socket has failed.
    async fn answer_late(&mut self) -> Option<Next> {
        let is_midway = matches!(self.decoder.phase(), Phase::ReadingHead | Phase::ReadingBody);
        if !self.stream.is_expired() || !is_midway {
            return None;
        }
        let detail = "the request did not arrive in time";
        Problem::new(ProblemCode::RequestTimeout, detail).write(&mut self.out, &Reply::closing());
        self.flush().await?;
        Some(Next::Linger)
    }

    /// Restarts the clock when the connection has come to wait for something else than before: a client that sends a
    /// byte now and then gains no time.
    fn set_deadline(&mut self) {
        let phase = self.decoder.phase();
        if phase == self.phase {
            return;
        }
        self.phase = phase;
        let HttpConfig { idle_timeout, head_timeout, body_timeout, .. } =
            &self.api.common.config.http;
        self.stream.set_deadline(match phase {
            Phase::Idle => Deadline::Idle(idle_timeout.get()),
            Phase::ReadingHead => Deadline::Due(head_timeout.get()),
            Phase::ReadingBody => Deadline::Due(body_timeout.get()),
            Phase::Closed => Deadline::Due(LINGER),
        });
    }
}
