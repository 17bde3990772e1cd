//! What goes into a call besides its arguments, and what comes out of it.

use std::fmt;

use cosmictron_types::{ConnectionId, Identity, Timestamp, TxId};

use crate::instance::InstanceError;
use crate::misuse::Misuse;

/// What a reducer may know of its call, all of it given by the shard so that the call can be run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallContext {
    pub tx_id: TxId,
    pub timestamp: Timestamp,
    pub sender: Identity,
    pub connection_id: ConnectionId,
    /// Where the guest's random numbers begin.
    pub seed: [u8; 16],
}

/// Bytes of a [`CallContext`] before the arguments: 8 + 8 + 32 + 16 + 16.
pub(crate) const CONTEXT_BYTES: usize = 80;

impl CallContext {
    /// Writes the context into the first [`CONTEXT_BYTES`] of a call's input.
    pub(crate) fn write(&self, out: &mut [u8; CONTEXT_BYTES]) {
        out[..8].copy_from_slice(&self.tx_id.get().to_le_bytes());
        out[8..16].copy_from_slice(&self.timestamp.as_micros().to_le_bytes());
        out[16..48].copy_from_slice(self.sender.as_bytes());
        out[48..64].copy_from_slice(self.connection_id.as_bytes());
        out[64..].copy_from_slice(&self.seed);
    }
}

/// How a call ended. Only after `Returned` may its transaction commit.
#[derive(Debug)]
pub enum CallOutcome {
    /// The reducer did its work. The result is a row of one column, checked, when the schema says that there is one.
    Returned { result: Option<Vec<u8>> },
    /// The reducer said no: its own words.
    Failed { message: String },
    /// The guest panicked: what it said, with the place in its source.
    Panicked { message: String },
    /// WebAssembly stopped the guest.
    Trapped { trap: &'static str, function: Option<String> },
    /// The guest ran for longer than it may.
    DeadlineExceeded,
    /// The guest broke the ABI.
    Misused { misuse: Misuse, function: Option<String> },
    /// The shard asked for it: [`DataError::Aborted`](crate::DataError::Aborted).
    Aborted,
    /// There is no instance to run the call in; nothing ran.
    NoInstance(InstanceError),
}

impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallOutcome::Returned { .. } => f.write_str("returned"),
            CallOutcome::Failed { message } => f.write_str(message),
            CallOutcome::Panicked { message } => write!(f, "panicked: {message}"),
            CallOutcome::Trapped { trap, function } => {
                write!(f, "trapped: {trap}")?;
                write_function(f, function.as_deref())
            }
            CallOutcome::DeadlineExceeded => f.write_str("ran for longer than it may"),
            CallOutcome::Misused { misuse, function } => {
                write!(f, "{misuse}")?;
                write_function(f, function.as_deref())
            }
            CallOutcome::Aborted => f.write_str("has to be run again"),
            CallOutcome::NoInstance(error) => write!(f, "{error}"),
        }
    }
}

fn write_function(f: &mut fmt::Formatter<'_>, function: Option<&str>) -> fmt::Result {
    match function {
        Some(name) => write!(f, " (in {name})"),
        None => Ok(()),
    }
}
