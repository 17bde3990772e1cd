//! The client itself: what its user holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::address::Address;
use crate::conversation::{Asked, Bounds, Conversation, Listener, Reply};
use crate::driver::{Command, Driver, State};
use crate::error::Error;
use crate::options::Options;
use crate::session::{self, Session};
use crate::subscription::Subscription;
use crate::transport::Transport;

/// A client of one server. Clones are the same client; the last one closes it.
///
/// It connects when it is asked for something, and stays connected from then on: a connection that is lost is opened again, calls
/// that were not answered are repeated under the same idempotency key, and subscriptions go on where they were.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<State>,
    /// The driver's as well.
    token: Arc<watch::Sender<Option<String>>>,
    transport: Transport,
    timeout: Duration,
    updates_max: usize,
    last_subscription: AtomicU64,
}

/// What a call has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called<T> {
    /// Its transaction, which is durable.
    pub tx_id: u64,
    /// What the reducer has returned.
    pub result: T,
}

/// A query's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The transaction as of which it was read.
    pub tx_id: u64,
    /// Its rows.
    pub rows: Vec<T>,
}

/// Makes one call known as the same when it comes again: the server answers it as it did the first time, and runs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// One that nobody else has.
    pub fn random() -> IdempotencyKey {
        let mut bytes = [0; 16];
        // Were it known to others, or the same twice, a call would be taken for one that has run.
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        IdempotencyKey(format!("{:032x}", u128::from_le_bytes(bytes)))
    }

    /// One that says what it is of, such as the number of an order. It has 1 to 255 bytes.
    pub fn of(key: impl Into<String>) -> IdempotencyKey {
        IdempotencyKey(key.into())
    }
}

impl Client {
    /// A client of the server at `wss://host:port`. Nothing is connected yet.
    ///
    /// Panics outside of a tokio runtime.
    pub fn new(address: &str, options: Options) -> Result<Client, Error> {
        let transport = Transport::new(Address::parse(address)?, options.authorities.as_deref())?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let (state_sender, state) = watch::channel(State::Idle);
        let token = Arc::new(watch::Sender::new(options.token.clone()));
        let shared = Shared {
            commands: commands.clone(),
            state,
            token: token.clone(),
            transport: transport.clone(),
            timeout: options.timeout,
            updates_max: options.updates_max.max(1),
            last_subscription: AtomicU64::new(0),
        };
        let bounds = Bounds {
            waiting_max: options.waiting_max,
            message_bytes_max: options.message_bytes_max,
        };
        let driver = Driver {
            conversation: Conversation::new(bounds),
            transport,
            options,
            own: commands.downgrade(),
            commands: receiver,
            identity: None,
            token,
            state: state_sender,
        };
        tokio::spawn(driver.run());
        Ok(Client { shared: Arc::new(shared) })
    }

    /// Makes an account, and is it from then on.
    pub async fn sign_up(&self, email: &str, password: &str) -> Result<Session, Error> {
        self.begin(session::sign_up(&self.shared.transport, email, password)).await
    }

    /// Becomes an account. What was asked as another one, and its subscriptions, end with [`Error::SignedOut`].
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Session, Error> {
        self.begin(session::sign_in(&self.shared.transport, email, password)).await
    }

    /// Has a link sent to an address, by which its owner can sign in.
    pub async fn request_magic_link(&self, email: &str) -> Result<(), Error> {
        self.in_time(session::request_magic_link(&self.shared.transport, email)).await
    }

    /// Becomes the account that a link was sent to, by the link's token.
    pub async fn verify_magic_link(&self, token: &str) -> Result<Session, Error> {
        self.begin(session::verify_magic_link(&self.shared.transport, token)).await
    }

    /// Has a fresh token made; connected or not. A client that is connected does so by itself before its token ends.
    pub async fn refresh(&self) -> Result<Session, Error> {
        let token = self.token()?;
        let session = self.in_time(session::refresh(&self.shared.transport, &token)).await?;
        self.shared.token.send_replace(Some(session.token.clone()));
        self.command(Command::Renew(session.clone()))?;
        Ok(session)
    }

    /// Ends the session: its token is refused from now on, here and everywhere.
    pub async fn sign_out(&self) -> Result<(), Error> {
        let token = self.token()?;
        self.in_time(session::sign_out(&self.shared.transport, &token)).await?;
        self.shared.token.send_replace(None);
        self.command(Command::Leave)
    }

    /// Calls a reducer: `name`, or `module/name` where several modules have one of that name. `args` is a structure with a field
    /// for each argument, or a tuple of them in order.
    ///
    /// When it is answered, what the reducer has done is durable, and every subscription of this client has been told of it. After
    /// [`Error::Timeout`] it may have run, and may still.
    pub async fn call<T: DeserializeOwned>(
        &self,
        reducer: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Result<Called<T>, Error> {
        self.call_once(&IdempotencyKey::random(), reducer, args).await
    }

    /// As [`Client::call`], and once for all calls with the same key: also of other clients of the account, and after a restart of
    /// this program.
    pub async fn call_once<T: DeserializeOwned>(
        &self,
        key: &IdempotencyKey,
        reducer: &str,
        args: &(impl Serialize + ?Sized),
    ) -> Result<Called<T>, Error> {
        let (reducer, args) = (reducer.to_owned(), to_json(args)?.unwrap_or("[]".to_owned()));
        let idempotency_key = key.0.clone();
        let ask = |reply| Asked::Call { reducer, args, idempotency_key, reply };
        let answer = self.ask(ask).await?;
        let result = serde_json::from_str(answer.result.as_deref().unwrap_or("null"));
        let result = result.map_err(|error| Error::Decode(format!("the result: {error}")))?;
        Ok(Called { tx_id: answer.tx_id, result })
    }

    /// Asks a query. `params` are the values of `$1`, `$2`, … as a tuple or a list; `&()` where there are none.
    pub async fn query<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<Answer<T>, Error> {
        let (sql, params) = (sql.to_owned(), to_json(params)?);
        let answer = self.ask(|reply| Asked::Query { sql, params, reply }).await?;
        Ok(Answer { tx_id: answer.tx_id, rows: answer.rows.decode()? })
    }

    /// Follows a query. Its first update has the answer as it is now.
    pub async fn subscribe<T: DeserializeOwned>(
        &self,
        sql: &str,
        params: &(impl Serialize + ?Sized),
    ) -> Result<Subscription<T>, Error> {
        let (sql, params) = (sql.to_owned(), to_json(params)?);
        let id = self.shared.last_subscription.fetch_add(1, Ordering::Relaxed) + 1;
        let (news, receiver) = mpsc::channel(self.shared.updates_max);
        let first = self.ask(|reply| {
            let listener = Listener { id, begun: Some(reply), news: Some(news) };
            Asked::Subscribe { sql, params, listener }
        });
        let first = match first.await {
            Ok(first) => first,
            Err(error) => {
                drop(self.command(Command::Ask(Asked::Unsubscribe { id })));
                return Err(error);
            }
        };
        Ok(Subscription::new(id, self.shared.commands.clone(), receiver, first))
    }

    /// Whether it is connected, and what becomes of that.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.clone()
    }

    fn token(&self) -> Result<String, Error> {
        self.shared.token.borrow().clone().ok_or(Error::SignedOut)
    }

    async fn begin(
        &self,
        session: impl Future<Output = Result<Session, Error>>,
    ) -> Result<Session, Error> {
        let session = self.in_time(session).await?;
        // At once: it is the client's own before the driver has heard of it.
        self.shared.token.send_replace(Some(session.token.clone()));
        self.command(Command::Begin(session.clone()))?;
        Ok(session)
    }

    async fn ask<T>(&self, asked: impl FnOnce(Reply<T>) -> Asked) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Ask(asked(reply)))?;
        self.in_time(async { answer.await.unwrap_or(Err(Error::Closed)) }).await
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let limit = self.shared.timeout;
        timeout(limit, work).await.unwrap_or(Err(Error::Timeout(limit)))
    }

    fn command(&self, command: Command) -> Result<(), Error> {
        self.shared.commands.send(command).map_err(|_| Error::Closed)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.shared.transport.address().authority())
            .field("state", &*self.shared.state.borrow())
            .finish_non_exhaustive()
    }
}

/// What is nothing, such as `()`, is left out.
fn to_json(value: &(impl Serialize + ?Sized)) -> Result<Option<String>, Error> {
    let json = serde_json::to_string(value).map_err(|error| Error::Decode(error.to_string()))?;
    Ok((json != "null").then_some(json))
}
