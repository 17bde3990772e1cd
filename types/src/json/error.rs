//! Why a text is not the JSON form of what was asked for.

use core::fmt::{self, Write as _};

/// Characters of a name or a value that an error repeats; the rest becomes `…`.
pub const ECHO_CHARS_MAX: usize = 40;

/// A refused text. The sender's doing. `place` says where: `argument items[3].price`.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("not JSON: byte {at} is not UTF-8")]
    InvalidUtf8 { at: usize },
    #[error("not JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// The wrong type, a number that does not fit, a text of the wrong form.
    #[error("{place}: expected {expected}, found {found}")]
    Mismatch { place: String, expected: String, found: String },
    #[error("{place}: missing, expected {expected}")]
    Missing { place: String, expected: String },
    #[error("{place}: unknown name")]
    Unknown { place: String },
    #[error("{place}: given twice")]
    Duplicate { place: String },
    #[error("{place}: expected at most {count_max}, found more")]
    Surplus { place: String, count_max: usize },
    /// Nested values may be absent in few bytes of JSON and still take many in a row.
    #[error("the values take more than the limit of {bytes_max} bytes")]
    TooLarge { bytes_max: u32 },
}

/// What a text is a form of; how an error's place begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Arguments,
    Value,
}

/// What is wrong, before it is known where. Values that were sent are already cut short.
#[derive(Debug)]
pub(super) enum Flaw {
    Mismatch { expected: String, found: String },
    Missing { expected: String },
    Unknown,
    Duplicate,
    Surplus { count_max: usize },
    TooLarge { bytes_max: u32 },
}

/// A flaw on its way out: each level that it passes adds its step, the innermost first.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) flaw: Flaw,
    pub(super) steps: Vec<Step>,
}

/// One step from a value to a part of it.
#[derive(Debug)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Refusal {
    pub(super) fn into_error(self, root: Root) -> JsonError {
        let place = place(root, &self.steps);
        match self.flaw {
            Flaw::Mismatch { expected, found } => JsonError::Mismatch { place, expected, found },
            Flaw::Missing { expected } => JsonError::Missing { place, expected },
            Flaw::Unknown => JsonError::Unknown { place },
            Flaw::Duplicate => JsonError::Duplicate { place },
            Flaw::Surplus { count_max } => JsonError::Surplus { place, count_max },
            Flaw::TooLarge { bytes_max } => JsonError::TooLarge { bytes_max },
        }
    }
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Self { flaw, steps: Vec::new() }
    }
}

impl Flaw {
    pub(super) fn mismatch(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Flaw::Mismatch { expected: expected.to_string(), found: found.to_string() }
    }
}

fn place(root: Root, steps: &[Step]) -> String {
    let mut place = String::from(match (root, steps.is_empty()) {
        (Root::Arguments, true) => "the arguments",
        (Root::Arguments, false) => "argument ",
        (Root::Value, _) => "value",
    });
    for (depth, step) in steps.iter().rev().enumerate() {
        // Writing to a string cannot go wrong.
        let _ = match step {
            Step::Index(index) => write!(place, "[{index}]"),
            Step::Name(name) if depth == 0 && root == Root::Arguments => write!(place, "{name}"),
            Step::Name(name) => write!(place, ".{name}"),
        };
    }
    place
}

/// A name as it is repeated: bare when it could be one of ours, else quoted and cut.
pub(super) fn shown_name(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && !name.is_empty() && name.len() <= ECHO_CHARS_MAX {
        return name.to_owned();
    }
    shown_text(name)
}

/// A text as it is repeated: quoted, what cannot be printed escaped, and cut.
pub(super) fn shown_text(text: &str) -> String {
    let (kept, rest) = cut(text);
    let mut shown = format!("{kept:?}");
    if !rest.is_empty() {
        shown.insert(shown.len() - 1, '…');
    }
    shown
}

/// A number as it is repeated.
pub(super) fn shown_number(number: &str) -> String {
    let (kept, rest) = cut(number);
    format!("{kept}{}", if rest.is_empty() { "" } else { "…" })
}

fn cut(text: &str) -> (&str, &str) {
    let end = text.char_indices().nth(ECHO_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}
