//! Names the request methods that the server implements.

/// A request method. Any other token is answered 501, as RFC 9110 section 9.1 asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads a resource.
    Get,
    /// Like GET, but only the head of the answer is sent.
    Head,
    /// Runs what the resource stands for.
    Post,
    /// Replaces a resource.
    Put,
    /// Removes a resource.
    Delete,
    /// Changes a part of a resource.
    Patch,
    /// Asks what a resource allows; browsers ask before they cross origins.
    Options,
}

impl Method {
    /// The method that `token` names; methods are case-sensitive.
    pub fn parse(token: &[u8]) -> Option<Method> {
        Some(match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"PATCH" => Method::Patch,
            b"OPTIONS" => Method::Options,
            _ => return None,
        })
    }

    /// The token as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Patch => "PATCH",
            Method::Options => "OPTIONS",
        }
    }
}
