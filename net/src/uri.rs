//! Takes paths and query strings apart and undoes percent-encoding (RFC 3986).
//!
//! A path is split at its slashes before anything is decoded, so `%2F` within a segment is a slash
//! in a name and never a separator. Dots are left alone: nothing here is a file system.

use std::borrow::Cow;
use std::iter::FusedIterator;

/// Why a part of a target can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// A `%` without two hexadecimal digits behind it.
    #[error("malformed percent escape")]
    BadEscape,
    /// Escapes that decode to something that is not UTF-8.
    #[error("escaped text is not UTF-8")]
    NotUtf8,
    /// A NUL, which no name has.
    #[error("escaped text holds a NUL")]
    Nul,
    /// A parameter that may be given once is given twice.
    #[error("query parameter is repeated")]
    Repeated,
}

/// Undoes percent-encoding. Borrows when there is nothing to undo.
pub fn percent_decode(text: &str) -> Result<Cow<'_, str>, UriError> {
    decode(text, false)
}

fn decode(text: &str, plus_is_space: bool) -> Result<Cow<'_, str>, UriError> {
    let is_plain = |&octet: &u8| octet != b'%' && octet != 0 && !(plus_is_space && octet == b'+');
    if text.as_bytes().iter().all(is_plain) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [octet, behind @ ..] = rest {
        let (octet, behind) = match (*octet, behind) {
            (b'%', [high, low, behind @ ..]) => (16 * digit(*high)? + digit(*low)?, behind),
            (b'%', _) => return Err(UriError::BadEscape),
            (b'+', _) if plus_is_space => (b' ', behind),
            (octet, _) => (octet, behind),
        };
        if octet == 0 {
            return Err(UriError::Nul);
        }
        decoded.push(octet);
        rest = behind;
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| UriError::NotUtf8)
}

fn digit(octet: u8) -> Result<u8, UriError> {
    match octet {
        b'0'..=b'9' => Ok(octet - b'0'),
        b'a'..=b'f' => Ok(octet - b'a' + 10),
        b'A'..=b'F' => Ok(octet - b'A' + 10),
        _ => Err(UriError::BadEscape),
    }
}

/// The decoded segments of a path, in order: `/v1/modules/a%2Fb` has `v1`, `modules` and `a/b`. Two
/// slashes in a row have an empty segment between them, a slash at the end has one behind it, and
/// `/` has none.
#[derive(Clone, Debug)]
pub struct PathSegments<'a> {
    rest: Option<&'a str>,
}

impl<'a> PathSegments<'a> {
    /// The segments of `path`, as [`Head::path`](crate::Head) gives it.
    pub fn new(path: &'a str) -> PathSegments<'a> {
        let rest = path.strip_prefix('/').unwrap_or(path);
        PathSegments { rest: Some(rest).filter(|rest| !rest.is_empty()) }
    }
}

impl<'a> Iterator for PathSegments<'a> {
    type Item = Result<Cow<'a, str>, UriError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let (segment, behind) = match rest.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (rest, None),
        };
        self.rest = behind;
        Some(percent_decode(segment))
    }
}

impl FusedIterator for PathSegments<'_> {}

/// A decoded parameter of a query string.
pub type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A query string as HTML forms write it: `a=1&b=two+words`. A parameter without `=` has an empty
/// value.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// `query` is what stands behind the `?`, as [`Head::query`](crate::Head) gives it.
    pub fn new(query: &'a str) -> Query<'a> {
        Query(query)
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Parameter<'a>, UriError>> + use<'a> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name, true)?, decode(value, true)?))
        })
    }

    /// The value of the only parameter named `name`; refused when there are two of them.
    pub fn find(&self, name: &str) -> Result<Option<Cow<'a, str>>, UriError> {
        let mut found = None;
        for parameter in self.iter() {
            let (parameter, value) = parameter?;
            if parameter == name && found.replace(value).is_some() {
                return Err(UriError::Repeated);
            }
        }
        Ok(found)
    }
}

/// Appends `text` as one path segment, or as one name or value of a query, with everything escaped
/// that could be taken for a separator.
pub fn percent_encode(out: &mut Vec<u8>, text: &str) {
    for &octet in text.as_bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(octet),
            _ => push_escape(out, octet),
        }
    }
}

/// Appends the escape of one octet.
pub(crate) fn push_escape(out: &mut Vec<u8>, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'%');
    out.push(DIGITS[usize::from(octet >> 4)]);
    out.push(DIGITS[usize::from(octet & 0xf)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_path(path: &str, expected: &[&str]) {
        let segments: Result<Vec<_>, _> = PathSegments::new(path).collect();
        assert_eq!(segments.unwrap(), expected, "{path}");
    }

    #[test]
    fn a_path_is_split_before_it_is_decoded() {
        check_path("/", &[]);
        check_path("*", &["*"]);
        check_path("/v1/health", &["v1", "health"]);
        check_path("/v1/modules/a%2Fb", &["v1", "modules", "a/b"]);
        check_path("/%C3%A4%20+", &["\u{e4} +"]);
        check_path("/a/", &["a", ""]);
        check_path("//a", &["", "a"]);
        check_path("/../%2e%2E", &["..", ".."]);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: UriError) {
        assert_eq!(percent_decode(text).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for text in ["%", "a%", "%4", "%4g", "%g4", "%%41", "%+1", "% 1", "%-1"] {
            check_refused(text, UriError::BadEscape);
        }
        check_refused("%00", UriError::Nul);
        check_refused("a\0", UriError::Nul);
        for text in ["%FF", "%C3", "%C0%AF", "%ED%A0%80"] {
            check_refused(text, UriError::NotUtf8);
        }
    }

    #[test]
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(percent_decode("a+b"), Ok(Cow::Borrowed("a+b"))));
    }

    #[track_caller]
    fn check_query(query: &str, expected: &[(&str, &str)]) {
        let parameters: Result<Vec<_>, _> = Query::new(query).iter().collect();
        let parameters = parameters.unwrap();
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(parameters, expected, "{query}");
    }

    #[test]
    fn a_query_has_parameters() {
        check_query("", &[]);
        check_query("&&", &[]);
        check_query("a=1&b=two+words&c=%2B", &[("a", "1"), ("b", "two words"), ("c", "+")]);
        check_query("a", &[("a", "")]);
        check_query("a==b=&=c", &[("a", "=b="), ("", "c")]);
        check_query("%61=%26", &[("a", "&")]);
    }

    #[test]
    fn a_parameter_is_found_once() {
        let query = Query::new("a=1&b=2&c=3&%63=4");
        assert_eq!(query.find("b").unwrap().unwrap(), "2");
        assert_eq!(query.find("d"), Ok(None));
        assert_eq!(query.find("c"), Err(UriError::Repeated));
        assert_eq!(Query::new("a=1&b=%").find("a"), Err(UriError::BadEscape));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "[^\0]{0,40}") {
            let mut encoded = Vec::new();
            percent_encode(&mut encoded, &text);
            let encoded = String::from_utf8(encoded).unwrap();
            prop_assert_eq!(percent_decode(&encoded).unwrap(), &text[..]);
            let path = format!("/{encoded}");
            let segments: Vec<_> = PathSegments::new(&path).collect();
            let expected = if text.is_empty() { vec![] } else { vec![Ok(Cow::from(&text))] };
            prop_assert_eq!(segments, expected);
            let query = format!("x={encoded}");
            prop_assert_eq!(Query::new(&query).find("x").unwrap().unwrap(), &text[..]);
        }
    }
}
