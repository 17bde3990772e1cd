//! Keeps a client connected: the one task that connects, says what is asked and hears what is told.
//!
//! ```text
//!             a token, and something to ask
//!   waiting ─────────────────────────────────▶ connecting ──▶ conversing
//!      ▲  ▲                                        │              │
//!      │  └── the token is not good ◀──────────────┼──────────────┤
//!      └───── after a wait of full jitter ◀────────┴── lost ◀─────┘
//! ```
//!
//! It ends when every client and subscription is gone.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::conversation::{Asked, Conversation, Told};
use crate::error::{Code, Error, Refusal};
use crate::options::Options;
use crate::session::{self, Session};
use crate::socket::{self, Lost, Received, Receiver, Sender};
use crate::transport::Transport;
use crate::value::{ConnectionId, Identity};
use crate::wire::{self, ServerMessage};

/// For a good-bye to be said.
const FAREWELL: Duration = Duration::from_secs(1);

/// A message is longer than the server takes.
const TOO_LARGE: u16 = 1009;
/// The token has ended, or was signed out (`docs/protocol.md`).
const TOKEN_ENDED: u16 = 4001;
/// The server does not know who it is.
const UNAUTHENTICATED: u16 = 4003;
/// What the account may read has changed.
const RIGHTS_CHANGED: u16 = 4004;

/// Whether a client is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing was asked for yet.
    Idle,
    /// It connects.
    Connecting {
        /// How often it has tried, this time included.
        attempt: u32,
    },
    /// It is connected.
    Connected {
        /// As whom.
        identity: Identity,
        /// This connection's, as reducers see it.
        connection_id: ConnectionId,
    },
    /// It connects again after a while.
    Waiting {
        /// How often it has tried.
        attempt: u32,
        /// After how long.
        wait: Duration,
        /// Why the last connection is lost, for people.
        reason: String,
    },
    /// Nobody is signed in, or the token has ended.
    SignedOut,
    /// It is over.
    Closed,
}

/// What a client wants of its driver. The way there has no bound of its own: each entry is of a caller that waits for it, or the
/// last or the only one of a subscription.
#[derive(Debug)]
pub(crate) enum Command {
    Ask(Asked),
    /// Somebody has signed in.
    Begin(Session),
    /// The token of the same account, made anew.
    Renew(Session),
    /// Nobody is signed in any more.
    Leave,
}

/// See the module.
pub(crate) struct Driver {
    pub(crate) transport: Transport,
    pub(crate) options: Options,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    /// For what it has begun itself.
    pub(crate) own: mpsc::WeakUnboundedSender<Command>,
    pub(crate) conversation: Conversation,
    /// Whose the token is, where that is known.
    pub(crate) identity: Option<Identity>,
    pub(crate) token: Arc<watch::Sender<Option<String>>>,
    pub(crate) state: watch::Sender<State>,
}

/// How a conversation, or an attempt at one, has ended.
enum End {
    /// Nobody wants it any more.
    Unwanted,
    /// The server does not take the token.
    SignedOut(Error),
    /// Another token is to be used.
    Replaced,
    Lost(Lost),
}

impl Driver {
    pub(crate) async fn run(mut self) {
        let mut attempt = 0;
        while self.is_wanted().await {
            attempt += 1;
            self.state.send_replace(State::Connecting { attempt });
            let lost = match self.converse(&mut attempt).await {
                End::Unwanted => break,
                End::Replaced => {
                    self.conversation.end(false);
                    attempt = 0;
                    continue;
                }
                End::SignedOut(error) => {
                    self.sign_out(&error);
                    attempt = 0;
                    continue;
                }
                End::Lost(lost) => lost,
            };
            if !self.wait(attempt, &lost).await {
                break;
            }
        }
        self.conversation.fail(&Error::Closed);
        self.state.send_replace(State::Closed);
    }

    /// Waits until there is a token, and something to use it for; whether there is ever.
    async fn is_wanted(&mut self) -> bool {
        loop {
            let has_begun = !matches!(*self.state.borrow(), State::Idle | State::SignedOut);
            let has_token = self.token.borrow().is_some();
            if has_token && (has_begun || !self.conversation.is_idle()) {
                return true;
            }
            let Some(command) = self.commands.recv().await else { return false };
            self.take(command);
        }
    }

    /// Takes a command while there is no connection; whether it is about another token.
    fn take(&mut self, command: Command) -> bool {
        match command {
            Command::Ask(asked) => {
                // What it says is said when there is a connection.
                self.conversation.ask(asked);
                if self.token.borrow().is_none() {
                    self.conversation.fail(&Error::SignedOut);
                }
                false
            }
            Command::Begin(session) => {
                // What one account has asked is not done as another.
                if self.identity.replace(session.identity) != Some(session.identity) {
                    self.conversation.fail(&Error::SignedOut);
                }
                self.token.send_replace(Some(session.token));
                self.conversation.end(true);
                true
            }
            Command::Renew(session) => {
                self.token.send_replace(Some(session.token));
                true
            }
            Command::Leave => {
                self.sign_out(&Error::SignedOut);
                true
            }
        }
    }

    fn sign_out(&mut self, error: &Error) {
        self.token.send_replace(None);
        self.conversation.fail(error);
        self.state.send_replace(State::SignedOut);
    }

    /// Does something while it takes commands. `None` when nobody wants it any more, or another token is there.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                command = self.commands.recv() => {
                    let Some(command) = command else { return Err(End::Unwanted) };
                    if self.take(command) {
                        return Err(End::Replaced);
                    }
                }
            }
        }
    }

    /// Waits before the next attempt; whether there is to be one.
    async fn wait(&mut self, attempt: u32, lost: &Lost) -> bool {
        self.conversation.end(matches!(lost, Lost::Closed { code: RIGHTS_CHANGED, .. }));
        match lost {
            // It would be said again, and again end the connection.
            Lost::Closed { code: TOO_LARGE, .. } => self.conversation.fail_longest(),
            Lost::Broken(error @ Error::Protocol(_)) => self.conversation.fail(error),
            Lost::Closed { code: 1002 | 1003 | 1007, reason } => {
                self.conversation.fail(&Error::Protocol(reason.clone()));
            }
            _ => {}
        }
        // After a connection that was good the first attempt is at hand, but not all clients' at once.
        let wait = self.options.backoff.wait(attempt.max(1), random()).max(lost.retry_after());
        let reason = lost.to_string();
        self.state.send_replace(State::Waiting { attempt, wait, reason });
        !matches!(self.beside(sleep(wait)).await, Err(End::Unwanted))
    }

    /// Connects, and stays connected for as long as that goes. A welcome sets the attempts back.
    async fn converse(&mut self, attempt: &mut u32) -> End {
        let Some(token) = self.token.borrow().clone() else { return End::Replaced };
        let opening = timeout(self.options.timeout, socket::open(self.transport.clone(), token));
        let (sender, receiver) = match self.beside(opening).await {
            Err(end) => return end,
            Ok(Ok(Ok(opened))) => opened,
            Ok(Ok(Err(error))) if error.code() == Some(&Code::Unauthenticated) => {
                return End::SignedOut(error);
            }
            Ok(Ok(Err(error))) => return End::Lost(Lost::Broken(error)),
            Ok(Err(_)) => {
                return End::Lost(Lost::Broken(Error::Timeout(self.options.timeout)));
            }
        };
        let mut line = Line { sender, receiver, heard: Instant::now(), is_asked: false };
        let end = self.stay(&mut line, attempt).await;
        if !matches!(end, End::Lost(Lost::Broken(_))) {
            drop(timeout(FAREWELL, line.sender.close()).await);
        }
        match end {
            End::Lost(Lost::Closed { code: TOKEN_ENDED | UNAUTHENTICATED, reason }) => {
                End::SignedOut(Refusal::new("unauthenticated", reason).into())
            }
            other => other,
        }
    }

    async fn stay(&mut self, line: &mut Line, attempt: &mut u32) -> End {
        let mut is_welcome = false;
        loop {
            let silent = line.heard + self.options.silence * if line.is_asked { 2 } else { 1 };
            tokio::select! {
                received = line.receiver.receive() => {
                    (line.heard, line.is_asked) = (Instant::now(), false);
                    match received {
                        Ok(Received::Pong) => {}
                        Ok(Received::Message(message)) => {
                            let told = self.hear(message, line, attempt, &mut is_welcome);
                            if let Err(end) = told {
                                return end;
                            }
                        }
                        Err(lost) => return End::Lost(lost),
                    }
                }
                sent = line.sender.send(), if line.sender.has_more() => {
                    if let Err(lost) = sent {
                        return End::Lost(lost);
                    }
                }
                command = self.commands.recv() => match command {
                    None => return End::Unwanted,
                    Some(Command::Ask(asked)) => {
                        let messages = self.conversation.ask(asked);
                        if is_welcome {
                            line.sender.push(messages);
                        }
                    }
                    Some(Command::Renew(session)) => {
                        line.sender.push([wire::authenticate(&session.token)]);
                        self.token.send_replace(Some(session.token));
                    }
                    Some(other) => {
                        self.take(other);
                        return End::Replaced;
                    }
                },
                () = sleep_until(silent) => {
                    if line.is_asked {
                        let silence = Error::Unreachable("the server is silent".to_owned());
                        return End::Lost(Lost::Broken(silence));
                    }
                    line.is_asked = true;
                    line.sender.push_ping();
                }
            }
        }
    }

    fn hear(
        &mut self,
        message: ServerMessage,
        line: &mut Line,
        attempt: &mut u32,
        is_welcome: &mut bool,
    ) -> Result<(), End> {
        if let ServerMessage::Welcome { identity, connection_id, .. } = message {
            self.identity = Some(identity);
            self.state.send_replace(State::Connected { identity, connection_id });
            *attempt = 0;
            if !std::mem::replace(is_welcome, true) {
                line.sender.push(self.conversation.begin());
            }
            return Ok(());
        }
        match self.conversation.receive(message) {
            Ok(Told::Nothing) => {}
            Ok(Told::TokenExpires) => self.renew(),
            Err(error) => return Err(End::Lost(Lost::Broken(error))),
        }
        Ok(())
    }

    /// Has the token made anew. Where that fails, the connection ends with the token.
    fn renew(&self) {
        let Some(token) = self.token.borrow().clone() else { return };
        let (transport, own) = (self.transport.clone(), self.own.clone());
        let patience = self.options.timeout;
        tokio::spawn(async move {
            let renewed = timeout(patience, session::refresh(&transport, &token)).await;
            if let (Ok(Ok(session)), Some(own)) = (renewed, own.upgrade()) {
                drop(own.send(Command::Renew(session)));
            }
        });
    }
}

/// A connection, and when it was last alive.
struct Line {
    sender: Sender,
    receiver: Receiver,
    heard: Instant,
    /// Whether it was asked for a sign of life since.
    is_asked: bool,
}

/// Chance comes from the system: two clients of one second shall not wait alike.
fn random() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}
