//! Names a reducer with its arguments, to be run later.
//!
//! `#[reducer]` declares, beside the function, a type of the same name whose `args` function takes the reducer's
//! arguments: `reminder::args(7, text)` is a [`Call`] of `reminder`, checked by the compiler like any call.

use cosmictron_types::{Duration, Timestamp};

/// A reducer and its arguments: what `args` of a reducer's type makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a call does nothing until it is scheduled"]
pub struct Call {
    reducer: &'static str,
    args: Vec<u8>,
}

impl Call {
    #[doc(hidden)]
    pub fn new(reducer: &'static str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut args = Vec::new();
        write(&mut args);
        Self { reducer, args }
    }

    /// The reducer's name.
    pub fn reducer(&self) -> &'static str {
        self.reducer
    }

    /// Its encoded arguments.
    pub fn args(&self) -> &[u8] {
        &self.args
    }
}

/// When a scheduled call runs: after a [`Duration`] (ours or the standard library's), or at a [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long after the call that schedules it. At once when negative.
    After(Duration),
    /// At this moment, or as soon as possible when it has passed.
    At(Timestamp),
}

impl When {
    pub(crate) fn since(self, now: Timestamp) -> Timestamp {
        match self {
            When::After(span) => now + span,
            When::At(at) => at,
        }
    }
}

impl From<Duration> for When {
    fn from(span: Duration) -> Self {
        When::After(span)
    }
}

impl From<core::time::Duration> for When {
    fn from(span: core::time::Duration) -> Self {
        When::After(span.into())
    }
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        When::At(at)
    }
}
