//! Why a transaction was undone: for good, or to be run again.

use cosmictron_storage::Elsewhere;

use super::ground::NoRoom;
use super::request::{CallError, DeployError, Unavailable};

/// Why a transaction was undone.
#[derive(Debug)]
pub enum Halt<E = CallError> {
    Refused(E),
    Again(Again),
}

/// What has to be different the next time. Nobody is told.
#[derive(Debug)]
pub enum Again {
    /// These stores have to be in hand as well.
    Elsewhere(Elsewhere),
    /// The logs have to promise more room for its records.
    NoRoom,
}

impl<E> Halt<E> {
    /// With another word for what it was refused for.
    pub fn map<F>(self, word: impl FnOnce(E) -> F) -> Halt<F> {
        match self {
            Halt::Refused(error) => Halt::Refused(word(error)),
            Halt::Again(again) => Halt::Again(again),
        }
    }
}

impl<E> From<NoRoom> for Halt<E> {
    fn from(NoRoom: NoRoom) -> Self {
        Halt::Again(Again::NoRoom)
    }
}

impl<E> From<Elsewhere> for Halt<E> {
    fn from(elsewhere: Elsewhere) -> Self {
        Halt::Again(Again::Elsewhere(elsewhere))
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        Halt::Refused(error)
    }
}

impl From<DeployError> for Halt<DeployError> {
    fn from(error: DeployError) -> Self {
        Halt::Refused(error)
    }
}

impl<E: From<Unavailable>> From<Unavailable> for Halt<E> {
    fn from(why: Unavailable) -> Self {
        Halt::Refused(why.into())
    }
}
