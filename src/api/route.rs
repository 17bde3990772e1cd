//! Which route a request names.

use std::borrow::Cow;

use cosmictron_net::{Head, Method, PathSegments};

/// Something that the API can do.
#[derive(Debug, PartialEq, Eq)]
pub enum Route<'a> {
    Health,
    Ready,
    Diagnostics,
    SignUp,
    SignIn,
    RequestLink,
    VerifyLink,
    Refresh,
    SignOut,
    Me,
    Deploy,
    Modules,
    Module { name: Cow<'a, str> },
    Schema { name: Cow<'a, str> },
    Undeploy { name: Cow<'a, str> },
    Call { module: Option<Cow<'a, str>>, reducer: Cow<'a, str> },
    Sql,
    Grants,
    Grant,
    Revoke,
    OpenApi,
    Socket,
    Subscribe,
    Welcome,
}

/// Why a request names no route.
#[derive(Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No route has this path.
    Unknown,
    /// The path is malformed.
    Malformed(&'static str),
    /// The path has other methods: as `Allow` lists them.
    Method { allowed: &'static str },
    /// The methods of the path were asked for, or a browser asks before it crosses origins.
    Options { allowed: &'static str },
}

impl<'a> Route<'a> {
    pub fn parse(head: &Head<'a>) -> Result<Route<'a>, RouteError> {
        // The hot routes first, and without taking the path apart.
        match (head.method, head.path) {
            (Method::Get | Method::Head, "/v1/health") => return Ok(Route::Health),
            (Method::Post, "/v1/sql") => return Ok(Route::Sql),
            (Method::Post, path) => {
                if let Some(call) = Route::plain_call(path) {
                    return Ok(call);
                }
            }
            _ => {}
        }
        let mut segments = PathSegments::new(head.path);
        let mut next = || match segments.next() {
            None => Ok(None),
            Some(Ok(segment)) => Ok(Some(segment)),
            Some(Err(_)) => Err(RouteError::Malformed("the path has a malformed % escape")),
        };
        // No route has more than five segments.
        let path = [next()?, next()?, next()?, next()?, next()?, next()?];
        Route::of(head.method, &path)
    }

    /// A call whose names are written without escapes.
    fn plain_call(path: &'a str) -> Option<Route<'a>> {
        let names = path.strip_prefix("/v1/reducers/").filter(|names| !names.contains('%'))?;
        match names.split_once('/') {
            None => Some(Route::Call { module: None, reducer: names.into() }),
            Some((_, reducer)) if reducer.contains('/') => None,
            Some((module, reducer)) => {
                Some(Route::Call { module: Some(module.into()), reducer: reducer.into() })
            }
        }
    }

    /// Whether it needs the shards to do something, which they do not begin once the server stops.
    pub fn is_work(&self) -> bool {
        !matches!(
            self,
            Route::Health | Route::Ready | Route::Diagnostics | Route::OpenApi | Route::Welcome
        )
    }

    fn of(method: Method, path: &[Option<Cow<'a, str>>; 6]) -> Result<Route<'a>, RouteError> {
        let words: [Option<&str>; 6] = std::array::from_fn(|at| path[at].as_deref());
        let name = |at: usize| path[at].clone().unwrap_or_default();
        let one = |expected, route| choose(method, &[(expected, route)]);
        let (get, post) = (Method::Get, Method::Post);
        match words {
            [None, ..] => one(get, || Route::Welcome),
            [Some("v1"), Some(first), second, third, fourth, None] => {
                match (first, second, third, fourth) {
                    ("health", None, None, None) => one(get, || Route::Health),
                    ("health", Some("ready"), None, None) => one(get, || Route::Ready),
                    ("health", Some("diagnostics"), None, None) => one(get, || Route::Diagnostics),
                    ("auth", Some("sign-up"), None, None) => one(post, || Route::SignUp),
                    ("auth", Some("sign-in"), None, None) => one(post, || Route::SignIn),
                    ("auth", Some("magic-link"), Some("request"), None) => {
                        one(post, || Route::RequestLink)
                    }
                    ("auth", Some("magic-link"), Some("verify"), None) => {
                        one(post, || Route::VerifyLink)
                    }
                    ("auth", Some("refresh"), None, None) => one(post, || Route::Refresh),
                    ("auth", Some("sign-out"), None, None) => one(post, || Route::SignOut),
                    ("auth", Some("me"), None, None) => one(get, || Route::Me),
                    ("admin", Some("grants"), None, None) => one(get, || Route::Grants),
                    ("admin", Some("grant"), None, None) => one(post, || Route::Grant),
                    ("admin", Some("revoke"), None, None) => one(post, || Route::Revoke),
                    ("modules", None, None, None) => {
                        choose(method, &[(get, || Route::Modules), (post, || Route::Deploy)])
                    }
                    ("modules", Some(_), None, None) => match method {
                        Method::Delete => Ok(Route::Undeploy { name: name(2) }),
                        Method::Get | Method::Head => Ok(Route::Module { name: name(2) }),
                        other => refuse(other, "GET, HEAD, DELETE, OPTIONS"),
                    },
                    ("modules", Some(_), Some("schema"), None) => match method {
                        Method::Get | Method::Head => Ok(Route::Schema { name: name(2) }),
                        other => refuse(other, "GET, HEAD, OPTIONS"),
                    },
                    ("reducers", Some(_), None, None) => match method {
                        Method::Post => Ok(Route::Call { module: None, reducer: name(2) }),
                        other => refuse(other, "POST, OPTIONS"),
                    },
                    ("reducers", Some(_), Some(_), None) => match method {
                        Method::Post => Ok(Route::Call { module: Some(name(2)), reducer: name(3) }),
                        other => refuse(other, "POST, OPTIONS"),
                    },
                    ("sql", None, None, None) => one(post, || Route::Sql),
                    ("ws", None, None, None) => one(get, || Route::Socket),
                    ("subscribe", None, None, None) => one(get, || Route::Subscribe),
                    ("openapi.json", None, None, None) => one(get, || Route::OpenApi),
                    _ => Err(RouteError::Unknown),
                }
            }
            _ => Err(RouteError::Unknown),
        }
    }
}

type Choice<'a> = (Method, fn() -> Route<'a>);

/// The route for the method, where a path has one or two.
fn choose<'a>(method: Method, choices: &[Choice<'a>]) -> Result<Route<'a>, RouteError> {
    let asked = if method == Method::Head { Method::Get } else { method };
    if let Some((_, route)) = choices.iter().find(|(offered, _)| *offered == asked) {
        return Ok(route());
    }
    let offers = |wanted| choices.iter().any(|(offered, _)| *offered == wanted);
    refuse(
        method,
        match (offers(Method::Get), offers(Method::Post)) {
            (true, true) => "GET, HEAD, POST, OPTIONS",
            (true, false) => "GET, HEAD, OPTIONS",
            _ => "POST, OPTIONS",
        },
    )
}

fn refuse<'a>(method: Method, allowed: &'static str) -> Result<Route<'a>, RouteError> {
    Err(match method {
        Method::Options => RouteError::Options { allowed },
        _ => RouteError::Method { allowed },
    })
}

#[cfg(test)]
mod tests {
    use cosmictron_net::{Decoder, Limits, Progress};

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let mut decoder = Decoder::new(Limits::default());
        let text = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        decoder.input().extend_from_slice(text.as_bytes());
        let Ok(Progress::Request(request)) = decoder.next(|_| 0) else { panic!("{line}") };
        let found = match Route::parse(&request.head) {
            Ok(route) => format!("{route:?}"),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn paths_lead_to_their_routes() {
        check("GET /v1/health", "Health");
        check("HEAD /v1/health", "Health");
        check("GET /v1/health?x=1", "Health");
        check("POST /v1/sql", "Sql");
        check("POST /v1/reducers/add", r#"Call { module: None, reducer: "add" }"#);
        check(
            "POST /v1/reducers/my-agent/add",
            r#"Call { module: Some("my-agent"), reducer: "add" }"#,
        );
        check("POST /v1/reducers/a%2Fb/", r#"Call { module: Some("a/b"), reducer: "" }"#);
        check("POST /v1/reducers/a/", r#"Call { module: Some("a"), reducer: "" }"#);
        check("POST /v1/reducers/", r#"Call { module: None, reducer: "" }"#);
        check("POST /v1/reducers/a/b/c", "Unknown");
        check("GET /v1/modules/a%20b/schema", r#"Schema { name: "a b" }"#);
        check("DELETE /v1/modules/bank", r#"Undeploy { name: "bank" }"#);
        check("GET /v1/ws", "Socket");
        check("GET /v1/subscribe?query=SELECT+1", "Subscribe");
        check("GET /", "Welcome");
    }

    #[test]
    fn what_leads_nowhere_is_said_to() {
        check("GET /v1/nothing", "Unknown");
        check("GET /v1/health/ready/x", "Unknown");
        check("GET /v1/a/b/c/d/e/f/g", "Unknown");
        check("GET /v1/sql", r#"Method { allowed: "POST, OPTIONS" }"#);
        check("OPTIONS /v1/modules", r#"Options { allowed: "GET, HEAD, POST, OPTIONS" }"#);
        check("GET /v1/modules/%ff", r#"Malformed("the path has a malformed % escape")"#);
    }
}
