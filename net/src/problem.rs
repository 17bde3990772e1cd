//! Writes errors as `application/problem+json` (RFC 9457).
//!
//! `code` is the stable word that programs read; `detail` is for people. The `type` of a problem is
//! the relative reference `/problems/<code>`: a server needs no name of its own to be right, and
//! may serve a page there.
//!
//! ```json
//! {"type":"/problems/ambiguous_name","title":"Name is ambiguous","status":409,"code":"ambiguous_name",
//!  "detail":"…","candidates":["bank/transfer","shop/transfer"]}
//! ```

use std::borrow::Cow;

use crate::http::{HttpError, Reply, Response, Status};
use crate::json::{write_number, write_text};

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:ident $title:literal,)*) => {
        /// What went wrong, as a stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &[ProblemCode] = &[$(ProblemCode::$name),*];

            /// The word that is sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(ProblemCode::$name => $code,)* }
            }

            /// The status that goes with it.
            pub const fn status(self) -> Status {
                match self { $(ProblemCode::$name => Status::$status,)* }
            }

            /// The same for every occurrence, for people.
            pub const fn title(self) -> &'static str {
                match self { $(ProblemCode::$name => $title,)* }
            }

            /// Where the kind of problem is described, relative to the server.
            pub const fn type_uri(self) -> &'static str {
                match self { $(ProblemCode::$name => concat!("/problems/", $code),)* }
            }
        }
    };
}

problems! {
    /// The request is malformed; the detail says which field.
    InvalidRequest "invalid_request" BadRequest "Request is not valid",
    /// No token, or one that is not valid.
    Unauthenticated "unauthenticated" Unauthorized "Authentication is required",
    /// The caller is known and may not.
    Forbidden "forbidden" Forbidden "Not allowed",
    /// No such thing.
    NotFound "not_found" NotFound "Not found",
    /// The resource does not have this method.
    MethodNotAllowed "method_not_allowed" MethodNotAllowed "Method is not allowed",
    /// No form of the answer suits the client.
    NotAcceptable "not_acceptable" NotAcceptable "No acceptable representation",
    /// The request came too slowly.
    RequestTimeout "request_timeout" RequestTimeout "Request took too long to arrive",
    /// The request does not fit the state of things.
    Conflict "conflict" Conflict "Conflicts with the present state",
    /// Several modules have the name.
    AmbiguousName "ambiguous_name" Conflict "Name is ambiguous",
    /// The past that is asked for is gone.
    HistoryExpired "history_expired" Gone "History has expired",
    /// The body is larger than allowed.
    TooLarge "too_large" ContentTooLarge "Content is too large",
    /// The request target is longer than allowed.
    TargetTooLong "target_too_long" UriTooLong "Request target is too long",
    /// The body is of a kind that is not taken.
    UnsupportedMediaType "unsupported_media_type" UnsupportedMediaType "Media type not supported",
    /// An expectation other than 100-continue.
    ExpectationFailed "expectation_failed" ExpectationFailed "Expectation can't be met",
    /// The reducer refused or panicked; the detail is its own message.
    ReducerFailed "reducer_failed" UnprocessableContent "Reducer failed",
    /// Another protocol is needed here.
    UpgradeRequired "upgrade_required" UpgradeRequired "Protocol upgrade is required",
    /// Too many requests of this caller.
    RateLimited "rate_limited" TooManyRequests "Too many requests",
    /// The head is larger than allowed.
    HeadersTooLarge "headers_too_large" RequestHeaderFieldsTooLarge "Header fields are too large",
    /// Our bug.
    Internal "internal" InternalServerError "Internal error",
    /// A method or coding that the server does not know.
    NotImplemented "not_implemented" NotImplemented "Not implemented",
    /// A bound was reached; later it may work.
    Overloaded "overloaded" ServiceUnavailable "Server is overloaded",
    /// The server is about to stop.
    ShuttingDown "shutting_down" ServiceUnavailable "Server is shutting down",
    /// A part that is needed has failed or is not up yet; the outcome of the request is not known.
    Unavailable "unavailable" ServiceUnavailable "Service is unavailable",
    /// The work took longer than it was given.
    DeadlineExceeded "deadline_exceeded" GatewayTimeout "Deadline exceeded",
    /// A version of HTTP that the server does not speak.
    VersionNotSupported "version_not_supported" HttpVersionNotSupported "HTTP version not supported",
    /// The disk is full.
    OutOfSpace "out_of_space" InsufficientStorage "Out of storage space",
}

/// A further member of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// An array of strings.
    Texts(Vec<Cow<'a, str>>),
    /// A number.
    Number(u64),
}

/// One occurrence of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    /// What kind it is.
    pub code: ProblemCode,
    /// What is particular to this occurrence. No secret, host path or other user's data may stand
    /// in it.
    pub detail: Cow<'a, str>,
    /// When the client may try again, in seconds: the `Retry-After` field.
    pub retry_after_secs: Option<u32>,
    members: Vec<(&'static str, Member<'a>)>,
    fields: Vec<(&'static str, String)>,
}

impl<'a> Problem<'a> {
    /// A problem without further members.
    pub fn new(code: ProblemCode, detail: impl Into<Cow<'a, str>>) -> Problem<'a> {
        Problem {
            code,
            detail: detail.into(),
            retry_after_secs: None,
            members: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// With a `Retry-After` field.
    #[must_use]
    pub fn retry_after(mut self, secs: u32) -> Problem<'a> {
        self.retry_after_secs = Some(secs);
        self
    }

    /// With a member beside the standard ones, such as `field`, `candidates` or `oldest_tx_id`.
    #[must_use]
    pub fn with(mut self, name: &'static str, member: Member<'a>) -> Problem<'a> {
        self.members.push((name, member));
        self
    }

    /// With a header field of its own.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: String) -> Problem<'a> {
        self.fields.push((name, value));
        self
    }

    /// Appends the JSON object.
    pub fn write_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(self.code.type_uri().as_bytes());
        out.extend_from_slice(b"\",\"title\":\"");
        out.extend_from_slice(self.code.title().as_bytes());
        out.extend_from_slice(b"\",\"status\":");
        write_number(out, u64::from(self.code.status().code()));
        out.extend_from_slice(b",\"code\":\"");
        out.extend_from_slice(self.code.as_str().as_bytes());
        out.extend_from_slice(b"\",\"detail\":");
        write_text(out, &self.detail);
        for (name, member) in &self.members {
            out.push(b',');
            write_text(out, name);
            out.push(b':');
            match member {
                Member::Text(text) => write_text(out, text),
                Member::Number(number) => write_number(out, *number),
                Member::Texts(texts) => write_texts(out, texts),
            }
        }
        out.push(b'}');
    }

    /// Begins the whole answer, for those who add fields to it; [`Problem::write_body`] goes into
    /// its body.
    pub fn begin<'o>(&self, out: &'o mut Vec<u8>, reply: &Reply) -> Response<'o> {
        let response = Response::begin(out, reply, self.code.status());
        // RFC 9110 section 15.5.2: a 401 says which scheme would do.
        let scheme = (self.code == ProblemCode::Unauthenticated).then_some("Bearer");
        let response = response.header_if("WWW-Authenticate", scheme);
        let response = self
            .fields
            .iter()
            .fold(response, |response, (name, value)| response.header(name, value));
        match self.retry_after_secs {
            Some(secs) => response.header_number("Retry-After", u64::from(secs)),
            None => response,
        }
    }

    /// Appends the whole answer.
    pub fn write(&self, out: &mut Vec<u8>, reply: &Reply) {
        self.begin(out, reply).body_with(PROBLEM_JSON, |out| self.write_body(out));
    }
}

impl From<HttpError> for Problem<'static> {
    fn from(error: HttpError) -> Problem<'static> {
        Problem::new(error.code(), error.to_string())
    }
}

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

fn write_texts(out: &mut Vec<u8>, texts: &[Cow<'_, str>]) {
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if 0 < index {
            out.push(b',');
        }
        write_text(out, text);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(problem: &Problem<'_>, expected: &str) {
        let mut body = Vec::new();
        problem.write_body(&mut body);
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn a_problem_has_the_members_of_the_rfc_and_a_code() {
        check(
            &Problem::new(ProblemCode::NotFound, "no reducer named x"),
            "{\"type\":\"/problems/not_found\",\"title\":\"Not found\",\"status\":404,\
             \"code\":\"not_found\",\"detail\":\"no reducer named x\"}",
        );
    }

    #[test]
    fn a_problem_may_have_members_of_its_own() {
        check(
            &Problem::new(ProblemCode::AmbiguousName, "")
                .with("candidates", Member::Texts(vec!["a/x".into(), "b\"/x".into()]))
                .with("oldest_tx_id", Member::Number(u64::MAX))
                .with("field", Member::Text("args.to".into())),
            "{\"type\":\"/problems/ambiguous_name\",\"title\":\"Name is ambiguous\",\"status\":409,\
             \"code\":\"ambiguous_name\",\"detail\":\"\",\"candidates\":[\"a/x\",\"b\\\"/x\"],\
             \"oldest_tx_id\":18446744073709551615,\"field\":\"args.to\"}",
        );
    }

    #[test]
    fn codes_are_stable_words() {
        let mut codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert!(code.as_str().bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_'));
            assert!(400 <= code.status().code());
        }
    }
}
