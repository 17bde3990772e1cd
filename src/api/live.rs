//! What a client that stays connected says and is told: the messages of the subprotocols.
//!
//! ```text
//!  message ──▶ ClientMessage ──▶ hear ──▶ LiveRequest ──▶ the core's machine
//!                                  │ at once                   │ in turn
//!  frames ◀───────────────────── Outlet ◀── tell ◀── Item ◀────┘
//! ```
//!
//! A conversation knows nothing of sockets: who carries its bytes hands messages in, writes what the outlet takes, and asks
//! when the next alarm is due.
//!
//! **Invariants**
//! 1. Every message of the client's that has an `id` is answered exactly once, unless the connection ends before.
//! 2. Nothing is told of a subscription before its `subscribed`, nor after its `unsubscribed` or `error`.
//! 3. Nobody is answered before it is known who asks.
//! 4. Nothing is asked for a client before modules that want to know of it have been told.
//!
//! Reading order: this file is what clients say; [`standing`] who they are, [`introduction`] who is told of them, [`told`] what they are told, [`subscriptions`]
//! what they have asked to be told, [`outlet`] the way out.

mod introduction;
mod outlet;
mod standing;
mod subscriptions;
mod told;

pub use introduction::{Introduced, Introduction, Visits};
pub use outlet::{Ending, Outlet};

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use cosmictron_net::wire::{ClientMessage, Refusal, RequestId, ServerMessage, Subprotocol};
use cosmictron_net::{Problem, ProblemCode};
use cosmictron_sql::{Plan, RowFormat};
use cosmictron_types::{ConnectionId, Identity, TxId};
use serde_json::value::RawValue;

use super::Api;
use super::call::Asked;
use super::problem::unavailable_problem;
use crate::auth::Claims;
use crate::limits::Client;
use crate::shard::{ListenerId, LiveRequest, Request, Subscribe, Unavailable};
use standing::{Standing, dismiss};
use subscriptions::Subscriptions;

/// What a connection may have asked for and not been told, in calls; beyond it no more is read.
const WEIGHT_MAX: u32 = 256;
/// A query, or the first answer of a subscription, may be large.
const QUERY_WEIGHT: u32 = 8;
const CALL_WEIGHT: u32 = 1;

/// One client's.
pub struct Conversation {
    api: Rc<Api>,
    listener: ListenerId,
    connection: ConnectionId,
    subprotocol: Subprotocol,
    standing: Standing,
    client: Client,
    /// Until somebody waits for it.
    introduction: Option<Introduction>,
    visits: Visits,
    /// Calls and queries that are not answered, by our own number.
    requests: BTreeMap<u64, Open>,
    last_number: u64,
    subscriptions: Subscriptions,
    /// Of what is not answered.
    weight: u32,
}

/// A request that is not answered.
struct Open {
    id: RequestId,
    /// Of a query.
    plan: Option<Arc<Plan>>,
}

impl Open {
    fn weight(&self) -> u32 {
        if self.plan.is_some() { QUERY_WEIGHT } else { CALL_WEIGHT }
    }
}

impl Conversation {
    /// With a client that has said who it is, or has still to.
    pub fn new(
        api: Rc<Api>,
        listener: ListenerId,
        connection: ConnectionId,
        subprotocol: Subprotocol,
        claims: Option<Claims>,
        client: Client,
    ) -> Conversation {
        let standing = Standing::new(&api, claims);
        let subscriptions = Subscriptions::new(api.common.config.websocket.subscriptions_max);
        Conversation {
            api,
            listener,
            connection,
            subprotocol,
            standing,
            client,
            introduction: None,
            visits: Visits::default(),
            requests: BTreeMap::new(),
            last_number: 0,
            subscriptions,
            weight: 0,
        }
    }

    /// How its messages are written.
    pub fn subprotocol(&self) -> Subprotocol {
        self.subprotocol
    }

    /// How it is told rows.
    fn row_format(&self) -> RowFormat {
        match self.subprotocol {
            Subprotocol::JsonV1 => RowFormat::Json,
            Subprotocol::BinV1 => RowFormat::Binary,
        }
    }

    /// What has to be asked of the core to be told something.
    pub fn listen(&self) -> Request {
        Request::Live(LiveRequest::Listen(self.listener))
    }

    /// What the core has to be told when the connection has ended.
    pub fn leave(&self) -> Request {
        Request::Live(LiveRequest::Leave(self.listener))
    }

    /// Whether the client may ask for more before it is told what it has asked for.
    pub fn has_room(&self) -> bool {
        self.weight < WEIGHT_MAX && !self.is_being_introduced()
    }

    /// Whether everything that was asked for is answered.
    pub fn is_answered(&self) -> bool {
        self.weight == 0 && !self.is_being_introduced()
    }

    /// Does what a message of the client's asks for, as it was understood.
    pub fn hear(&mut self, message: Result<ClientMessage<'_>, Refusal>, outlet: &mut Outlet<'_>) {
        if let Ok(ClientMessage::Authenticate { token }) = &message {
            return self.authenticate(token, outlet);
        }
        let id = id_of(&message).cloned();
        let Standing::Known { claims, .. } = &self.standing else {
            outlet.problem(id.as_ref(), &Ending::Unauthenticated.problem());
            return outlet.close(Ending::Unauthenticated);
        };
        let identity = claims.identity;
        if self.api.is_revoked(claims) {
            return dismiss(Ending::SignedOut, outlet);
        }
        let done = match message {
            _ if self.api.shard.is_shutting_down() => {
                Err(unavailable_problem(Unavailable::ShuttingDown))
            }
            Ok(message) => self
                .api
                .limits
                .take_identity(self.client, identity, self.api.shard.now())
                .and_then(|()| self.answer(message, identity, outlet)),
            Err(refusal) => {
                Err(Problem::new(ProblemCode::InvalidRequest, refusal.error.to_string()))
            }
        };
        if let Err(problem) = done {
            self.api.note_forbidden(&problem, Some(identity), "a WebSocket");
            outlet.problem(id.as_ref(), &problem);
        }
    }

    fn answer(
        &mut self,
        message: ClientMessage<'_>,
        identity: Identity,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Problem<'static>> {
        match message {
            ClientMessage::Authenticate { .. } => unreachable!("it is heard before"),
            ClientMessage::Call { id, reducer, module, args, idempotency_key } => {
                let asked = Asked {
                    module: module.as_deref(),
                    reducer: &reducer,
                    args: args.get().as_bytes(),
                    idempotency_key: idempotency_key.as_ref().map(|key| key.as_bytes()),
                };
                let call = self.api.call(&asked, identity, self.connection)?;
                self.post(Open { id, plan: None }, Request::Call(call));
            }
            ClientMessage::Query { id, query, params } => {
                let query = self.api.query(&query, params, identity, self.row_format())?;
                let plan = Some(query.plan.clone());
                self.post(Open { id, plan }, Request::Query(query));
            }
            ClientMessage::Subscribe { id, query, params, since } => {
                self.subscribe(id, &query, params, since, identity)?;
            }
            ClientMessage::Unsubscribe { id } => self.unsubscribe(&id, outlet)?,
        }
        Ok(())
    }

    /// Has a shard do something; what it answers is told in turn.
    fn post(&mut self, open: Open, request: Request) {
        self.last_number += 1;
        self.weight += open.weight();
        self.requests.insert(self.last_number, open);
        let (listener, number) = (self.listener, self.last_number);
        self.ask(LiveRequest::Post { listener, number, request: Box::new(request) });
    }

    fn subscribe(
        &mut self,
        id: RequestId,
        text: &str,
        params: Option<&RawValue>,
        since: Option<TxId>,
        identity: Identity,
    ) -> Result<(), Problem<'static>> {
        self.subscriptions.admit(&id)?;
        let query = self.api.query(text, params, identity, self.row_format())?;
        let live = self.api.live_plan(text, identity)?;
        let since = self.api.resumable(&query.plan, since);
        let subscription = self.subscriptions.insert(id, query.plan.clone());
        self.weight += QUERY_WEIGHT;
        let (listener, text) = (self.listener, Arc::from(text));
        let subscribe = Subscribe { listener, subscription, text, query, live, since };
        self.ask(LiveRequest::Subscribe(Box::new(subscribe)));
        Ok(())
    }

    fn unsubscribe(
        &mut self,
        id: &RequestId,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Problem<'static>> {
        let Some((subscription, has_begun)) = self.subscriptions.remove(id) else {
            let detail = "there is no subscription with this id";
            return Err(Problem::new(ProblemCode::NotFound, detail));
        };
        if !has_begun {
            self.weight -= QUERY_WEIGHT;
        }
        self.ask(LiveRequest::Unsubscribe { listener: self.listener, subscription });
        outlet.message(&ServerMessage::Unsubscribed { id });
        Ok(())
    }

    /// Asks something of the core that is answered at once, or in turn.
    fn ask(&self, request: LiveRequest) {
        drop(self.api.shard.request(Request::Live(request)));
    }
}

/// The id that a message has, where it has a good one.
fn id_of<'m>(message: &'m Result<ClientMessage<'_>, Refusal>) -> Option<&'m RequestId> {
    match message {
        Ok(ClientMessage::Authenticate { .. }) => None,
        Ok(
            ClientMessage::Call { id, .. }
            | ClientMessage::Query { id, .. }
            | ClientMessage::Subscribe { id, .. }
            | ClientMessage::Unsubscribe { id },
        ) => Some(id),
        Err(refusal) => refusal.id.as_ref(),
    }
}
