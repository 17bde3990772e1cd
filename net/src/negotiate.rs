//! Chooses the content coding of an answer (RFC 9110 section 12.5.3).

use crate::http::{HeaderName, Headers};
use crate::octet;

/// A coding that an answer's body can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentCoding {
    /// As it is.
    Identity,
    /// Deflate in the format of RFC 1952.
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// A quality value in thousandths: 0 refuses, 1000 is as good as it gets.
type Quality = u16;

const QUALITY_MAX: Quality = 1000;

impl ContentCoding {
    /// The coding that suits `headers` best: the one with the greatest quality, and among equals
    /// zstd before gzip before none, which is the order of time and size here. When the client
    /// refuses everything the body is sent as it is, which is what the RFC allows and what a client
    /// can always read.
    pub fn choose(headers: &Headers<'_>) -> ContentCoding {
        let mut offer = Offer::default();
        for value in headers.find_all(HeaderName::AcceptEncoding) {
            octet::list(value).for_each(|element| offer.read(element));
        }
        offer.best()
    }

    /// The name in `Content-Encoding`; none for identity.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            ContentCoding::Identity => None,
            ContentCoding::Gzip => Some("gzip"),
            ContentCoding::Zstd => Some("zstd"),
        }
    }
}

/// What a client said about each coding.
#[derive(Clone, Copy, Debug, Default)]
struct Offer {
    zstd: Option<Quality>,
    gzip: Option<Quality>,
    identity: Option<Quality>,
    others: Option<Quality>,
}

impl Offer {
    /// Reads one element, `coding [ ";" "q" "=" quality ]`. A malformed one is as if absent.
    fn read(&mut self, element: &[u8]) {
        let length = memchr::memchr(b';', element).unwrap_or(element.len());
        let coding = octet::trim(&element[..length]);
        let Some(quality) = parse_weight(&element[length..]) else { return };
        let place = match coding {
            b"*" => &mut self.others,
            _ if coding.eq_ignore_ascii_case(b"zstd") => &mut self.zstd,
            _ if coding.eq_ignore_ascii_case(b"gzip") => &mut self.gzip,
            _ if coding.eq_ignore_ascii_case(b"x-gzip") => &mut self.gzip,
            _ if coding.eq_ignore_ascii_case(b"identity") => &mut self.identity,
            _ => return,
        };
        // Said twice, the smaller one holds: a refusal is never overlooked.
        *place = Some(place.map_or(quality, |before| before.min(quality)));
    }

    fn best(&self) -> ContentCoding {
        let others = self.others.unwrap_or(0);
        let zstd = self.zstd.unwrap_or(others);
        let gzip = self.gzip.unwrap_or(others);
        // Identity is acceptable unless it is refused, but whoever names others prefers those.
        let identity = self.identity.unwrap_or(if self.others == Some(0) { 0 } else { 1 });
        if 0 < zstd && gzip.max(identity) <= zstd {
            return ContentCoding::Zstd;
        }
        if 0 < gzip && identity <= gzip {
            return ContentCoding::Gzip;
        }
        ContentCoding::Identity
    }
}

/// Reads `[ OWS ";" OWS "q" "=" quality ]`.
fn parse_weight(weight: &[u8]) -> Option<Quality> {
    let weight = octet::trim(weight);
    if weight.is_empty() {
        return Some(QUALITY_MAX);
    }
    let weight = octet::trim(weight.strip_prefix(b";")?);
    let quality = weight.strip_prefix(b"q=").or_else(|| weight.strip_prefix(b"Q="))?;
    parse_quality(quality)
}

/// Reads `0[.ddd]` or `1[.000]`.
fn parse_quality(quality: &[u8]) -> Option<Quality> {
    let (whole, fraction) = match quality {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = fraction.get(place).copied().unwrap_or(b'0');
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths = thousandths * 10 + Quality::from(digit - b'0');
    }
    match (whole, thousandths) {
        (b'0', _) => Some(thousandths),
        (b'1', 0) => Some(QUALITY_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ContentCoding::{self, Gzip, Identity, Zstd};
    use crate::http::{Decoder, Limits, Progress};

    #[track_caller]
    fn check(fields: &[&str], expected: ContentCoding) {
        let fields = fields.iter().map(|value| format!("Accept-Encoding: {value}\r\n"));
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", fields.collect::<String>());
        let mut decoder = Decoder::new(Limits::default());
        decoder.input().extend_from_slice(request.as_bytes());
        let Ok(Progress::Request(request)) = decoder.next(|_| 0) else { panic!("no request") };
        assert_eq!(ContentCoding::choose(&request.head.headers), expected);
    }

    #[test]
    fn the_best_coding_that_both_know_is_chosen() {
        check(&[], Identity);
        check(&[""], Identity);
        check(&["gzip"], Gzip);
        check(&["GZIP, deflate, br"], Gzip);
        check(&["gzip, deflate, br, zstd"], Zstd);
        check(&["gzip", "zstd"], Zstd);
        check(&["gzip;q=1.0, zstd;q=0.9"], Gzip);
        check(&["gzip;q=0.001"], Gzip);
        check(&["br, deflate"], Identity);
        check(&["*"], Zstd);
        check(&["*, zstd;q=0"], Gzip);
        check(&["x-gzip"], Gzip);
    }

    #[test]
    fn what_is_refused_is_not_used() {
        check(&["gzip;q=0"], Identity);
        check(&["gzip;q=0.000, zstd ; q=0"], Identity);
        check(&["gzip, gzip;q=0"], Identity);
        check(&["*;q=0"], Identity);
        check(&["gzip;q=0, *"], Zstd);
        check(&["identity;q=0, gzip;q=0.1"], Gzip);
        check(&["identity, gzip;q=0.5"], Identity);
        check(&["identity;q=0"], Identity);
    }

    #[test]
    fn malformed_elements_are_as_if_absent() {
        for value in [
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=.5",
            "gzip;q=0.1234",
            "gzip;q=-1",
            "gzip;q=",
            "gzip;q=0,5x",
            "gzip;x=1",
            "gzip q=1",
            "gzip;q=nan",
            "gzip;q=0x",
        ] {
            check(&[value], Identity);
        }
    }
}
