//! Answers browsers that ask across origins (the CORS protocol of the Fetch standard).
//!
//! Tokens travel in `Authorization`, which scripts set themselves, so credentials in the browser's
//! sense (cookies) are never allowed, and a list of origins is a courtesy to users rather than a
//! wall.

use crate::http::{HeaderName, Headers, Response};

/// How long a browser may remember a preflight's answer, in seconds: two hours, the most that
/// Chromium heeds.
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
    /// These, each as a browser sends it: `https://app.example`, with the port where it is not the
    /// scheme's.
    Origins(Vec<String>),
}

impl Cors {
    /// Adds the fields that let the asking script read the answer.
    pub fn allow<'o>(&self, response: Response<'o>, headers: &Headers<'_>) -> Response<'o> {
        self.allow_origin(response, headers.find(HeaderName::Origin))
    }

    /// As [`Cors::allow`], for an answer that is written when the request's head is gone: `origin`
    /// is its `Origin`.
    pub fn allow_origin<'o>(&self, response: Response<'o>, origin: Option<&[u8]>) -> Response<'o> {
        match self.allowed_origin(origin) {
            Some(origin) => self
                .vary(response.header("Access-Control-Allow-Origin", origin))
                .header("Access-Control-Expose-Headers", EXPOSED),
            None => self.vary(response),
        }
    }

    /// Adds the fields that answer a preflight: an OPTIONS request with
    /// `Access-Control-Request-Method`. `methods` are those of the route, as a list.
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

    /// Whether a WebSocket may be opened. A browser asks for one without a preflight and lets every script
    /// read it, so what it would itself withhold over HTTP is refused here: a site that is neither
    /// allowed nor the server's own. Who sends no `Origin` is no browser.
    pub fn admits(&self, headers: &Headers<'_>) -> bool {
        let Some(origin) = headers.find(HeaderName::Origin) else { return true };
        let is_own = || headers.find(HeaderName::Host).is_some_and(|host| is_site(origin, host));
        self.allowed_origin(Some(origin)).is_some() || is_own()
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

/// Whether an origin is the site that `host` names. Which of the two schemes it has cannot be known: TLS
/// may end in front of the server.
fn is_site(origin: &[u8], host: &[u8]) -> bool {
    let schemes: [(&[u8], &[u8]); 2] = [(b"http://", b":80"), (b"https://", b":443")];
    schemes.iter().any(|(scheme, port)| {
        let site = origin.strip_prefix(*scheme);
        // A browser names a port only where it is not the scheme's; others may name it always.
        let bare = |site: &[u8]| site.strip_suffix(*port).unwrap_or(site).to_ascii_lowercase();
        site.is_some_and(|site| bare(site) == bare(host))
    })
}

/// Whether the request is a preflight, which is answered without looking at who asks.
pub fn is_preflight(method: crate::Method, headers: &Headers<'_>) -> bool {
    method == crate::Method::Options
        && headers.find(HeaderName::Origin).is_some()
        && headers.find(HeaderName::AccessControlRequestMethod).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Decoder, Limits, Progress, Status};

    /// The fields of the answer to a request with `fields`, one line each.
    fn answer(cors: &Cors, method: &str, fields: &str) -> String {
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        let mut decoder = Decoder::new(Limits::default());
        decoder.input().extend_from_slice(request.as_bytes());
        let Ok(Progress::Request(request)) = decoder.next(|_| 0) else { panic!("no request") };
        let head = request.head;
        let mut out = Vec::new();
        let response = Response::begin(&mut out, &head.reply(), Status::NoContent);
        match is_preflight(head.method, &head.headers) {
            true => cors.allow_preflight(response, &head.headers, "GET, POST").empty(),
            false => cors.allow(response, &head.headers).empty(),
        }
        let text = String::from_utf8(out).unwrap();
        text.split("\r\n").skip(1).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    const ASKS: &str = "Origin: https://a.example\r\n";
    const ASKS_FIRST: &str = "Origin: https://a.example\r\n\
        Access-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: authorization,content-type\r\n";

    #[test]
    fn any_origin_may_be_allowed() {
        assert_eq!(
            answer(&Cors::Any, "GET", ASKS),
            "Access-Control-Allow-Origin: *\nAccess-Control-Expose-Headers: ETag, Retry-After"
        );
        assert_eq!(
            answer(&Cors::Any, "OPTIONS", ASKS_FIRST),
            "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: GET, POST\n\
             Access-Control-Max-Age: 7200\n\
             Access-Control-Allow-Headers: authorization,content-type"
        );
        assert_eq!(answer(&Cors::Any, "GET", ""), "");
    }

    #[test]
    fn a_listed_origin_is_named_and_caches_are_told() {
        let cors = Cors::Origins(vec!["https://b.example".into(), "https://a.example".into()]);
        assert_eq!(
            answer(&cors, "GET", ASKS),
            "Access-Control-Allow-Origin: https://a.example\nVary: Origin\n\
             Access-Control-Expose-Headers: ETag, Retry-After"
        );
        assert_eq!(answer(&cors, "GET", ""), "Vary: Origin");
    }

    #[test]
    fn others_are_not_allowed() {
        let cors = Cors::Origins(vec!["https://a.example.org".into(), "https://a.exampl".into()]);
        assert_eq!(answer(&cors, "GET", ASKS), "Vary: Origin");
        assert_eq!(answer(&cors, "OPTIONS", ASKS_FIRST), "Vary: Origin");
        assert_eq!(answer(&Cors::Off, "GET", ASKS), "");
        assert_eq!(answer(&Cors::Off, "OPTIONS", ASKS_FIRST), "");
    }

    fn admits(cors: &Cors, fields: &str) -> bool {
        let request = format!("GET /v1/ws HTTP/1.1\r\n{fields}\r\n");
        let mut decoder = Decoder::new(Limits::default());
        decoder.input().extend_from_slice(request.as_bytes());
        let Ok(Progress::Request(request)) = decoder.next(|_| 0) else { panic!("no request") };
        cors.admits(&request.head.headers)
    }

    #[test]
    fn a_websocket_is_for_allowed_sites_and_for_those_that_are_no_site() {
        let listed = Cors::Origins(vec!["https://a.example".into()]);
        let of = |origin: &str| format!("Host: db.example:3000\r\nOrigin: {origin}\r\n");
        assert!(admits(&listed, &of("https://a.example")));
        for origin in ["https://b.example", "http://a.example", "https://a.example:444", "null"] {
            assert!(!admits(&listed, &of(origin)), "{origin}");
            assert!(!admits(&Cors::Off, &of(origin)), "{origin}");
            assert!(admits(&Cors::Any, &of(origin)), "{origin}");
        }
        assert!(!admits(&Cors::Off, &of("https://a.example")));
        assert!(admits(&Cors::Off, "Host: db.example:3000\r\n"));
    }

    #[test]
    fn the_servers_own_site_may_always_open_a_websocket() {
        let check = |host: &str, origin: &str, is_own: bool| {
            let fields = format!("Host: {host}\r\nOrigin: {origin}\r\n");
            assert_eq!(admits(&Cors::Off, &fields), is_own, "{host} {origin}");
        };
        check("db.example", "https://db.example", true);
        check("DB.example:443", "https://db.example", true);
        check("db.example:80", "http://db.example", true);
        check("127.0.0.1:3000", "http://127.0.0.1:3000", true);
        check("db.example:3000", "https://db.example", false);
        check("db.example", "https://evil.example/db.example", false);
        check("db.example", "https://db.example.evil.example", false);
        check("db.example", "db.example", false);
        check("db.example:80", "https://db.example", false);
    }

    #[test]
    fn only_options_is_a_preflight() {
        let answered = answer(&Cors::Any, "POST", ASKS_FIRST);
        assert!(!answered.contains("Allow-Methods"), "{answered}");
    }
}
