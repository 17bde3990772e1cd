//! Says why a message could not be read, and with which status that is answered.

use super::header::HeaderName;
use super::status::Status;
use crate::problem::ProblemCode;

/// Why a request or a response was refused. All of them are the peer's doing and end the
/// connection, since what follows on it can't be told apart from the refused message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// A line feed without the carriage return before it.
    #[error("line feed without carriage return")]
    BareLineFeed,
    /// A carriage return without the line feed after it.
    #[error("carriage return without line feed")]
    BareCarriageReturn,
    /// Not `method target version`, each separated by one space.
    #[error("malformed request line")]
    BadRequestLine,
    /// Not `version status reason`.
    #[error("malformed status line")]
    BadStatusLine,
    /// The method is not a token.
    #[error("malformed method")]
    BadMethod,
    /// A token, but none of the methods in [`Method`](super::Method).
    #[error("method not implemented")]
    UnknownMethod,
    /// The target has none of the forms of RFC 9112 section 3.2, or octets that must be escaped.
    #[error("malformed request target")]
    BadTarget,
    /// The target is longer than [`Limits`](super::Limits) allow.
    #[error("request target exceeds the limit of {bytes_max} bytes")]
    TargetTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// Not HTTP/1.1 or HTTP/1.0.
    #[error("HTTP version not supported")]
    BadVersion,
    /// A field name that is no token, a space before the colon, or a folded line.
    #[error("malformed header name")]
    BadHeaderName,
    /// A control octet in a field value.
    #[error("malformed header value")]
    BadHeaderValue,
    /// More fields than [`Limits`](super::Limits) allow.
    #[error("more than {headers_max} header fields")]
    TooManyHeaders {
        /// The limit.
        headers_max: usize,
    },
    /// A head longer than [`Limits`](super::Limits) allow.
    #[error("head exceeds the limit of {bytes_max} bytes")]
    HeadTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A field that may stand once stands twice.
    #[error("header {} is repeated", .0.as_str())]
    RepeatedHeader(HeaderName),
    /// HTTP/1.1 without `Host`.
    #[error("header host is missing")]
    MissingHost,
    /// A `Host`, or the authority of an absolute target, that is no host and port.
    #[error("malformed host")]
    BadHost,
    /// `Content-Length` beside `Transfer-Encoding`: the framing of request smuggling.
    #[error("both content-length and transfer-encoding are given")]
    BothLengths,
    /// A `Content-Length` that is not made of digits alone.
    #[error("malformed content-length")]
    BadContentLength,
    /// A transfer coding that does not end in one `chunked`, or stands in an HTTP/1.0 message.
    #[error("malformed transfer-encoding")]
    BadTransferEncoding,
    /// A transfer coding beside `chunked`.
    #[error("transfer coding not implemented")]
    UnknownTransferCoding,
    /// An expectation other than `100-continue`.
    #[error("unknown expectation")]
    UnknownExpectation,
    /// A body larger than the route allows.
    #[error("body exceeds the limit of {bytes_max} bytes")]
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// A chunk size that is not made of one to sixteen hexadecimal digits.
    #[error("malformed chunk size")]
    BadChunkSize,
    /// A chunk extension that is malformed.
    #[error("malformed chunk extension")]
    BadChunkExtension,
    /// More chunk extensions than anybody needs.
    #[error("chunk extensions exceed the limit of {bytes_max} bytes")]
    ChunkExtensionsTooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// A chunk that is not followed by a line end.
    #[error("chunk without line end")]
    BadChunkEnd,
    /// A connection that ended within a message.
    #[error("connection ended within a message")]
    Truncated,
    /// A malformed field behind a chunked body.
    #[error("malformed trailer")]
    BadTrailer,
}

impl HttpError {
    /// The problem that answers it.
    pub const fn code(self) -> ProblemCode {
        match self {
            HttpError::TargetTooLong { .. } => ProblemCode::TargetTooLong,
            HttpError::TooManyHeaders { .. } | HttpError::HeadTooLarge { .. } => {
                ProblemCode::HeadersTooLarge
            }
            HttpError::BodyTooLarge { .. } => ProblemCode::TooLarge,
            HttpError::UnknownExpectation => ProblemCode::ExpectationFailed,
            HttpError::UnknownMethod | HttpError::UnknownTransferCoding => {
                ProblemCode::NotImplemented
            }
            HttpError::BadVersion => ProblemCode::VersionNotSupported,
            _ => ProblemCode::InvalidRequest,
        }
    }

    /// The status that answers it.
    pub const fn status(self) -> Status {
        self.code().status()
    }
}
