//! Tells a reducer who calls it, when, and gives it chance and a schedule.

use cosmictron_types::read::{DecodeError, Reader};
use cosmictron_types::{ConnectionId, Identity, Timestamp, TxId};

use crate::error::ScheduleError;
use crate::host;
use crate::rng::Rng;
use crate::schedule::{Call, When};

/// What a reducer may know of the call that it runs in. A reducer takes it by reference as its first parameter, or
/// leaves it out.
///
/// A reducer may be undone and run again; it sees the same `timestamp` and draws the same numbers then.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReducerContext {
    /// When the call began, by the server's clock; the same throughout the call.
    pub timestamp: Timestamp,
    /// Who calls. [`Identity::SYSTEM`] for `init` and for scheduled calls.
    pub sender: Identity,
    /// The WebSocket that the call came over, or that opens or ends; `None` over REST, for `init` and for scheduled calls.
    pub connection_id: Option<ConnectionId>,
    /// The transaction that this call becomes when it commits.
    pub tx_id: TxId,
    rng: Rng,
}

impl ReducerContext {
    /// When the call began, by the server's clock.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Who calls.
    pub fn sender(&self) -> Identity {
        self.sender
    }

    /// The WebSocket that the call came over.
    pub fn connection_id(&self) -> Option<ConnectionId> {
        self.connection_id
    }

    /// The transaction that this call becomes when it commits.
    pub fn tx_id(&self) -> TxId {
        self.tx_id
    }

    /// Chance that repeats when the call has to be run again.
    pub fn rng(&self) -> &Rng {
        &self.rng
    }

    /// Has a reducer run later, as the module itself, exactly once for every time that this call commits. It survives
    /// restarts of the server. Nothing is scheduled when this call fails.
    ///
    /// ```
    /// use cosmictron_sdk::prelude::*;
    ///
    /// #[reducer]
    /// pub fn remind(ctx: &ReducerContext, minutes: u32, text: String) -> Result<(), ScheduleError> {
    ///     ctx.schedule(Duration::from_secs(i64::from(minutes) * 60), reminder::args(text))
    /// }
    ///
    /// #[reducer]
    /// pub fn reminder(text: String) {
    ///     console::info!("remember: {text}");
    /// }
    /// ```
    pub fn schedule(&self, when: impl Into<When>, call: Call) -> Result<(), ScheduleError> {
        let at = when.into().since(self.timestamp);
        match host::schedule(at.as_micros(), &call) {
            0 => Ok(()),
            code => Err(ScheduleError::from_code(code.into())),
        }
    }

    /// Reads the head of a call's input and leaves `reader` at the arguments.
    ///
    /// ```text
    /// tx_id 8 │ timestamp 8 │ sender 32 │ connection_id 16 │ seed 16 │ arguments
    /// ```
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tx_id = TxId::new(u64::from_le_bytes(reader.array()?));
        let timestamp = Timestamp::from_micros(i64::from_le_bytes(reader.array()?));
        let sender = Identity::from_bytes(reader.array()?);
        let connection_id = ConnectionId::from_bytes(reader.array()?);
        let connection_id = Some(connection_id).filter(|&id| id != ConnectionId::NONE);
        let rng = Rng::from_seed(reader.array()?);
        Ok(Self { timestamp, sender, connection_id, tx_id, rng })
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn for_test(timestamp: Timestamp, sender: Identity, tx_id: TxId) -> Self {
        Self { timestamp, sender, connection_id: None, tx_id, rng: Rng::from_seed([0; 16]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_call_is_eighty_bytes() {
        let mut input = Vec::new();
        input.extend_from_slice(&7u64.to_le_bytes());
        input.extend_from_slice(&(-5i64).to_le_bytes());
        input.extend_from_slice(&[1; 32]);
        input.extend_from_slice(&[0; 16]);
        input.extend_from_slice(&[2; 16]);
        input.push(99);
        let mut reader = Reader::new(&input);
        let ctx = ReducerContext::decode(&mut reader).unwrap();
        assert_eq!(reader.rest(), [99]);
        assert_eq!((ctx.tx_id().get(), ctx.timestamp().as_micros()), (7, -5));
        assert_eq!(ctx.sender(), Identity::from_bytes([1; 32]));
        assert_eq!(ctx.connection_id(), None);
        assert_eq!(ctx.rng().next_u64(), Rng::from_seed([2; 16]).next_u64());
    }
}
