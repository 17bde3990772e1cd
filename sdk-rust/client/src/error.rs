//! What goes wrong, by whose doing.

use std::io;
use std::time::Duration;

/// Why something was not done.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server understood and said no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The address that the client was made with leads nowhere.
    #[error("{address:?} is no address of a server: {reason}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The server cannot be reached, for requests that are not tried again by themselves.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// There is no token: sign in first.
    #[error("nobody is signed in")]
    SignedOut,
    /// It took longer than the client's time for it. A call may have run, and may still.
    #[error("there is no answer within {0:?}")]
    Timeout(Duration),
    /// Too much waits to be answered.
    #[error("{waiting} requests wait for an answer already")]
    Busy {
        /// How many there may be.
        waiting: usize,
    },
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// The server's words are not as its protocol has them.
    #[error("the server does not keep to its protocol: {0}")]
    Protocol(String),
    /// Arguments or parameters are no JSON, or a row, a result or a column is not what was asked for.
    #[error("{0}")]
    Decode(String),
}

/// The server's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({code})")]
pub struct Refusal {
    /// The stable word, such as `reducer_failed`; `docs/http-api.md` lists them.
    pub code: Code,
    /// For people.
    pub detail: String,
    /// When to try again, where the server says so.
    pub retry_after: Option<Duration>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// What kind of refusal it is.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// One that this version does not know.
            Other(String),
        }

        impl Code {
            pub(crate) fn of(word: &str) -> Code {
                match word {
                    $($word => Code::$name,)*
                    other => Code::Other(other.to_owned()),
                }
            }

            /// The word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Code::$name => $word,)*
                    Code::Other(word) => word,
                }
            }
        }
    };
}

codes! {
    /// The request is malformed.
    InvalidRequest "invalid_request",
    /// There is no token, or one that is not good.
    Unauthenticated "unauthenticated",
    /// The caller may not do it.
    Forbidden "forbidden",
    /// There is no such thing.
    NotFound "not_found",
    /// It contradicts what is there.
    Conflict "conflict",
    /// Several modules have the name.
    AmbiguousName "ambiguous_name",
    /// The past that was asked for is not kept.
    HistoryExpired "history_expired",
    /// It is larger than it may be.
    TooLarge "too_large",
    /// The reducer said no, or broke.
    ReducerFailed "reducer_failed",
    /// Too many requests of this caller.
    RateLimited "rate_limited",
    /// A bug of the server.
    Internal "internal",
    /// The server has too much to do.
    Overloaded "overloaded",
    /// The server stops.
    ShuttingDown "shutting_down",
    /// A part of the server does not run.
    Unavailable "unavailable",
    /// It ran for too long.
    DeadlineExceeded "deadline_exceeded",
    /// The disk or the memory for rows is full.
    OutOfSpace "out_of_space",
    /// A warning: the token ends within a minute.
    TokenExpiring "token_expiring",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// The server's code, where it is the server that said no.
    pub fn code(&self) -> Option<&Code> {
        match self {
            Error::Refused(refusal) => Some(&refusal.code),
            _ => None,
        }
    }

    pub(crate) fn unreachable(error: &io::Error) -> Error {
        Error::Unreachable(error.to_string())
    }
}

impl Refusal {
    pub(crate) fn new(code: &str, detail: String) -> Refusal {
        Refusal { code: Code::of(code), detail, retry_after: None }
    }
}
