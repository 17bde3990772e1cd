//! Brings the fields of a struct, of a variant or of a call, which come in any order, into the encoding's order.
//!
//! A row's fixed columns are written to their slots; every other field goes to the end of the output as it comes, and
//! its span is noted. Only when those did not come in order are they copied once more: the usual call costs no copy.

use super::decode::Decoder;
use super::error::{Flaw, Refusal, Step, shown_name};
use super::shape::Shape;
use super::value::Form;
use crate::ColumnIndex;
use crate::column::{SLOT_END_BYTES, length_bytes};
use crate::layout::{RowLayout, Slot};
use crate::ty::{Field, StructType, Variant};

/// A group of fields to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'s> {
    /// What an error says was expected.
    pub(super) expected: &'s str,
    pub(super) fields: &'s [Field],
    /// Where the fields go in a row; without it they follow each other.
    layout: Option<&'s RowLayout>,
    pub(super) shape: Shape<'s>,
}

/// Where a field lies in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Of a field that did not come yet.
    const MISSING: Span = Span { start: usize::MAX, end: 0 };
}

/// How far the reading of one group has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// Where the fixed part begins, in a row.
    fixed_at: usize,
    /// Where the fields begin that follow each other.
    base: usize,
    /// The first field's span in the decoder's stack.
    spans_at: usize,
    /// Fields that did not come yet.
    missing: usize,
    /// The field after the one that came last: most likely the next.
    next: usize,
    /// The field after the last one that has bytes.
    filled: usize,
    /// Whether the fields' bytes are in the fields' order.
    ordered: bool,
}

impl<'s> Members<'s> {
    pub(super) fn of_call(params: &'s [Field], layout: &'s RowLayout) -> Self {
        let expected = "an object or an array of arguments";
        Self { expected, fields: params, layout: Some(layout), shape: Shape::Object }
    }

    pub(super) fn of_struct(ty: &'s StructType) -> Self {
        let shape = Shape::of(&ty.fields);
        Self { expected: &ty.name, fields: &ty.fields, layout: None, shape }
    }

    pub(super) fn of_variant(variant: &'s Variant) -> Self {
        let shape = Shape::of(&variant.fields);
        Self { expected: &variant.name, fields: &variant.fields, layout: None, shape }
    }

    /// A row's columns are in tail form, everything else says where it ends.
    pub(super) fn form(&self) -> Form {
        if self.layout.is_some() { Form::Tail } else { Form::Own }
    }

    pub(super) fn step(&self, index: usize) -> Step {
        match self.shape {
            Shape::Array => Step::Index(index),
            _ => Step::Name(self.fields[index].name.clone()),
        }
    }

    /// A call's arguments may come either way.
    pub(super) fn takes_arrays(&self) -> bool {
        self.layout.is_some() || self.shape == Shape::Array
    }

    pub(super) fn takes_objects(&self) -> bool {
        self.layout.is_some() || self.shape == Shape::Object
    }

    /// Which field a name means; it may come only once.
    pub(super) fn find(
        &self,
        name: &str,
        decoder: &Decoder<'_>,
        progress: &Progress,
    ) -> Result<usize, Refusal> {
        let is_named = |field: &Field| field.name == name;
        let index = match self.fields.get(progress.next) {
            Some(field) if is_named(field) => Some(progress.next),
            _ => self.fields.iter().position(is_named),
        };
        match index {
            Some(index) if decoder.spans[progress.spans_at + index] == Span::MISSING => Ok(index),
            Some(index) => Err(Refusal { flaw: Flaw::Duplicate, steps: vec![self.step(index)] }),
            None => {
                let steps = vec![Step::Name(shown_name(name))];
                Err(Refusal { flaw: Flaw::Unknown, steps })
            }
        }
    }

    pub(super) fn open(&self, decoder: &mut Decoder<'_>) -> Result<Progress, Flaw> {
        let fixed_at = decoder.out.len();
        decoder.append_zeros(self.layout.map_or(0, RowLayout::fixed_bytes))?;
        let (base, spans_at, missing) = (decoder.out.len(), decoder.spans.len(), self.fields.len());
        decoder.spans.resize(spans_at + missing, Span::MISSING);
        Ok(Progress { fixed_at, base, spans_at, missing, next: 0, filled: 0, ordered: true })
    }

    /// Makes the decoder write the field that comes next to where it belongs; says where it will begin.
    pub(super) fn begin(
        &self,
        decoder: &mut Decoder<'_>,
        progress: &Progress,
        index: usize,
    ) -> usize {
        if let Some(Slot::Fixed { at, .. }) = self.slot(index) {
            decoder.slot_at = Some(progress.fixed_at + at);
        }
        decoder.out.len()
    }

    /// Notes that a field was written, `start` being what [`Members::begin`] said.
    pub(super) fn keep(
        &self,
        decoder: &mut Decoder<'_>,
        progress: &mut Progress,
        index: usize,
        start: usize,
    ) {
        if let Some(Slot::Fixed { at, width }) = self.slot(index) {
            assert_eq!(decoder.slot_at.take(), Some(progress.fixed_at + at + width));
        }
        let end = decoder.out.len();
        decoder.spans[progress.spans_at + index] = Span { start, end };
        progress.missing -= 1;
        progress.next = index + 1;
        if start < end {
            progress.ordered &= progress.filled <= index;
            progress.filled = index + 1;
        }
    }

    fn slot(&self, index: usize) -> Option<Slot> {
        self.layout.map(|layout| layout.slot(column(index)))
    }

    /// Fills in what may be absent, and brings everything into the fields' order.
    pub(super) fn close(
        &self,
        decoder: &mut Decoder<'_>,
        mut progress: Progress,
    ) -> Result<(), Refusal> {
        if progress.missing > 0 {
            self.fill_absent(decoder, &mut progress)?;
        }
        if !progress.ordered {
            reorder(decoder, &progress);
        }
        if let Some(layout) = self.layout {
            let spans = &decoder.spans[progress.spans_at..];
            let fixed = &mut decoder.out[progress.fixed_at..progress.base];
            let mut end = 0;
            for (index, span) in spans.iter().enumerate() {
                if let Slot::Variable { at, .. } = layout.slot(column(index)) {
                    end += span.end - span.start;
                    fixed[at..at + SLOT_END_BYTES].copy_from_slice(&length_bytes(end));
                }
            }
        }
        decoder.spans.truncate(progress.spans_at);
        Ok(())
    }

    fn fill_absent(
        &self,
        decoder: &mut Decoder<'_>,
        progress: &mut Progress,
    ) -> Result<(), Refusal> {
        for (index, field) in self.fields.iter().enumerate() {
            if decoder.spans[progress.spans_at + index] != Span::MISSING {
                continue;
            }
            if !field.ty.is_option() {
                let flaw = Flaw::Missing { expected: field.ty.to_string() };
                return Err(Refusal { flaw, steps: vec![self.step(index)] });
            }
            let start = self.begin(decoder, progress, index);
            decoder.append_absent(&field.ty)?;
            self.keep(decoder, progress, index, start);
        }
        Ok(())
    }
}

fn column(index: usize) -> ColumnIndex {
    ColumnIndex::new(u16::try_from(index).expect("COLUMNS_MAX fits in 16 bits"))
}

/// Copies the fields from where they came to be to where they belong.
fn reorder(decoder: &mut Decoder<'_>, progress: &Progress) {
    decoder.spare.clear();
    decoder.spare.extend_from_slice(&decoder.out[progress.base..]);
    decoder.out.truncate(progress.base);
    for span in &decoder.spans[progress.spans_at..] {
        let field = span.start - progress.base..span.end - progress.base;
        decoder.out.extend_from_slice(&decoder.spare[field]);
    }
}
