//! Says why a client's message could not be understood.

use super::field::Field;
use super::request_id::RequestId;

/// A message that is not understood: the client's doing. It is answered with an `error` message,
/// and the connection goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// The id that the message has, where it has a good one.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub error: MessageError,
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not JSON.
    #[error("malformed JSON at line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// Bytes in that line.
        column: usize,
    },
    /// JSON, but no object.
    #[error("expected an object")]
    NotAnObject,
    /// A field that the message must have.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field that stands twice.
    #[error("field {0} is repeated")]
    Repeated(&'static str),
    /// A value that the field can't have.
    #[error("field {field}: expected {expected}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// What it can have.
        expected: &'static str,
    },
    /// A `type` that is no client's message; the beginning of it.
    #[error("field type: unknown message {0:?}")]
    UnknownType(Box<str>),
    /// A binary message whose type is no client's.
    #[error("unknown message {0}")]
    UnknownNumber(u32),
    /// A binary message that ends within its head or a field.
    #[error("the message ends within what begins at byte {at}")]
    Cut {
        /// Where the head, or the field, begins.
        at: usize,
    },
    /// A byte of a binary message that has to be zero, and is not.
    #[error("byte {at} is not zero")]
    NotZero {
        /// Which.
        at: usize,
    },
}

impl MessageError {
    pub(super) fn wrong(field: Field) -> MessageError {
        MessageError::Wrong { field: field.as_str(), expected: field.expected() }
    }
}
