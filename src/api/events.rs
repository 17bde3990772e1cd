//! `GET /v1/subscribe`: one live query as Server-Sent Events, for clients that only listen.
//!
//! ```text
//!  id: 12
//!  event: update
//!  data: {"tx_id":12,"changes":[[[3,"eve"]],[]]}
//! ```
//!
//! The id of an event is its `tx_id`; a client that comes again says the last one in `Last-Event-ID` and goes on from there.

use std::rc::Rc;
use std::sync::Arc;

use cosmictron_net::{Problem, ProblemCode, Query as UrlQuery};
use cosmictron_sql::{Plan, RowFormat};
use cosmictron_types::{Timestamp, TxId, json};
use serde_json::value::RawValue;

use super::caller::unauthenticated;
use super::problem::{bug, query_problem};
use super::sql::{write_columns, write_key, write_types};
use super::{Api, Ending, Exchange, Handled, Outcome};
use crate::auth::Claims;
use crate::shard::{
    Answer, End, First, Item, ListenerId, LiveRequest, Request, Subscribe, SubscriptionId, Told,
};

/// The only subscription of a stream.
const SUBSCRIPTION: SubscriptionId = SubscriptionId(1);

/// A stream of events that has still to begin, or goes on.
pub struct Events {
    api: Rc<Api>,
    listener: ListenerId,
    claims: Claims,
    plan: Arc<Plan>,
    /// Until it has begun.
    subscribe: Option<Box<Subscribe>>,
    head: Vec<u8>,
    has_ended: bool,
}

impl Exchange<'_> {
    pub(super) fn subscribe(self) -> Handled {
        let claims = self.caller()?;
        let url = UrlQuery::new(self.request.head.query);
        let find = |name| {
            url.find(name).map_err(|error| {
                Problem::new(ProblemCode::InvalidRequest, format!("{name}: {error}"))
            })
        };
        let text = find("query")?
            .ok_or_else(|| Problem::new(ProblemCode::InvalidRequest, "query is missing"))?;
        let params = find("params")?;
        let params = params.as_deref().map(serde_json::from_str::<&RawValue>).transpose();
        let params = params.map_err(|error| {
            Problem::new(ProblemCode::InvalidRequest, format!("params: {error}"))
        })?;
        let since = self.last_event()?;
        let identity = claims.identity;
        let query = self.api.query(&text, params, identity, RowFormat::Json)?;
        let live = self.api.live_plan(&text, identity)?;
        let since = self.api.resumable(&query.plan, since);
        let (listener, _) = self.api.new_connection();
        let plan = query.plan.clone();
        let subscription = SUBSCRIPTION;
        let text = Arc::from(&*text);
        let subscribe = Some(Subscribe { listener, subscription, text, query, live, since }.into());
        let mut head = Vec::new();
        self.envelope.stream(self.api, &mut head);
        let api = Rc::clone(self.api);
        let events = Events { api, listener, claims, plan, subscribe, head, has_ended: false };
        Ok(Outcome::Events(Box::new(events)))
    }

    /// What the client was told last, when it comes again.
    fn last_event(&self) -> Result<Option<TxId>, Problem<'static>> {
        let Some(value) = self.request.head.headers.get("last-event-id") else { return Ok(None) };
        let number = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        let wrong = "Last-Event-ID is not the id of an event";
        let number = number.ok_or_else(|| Problem::new(ProblemCode::InvalidRequest, wrong))?;
        Ok(Some(TxId::new(number)))
    }
}

impl Events {
    /// The head of the answer, before the first event.
    pub fn take_head(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.head)
    }

    /// Begins; says what has to be asked of the core to be told something.
    pub fn listen(&mut self) -> Request {
        if let Some(subscribe) = self.subscribe.take() {
            let (listener, claims) = (self.listener, self.claims);
            let identify = LiveRequest::Identify { listener, claims };
            drop(self.api.shard.request(Request::Live(identify)));
            drop(self.api.shard.request(Request::Live(LiveRequest::Subscribe(subscribe))));
        }
        Request::Live(LiveRequest::Listen(self.listener))
    }

    /// What the core has to be told at the end.
    pub fn leave(&self) -> Request {
        Request::Live(LiveRequest::Leave(self.listener))
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        self.claims.expires_at
    }

    /// Ends a stream whose token has ended; else says that the server is there.
    pub fn beat(&mut self, out: &mut Vec<u8>) {
        if self.claims.expires_at <= self.api.shard.now() {
            self.fail(&unauthenticated("the token has expired"), out);
        } else {
            out.extend_from_slice(b":\n\n");
        }
    }

    /// Ends a stream without a word: the client comes again and goes on where it was.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// Writes what the core has told.
    pub fn tell(&mut self, answer: Answer, out: &mut Vec<u8>) {
        match answer {
            Answer::Told(Told::News(items)) => {
                items.into_iter().for_each(|item| self.tell_item(item, out));
            }
            Answer::Told(Told::Ended(End::TooSlow)) => self.end(),
            Answer::Told(Told::Ended(End::SignedOut)) => {
                self.fail(&Ending::SignedOut.problem(), out);
            }
            Answer::Told(Told::Ended(End::RightsChanged)) => {
                self.fail(&Ending::RightsChanged.problem(), out);
            }
            _ => self.fail(&bug(), out),
        }
    }

    fn tell_item(&mut self, item: Item, out: &mut Vec<u8>) {
        match item {
            Item::Subscribed { first, .. } => self.tell_first(&first, out),
            Item::Update { tx, changes } => {
                for (_, change) in changes {
                    begin("update", tx, out);
                    out.extend_from_slice(b",\"changes\":[");
                    out.extend_from_slice(&change.told);
                    out.extend_from_slice(b"]}\n\n");
                }
            }
            Item::Failed { error, .. } => self.fail(&query_problem(&error), out),
            Item::Answered { .. } => self.fail(&bug(), out),
        }
    }

    fn tell_first(&self, first: &First, out: &mut Vec<u8>) {
        begin("subscribed", first.tx, out);
        out.extend_from_slice(b",\"columns\":");
        write_columns(&self.plan, out);
        out.extend_from_slice(b",\"types\":");
        write_types(&self.plan, out);
        out.extend_from_slice(b",\"rows\":");
        out.extend_from_slice(&first.rows.told());
        if let Some(key) = self.plan.key() {
            out.extend_from_slice(b",\"key\":");
            write_key(key, out);
        }
        let resumed: &[u8] = if first.is_resumed { b"true" } else { b"false" };
        out.extend_from_slice(b",\"resumed\":");
        out.extend_from_slice(resumed);
        out.extend_from_slice(b"}\n\n");
    }

    fn fail(&mut self, problem: &Problem<'_>, out: &mut Vec<u8>) {
        self.has_ended = true;
        out.extend_from_slice(b"event: error\ndata: {\"code\":\"");
        out.extend_from_slice(problem.code.as_str().as_bytes());
        out.extend_from_slice(b"\",\"detail\":");
        json::write_string(&problem.detail, out);
        out.extend_from_slice(b"}\n\n");
    }
}

/// Begins an event and its data.
fn begin(event: &str, tx: TxId, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let tx = digits.format(tx.get()).as_bytes();
    for part in [&b"id: "[..], tx, b"\nevent: ", event.as_bytes(), b"\ndata: {\"tx_id\":", tx] {
        out.extend_from_slice(part);
    }
}
