//! What a client has asked for and is told: everything that has to outlive a connection, and nothing that moves bytes.
//!
//! ```text
//!  asked ──▶ Conversation::ask ──▶ a message to send      messages of the server ──▶ receive ──▶ who has asked
//!                  │                                                  ▲
//!                  └── kept until it is answered ── begin ─────────▶ sent again on the next connection
//! ```
//!
//! **Invariants**
//! 1. Whatever is asked is answered once, however often it is sent. A call is sent again under the idempotency key that it had,
//!    so it runs at most once.
//! 2. What somebody is told of a subscription adds up: rows, and then each change of them once, in the order of transactions.
//! 3. Of those that ask and of what a subscriber does not take there are never more than a bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::error::{Code, Error, Refusal};
use crate::row::{Columns, Rows};
use crate::wire::{self, Answer, Change, ServerMessage};

/// What a reducer has answered.
#[derive(Debug)]
pub(crate) struct CallAnswer {
    pub(crate) tx_id: u64,
    pub(crate) result: Option<String>,
}

/// What a query has.
#[derive(Debug)]
pub(crate) struct QueryAnswer {
    pub(crate) tx_id: u64,
    pub(crate) rows: Rows,
    pub(crate) key: Option<Vec<usize>>,
}

/// What a subscriber is told.
#[derive(Debug)]
pub(crate) enum News {
    /// All rows, in place of those that were told before.
    Rows {
        tx_id: u64,
        rows: Rows,
    },
    Changes {
        tx_id: u64,
        inserts: Rows,
        deletes: Rows,
    },
}

/// To a subscriber. It is dropped when there is no room: who finds its end is behind, and asks for what is missing.
pub(crate) type NewsSender = mpsc::Sender<Result<News, Error>>;

/// Who is answered, once.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Something that a client asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    Call {
        reducer: String,
        args: String,
        idempotency_key: String,
        reply: Reply<CallAnswer>,
    },
    Query {
        sql: String,
        params: Option<String>,
        reply: Reply<QueryAnswer>,
    },
    Subscribe {
        sql: String,
        params: Option<String>,
        listener: Listener,
    },
    /// A subscriber has gone.
    Unsubscribe {
        id: u64,
    },
    /// A subscriber has taken all that it was told, and was not told all: here it is told the rest.
    CatchUp {
        id: u64,
        news: NewsSender,
    },
}

/// A subscriber, seen from here.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) id: u64,
    /// Until the first answer is there.
    pub(crate) begun: Option<Reply<QueryAnswer>>,
    /// None while it is behind.
    pub(crate) news: Option<NewsSender>,
}

enum Request {
    Call { reducer: String, args: String, idempotency_key: String, reply: Reply<CallAnswer> },
    Query { sql: String, params: Option<String>, reply: Reply<QueryAnswer> },
}

struct Subscription {
    sql: String,
    params: Option<String>,
    listener: Listener,
    /// As of when the subscriber knows the answer.
    told: Option<u64>,
    columns: Option<Arc<Columns>>,
    /// Why it has ended, where the subscriber could not be told.
    ended: Option<Error>,
}

/// See the module.
pub(crate) struct Conversation {
    bounds: Bounds,
    last_id: u64,
    requests: BTreeMap<u64, Request>,
    /// By their listeners' ids.
    subscriptions: BTreeMap<u64, Subscription>,
    /// The listeners' ids of those that the server tells of on this connection, by their numbers on the wire: new ones each time, so
    /// that what the server still says to an old one is nobody's.
    followed: BTreeMap<u64, u64>,
}

/// How much may be asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Requests that are not answered, and as many subscriptions.
    pub(crate) waiting_max: usize,
    /// Bytes of what one says.
    pub(crate) message_bytes_max: usize,
}

impl Bounds {
    fn check(self, bytes: usize) -> Result<(), Error> {
        let bytes_max = self.message_bytes_max;
        if bytes <= bytes_max {
            return Ok(());
        }
        let detail = format!("a message of {bytes} bytes exceeds the limit of {bytes_max}");
        Err(Refusal::new("too_large", detail).into())
    }
}

/// What a message of the server's asks of whoever carries the conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    /// The token ends within a minute.
    TokenExpires,
}

impl Conversation {
    pub(crate) fn new(bounds: Bounds) -> Conversation {
        Conversation {
            bounds,
            last_id: 0,
            requests: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            followed: BTreeMap::new(),
        }
    }

    /// Takes what somebody asks for; the messages that say so to the server.
    pub(crate) fn ask(&mut self, asked: Asked) -> Vec<Bytes> {
        match asked {
            Asked::Call { reducer, args, idempotency_key, reply } => {
                self.request(Request::Call { reducer, args, idempotency_key, reply })
            }
            Asked::Query { sql, params, reply } => {
                self.request(Request::Query { sql, params, reply })
            }
            Asked::Subscribe { sql, params, listener } => self.subscribe(sql, params, listener),
            Asked::Unsubscribe { id } => {
                let left = self.leave(id);
                self.subscriptions.remove(&id);
                left.into_iter().collect()
            }
            Asked::CatchUp { id, news } => self.catch_up(id, news),
        }
    }

    fn catch_up(&mut self, id: u64, news: NewsSender) -> Vec<Bytes> {
        let Some(subscription) = self.subscriptions.get_mut(&id) else {
            drop(news.try_send(Err(Error::Closed)));
            return Vec::new();
        };
        if let Some(error) = subscription.ended.take() {
            drop(news.try_send(Err(error)));
            self.subscriptions.remove(&id);
            return Vec::new();
        }
        subscription.listener.news = Some(news);
        let left = self.leave(id);
        left.into_iter().chain(self.follow(id)).collect()
    }

    /// Asks the server to tell of a subscription, from where the subscriber is.
    fn follow(&mut self, id: u64) -> Option<Bytes> {
        let wire_id = self.next_id();
        let Subscription { sql, params, told, .. } = self.subscriptions.get(&id)?;
        self.followed.insert(wire_id, id);
        Some(wire::subscribe(wire_id, sql, params.as_deref(), *told))
    }

    /// The message that ends a subscription on this connection.
    fn leave(&mut self, id: u64) -> Option<Bytes> {
        let wire_id = *self.followed.iter().find(|(_, listener)| **listener == id)?.0;
        self.followed.remove(&wire_id);
        Some(wire::unsubscribe(wire_id))
    }

    /// Whether there is anything for which a connection is needed.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.subscriptions.is_empty()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn request(&mut self, request: Request) -> Vec<Bytes> {
        let waiting = self.bounds.waiting_max;
        if self.requests.len() >= waiting {
            // Those that have given up make room.
            self.requests.retain(|_, request| !request.is_given_up());
        }
        if self.requests.len() >= waiting {
            request.fail(Error::Busy { waiting });
            return Vec::new();
        }
        if let Err(error) = self.bounds.check(request.length()) {
            request.fail(error);
            return Vec::new();
        }
        let id = self.next_id();
        let message = request.message(id);
        self.requests.insert(id, request);
        vec![message]
    }

    fn subscribe(
        &mut self,
        sql: String,
        params: Option<String>,
        mut listener: Listener,
    ) -> Vec<Bytes> {
        let waiting = self.bounds.waiting_max;
        let checked = match self.subscriptions.len() >= waiting {
            true => Err(Error::Busy { waiting }),
            false => self.bounds.check(length_of(&sql, params.as_deref())),
        };
        if let Err(error) = checked {
            if let Some(begun) = listener.begun.take() {
                drop(begun.send(Err(error)));
            }
            return Vec::new();
        }
        let id = listener.id;
        let (told, columns, ended) = (None, None, None);
        let subscription = Subscription { sql, params, listener, told, columns, ended };
        self.subscriptions.insert(id, subscription);
        self.follow(id).into_iter().collect()
    }

    /// A connection has begun: all that has to be said on it.
    pub(crate) fn begin(&mut self) -> Vec<Bytes> {
        self.requests.retain(|_, request| !request.is_given_up());
        let mut messages: Vec<Bytes> =
            self.requests.iter().map(|(id, request)| request.message(*id)).collect();
        let is_told = |(id, subscription): (&u64, &Subscription)| {
            subscription.listener.news.as_ref().map(|_| *id)
        };
        let told: Vec<u64> = self.subscriptions.iter().filter_map(is_told).collect();
        messages.extend(told.into_iter().filter_map(|id| self.follow(id)));
        messages
    }

    /// A connection is lost. Where rights have changed, what was shown before is forgotten.
    pub(crate) fn end(&mut self, have_rights_changed: bool) {
        self.followed.clear();
        if have_rights_changed {
            self.subscriptions.values_mut().for_each(|subscription| subscription.told = None);
        }
    }

    /// Nothing can be done any more for those who wait.
    pub(crate) fn fail(&mut self, error: &Error) {
        for (_, request) in std::mem::take(&mut self.requests) {
            request.fail(error.clone());
        }
        self.subscriptions.retain(|_, subscription| subscription.is_left_to_tell(error.clone()));
    }

    /// What was said is longer than the server takes: the longest of it is not said again.
    pub(crate) fn fail_longest(&mut self) {
        let refusal =
            || Refusal::new("too_large", "the message is longer than the server takes".to_owned());
        let request = self.requests.iter().map(|(id, request)| (request.length(), *id)).max();
        let subscription = self.subscriptions.iter().map(|(id, known)| (known.length(), *id)).max();
        match (request, subscription) {
            (Some((length, id)), other) if other.is_none_or(|(other, _)| other <= length) => {
                if let Some(request) = self.requests.remove(&id) {
                    request.fail(refusal().into());
                }
            }
            (_, Some((_, id))) => self.end_subscription(id, refusal().into()),
            (_, None) => {}
        }
    }

    fn end_subscription(&mut self, id: u64, error: Error) {
        if let Some(subscription) = self.subscriptions.get_mut(&id)
            && !subscription.is_left_to_tell(error)
        {
            self.subscriptions.remove(&id);
        }
    }

    /// Takes what the server says.
    pub(crate) fn receive(&mut self, message: ServerMessage) -> Result<Told, Error> {
        match message {
            ServerMessage::Called { id, tx_id, result } => {
                if let Some(Request::Call { reply, .. }) = self.requests.remove(&id) {
                    drop(reply.send(Ok(CallAnswer { tx_id, result })));
                }
            }
            ServerMessage::Rows { id, answer } => {
                if let Some(Request::Query { reply, .. }) = self.requests.remove(&id) {
                    drop(reply.send(Ok(QueryAnswer::of(answer))));
                }
            }
            ServerMessage::Subscribed { id, answer, resumed } => {
                if let Some(subscription) = self.by_wire_id(id) {
                    subscription.begin(answer, resumed);
                }
            }
            ServerMessage::Update { tx_id, changes } => {
                for (id, change) in changes {
                    if let Some(subscription) = self.by_wire_id(id) {
                        subscription.change(tx_id, change)?;
                    }
                }
            }
            ServerMessage::Error { id: Some(id), code, detail } => self.refuse(id, &code, detail),
            ServerMessage::Error { id: None, code, .. } => {
                // Of all else the end of the connection tells by its code.
                return Ok(match Code::of(&code) {
                    Code::TokenExpiring => Told::TokenExpires,
                    _ => Told::Nothing,
                });
            }
            ServerMessage::Welcome { .. } | ServerMessage::Other => {}
        }
        Ok(Told::Nothing)
    }

    fn by_wire_id(&mut self, id: u64) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(self.followed.get(&id)?)
    }

    fn refuse(&mut self, id: u64, code: &str, detail: String) {
        let refusal = Refusal::new(code, detail);
        if refusal.code == Code::ShuttingDown {
            // The server has not begun it, and closes the connection: it is said again on the next one.
            return;
        }
        if let Some(request) = self.requests.remove(&id) {
            return request.fail(refusal.into());
        }
        if let Some(listener) = self.followed.remove(&id) {
            self.end_subscription(listener, refusal.into());
        }
    }
}

impl Request {
    fn message(&self, id: u64) -> Bytes {
        match self {
            Request::Call { reducer, args, idempotency_key, .. } => {
                wire::call(id, reducer, args, idempotency_key)
            }
            Request::Query { sql, params, .. } => wire::query(id, sql, params.as_deref()),
        }
    }

    /// Bytes of what it says, about.
    fn length(&self) -> usize {
        match self {
            Request::Call { args, .. } => args.len(),
            Request::Query { sql, params, .. } => length_of(sql, params.as_deref()),
        }
    }

    /// Whether nobody waits for the answer.
    fn is_given_up(&self) -> bool {
        match self {
            Request::Call { reply, .. } => reply.is_closed(),
            Request::Query { reply, .. } => reply.is_closed(),
        }
    }

    fn fail(self, error: Error) {
        match self {
            Request::Call { reply, .. } => drop(reply.send(Err(error))),
            Request::Query { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

impl Subscription {
    fn length(&self) -> usize {
        length_of(&self.sql, self.params.as_deref())
    }

    fn begin(&mut self, answer: Answer, resumed: bool) {
        if resumed && self.told.is_some() {
            return;
        }
        let tx_id = answer.tx_id;
        let answer = QueryAnswer::of(answer);
        self.columns = Some(answer.rows.columns.clone());
        match self.listener.begun.take() {
            Some(begun) => {
                self.told = Some(tx_id);
                drop(begun.send(Ok(answer)));
            }
            None => self.tell(tx_id, News::Rows { tx_id, rows: answer.rows }),
        }
    }

    fn change(&mut self, tx_id: u64, change: Change) -> Result<(), Error> {
        let Some(columns) = &self.columns else {
            return Err(Error::Protocol("an update comes before its subscription".to_owned()));
        };
        let rows = |batch| Rows { columns: columns.clone(), batch };
        let (inserts, deletes) = (rows(change.inserts), rows(change.deletes));
        self.tell(tx_id, News::Changes { tx_id, inserts, deletes });
        Ok(())
    }

    /// Tells the subscriber; one that does not take what it is told is left out of what comes, and asks for it later.
    fn tell(&mut self, tx_id: u64, news: News) {
        let Some(sender) = &self.listener.news else { return };
        match sender.try_send(Ok(news)) {
            Ok(()) => self.told = Some(tx_id),
            Err(TrySendError::Full(_)) => self.listener.news = None,
            // It has gone, and will say so.
            Err(TrySendError::Closed(_)) => {}
        }
    }

    /// Ends it; says whether the subscriber is still to be told why, once it has taken what is before that.
    fn is_left_to_tell(&mut self, error: Error) -> bool {
        if let Some(begun) = self.listener.begun.take() {
            drop(begun.send(Err(error)));
            return false;
        }
        let is_told = self.listener.news.take().map(|news| news.try_send(Err(error.clone())));
        match is_told {
            None | Some(Err(TrySendError::Full(_))) => {
                self.ended.get_or_insert(error);
                true
            }
            Some(_) => false,
        }
    }
}

fn length_of(sql: &str, params: Option<&str>) -> usize {
    sql.len() + params.map_or(0, str::len)
}

impl QueryAnswer {
    fn of(answer: Answer) -> QueryAnswer {
        let Answer { tx_id, columns: names, types, key, rows: batch } = answer;
        let columns = Arc::new(Columns { names, types });
        QueryAnswer { tx_id, rows: Rows { columns, batch }, key }
    }
}

#[cfg(test)]
mod tests;
