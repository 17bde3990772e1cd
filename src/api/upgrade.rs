//! `GET /v1/ws`: agrees with a client to speak WebSocket.

use std::net::IpAddr;
use std::rc::Rc;

use cosmictron_net::wire::Subprotocol;
use cosmictron_net::ws::{Agreement, Handshake};
use cosmictron_net::{Head, HeaderName, Problem, ProblemCode, Request};
use cosmictron_types::ConnectionId;

use super::live::Conversation;
use super::problem::unavailable_problem;
use super::route::Route;
use super::{Api, Envelope, Exchange, Handled, Outcome};
use crate::auth::Claims;
use crate::limits::Client;
use crate::shard::{ListenerId, Unavailable};

/// The subprotocols that the server speaks. A client that names none speaks the first.
const PROTOCOLS: &[&str] = &[Subprotocol::JsonV1.name(), Subprotocol::BinV1.name()];

/// What becomes of a request for a WebSocket.
pub enum Upgrade {
    /// With the answer that says so.
    Agreed(Box<Upgraded>, Vec<u8>),
    /// The answer; the connection goes on with HTTP.
    Refused(Vec<u8>),
}

/// A connection that speaks WebSocket from now on.
pub struct Upgraded {
    pub agreement: Agreement<'static>,
    pub conversation: Conversation,
}

impl Api {
    /// Whether a request that asks for a WebSocket asks where there is one.
    pub fn is_socket(head: &Head<'_>) -> bool {
        matches!(Route::parse(head), Ok(Route::Socket | Route::Welcome))
    }

    /// Answers a request for a WebSocket.
    pub fn upgrade(self: &Rc<Self>, request: &Request<'_>, peer: IpAddr) -> Upgrade {
        let head = &request.head;
        let mut answer = Vec::new();
        let handshake = match Handshake::check(head, PROTOCOLS) {
            Ok(handshake) => handshake,
            Err(error) => {
                error.write(&mut answer, &head.reply());
                return Upgrade::Refused(answer);
            }
        };
        let client = self.limits.client(peer, head);
        match self.admit(head, &handshake, client) {
            Ok(claims) => {
                handshake.write(&mut answer, &head.reply().dated(self.date()));
                let (listener, connection) = self.new_connection();
                let agreement = handshake.agreement();
                let named = agreement.protocol.and_then(Subprotocol::named);
                let subprotocol = named.unwrap_or(Subprotocol::JsonV1);
                let api = Rc::clone(self);
                let conversation =
                    Conversation::new(api, listener, connection, subprotocol, claims, client);
                Upgrade::Agreed(Box::new(Upgraded { agreement, conversation }), answer)
            }
            Err(problem) => {
                Envelope::of(head, self).problem(self, &mut answer, &problem);
                Upgrade::Refused(answer)
            }
        }
    }

    /// Who asks, where the request says it, if the client may come in at all.
    fn admit(
        &self,
        head: &Head<'_>,
        handshake: &Handshake<'_>,
        client: Client,
    ) -> Result<Option<Claims>, Problem<'static>> {
        if self.shard.is_shutting_down() {
            return Err(unavailable_problem(Unavailable::ShuttingDown));
        }
        self.limits.take_request(client, self.shard.now())?;
        if !self.common.cors.admits(&head.headers) {
            let detail = "scripts of this origin may not connect (http.allowed_origins)";
            return Err(Problem::new(ProblemCode::Forbidden, detail));
        }
        let names_protocols = head.headers.find(HeaderName::SecWebSocketProtocol).is_some();
        if names_protocols && handshake.agreement().protocol.is_none() {
            let detail = format!("the subprotocols here are {}", PROTOCOLS.join(", "));
            return Err(Problem::new(ProblemCode::InvalidRequest, detail));
        }
        match head.headers.find(HeaderName::Authorization) {
            Some(_) => self.caller(head).map(Some),
            None => Ok(None),
        }
    }

    /// Names for a connection that stays: its core's own, and its own in the whole world.
    pub(super) fn new_connection(&self) -> (ListenerId, ConnectionId) {
        let listener = self.last_listener.get() + 1;
        self.last_listener.set(listener);
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("the system gives random numbers: keys were made of them");
        (ListenerId(listener), ConnectionId::from_bytes(id))
    }
}

impl Exchange<'_> {
    /// Answers a request that does not ask for a WebSocket where there is nothing else.
    pub(super) fn refuse_socket(self, out: &mut Vec<u8>) -> Handled {
        match Handshake::check(&self.request.head, PROTOCOLS) {
            Err(error) => {
                error.write(out, &self.request.head.reply());
                Ok(Outcome::Written)
            }
            // All is there but that the decoder saw something else in it: it has a body.
            Ok(_) => {
                let detail = "a WebSocket is asked for without a body";
                Err(Problem::new(ProblemCode::InvalidRequest, detail))
            }
        }
    }
}
