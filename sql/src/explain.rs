//! Writes a plan as text, an operator a line, each indented below the one that it feeds.

use core::fmt::{self, Write as _};

use crate::expr::Expr;
use crate::expr::display::write_list;
use crate::logical::{AggregateCall, Output, SortKey};
use crate::physical::access::{KeyBound, KeyPart, KeyRange, Path};
use crate::physical::{Operator, Scan};

/// The plan as text, without a line feed at its end.
pub(crate) fn explain(operator: &Operator, output: &[Output]) -> String {
    let mut text = String::from("project ");
    // Writing to a string cannot go wrong.
    let _ = write!(text, "{}", List(output, write_output));
    write_operator(operator, 1, &mut text);
    text
}

struct List<'l, T>(&'l [T], fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result);

impl<T> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.0.iter().map(|item| Each(item, self.1));
        write_list(each, f)
    }
}

struct Each<'l, T>(&'l T, fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result);

impl<T> fmt::Display for Each<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.1)(self.0, f)
    }
}

fn write_output(output: &Output, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", output.expr)
}

fn sort_keys(keys: &[SortKey]) -> List<'_, SortKey> {
    List(keys, |key, f| write!(f, "{key}"))
}

fn calls(calls: &[AggregateCall]) -> List<'_, AggregateCall> {
    List(calls, |call, f| write!(f, "{call}"))
}

fn write_operator(operator: &Operator, depth: usize, text: &mut String) {
    let _ = write!(text, "\n{:1$}", "", depth * 2);
    let input = match operator {
        Operator::Unit => return text.push_str("one row"),
        Operator::Nothing => return text.push_str("nothing"),
        Operator::Scan(scan) => return write_scan(scan, text),
        Operator::CountRows { table, .. } => {
            let _ = write!(text, "count rows {}", table.name);
            return;
        }
        Operator::Filter { input, predicates } => {
            let _ = write!(text, "filter ");
            write_joined(predicates, text);
            input
        }
        Operator::Aggregate { input, keys, calls: list } => {
            let _ = write!(text, "aggregate {}", calls(list));
            if !keys.is_empty() {
                let gap = if list.is_empty() { "" } else { " " };
                let _ = write!(text, "{gap}by {}", List(keys, write_output));
            }
            input
        }
        Operator::Distinct { input, values } => {
            let _ = write!(text, "distinct {}", List(values, write_output));
            input
        }
        Operator::Sort { input, keys } => {
            let _ = write!(text, "sort by {}", sort_keys(keys));
            input
        }
        Operator::Top { input, keys, limit, offset } => {
            text.push_str("top");
            write_limits(Some(limit), offset.as_ref(), text);
            let _ = write!(text, " by {}", sort_keys(keys));
            input
        }
        Operator::Limit { input, limit, offset } => {
            text.push_str("limit");
            write_limits(limit.as_ref(), offset.as_ref(), text);
            input
        }
    };
    write_operator(input, depth + 1, text);
}

fn write_limits(limit: Option<&Expr>, offset: Option<&Expr>, text: &mut String) {
    let _ = match limit {
        Some(limit) => write!(text, " {limit}"),
        None => write!(text, " none"),
    };
    if let Some(offset) = offset {
        let _ = write!(text, " offset {offset}");
    }
}

fn write_joined(predicates: &[Expr], text: &mut String) {
    for (number, predicate) in predicates.iter().enumerate() {
        let word = if number == 0 { "" } else { " AND " };
        let _ = match predicate {
            Expr::Or(_) => write!(text, "{word}({predicate})"),
            _ => write!(text, "{word}{predicate}"),
        };
    }
}

fn write_scan(scan: &Scan, text: &mut String) {
    let table = &scan.table;
    let column = |index, at: usize| {
        let column = table.index(index).columns[at];
        table.schema.columns[column.index()].name.as_str()
    };
    match &scan.path {
        Path::Whole => {
            let _ = write!(text, "scan {}", table.name);
        }
        Path::Lookup { index, key } => {
            text.push_str("lookup ");
            for (at, part) in key.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{}.{}{}", table.name, column(*index, at), Part(part));
            }
        }
        Path::Range(range) => write_range(scan, range, column, text),
    }
}

fn write_range<'s>(
    scan: &'s Scan,
    range: &KeyRange,
    column: impl Fn(cosmictron_types::IndexId, usize) -> &'s str,
    text: &mut String,
) {
    let KeyRange { index, equal, lower, upper, present, descending } = range;
    let _ = write!(text, "range {}.{}", scan.table.name, scan.table.index(*index).name);
    let mut comma = ":";
    for (at, part) in equal.iter().enumerate() {
        let _ = write!(text, "{comma} {}{}", column(*index, at), Part(part));
        comma = ",";
    }
    let mut bound = |bound: &Option<KeyBound>, sign: &str| {
        if let Some(KeyBound { value, inclusive }) = bound {
            let equal_sign = if *inclusive { "=" } else { "" };
            let name = column(*index, equal.len());
            let _ = write!(text, "{comma} {name} {sign}{equal_sign} {value}");
            comma = ",";
        }
    };
    bound(lower, ">");
    bound(upper, "<");
    if *present && lower.is_none() && upper.is_none() {
        let _ = write!(text, "{comma} {} IS NOT NULL", column(*index, equal.len()));
    }
    if *descending {
        text.push_str(" descending");
    }
}

struct Part<'p>(&'p KeyPart);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            KeyPart::Value(value) => write!(f, " = {value}"),
            KeyPart::Absent => f.write_str(" IS NULL"),
        }
    }
}
