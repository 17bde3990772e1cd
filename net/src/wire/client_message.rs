//! Reads what clients send.

use std::borrow::Cow;

use cosmictron_types::TxId;
use serde_json::value::RawValue;

use super::binary_fields::BinaryFields;
use super::field::{Field, Fields};
use super::json_fields::JsonFields;
use super::refusal::{MessageError, Refusal};
use super::request_id::RequestId;

/// Bytes of the longest token: half of what a request's head may have.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Bytes of the longest name.
const NAME_BYTES_MAX: usize = 256;

/// Bytes of the longest idempotency key.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// How much of an unknown `type` is told.
const TYPE_BYTES_TOLD: usize = 64;

/// A client's message. Texts are borrowed where they had no escapes; JSON is the text that arrived.
///
/// ```
/// use cosmictron_net::wire::{ClientMessage, RequestId};
///
/// let text = r#"{"type":"call","id":7,"reducer":"transfer","args":["ada", 250]}"#;
/// let Ok(ClientMessage::Call { id, reducer, args, .. }) = ClientMessage::parse(text) else {
///     panic!("it is a call");
/// };
/// assert_eq!((id, &*reducer), (RequestId::Number(7), "transfer"));
/// assert_eq!(args.get(), r#"["ada", 250]"#);
/// ```
#[derive(Clone, Debug)]
pub enum ClientMessage<'a> {
    /// Says who the client is, where the handshake's `Authorization` did not, or renews that.
    Authenticate {
        /// Up to 8 KiB.
        token: Cow<'a, str>,
    },
    /// Calls a reducer.
    Call {
        /// Comes back with the answer.
        id: RequestId,
        /// 1 to 256 bytes.
        reducer: Cow<'a, str>,
        /// Whose reducer, when several modules have one of the name.
        module: Option<Cow<'a, str>>,
        /// An object of named arguments, or an array in order.
        args: &'a RawValue,
        /// 1 to 255 bytes.
        idempotency_key: Option<Cow<'a, str>>,
    },
    /// Asks for a query's answer and all changes to it.
    Subscribe {
        /// Comes back with the answer and every change.
        id: RequestId,
        /// A SELECT.
        query: Cow<'a, str>,
        /// An array.
        params: Option<&'a RawValue>,
        /// What the client has the answer as of, from an earlier connection.
        since: Option<TxId>,
    },
    /// Asks for no more changes.
    Unsubscribe {
        /// That of the subscription.
        id: RequestId,
    },
    /// Asks for a query's answer.
    Query {
        /// Comes back with the answer.
        id: RequestId,
        /// A SELECT.
        query: Cow<'a, str>,
        /// An array.
        params: Option<&'a RawValue>,
    },
}

impl<'a> ClientMessage<'a> {
    /// Reads a message of `cosmictron.json.v1`. Its length is bounded by
    /// [`ws::Limits`](crate::ws::Limits), and so is what is borrowed from it; how deep the JSON of
    /// arguments and parameters is nested is not looked at here, nor does that cost stack.
    pub fn parse(text: &'a str) -> Result<ClientMessage<'a>, Refusal> {
        ClientMessage::read(JsonFields::parse(text))
    }

    /// Reads a message of `cosmictron.bin.v1`. The same bounds hold.
    pub fn decode(bytes: &'a [u8]) -> Result<ClientMessage<'a>, Refusal> {
        ClientMessage::read(BinaryFields::parse(bytes))
    }

    fn read(fields: Result<impl Fields<'a>, MessageError>) -> Result<ClientMessage<'a>, Refusal> {
        let fields = fields.map_err(|error| Refusal { id: None, error })?;
        ClientMessage::of(&fields).map_err(|error| Refusal { id: fields.id(), error })
    }

    fn of(fields: &impl Fields<'a>) -> Result<ClientMessage<'a>, MessageError> {
        if let Some(field) = fields.repeated() {
            return Err(MessageError::Repeated(field.as_str()));
        }
        match &*fields.kind()? {
            "authenticate" => Ok(ClientMessage::Authenticate {
                token: fields.string(Field::Token, ..=TOKEN_BYTES_MAX)?,
            }),
            "call" => Ok(ClientMessage::Call {
                id: fields.need_id()?,
                reducer: fields.string(Field::Reducer, 1..=NAME_BYTES_MAX)?,
                module: fields.string_if(Field::Module, 1..=NAME_BYTES_MAX)?,
                args: fields.nested(Field::Args, &['{', '['])?,
                idempotency_key: fields
                    .string_if(Field::IdempotencyKey, 1..=IDEMPOTENCY_KEY_BYTES_MAX)?,
            }),
            "subscribe" => Ok(ClientMessage::Subscribe {
                id: fields.need_id()?,
                query: fields.string(Field::Query, ..)?,
                params: fields.nested_if(Field::Params, &['['])?,
                since: fields.number_if(Field::Since)?.map(TxId::new),
            }),
            "unsubscribe" => Ok(ClientMessage::Unsubscribe { id: fields.need_id()? }),
            "query" => Ok(ClientMessage::Query {
                id: fields.need_id()?,
                query: fields.string(Field::Query, ..)?,
                params: fields.nested_if(Field::Params, &['['])?,
            }),
            unknown => {
                let told = &unknown[..unknown.floor_char_boundary(TYPE_BYTES_TOLD)];
                Err(MessageError::UnknownType(told.into()))
            }
        }
    }
}
