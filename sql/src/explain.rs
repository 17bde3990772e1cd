//! Writes a plan as text, an operator a line, each indented below the one that it feeds.

use core::fmt::{self, Write as _};

use crate::expr::Expr;
use crate::expr::display::write_list;
use crate::logical::{AggregateCall, Output, SortKey};
use crate::physical::access::{KeyBound, KeyPart, KeyRange, Path};
use crate::physical::order::asked_for;
use crate::physical::split::{Split, Stream};
use crate::physical::{JoinKey, JoinOperator, Member, Operator, Phase, Probe, Scan};

/// The plan as text, without a line feed at its end.
pub(crate) fn explain(operator: &Operator, output: &[Expr]) -> String {
    let mut text = format!("project {}", Exprs(output));
    Writer { text: &mut text, split: None }.operator(operator, 1);
    text
}

/// A plan that was cut: what merges, and below it what runs on each shard.
pub(crate) fn explain_split(split: &Split, output: &[Expr]) -> String {
    let mut text = format!("project {}", Exprs(output));
    Writer { text: &mut text, split: Some(split) }.operator(&split.merge, 1);
    text
}

/// Expressions with commas between them.
pub(crate) struct Exprs<'e>(pub(crate) &'e [Expr]);

impl fmt::Display for Exprs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(self.0.iter(), f)
    }
}

/// Writes operators, each a line below the one that it feeds.
struct Writer<'w> {
    text: &'w mut String,
    /// What the streams are that a merge gathers.
    split: Option<&'w Split>,
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

impl Writer<'_> {
    fn line(&mut self, depth: usize) {
        // Writing to a string cannot go wrong.
        let _ = write!(self.text, "\n{:1$}", "", depth * 2);
    }

    fn operator(&mut self, operator: &Operator, depth: usize) {
        // It moves parts, and says nothing.
        if let Operator::Arrange { input, .. } = operator {
            return self.operator(input, depth);
        }
        self.line(depth);
        match operator {
            Operator::Gather { stream, keys } => {
                self.text.push_str("gather");
                write_order(keys, self.text);
                self.stream(*stream, depth + 1);
            }
            Operator::Join(join) => return self.join(join, depth),
            other => write_line(other, self.text),
        }
        for input in operator.inputs() {
            self.operator(input, depth + 1);
        }
    }

    fn stream(&mut self, stream: usize, depth: usize) {
        let Some(split) = self.split else { return };
        let Stream { operator, carried, .. } = &split.streams[stream];
        self.line(depth);
        self.text.push_str("on each shard");
        // What groups are carried as is no more than their keys and their calls.
        if !matches!(**operator, Operator::Aggregate { .. } | Operator::CountRows { .. }) {
            let _ = write!(self.text, ": {}", Exprs(carried));
        }
        self.operator(operator, depth + 1);
    }

    fn join(&mut self, join: &JoinOperator, depth: usize) {
        let JoinOperator { kind, left, right, keys, member, residual, probe, .. } = join;
        let way = match (probe, keys.is_empty() && member.is_none()) {
            (Some(_), _) => "by index",
            (None, false) => "by hash",
            (None, true) => "by loop",
        };
        let _ = write!(self.text, "{} {way}", kind.name());
        let mut sign = ":";
        if probe.is_none() {
            for JoinKey { left, right, nulls_equal } in keys {
                let is = if *nulls_equal { "IS NOT DISTINCT FROM" } else { "=" };
                let _ = write!(self.text, "{sign} {left} {is} {right}");
                sign = ",";
            }
            if let Some(Member { left, right }) = member {
                let _ = write!(self.text, "{sign} {left} = {right} or unknown");
                sign = ",";
            }
        }
        let residual = probe.as_ref().map_or(residual, |probe| &probe.residual);
        if !residual.is_empty() {
            self.text.push_str(if sign == ":" { ": " } else { " where " });
            write_joined(residual, self.text);
        }
        self.operator(left, depth + 1);
        match probe {
            None => self.operator(right, depth + 1),
            Some(probe) => self.probe(probe, depth + 1),
        }
    }

    fn probe(&mut self, probe: &Probe, mut depth: usize) {
        for predicates in probe.filters.iter().rev() {
            self.line(depth);
            self.text.push_str("filter ");
            write_joined(predicates, self.text);
            depth += 1;
        }
        self.line(depth);
        write_scan(&probe.scan, self.text);
    }
}

/// An operator without those that it draws on.
fn write_line(operator: &Operator, text: &mut String) {
    let _ = match operator {
        Operator::Unit => write!(text, "one row"),
        Operator::Nothing => write!(text, "nothing"),
        Operator::Scan(scan) => return write_scan(scan, text),
        Operator::CountRows { table, .. } => write!(text, "count rows {}", table.name),
        Operator::Filter { predicates, .. } => {
            text.push_str("filter ");
            return write_joined(predicates, text);
        }
        Operator::Project { values, .. } => write!(text, "project {}", List(values, write_output)),
        Operator::Aggregate { keys, calls, phase, .. } => {
            return write_aggregate(keys, calls, *phase, text);
        }
        Operator::Distinct { values, .. } => {
            write!(text, "distinct {}", List(values, write_output))
        }
        Operator::Union { .. } => write!(text, "union all"),
        Operator::Sort { keys, presorted, .. } => {
            text.push_str("sort");
            return write_sort(keys, *presorted, text);
        }
        Operator::Top { keys, presorted, limit, offset, .. } => {
            text.push_str("top");
            write_limits(Some(limit), offset.as_ref(), text);
            return write_sort(keys, *presorted, text);
        }
        Operator::Limit { limit, offset, .. } => {
            text.push_str("limit");
            return write_limits(limit.as_ref(), offset.as_ref(), text);
        }
        Operator::Head { keys, presorted, limit, offset, .. } => {
            text.push_str("first");
            write_limits(limit.as_ref(), None, text);
            if let Some(offset) = offset {
                let _ = write!(text, " + {offset}");
            }
            return write_sort(keys, *presorted, text);
        }
        Operator::Join(_) | Operator::Arrange { .. } | Operator::Gather { .. } => {
            unreachable!("{operator:?} is more than a line")
        }
    };
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

fn write_sort(keys: &[SortKey], presorted: usize, text: &mut String) {
    if presorted > 0 {
        text.push_str(" of runs");
    }
    write_order(keys, text);
}

pub(crate) fn write_order(keys: &[SortKey], text: &mut String) {
    let (asked, ties) = keys.split_at(asked_for(keys));
    for (word, keys) in [(" by ", asked), (", ties by ", ties)] {
        if !keys.is_empty() {
            let _ = write!(text, "{word}{}", sort_keys(keys));
        }
    }
}

pub(crate) fn write_limits(limit: Option<&Expr>, offset: Option<&Expr>, text: &mut String) {
    let _ = match limit {
        Some(limit) => write!(text, " {limit}"),
        None => write!(text, " none"),
    };
    if let Some(offset) = offset {
        let _ = write!(text, " offset {offset}");
    }
}

pub(crate) fn write_joined(predicates: &[Expr], text: &mut String) {
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
            let verb = if table.id.is_view() { "view" } else { "scan" };
            let _ = write!(text, "{verb} {}", table.name);
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
