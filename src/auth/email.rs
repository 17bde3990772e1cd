//! An e-mail address, as the key of an account.

use std::fmt;

/// An address in lower case, with one `@` between two parts; at most [`EmailAddress::BYTES_MAX`] bytes.
///
/// Whether it exists, only a mail can tell; so no grammar beyond what would break a mail's head is enforced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address of at most {} bytes", EmailAddress::BYTES_MAX)]
pub struct InvalidEmail;

impl EmailAddress {
    /// What RFC 5321 allows a path to be.
    pub const BYTES_MAX: usize = 254;

    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| !c.is_whitespace() && !c.is_control() && !"@<>,;:\"\\()[]".contains(c))
        };
        if text.len() > Self::BYTES_MAX || !plain(local) || !plain(domain) {
            return Err(InvalidEmail);
        }
        Ok(Self(text.to_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_an_address_makes_no_second_account() {
        assert_eq!(EmailAddress::parse("Ada@Example.COM"), EmailAddress::parse("ada@example.com"));
    }

    #[test]
    fn what_would_break_a_mail_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "<a@b>", &long] {
            assert_eq!(EmailAddress::parse(text), Err(InvalidEmail), "{text}");
        }
    }
}
