//! Turns the constants of a path into keys of its index, once, before any row is read.

use core::cmp::Ordering;
use core::ops::Bound;

use cosmictron_storage::{IndexDef, Key, KeyBuilder, TableDef};
use cosmictron_types::{ColumnIndex, Type};

use super::access::{KeyBound, KeyPart, KeyRange};
use crate::error::EvalError;
use crate::expr::Expr;
use crate::value::Datum;
use crate::value::column::{Encoded, Place, place};

/// Evaluates a constant.
type Evaluate<'e, 'f> = &'f dyn Fn(&'e Expr) -> Result<Datum<'e>, EvalError>;

/// The bounds of a range of keys.
pub(crate) struct Bounds {
    pub(crate) lower: Bound<Key>,
    pub(crate) upper: Bound<Key>,
}

/// The key of a lookup. `None` when no row can have it: a value is null, or the column's type does not hold it.
pub(crate) fn lookup<'e>(
    table: &TableDef,
    index: &IndexDef,
    parts: &'e [KeyPart],
    evaluate: Evaluate<'e, '_>,
) -> Result<Option<Key>, EvalError> {
    Ok(prefix(table, index, parts, evaluate)?.map(KeyBuilder::finish))
}

/// The bounds of a range. `None` when no row can be in it.
pub(crate) fn bounds<'e>(
    table: &TableDef,
    range: &'e KeyRange,
    evaluate: Evaluate<'e, '_>,
) -> Result<Option<Bounds>, EvalError> {
    let index = table.index(range.index);
    let begin = Begin { table, index, equal: &range.equal, evaluate };
    let Some(equal) = begin.builder()? else { return Ok(None) };
    let whole =
        if range.equal.is_empty() { Bound::Unbounded } else { Bound::Included(equal.finish()) };
    let Some(&next) = index.columns.get(range.equal.len()) else {
        return Ok(Some(Bounds { lower: whole.clone(), upper: whole }));
    };
    let ty = column_type(table, next);
    let end = |bound: Option<&'e KeyBound>, of: EndOf<'e>| {
        bound.map_or(Ok(End::Open), |bound| of(ty, bound, evaluate))
    };
    let lower = end(range.lower.as_ref(), lower_end)?;
    let upper = end(range.upper.as_ref(), upper_end)?;
    let bounded = range.present || range.lower.is_some() || range.upper.is_some();
    let lower = match lower {
        End::Open if bounded && ty.is_option() => begin.after_absent(ty)?,
        end => begin.bound(end, ty, &whole)?,
    };
    let (Some(lower), Some(upper)) = (lower, begin.bound(upper, ty, &whole)?) else {
        return Ok(None);
    };
    Ok(if is_inverted(&lower, &upper) { None } else { Some(Bounds { lower, upper }) })
}

type EndOf<'e> = fn(&Type, &'e KeyBound, Evaluate<'e, '_>) -> Result<End, EvalError>;

/// How every key of a range begins.
struct Begin<'d, 'e, 'f> {
    table: &'d TableDef,
    index: &'d IndexDef,
    equal: &'e [KeyPart],
    evaluate: Evaluate<'e, 'f>,
}

impl<'d, 'e> Begin<'d, 'e, '_> {
    /// A builder is used up by the key that it begins; building it anew is cheaper than keeping it.
    fn builder(&self) -> Result<Option<KeyBuilder<'d>>, EvalError> {
        prefix(self.table, self.index, self.equal, self.evaluate)
    }

    /// The end of a range; an open one is that of `whole`.
    fn bound(
        &self,
        end: End,
        ty: &Type,
        whole: &Bound<Key>,
    ) -> Result<Option<Bound<Key>>, EvalError> {
        let (tail, inclusive) = match end {
            End::Open => return Ok(Some(whole.clone())),
            End::Nowhere => return Ok(None),
            End::At { tail, inclusive } => (tail, inclusive),
        };
        let Some(mut builder) = self.builder()? else { return Ok(None) };
        put(&mut builder, ty, &tail);
        let key = builder.finish();
        Ok(Some(if inclusive { Bound::Included(key) } else { Bound::Excluded(key) }))
    }

    /// Behind the rows in which the next column is absent.
    fn after_absent(&self, ty: &Type) -> Result<Option<Bound<Key>>, EvalError> {
        let Some(mut builder) = self.builder()? else { return Ok(None) };
        put_absent(&mut builder, ty);
        Ok(Some(Bound::Excluded(builder.finish())))
    }
}

/// Where a range ends, on one side, in the column after the equal ones.
enum End {
    Open,
    /// No row lies on the right side of it.
    Nowhere,
    At {
        tail: Vec<u8>,
        inclusive: bool,
    },
}

fn lower_end<'e>(
    ty: &Type,
    bound: &'e KeyBound,
    evaluate: Evaluate<'e, '_>,
) -> Result<End, EvalError> {
    let value = evaluate(&bound.value)?;
    if value.is_null() {
        return Ok(End::Nowhere);
    }
    Ok(match place(ty.required(), &value) {
        Place::Below => End::Open,
        Place::Above => End::Nowhere,
        Place::At(tail) => End::at(&tail, bound.inclusive),
        Place::After(tail) => End::at(&tail, false),
    })
}

fn upper_end<'e>(
    ty: &Type,
    bound: &'e KeyBound,
    evaluate: Evaluate<'e, '_>,
) -> Result<End, EvalError> {
    let value = evaluate(&bound.value)?;
    if value.is_null() {
        return Ok(End::Nowhere);
    }
    Ok(match place(ty.required(), &value) {
        Place::Below => End::Nowhere,
        Place::Above => End::Open,
        Place::At(tail) => End::at(&tail, bound.inclusive),
        Place::After(tail) => End::at(&tail, true),
    })
}

impl End {
    fn at(tail: &Encoded<'_>, inclusive: bool) -> Self {
        End::At { tail: tail.as_bytes().to_vec(), inclusive }
    }
}

/// Whether nothing can lie between two ends: `x > 9 AND x < 3`.
fn is_inverted(lower: &Bound<Key>, upper: &Bound<Key>) -> bool {
    let (
        Bound::Included(low) | Bound::Excluded(low),
        Bound::Included(high) | Bound::Excluded(high),
    ) = (lower, upper)
    else {
        return false;
    };
    match low.cmp(high) {
        Ordering::Less => false,
        Ordering::Equal => {
            matches!(lower, Bound::Excluded(_)) || matches!(upper, Bound::Excluded(_))
        }
        // An open end is the key of the equal columns alone, which every key of the range begins with.
        Ordering::Greater => !low.as_bytes().starts_with(high.as_bytes()),
    }
}

fn column_type(table: &TableDef, column: ColumnIndex) -> &Type {
    &table.layout.types()[column.index()]
}

fn prefix<'d, 'e>(
    table: &TableDef,
    index: &'d IndexDef,
    parts: &'e [KeyPart],
    evaluate: Evaluate<'e, '_>,
) -> Result<Option<KeyBuilder<'d>>, EvalError> {
    let mut builder = KeyBuilder::new(index);
    for (part, &column) in parts.iter().zip(&index.columns) {
        let ty = column_type(table, column);
        match part {
            KeyPart::Absent if ty.is_option() => put_absent(&mut builder, ty),
            KeyPart::Absent => return Ok(None),
            KeyPart::Value(expr) => {
                let value = evaluate(expr)?;
                if value.is_null() {
                    return Ok(None);
                }
                let Place::At(tail) = place(ty.required(), &value) else { return Ok(None) };
                put(&mut builder, ty, tail.as_bytes());
            }
        }
    }
    Ok(Some(builder))
}

/// Appends a value that is present, given in the tail form of the type without its option.
fn put(builder: &mut KeyBuilder<'_>, ty: &Type, tail: &[u8]) {
    let added = if ty.is_option() {
        let mut present = Vec::with_capacity(tail.len() + 1);
        present.push(1);
        present.extend_from_slice(tail);
        builder.column(&present)
    } else {
        builder.column(tail)
    };
    added.expect("the value is one of the column's type");
}

fn put_absent(builder: &mut KeyBuilder<'_>, ty: &Type) {
    let absent = vec![0; ty.width().unwrap_or(1)];
    builder.column(&absent).expect("an option may be absent");
}
