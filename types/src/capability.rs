//! The right to do something that a module or the server asks for by name, such as `pii:read`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of the longest capability.
pub const CAPABILITY_BYTES_MAX: usize = 63;

/// Names something that an account may be allowed to do: an area and an action, `orders:refund`.
///
/// The colon tells it from a role, so that a role with a slip of the pen is never given out as a capability.
///
/// ```
/// use cosmictron_types::Capability;
/// assert!(Capability::parse("orders:refund").is_ok());
/// assert!(Capability::parse("deployer").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Capability(Box<str>);

/// A text is no capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCapability;

impl Capability {
    /// Reads one.
    ///
    /// # Errors
    /// When it is not `area:action`, each of lower-case letters, digits, `-` and `_`, or longer than
    /// [`CAPABILITY_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Capability, InvalidCapability> {
        let is_word = |word: &str| {
            let mut bytes = word.bytes();
            !word.is_empty() && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        };
        match text.split_once(':') {
            Some((area, action))
                if text.len() <= CAPABILITY_BYTES_MAX && is_word(area) && is_word(action) =>
            {
                Ok(Capability(text.into()))
            }
            _ => Err(InvalidCapability),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Capability {
    type Error = InvalidCapability;

    fn try_from(text: String) -> Result<Capability, InvalidCapability> {
        Capability::parse(&text)
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> String {
        capability.0.into()
    }
}

impl fmt::Display for InvalidCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a capability is area:action, such as pii:read, in lower case and at most \
             {CAPABILITY_BYTES_MAX} bytes long"
        )
    }
}

impl std::error::Error for InvalidCapability {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_an_area_and_an_action() {
        for good in ["pii:read", "a:b", "order-desk:re_fund2", &format!("{}:b", "a".repeat(61))] {
            assert_eq!(Capability::parse(good).unwrap().as_str(), good);
        }
        let long = format!("{}:b", "a".repeat(62));
        for bad in ["", "admin", ":", "a:", ":b", "a:b:c", "A:b", "a b:c", "ä:b", "a:b\0", &long] {
            assert_eq!(Capability::parse(bad), Err(InvalidCapability), "{bad}");
        }
    }
}
