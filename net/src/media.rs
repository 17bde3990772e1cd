//! Takes media types apart (RFC 9110 section 8.3.1): `multipart/form-data; boundary="x"`.

use std::borrow::Cow;

use crate::octet;

/// A media type whose essence is well formed; its parameters are looked at when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    essence: &'a [u8],
    parameters: &'a [u8],
}

impl<'a> MediaType<'a> {
    /// Takes a field value apart; `None` when it is no media type.
    pub fn parse(value: &'a [u8]) -> Option<MediaType<'a>> {
        let length = memchr::memchr(b';', value).unwrap_or(value.len());
        let (essence, parameters) = value.split_at(length);
        let essence = octet::trim(essence);
        let slash = memchr::memchr(b'/', essence)?;
        let is_good =
            octet::is_token_all(&essence[..slash]) && octet::is_token_all(&essence[slash + 1..]);
        is_good.then_some(MediaType { essence, parameters })
    }

    /// Whether it is `essence` (such as `application/json`), whatever its parameters.
    pub fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence.as_bytes())
    }

    /// The value of the parameter `name`; `None` when it is absent, repeated, or the parameters are
    /// malformed.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        find_parameter(self.parameters, name).ok().flatten()
    }
}

/// Parameters that are not `; name=value`, each name once, each value a token or a quoted string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadParameters;

/// Finds `name` among `parameters`, which begin with the semicolon before the first of them. All of
/// them are checked, so the answer does not depend on what is asked for.
pub(crate) fn find_parameter<'a>(
    parameters: &'a [u8],
    name: &str,
) -> Result<Option<Cow<'a, [u8]>>, BadParameters> {
    let mut found = None;
    let mut rest = octet::trim(parameters);
    while let [b';', behind @ ..] = rest {
        let behind = octet::trim_start(behind);
        if behind.is_empty() || behind[0] == b';' {
            rest = behind; // An empty parameter.
            continue;
        }
        let equals = memchr::memchr(b'=', behind).ok_or(BadParameters)?;
        let (parameter, value) = (&behind[..equals], &behind[equals + 1..]);
        if !octet::is_token_all(parameter) {
            return Err(BadParameters);
        }
        let (value, behind) = split_value(value)?;
        if parameter.eq_ignore_ascii_case(name.as_bytes()) && found.replace(value).is_some() {
            return Err(BadParameters);
        }
        rest = octet::trim_start(behind);
    }
    if rest.is_empty() { Ok(found) } else { Err(BadParameters) }
}

fn split_value(value: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), BadParameters> {
    if value.first() == Some(&b'"') {
        let length = octet::quoted_length(value).ok_or(BadParameters)?;
        return Ok((unquote(&value[1..length - 1]), &value[length..]));
    }
    let length = value.iter().take_while(|&&octet| octet::is_token(octet)).count();
    if length == 0 {
        return Err(BadParameters);
    }
    Ok((Cow::Borrowed(&value[..length]), &value[length..]))
}

/// Undoes the backslashes of a quoted string's inside.
fn unquote(inside: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    let mut plain = Vec::with_capacity(inside.len());
    let mut octets = inside.iter();
    while let Some(&octet) = octets.next() {
        let octet = if octet == b'\\' { octets.next().copied() } else { Some(octet) };
        plain.extend(octet);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, essence: &str, charset: Option<&str>) {
        let media = MediaType::parse(value.as_bytes()).unwrap();
        assert!(media.is(essence), "{value}");
        let found = media.parameter("charset");
        assert_eq!(found.as_deref(), charset.map(str::as_bytes), "{value}");
    }

    #[test]
    fn a_media_type_has_an_essence_and_parameters() {
        check("application/json", "application/json", None);
        check("Application/JSON ; charset=utf-8", "application/json", Some("utf-8"));
        check("a/b;x=y;Charset=\"a\\\"b;\" ;", "a/b", Some("a\"b;"));
        check("a/b;;charset=x", "a/b", Some("x"));
    }

    #[test]
    fn malformed_parameters_are_as_if_absent() {
        for parameters in [
            "charset",
            "charset=",
            "charset=\"x",
            "charset=x y",
            "charset =x",
            "=x;charset=x",
            "charset=x;charset=x",
            "charset=\"\0\"",
        ] {
            check(&format!("a/b;{parameters}"), "a/b", None);
        }
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        for value in ["", "a", "/", "a/", "/b", "a b/c", "a/b/c", "a/b c"] {
            assert_eq!(MediaType::parse(value.as_bytes()), None, "{value}");
        }
    }
}
