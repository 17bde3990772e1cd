//! The way out of a conversation: messages become frames at the end of what is to be written.

use std::cell::RefCell;

use cosmictron_net::wire::{RequestId, ServerMessage, Subprotocol};
use cosmictron_net::ws::{CloseCode, Closing, Deflater, Encoder};
use cosmictron_net::{Problem, ProblemCode};

/// Where the frames of one connection go.
pub struct Outlet<'a> {
    pub subprotocol: Subprotocol,
    pub encoder: &'a Encoder,
    pub deflater: &'a RefCell<Deflater>,
    pub closing: &'a mut Closing,
    pub out: &'a mut Vec<u8>,
}

/// Why the server closes a connection that keeps to the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    ShuttingDown,
    /// A message of the kind that the subprotocol has not.
    WrongKind(Subprotocol),
    TooSlow,
    /// A module cannot be told of the client.
    NotIntroduced,
    Expired,
    SignedOut,
    /// The account may read other things than when its subscriptions began.
    RightsChanged,
    Unauthenticated,
}

/// The token ended, or was signed out.
const TOKEN_ENDED: CloseCode = CloseCode::new(4001).expect("applications may use it");
/// The account's rights have changed.
const RIGHTS_CHANGED: CloseCode = CloseCode::new(4004).expect("applications may use it");
/// The client did not say who it is.
const UNAUTHENTICATED: CloseCode = CloseCode::new(4003).expect("applications may use it");

impl Ending {
    fn code(self) -> CloseCode {
        match self {
            Ending::ShuttingDown => CloseCode::GOING_AWAY,
            Ending::WrongKind(_) => CloseCode::UNSUPPORTED,
            Ending::TooSlow | Ending::NotIntroduced => CloseCode::TRY_AGAIN_LATER,
            Ending::Expired | Ending::SignedOut => TOKEN_ENDED,
            Ending::RightsChanged => RIGHTS_CHANGED,
            Ending::Unauthenticated => UNAUTHENTICATED,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Ending::ShuttingDown => "the server is shutting down",
            Ending::WrongKind(Subprotocol::JsonV1) => "messages of this subprotocol are text",
            Ending::WrongKind(Subprotocol::BinV1) => "messages of this subprotocol are binary",
            Ending::TooSlow => "updates were taken too slowly",
            Ending::NotIntroduced => "a module cannot be told of the connection now",
            Ending::Expired => "the token has expired",
            Ending::SignedOut => "the token was signed out",
            Ending::RightsChanged => {
                "what the account may read has changed: connect again and subscribe anew"
            }
            Ending::Unauthenticated => {
                "the first message has to be authenticate, with a good token"
            }
        }
    }

    /// The same as an answer to what the client asked for.
    pub fn problem(self) -> Problem<'static> {
        let code = match self {
            Ending::RightsChanged => ProblemCode::Forbidden,
            _ => ProblemCode::Unauthenticated,
        };
        Problem::new(code, self.reason())
    }
}

impl Outlet<'_> {
    /// Adds a message.
    pub fn message(&mut self, message: &ServerMessage<'_>) {
        let subprotocol = self.subprotocol;
        self.message_with(|out| message.write(subprotocol, out));
    }

    /// Adds a message that says what `write` appends.
    pub fn message_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.closing.may_send() {
            let mut deflater = self.deflater.borrow_mut();
            let kind = self.subprotocol.message_kind();
            self.encoder.message_with(kind, &mut deflater, self.out, write);
        }
    }

    /// Adds an `error`.
    pub fn problem(&mut self, id: Option<&RequestId>, problem: &Problem<'_>) {
        self.message(&ServerMessage::Error { id, code: problem.code, detail: &problem.detail });
    }

    /// Begins to close.
    pub fn close(&mut self, ending: Ending) {
        self.closing.start(ending.code(), ending.reason(), self.encoder, self.out);
    }
}
