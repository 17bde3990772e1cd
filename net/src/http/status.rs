//! Names the status codes that are sent, with their rendered status lines.

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident $code:literal $reason:literal,)*) => {
        /// A status code that the server sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Status {
            $($(#[$doc])* $name = $code,)*
        }

        impl Status {
            /// Every status, in ascending order.
            pub const ALL: &[Status] = &[$(Status::$name),*];

            /// The reason phrase that follows the code.
            pub const fn reason(self) -> &'static str {
                match self { $(Status::$name => $reason,)* }
            }

            /// The whole status line, its line end included.
            pub const fn line(self) -> &'static str {
                match self { $(Status::$name => concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n"),)* }
            }
        }
    };
}

statuses! {
    /// Go on and send the body.
    Continue 100 "Continue",
    /// The connection speaks another protocol from here on.
    SwitchingProtocols 101 "Switching Protocols",
    /// Done.
    Ok 200 "OK",
    /// Done, and something new exists.
    Created 201 "Created",
    /// Taken on, its outcome is not told.
    Accepted 202 "Accepted",
    /// Done, and there is nothing to say.
    NoContent 204 "No Content",
    /// What the client has is still right.
    NotModified 304 "Not Modified",
    /// It is elsewhere, for ever; the method and the body go there as they are.
    PermanentRedirect 308 "Permanent Redirect",
    /// The request is wrong as it stands.
    BadRequest 400 "Bad Request",
    /// Nobody knows who asks.
    Unauthorized 401 "Unauthorized",
    /// Known, and not allowed.
    Forbidden 403 "Forbidden",
    /// No such thing.
    NotFound 404 "Not Found",
    /// Such a thing, but not with this method.
    MethodNotAllowed 405 "Method Not Allowed",
    /// No form of the answer suits the client.
    NotAcceptable 406 "Not Acceptable",
    /// The request came too slowly.
    RequestTimeout 408 "Request Timeout",
    /// The request does not fit the state of things.
    Conflict 409 "Conflict",
    /// It was there once.
    Gone 410 "Gone",
    /// The body is larger than the route takes.
    ContentTooLarge 413 "Content Too Large",
    /// The request target is too long.
    UriTooLong 414 "URI Too Long",
    /// The body is of a kind that the route does not take.
    UnsupportedMediaType 415 "Unsupported Media Type",
    /// An expectation other than 100-continue.
    ExpectationFailed 417 "Expectation Failed",
    /// Well formed, and refused for its meaning.
    UnprocessableContent 422 "Unprocessable Content",
    /// Another protocol is needed here.
    UpgradeRequired 426 "Upgrade Required",
    /// Too many requests of this caller.
    TooManyRequests 429 "Too Many Requests",
    /// The head is too large.
    RequestHeaderFieldsTooLarge 431 "Request Header Fields Too Large",
    /// Our bug.
    InternalServerError 500 "Internal Server Error",
    /// A method or coding that the server does not know.
    NotImplemented 501 "Not Implemented",
    /// Not now.
    ServiceUnavailable 503 "Service Unavailable",
    /// The work took longer than it was given.
    GatewayTimeout 504 "Gateway Timeout",
    /// A version of HTTP that the server does not speak.
    HttpVersionNotSupported 505 "HTTP Version Not Supported",
    /// No room to store what was sent.
    InsufficientStorage 507 "Insufficient Storage",
}

impl Status {
    /// The three digits.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether an answer with this status can have a body at all (RFC 9110 section 6.4.1).
    pub const fn has_body(self) -> bool {
        !matches!(
            self,
            Status::Continue | Status::SwitchingProtocols | Status::NoContent | Status::NotModified
        )
    }
}
