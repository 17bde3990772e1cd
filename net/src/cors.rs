//! Answers browsers that ask across origins (the CORS protocol of the Fetch standard).
//!
//! Tokens travel in `Authorization`, which scripts set themselves, so credentials in the browser's sense (cookies) are
//! never allowed, and a list of origins is a courtesy to users rather than a wall.

use crate::http::{HeaderName, Headers, Response};

/// How long a browser may remember a preflight's answer, in seconds: two hours, the most that Chromium heeds.
const MAX_AGE_SECS: u64 = 7200;

/// Fields of an answer that a script may read besides the few that it always may.
const EXPOSED: &str = "ETag, Retry-After";

/// Which sites' scripts may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// None: no field is sent.
    Off,
    /// All of them.
    Any,
    /// These, each as a browser sends it: `https://app.example`, with the port where it is not the scheme's.
    Origins(Vec<String>),
}

impl Cors {
    /// Adds the fields that let the asking script read the answer.
    pub fn allow<'o>(&self, response: Response<'o>, headers: &Headers<'_>) -> Response<'o> {
        self.allow_origin(response, headers.find(HeaderName::Origin))
    }

    /// As [`Cors::allow`], for an answer that is written when the request's head is gone: `origin` is its `Origin`.
    pub fn allow_origin<'o>(&self, response: Response<'o>, origin: Option<&[u8]>) -> Response<'o> {
        match self.allowed_origin(origin) {
            Some(origin) => self
                .vary(response.header("Access-Control-Allow-Origin", origin))
                .header("Access-Control-Expose-Headers", EXPOSED),
            None => self.vary(response),
        }
    }

    /// Adds the fields that answer a preflight: an OPTIONS request with `Access-Control-Request-Method`. `methods` are
    /// those of the route, as a list.
    pub fn allow_preflight<'o>(
        &self,
        response: Response<'o>,
        headers: &Headers<'_>,
        methods: &str,
    ) -> Response<'o> {
        let origin = self.allowed_origin(headers.find(HeaderName::Origin));
        let Some(origin) = origin else { return self.vary(response) };
        let response = self
            .vary(response.header("Access-Control-Allow-Origin", origin))
            .header("Access-Control-Allow-Methods", methods)
            .header_number("Access-Control-Max-Age", MAX_AGE_SECS);
        // What is asked for is allowed: which fields mean anything is for the routes to say.
        let asked = headers.find(HeaderName::AccessControlRequestHeaders);
        let asked = asked.and_then(|value| str::from_utf8(value).ok());
        response.header_if("Access-Control-Allow-Headers", asked)
    }

    /// The value of `Access-Control-Allow-Origin`, if the asking site is allowed.
    fn allowed_origin(&self, origin: Option<&[u8]>) -> Option<&str> {
        let origin = origin?;
        match self {
            Cors::Off => None,
            Cors::Any => Some("*"),
            Cors::Origins(origins) => {
                let allowed = origins.iter().find(|allowed| allowed.as_bytes() == origin);
                allowed.map(String::as_str)
            }
        }
    }

    /// Where the answer depends on who asks, caches must know, also when nobody is allowed.
    fn vary<'o>(&self, response: Response<'o>) -> Response<'o> {
        match self {
            Cors::Off | Cors::Any => response,
            Cors::Origins(_) => response.header("Vary", "Origin"),
        }
    }
}

/// Whether the request is a preflight, which is answered without looking at who asks.
pub fn is_preflight(method: crate::Method, headers: &Headers<'_>) -> bool {
    method == crate::Method::Options
        && headers.find(HeaderName::Origin).is_some()
        && headers.find(HeaderName::AccessControlRequestMethod).is_some()
}
