//! `#[requires_capability("area:action")]`: what the callers of a reducer have to be allowed to do.

use proc_macro2::Span;
use syn::{Attribute, Error, ItemFn, LitStr, Result};

use crate::postpone::REQUIRES_CAPABILITY;
use crate::word::Errors;

/// Bytes of the longest capability, as the server limits them.
const CAPABILITY_BYTES_MAX: usize = 63;

/// Takes the attributes off a reducer's function and reads them.
pub(crate) fn take(function: &mut ItemFn) -> Result<Vec<LitStr>> {
    let is_own = |attribute: &mut Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|last| last.ident == REQUIRES_CAPABILITY.word)
    };
    let mut errors = Errors::default();
    let mut capabilities: Vec<LitStr> = Vec::new();
    for attribute in function.attrs.extract_if(.., is_own) {
        match attribute.parse_args::<LitStr>() {
            Ok(text) if capabilities.iter().any(|known| known.value() == text.value()) => {
                errors.push(Error::new(text.span(), "this capability stands here twice"));
            }
            Ok(text) => {
                errors.add(check(&text.value(), text.span()));
                capabilities.push(text);
            }
            Err(_) => {
                let text = "expected a capability: `#[requires_capability(\"area:action\")]`";
                errors.push(Error::new_spanned(&attribute, text));
            }
        }
    }
    errors.into_result().map(|()| capabilities)
}

fn check(capability: &str, span: Span) -> Result<()> {
    let is_word = |word: &str| {
        let mut bytes = word.bytes();
        !word.is_empty() && bytes.all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    match capability.split_once(':') {
        Some((area, action))
            if is_word(area) && is_word(action) && capability.len() <= CAPABILITY_BYTES_MAX =>
        {
            Ok(())
        }
        _ => Err(Error::new(
            span,
            format!(
                "a capability is `area:action`, such as `pii:read`: lower-case letters, digits, `-` \
                 and `_`, at most {CAPABILITY_BYTES_MAX} bytes"
            ),
        )),
    }
}
