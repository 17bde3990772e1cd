//! Takes request targets and hosts apart (RFC 9112 section 3.2, RFC 3986 section 3.2).
//!
//! ```text
//!   origin-form      /v1/sql?x=1            path and query
//!   absolute-form    http://host:3000/v1    its authority replaces the Host field
//!   asterisk-form    *                      OPTIONS only
//!   authority-form   host:3000              CONNECT only, which is not implemented
//! ```

use super::error::HttpError;
use super::method::Method;
use crate::octet;

/// A request target, taken apart but not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// `*`: the server as a whole.
    Server { authority: Option<&'a [u8]> },
    /// A resource. An empty `path` means `/`.
    Resource { authority: Option<&'a [u8]>, path: &'a [u8], query: &'a [u8] },
}

impl<'a> Target<'a> {
    pub(super) fn parse(method: Method, target: &'a [u8]) -> Result<Target<'a>, HttpError> {
        if !octet::is_target_all(target) {
            return Err(HttpError::BadTarget);
        }
        match target {
            [b'/', ..] => {
                let (path, query) = split_query(target);
                Ok(Target::Resource { authority: None, path, query })
            }
            b"*" if method == Method::Options => Ok(Target::Server { authority: None }),
            _ => Target::parse_absolute(method, target),
        }
    }

    fn parse_absolute(method: Method, target: &'a [u8]) -> Result<Target<'a>, HttpError> {
        let rest = strip_scheme(target).ok_or(HttpError::BadTarget)?;
        let ends = |&octet: &u8| octet == b'/' || octet == b'?';
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(length);
        if matches!(authority, [] | [b':', ..]) || !is_host(authority) {
            return Err(HttpError::BadHost);
        }
        let authority = Some(authority);
        if behind.is_empty() && method == Method::Options {
            return Ok(Target::Server { authority });
        }
        let (path, query) = split_query(behind);
        Ok(Target::Resource { authority, path, query })
    }
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|&octet| octet == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let is_web = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    if is_web { rest.strip_prefix(b"://") } else { None }
}

fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &target[target.len()..]),
    }
}

/// Whether `value` is `host [ ":" port ]`, without user information. Empty is a host too: it is
/// what a client sends when its target has none.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (host_is_good, port) = match value {
        [b'[', rest @ ..] => {
            let Some(length) = memchr::memchr(b']', rest) else { return false };
            let is_address =
                |&octet: &u8| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.');
            (1 < length && rest[..length].iter().all(is_address), &rest[length + 1..])
        }
        _ => {
            let length = memchr::memchr(b':', value).unwrap_or(value.len());
            (octet::is_host_all(&value[..length]), &value[length..])
        }
    };
    let port_is_good = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    host_is_good && port_is_good
}
