//! Writes a plan as text, an operator a line, each indented below the one that it feeds.

use core::fmt::{self, Write as _};

use crate::expr::Expr;
use crate::expr::display::write_list;
use crate::logical::{AggregateCall, Output, SortKey};
use crate::physical::access::{KeyBound, KeyPart, KeyRange, Path};
use crate::physical::split::Split;
use crate::physical::{Operator, Phase, Scan};

/// The plan as text, without a line feed at its end.
pub(crate) fn explain(operator: &Operator, output: &[Expr]) -> String {
    let mut text = String::from("project ");
    // Writing to a string cannot go wrong.
    let _ = write!(text, "{}", List(output, |expr, f| write!(f, "{expr}")));
    write_operator(operator, 1, &mut text);
    text
}

/// A plan that was cut: what merges, and below it what runs on each shard.
pub(crate) fn explain_split(split: &Split, output: &[Expr]) -> String {
    let mut text = explain(&split.merge, output);
    let mut depth = 2;
    let mut at = &split.merge;
    while let Some(input) = at.input() {
        (depth, at) = (depth + 1, input);
    }
    let _ = write!(text, "\n{:1$}on each shard", "", depth * 2);
    // What groups are carried as is no more than their keys and their calls.
    if !matches!(*split.part, Operator::Aggregate { .. } | Operator::CountRows { .. }) {
        let _ = write!(text, ": {}", List(&split.carried, |expr, f| write!(f, "{expr}")));
    }
    write_operator(&split.part, depth + 1, &mut text);
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
        Operator::Gather { keys } => {
            text.push_str("gather");
            return write_order(keys, text);
        }
        Operator::Aggregate { input, keys, calls, phase } => {
            write_aggregate(keys, calls, *phase, text);
            input
        }
        Operator::Distinct { input, values } => {
            let _ = write!(text, "distinct {}", List(values, write_output));
            input
        }
        Operator::Sort { input, keys } => {
            text.push_str("sort");
            write_order(keys, text);
            input
        }
        Operator::Top { input, keys, limit, offset } => {
            text.push_str("top");
            write_limits(Some(limit), offset.as_ref(), text);
            write_order(keys, text);
            input
        }
        Operator::Limit { input, limit, offset } => {
            text.push_str("limit");
            write_limits(limit.as_ref(), offset.as_ref(), text);
            input
        }
        Operator::Head { input, keys, limit, offset } => {
            text.push_str("first");
            write_limits(limit.as_ref(), None, text);
            if let Some(offset) = offset {
                let _ = write!(text, " + {offset}");
            }
            write_order(keys, text);
            input
        }
    };
    write_operator(input, depth + 1, text);
}

fn write_aggregate(keys: &[Output], list: &[AggregateCall], phase: Phase, text: &mut String) {
    let verb = match phase {
        Phase::Whole => "aggregate",
        Phase::Partial => "aggregate partially",
        Phase::Final => "combine",
    };
    let _ = write!(text, "{verb} {}", calls(list));
    if !keys.is_empty() {
        let gap = if list.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}by {}", List(keys, write_output));
    }
}

fn write_order(keys: &[SortKey], text: &mut String) {
    if !keys.is_empty() {
        let _ = write!(text, " by {}", sort_keys(keys));
    }
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
