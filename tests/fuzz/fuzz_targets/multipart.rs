//! Arbitrary bytes as a form: refused, or parts that can be sent again.

#![no_main]

use cosmictron_net::multipart::{write_end, write_part};
use cosmictron_net::{Multipart, MultipartError, MultipartLimits, Part};
use libfuzzer_sys::fuzz_target;

const LIMITS: MultipartLimits = MultipartLimits { parts_max: 8, part_head_bytes_max: 256 };

fn decode<'a>(content_type: &[u8], body: &'a [u8]) -> Result<Vec<Part<'a>>, MultipartError> {
    Multipart::new(content_type, body, LIMITS)?.collect()
}

/// A boundary that stands in none of the parts.
fn boundary(parts: &[Part<'_>]) -> String {
    let is_free = |boundary: &String| {
        let bytes = boundary.as_bytes();
        let stands_in = |part: &Part<'_>| part.body.windows(bytes.len()).any(|at| at == bytes);
        !parts.iter().any(stands_in)
    };
    (0..).map(|number: u64| format!("again-{number}")).find(is_free).expect("bodies are finite")
}

fuzz_target!(|input: &[u8]| {
    // The first line is the content type.
    let Some(at) = input.iter().position(|&octet| octet == b'\n') else { return };
    let (content_type, body) = (&input[..at], &input[at + 1..]);
    let Ok(parts) = decode(content_type, body) else { return };
    assert!(parts.len() <= LIMITS.parts_max);
    let boundary = boundary(&parts);
    let mut again = Vec::new();
    parts.iter().for_each(|part| write_part(&mut again, &boundary, part));
    write_end(&mut again, &boundary);
    let content_type = format!("multipart/form-data; boundary={boundary}");
    // Escaping can make a head longer than it was.
    match decode(content_type.as_bytes(), &again) {
        Err(MultipartError::PartHeadTooLarge { .. }) => {}
        again => assert_eq!(again, Ok(parts)),
    }
});
