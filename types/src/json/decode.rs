//! Reads JSON straight into the row encoding.
//!
//! [`Decoder`] holds what one run writes to; [`super::value`] walks the text as the types say, [`super::members`] puts
//! fields in order, [`super::scalar`] reads what has no parts.
//!
//! Invariants:
//! 1. Only the types decide how deep the walk goes, never the text.
//! 2. `out` grows by at most [`Limits::row_bytes_max`].

use serde::de::{DeserializeSeed, Error};
use serde_json::de::{Deserializer, StrRead};

use super::error::{Flaw, JsonError, Refusal, Root, Step};
use super::group::Group;
use super::members::{Members, Span};
use super::value::{Form, Value};
use crate::layout::RowLayout;
use crate::ty::{Field, Type};

/// What a text may demand.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the encoded row or value. Bound the text as well: the time taken is linear in it.
    pub row_bytes_max: u32,
}

/// Room that runs leave to the next, so that a call in the usual form allocates nothing. One a thread is enough.
#[derive(Debug, Default)]
pub struct Scratch {
    spans: Vec<Span>,
    spare: Vec<u8>,
}

/// Bytes of a scratch buffer that are kept from one run to the next.
const SCRATCH_BYTES_KEPT: usize = 64 << 10;

/// Appends a reducer's arguments to `out` as a row. `layout` is that of `params`.
///
/// `text` is an object of named arguments in any order, or an array of them in the order of `params`. Arguments of an
/// option type may be left out, so a text of nothing but white space will do where all are of such a type.
///
/// ```
/// use cosmictron_types::{RowLayout, Type, json, ty::Field};
///
/// let params = ["from", "to"].map(|name| Field { name: name.into(), ty: Type::U8 });
/// let layout = RowLayout::new(params.iter().map(|param| param.ty.clone()));
/// let (limits, mut scratch) = (json::Limits { row_bytes_max: 1 << 20 }, json::Scratch::default());
/// let mut row = Vec::new();
/// let mut decode =
///     |text: &str| json::decode_arguments(&params, &layout, text.as_bytes(), limits, &mut scratch, &mut row);
/// decode(r#"{"to": 2, "from": 1}"#)?;
/// assert_eq!(decode(r#"{"from": 256}"#).unwrap_err().to_string(), "argument from: expected u8, found number 256");
/// assert_eq!(row, [1, 2]);
/// # Ok::<(), json::JsonError>(())
/// ```
pub fn decode_arguments(
    params: &[Field],
    layout: &RowLayout,
    text: &[u8],
    limits: Limits,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    let blank = text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    let text = if blank { b"{}" } else { text };
    run(Root::Arguments, text, limits, scratch, out, |decoder, json| {
        Group { decoder, members: Members::of_call(params, layout) }.deserialize(json)
    })
}

/// Appends one value to `out` in its tail form, as a column of a row has it.
pub fn decode_value(
    ty: &Type,
    text: &[u8],
    limits: Limits,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), JsonError> {
    run(Root::Value, text, limits, scratch, out, |decoder, json| {
        Value { decoder, ty, form: Form::Tail }.deserialize(json)
    })
}

type Json<'de> = Deserializer<StrRead<'de>>;

/// Runs `decode` over all of `text`; undoes what it wrote when the text is refused.
fn run<'de>(
    root: Root,
    text: &'de [u8],
    limits: Limits,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    decode: impl FnOnce(&mut Decoder<'_>, &mut Json<'de>) -> Result<(), serde_json::Error>,
) -> Result<(), JsonError> {
    let text = core::str::from_utf8(text)
        .map_err(|error| JsonError::InvalidUtf8 { at: error.valid_up_to() })?;
    let before = out.len();
    let mut decoder = Decoder::new(limits, scratch, out);
    let mut json = Deserializer::from_str(text);
    let decoded = decode(&mut decoder, &mut json).and_then(|()| json.end());
    let refusal = decoder.refusal.take();
    scratch.forget();
    decoded.map_err(|error| {
        out.truncate(before);
        match refusal {
            Some(refusal) => refusal.into_error(root),
            None => JsonError::Syntax(error),
        }
    })
}

impl Scratch {
    fn forget(&mut self) {
        self.spans.clear();
        self.spare.clear();
        self.spans.shrink_to(SCRATCH_BYTES_KEPT / size_of::<Span>());
        self.spare.shrink_to(SCRATCH_BYTES_KEPT);
    }
}

/// What one run writes to.
#[derive(Debug)]
pub(super) struct Decoder<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// Where the fields of the structs that are open lie in `out`, the innermost struct's last.
    pub(super) spans: &'o mut Vec<Span>,
    pub(super) spare: &'o mut Vec<u8>,
    limits: Limits,
    /// `out` may grow to here.
    end_max: usize,
    /// Where the next byte goes while a column is read that has its own slot in the row; else it goes to the end.
    pub(super) slot_at: Option<usize>,
    /// Why the text is refused. serde's errors carry only text, so ours waits here while theirs goes out.
    refusal: Option<Refusal>,
}

impl<'o> Decoder<'o> {
    fn new(limits: Limits, scratch: &'o mut Scratch, out: &'o mut Vec<u8>) -> Self {
        let end_max = out.len().saturating_add(limits.row_bytes_max as usize);
        let Scratch { spans, spare } = scratch;
        Self { out, spans, spare, limits, end_max, slot_at: None, refusal: None }
    }

    /// Writes what comes next of the encoding.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        if let Some(at) = &mut self.slot_at {
            self.out[*at..*at + bytes.len()].copy_from_slice(bytes);
            *at += bytes.len();
            return Ok(());
        }
        self.check_room(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn append_zeros(&mut self, count: usize) -> Result<(), Flaw> {
        if let Some(at) = &mut self.slot_at {
            // A slot is made of zeros, and every column is written once.
            *at += count;
            return Ok(());
        }
        self.check_room(count)?;
        self.out.resize(self.out.len() + count, 0);
        Ok(())
    }

    /// Writes an option that holds nothing.
    pub(super) fn append_absent(&mut self, ty: &Type) -> Result<(), Flaw> {
        self.append_zeros(1 + ty.required().width().unwrap_or(0))
    }

    /// Asked before a length is written too: one beyond every limit need not fit into its four bytes.
    pub(super) fn check_room(&self, bytes: usize) -> Result<(), Flaw> {
        if bytes > self.end_max - self.out.len() {
            return Err(Flaw::TooLarge { bytes_max: self.limits.row_bytes_max });
        }
        Ok(())
    }

    /// Notes why the text is refused; what comes back only ends serde's walk.
    #[cold]
    pub(super) fn refuse<E: Error>(&mut self, refusal: impl Into<Refusal>) -> E {
        self.refusal = Some(refusal.into());
        E::custom("refused")
    }

    /// Adds a step to the place of a refusal that passes by.
    #[cold]
    pub(super) fn passed<E>(&mut self, step: Step, error: E) -> E {
        if let Some(refusal) = &mut self.refusal {
            refusal.steps.push(step);
        }
        error
    }
}
