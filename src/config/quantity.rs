//! Spans, sizes and the durability mode as people write them: `250ms`, `64MiB`, `interval(10ms)`.

use std::fmt;
use std::str::FromStr;

use cosmictron_types::Duration;
use serde::{Deserialize, Serialize};

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {expected}")]
pub struct InvalidQuantity {
    found: String,
    expected: &'static str,
}

/// A span of time that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    pub const fn from_secs(secs: i64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub const fn get(self) -> Duration {
        self.0
    }

    pub const fn as_millis(self) -> i64 {
        self.0.as_millis()
    }

    pub const fn to_std(self) -> std::time::Duration {
        self.0.to_std()
    }
}

/// Units from the largest, in microseconds.
const SPAN_UNITS: [(&str, i64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl FromStr for Span {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let invalid = || InvalidQuantity {
            found: text.to_owned(),
            expected: "a span of time such as 250ms, 10s, 5m, 24h or 7d",
        };
        let (number, unit) = split_unit(text).ok_or_else(invalid)?;
        let (_, micros) = SPAN_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let number = i64::try_from(number).map_err(|_| invalid())?;
        number.checked_mul(*micros).map(|m| Self(Duration::from_micros(m))).ok_or_else(invalid)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let (unit, size) = SPAN_UNITS
            .iter()
            .find(|(_, size)| micros != 0 && micros % size == 0)
            .unwrap_or(&("s", 1_000_000));
        write!(f, "{}{unit}", micros / size)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteCount(u64);

impl ByteCount {
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// As a size of something in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const BYTE_UNITS: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl FromStr for ByteCount {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let invalid = || InvalidQuantity {
            found: text.to_owned(),
            expected: "a number of bytes such as 512KiB, 64MiB or 2GiB",
        };
        let (number, unit) = split_unit(text).ok_or_else(invalid)?;
        let (_, size) = BYTE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        number.checked_mul(*size).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = BYTE_UNITS
            .iter()
            .find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size))
            .unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// When a call counts as committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Durability {
    /// Once the log that holds it is on the device. The default.
    Always,
    /// At once; the log is written this often, and a crash loses at most what is younger.
    Interval(Duration),
    /// At once; the log is written when it suits, and a crash loses what was not.
    None,
}

impl FromStr for Durability {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let span = text.strip_prefix("interval(").and_then(|rest| rest.strip_suffix(')'));
        match (text, span) {
            ("always", _) => Ok(Self::Always),
            ("none", _) => Ok(Self::None),
            (_, Some(span)) => Ok(Self::Interval(span.parse::<Span>()?.get())),
            _ => Err(InvalidQuantity {
                found: text.to_owned(),
                expected: "always, none or interval(10ms)",
            }),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Interval(span) => write!(f, "interval({})", Span(*span)),
            Self::None => f.write_str("none"),
        }
    }
}

/// `250ms` as 250 and `ms`.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidQuantity;
            fn try_from(text: String) -> Result<Self, InvalidQuantity> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}

as_text!(Span, ByteCount, Durability);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_survive_their_text() {
        for text in ["250ms", "10s", "90m", "24h", "7d", "3us", "0s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>(), Ok(span), "{text}");
        }
        for text in ["64MiB", "1B", "512KiB", "2GiB", "0B"] {
            assert_eq!(text.parse::<ByteCount>().unwrap().to_string(), text);
        }
        for text in ["always", "none", "interval(10ms)"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "10", "ms", "-1s", "1.5s", "99999999999999999999s", "9223372036854775807d"]
        {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["64mb", "17179869184GiB"] {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
        assert!("interval()".parse::<Durability>().is_err());
    }
}
