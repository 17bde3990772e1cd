//! What a client may be told beside its server's address.

use std::time::Duration;

use crate::backoff::Backoff;

/// How a client behaves. Change what differs from the default:
///
/// ```
/// use cosmictron_client::Options;
/// use std::time::Duration;
///
/// let options = Options { timeout: Duration::from_secs(5), ..Options::default() };
/// assert_eq!(options.waiting_max, 1024);
/// ```
#[derive(Clone)]
pub struct Options {
    /// The token of a session that has begun elsewhere.
    pub token: Option<String>,
    /// How long an answer may take, the time without a connection included.
    pub timeout: Duration,
    /// How long it waits before it connects again.
    pub backoff: Backoff,
    /// After so long without a word from the server it is asked for one, and after as long again the connection counts as lost.
    pub silence: Duration,
    /// Requests that wait for an answer, and subscriptions; more are refused with [`Error::Busy`](crate::Error::Busy).
    pub waiting_max: usize,
    /// Bytes of the longest arguments, or query with its parameters; what is longer is refused as `too_large`. The server has a bound
    /// of its own, `websocket.message_bytes_max`.
    pub message_bytes_max: usize,
    /// Updates that a subscriber may be behind before the client stops keeping them for it. It is told the rest by the server
    /// when it has taken these.
    pub updates_max: usize,
    /// The authorities that count for `wss` and `https`, in PEM, in place of those that browsers know.
    pub authorities: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            token: None,
            timeout: Duration::from_secs(30),
            backoff: Backoff::default(),
            silence: Duration::from_secs(30),
            waiting_max: 1024,
            // The server's, without room for what is around them.
            message_bytes_max: (1 << 20) - 4096,
            updates_max: 256,
            authorities: None,
        }
    }
}

/// Without the token.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("has_token", &self.token.is_some())
            .field("timeout", &self.timeout)
            .field("backoff", &self.backoff)
            .field("silence", &self.silence)
            .field("waiting_max", &self.waiting_max)
            .field("message_bytes_max", &self.message_bytes_max)
            .field("updates_max", &self.updates_max)
            .finish_non_exhaustive()
    }
}
