//! How an answer is wrapped: what of its request it has to heed, also when it is written later.

use cosmictron_net::cors::is_preflight;
use cosmictron_net::problem::PROBLEM_JSON;
use cosmictron_net::{ContentCoding, Head, HeaderName, Problem, Reply, Response, Status};

use super::Api;

/// Bodies below this are not worth compressing.
const COMPRESSED_BYTES_MIN: usize = 1024;
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// What an answer needs to know of its request once that is gone.
#[derive(Clone)]
pub struct Envelope {
    reply: Reply,
    coding: ContentCoding,
    /// The site whose script asks, when a browser says so.
    origin: Option<Box<[u8]>>,
}

/// An answer that a task gives.
pub enum Content {
    Json(Status, Vec<u8>),
    Empty(Status),
}

impl Envelope {
    pub fn of(head: &Head<'_>, api: &Api) -> Envelope {
        let coding = match head.headers.find(HeaderName::AcceptEncoding) {
            Some(_) => ContentCoding::choose(&head.headers),
            None => ContentCoding::Identity,
        };
        let mut reply = head.reply().dated(api.date()).secure_for(api.common.secure_for_secs);
        // Who is told that the server goes away does not come back on this connection.
        reply.keep_alive &= !api.shard.is_shutting_down();
        Envelope { reply, coding, origin: head.headers.find(HeaderName::Origin).map(Box::from) }
    }

    /// Whether the connection goes on after this answer.
    pub fn keep_alive(&self) -> bool {
        self.reply.keep_alive
    }

    /// Writes a JSON answer whose body `write` appends.
    pub fn json(
        &self,
        api: &Api,
        out: &mut Vec<u8>,
        status: Status,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let response = self.begin(api, Response::begin(out, &self.reply, status));
        if self.coding == ContentCoding::Identity {
            return response.body_with(JSON, write);
        }
        let mut body = Vec::new();
        write(&mut body);
        if body.len() < COMPRESSED_BYTES_MIN {
            return response.header("Vary", "Accept-Encoding").body(JSON, &body);
        }
        response
            .header_if("Content-Encoding", self.coding.as_str())
            .header("Vary", "Accept-Encoding")
            .body_with(JSON, |out| {
                api.compressor.borrow_mut().compress(self.coding, &body, out);
            });
    }

    pub fn problem(&self, api: &Api, out: &mut Vec<u8>, problem: &Problem<'_>) {
        self.begin(api, problem.begin(out, &self.reply))
            .body_with(PROBLEM_JSON, |out| problem.write_body(out));
    }

    /// Writes an answer that has only a head; `allow` lists methods where that is what it tells.
    pub fn empty(&self, api: &Api, out: &mut Vec<u8>, status: Status, allow: Option<&str>) {
        self.begin(api, Response::begin(out, &self.reply, status))
            .header_if("Allow", allow)
            .empty();
    }

    /// Writes the head of a stream of events, which ends with the connection.
    pub fn stream(&self, api: &Api, out: &mut Vec<u8>) {
        let mut reply = self.reply;
        reply.keep_alive = false;
        self.begin(api, Response::begin(out, &reply, Status::Ok))
            .header("Cache-Control", "no-store")
            .stream(EVENT_STREAM);
    }

    /// Writes a problem together with the methods that would do.
    pub fn problem_allowing(
        &self,
        api: &Api,
        out: &mut Vec<u8>,
        problem: &Problem<'_>,
        allow: &str,
    ) {
        self.begin(api, problem.begin(out, &self.reply))
            .header("Allow", allow)
            .body_with(PROBLEM_JSON, |out| problem.write_body(out));
    }

    /// Answers OPTIONS, and a browser's question before it crosses origins.
    pub fn options(&self, api: &Api, out: &mut Vec<u8>, head: &Head<'_>, allow: &str) {
        let response = Response::begin(out, &self.reply, Status::NoContent).header("Allow", allow);
        if is_preflight(head.method, &head.headers) {
            return api.common.cors.allow_preflight(response, &head.headers, allow).empty();
        }
        self.begin(api, response).empty();
    }

    fn begin<'o>(&self, api: &Api, response: Response<'o>) -> Response<'o> {
        match &self.origin {
            None => response,
            origin => api.common.cors.allow_origin(response, origin.as_deref()),
        }
    }
}

impl Content {
    pub fn write(self, api: &Api, envelope: &Envelope, out: &mut Vec<u8>) {
        match self {
            Content::Json(status, body) => {
                envelope.json(api, out, status, |out| out.extend_from_slice(&body));
            }
            Content::Empty(status) => envelope.empty(api, out, status, None),
        }
    }
}
