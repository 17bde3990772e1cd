//! Joins two inputs: keeps the tuples of the right one, or looks them up, and goes through those of the left one.
//!
//! Every pair of tuples that is looked at counts as a row read, so a join without an equality ends at the limit, however few rows
//! its tables have. What is kept of the right side counts as memory: borrowed rows cost their place and their key.

use super::join_table::JoinTable;
use super::{ENOUGH, Flow, MORE, Run, Sink, member};
use crate::error::{EvalError, SqlError};
use crate::expr::Expr;
use crate::expr::evaluate::Inputs;
use crate::expr::tuple::Part;
use crate::logical::JoinKind;
use crate::physical::{JoinOperator, Probe};
use crate::value::Datum;

/// Where the right tuples of a left one come from.
enum Right<'e> {
    Table(JoinTable<'e>),
    Probe(&'e Probe),
}

impl JoinOperator {
    pub(super) fn run<'e>(
        &'e self,
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        if let Some(equality) = &self.member {
            return member::run(self, equality, run, sink);
        }
        let (right, residual) = match &self.probe {
            Some(probe) if probe.scan.can_be_probed(run, probe.is_primary())? => {
                (Right::Probe(probe), &probe.residual)
            }
            _ => {
                let table = JoinTable::build(&self.right, &self.keys, run)?;
                let is_needed = matches!(self.kind, JoinKind::Inner | JoinKind::Semi);
                if is_needed && table.rows().is_empty() {
                    return Ok(MORE);
                }
                (Right::Table(table), &self.residual)
            }
        };
        let mut seen = match &right {
            Right::Table(table) if self.kind == JoinKind::Full => vec![false; table.rows().len()],
            _ => Vec::new(),
        };
        run.budget.hold(seen.len())?;
        let mut pairs = Pairs::new(self.kind, residual);
        let (mut wants_more, mut scratch) = (MORE, Vec::new());
        let _ = self.left.run(run, &mut |left| {
            pairs.begin(left);
            match &right {
                Right::Table(table) => {
                    let mut next = table.first(&self.keys, left, run, &mut scratch)?;
                    while let Some(number) = next
                        && pairs.goes_on
                    {
                        run.budget.scan()?;
                        let is_match = pairs.pair(&table.rows()[number], run, sink)?;
                        if let Some(seen) = seen.get_mut(number) {
                            *seen |= is_match;
                        }
                        next = table.after(number);
                    }
                }
                Right::Probe(probe) => probe.each(left, run, &mut |row| {
                    pairs.pair(row, run, sink)?;
                    Ok(if pairs.goes_on { MORE } else { ENOUGH })
                })?,
            }
            wants_more = pairs.end(left, self.right_parts, sink)?;
            Ok(wants_more)
        })?;
        if let Right::Table(table) = &right
            && self.kind == JoinKind::Full
            && wants_more.is_continue()
        {
            return self.give_unseen(table, &seen, sink);
        }
        Ok(wants_more)
    }

    /// The right tuples of a full join that no left one was joined with.
    fn give_unseen<'e>(
        &'e self,
        table: &JoinTable<'e>,
        seen: &[bool],
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        let mut tuple = vec![Part::Absent; self.left_parts];
        for (row, _) in table.rows().iter().zip(seen).filter(|(_, seen)| !**seen) {
            tuple.truncate(self.left_parts);
            tuple.extend_from_slice(row);
            if sink(&tuple)?.is_break() {
                return Ok(ENOUGH);
            }
        }
        Ok(MORE)
    }
}

impl Probe {
    /// The rows that are found for a left tuple, each a tuple of its own.
    fn each<'e>(
        &'e self,
        left: &[Part<'e>],
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<(), SqlError> {
        let _ = self.scan.run_for(left, run, &mut |row| {
            let inputs = Inputs { tuple: row, params: run.params };
            for predicate in self.filters.iter().flatten() {
                if predicate.truth(inputs)? != Some(true) {
                    return Ok(MORE);
                }
            }
            sink(row)
        })?;
        Ok(())
    }
}

/// The pairs of one left tuple, and what has come of them.
struct Pairs<'e> {
    kind: JoinKind,
    residual: &'e [Expr],
    /// The parts of both sides.
    tuple: Vec<Part<'e>>,
    left_parts: usize,
    /// Of a single join: the one pair.
    only: Vec<Part<'e>>,
    any: bool,
    unknown: bool,
    /// Whether more pairs can change anything.
    goes_on: bool,
    flow: Flow,
}

impl<'e> Pairs<'e> {
    fn new(kind: JoinKind, residual: &'e [Expr]) -> Self {
        Self {
            kind,
            residual,
            tuple: Vec::new(),
            left_parts: 0,
            only: Vec::new(),
            any: false,
            unknown: false,
            goes_on: true,
            flow: MORE,
        }
    }

    fn begin(&mut self, left: &[Part<'e>]) {
        self.tuple.clear();
        self.tuple.extend_from_slice(left);
        self.left_parts = left.len();
        (self.any, self.unknown, self.goes_on) = (false, false, true);
    }

    /// Whether the two go together.
    fn pair(
        &mut self,
        right: &[Part<'e>],
        run: &Run<'e>,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<bool, SqlError> {
        self.tuple.truncate(self.left_parts);
        self.tuple.extend_from_slice(right);
        match self.truth(run)? {
            Some(true) => {}
            Some(false) => return Ok(false),
            None => {
                self.unknown = true;
                return Ok(false);
            }
        }
        match self.kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Full => {
                self.flow = sink(&self.tuple)?;
                self.goes_on = self.flow.is_continue();
            }
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark => self.goes_on = false,
            JoinKind::Single if self.any => return Err(EvalError::SubQueryRows.into()),
            JoinKind::Single => self.only.clone_from(&self.tuple),
        }
        self.any = true;
        Ok(true)
    }

    /// All conditions together: false is stronger than unknown.
    fn truth(&self, run: &Run<'e>) -> Result<Option<bool>, SqlError> {
        let inputs = Inputs { tuple: &self.tuple, params: run.params };
        let mut truth = Some(true);
        for condition in self.residual {
            match condition.truth(inputs)? {
                Some(true) => {}
                Some(false) => return Ok(Some(false)),
                None => truth = None,
            }
        }
        Ok(truth)
    }

    /// After the last pair of a left tuple.
    fn end(
        &mut self,
        left: &[Part<'e>],
        right_parts: usize,
        sink: &mut Sink<'_, 'e>,
    ) -> Result<Flow, SqlError> {
        if self.flow.is_break() {
            return Ok(ENOUGH);
        }
        self.tuple.truncate(self.left_parts);
        match self.kind {
            JoinKind::Inner => Ok(MORE),
            JoinKind::Left | JoinKind::Full if self.any => Ok(MORE),
            JoinKind::Single if self.any => sink(&self.only),
            JoinKind::Left | JoinKind::Full | JoinKind::Single => {
                self.tuple.extend(core::iter::repeat_n(Part::Absent, right_parts));
                sink(&self.tuple)
            }
            JoinKind::Semi if self.any => sink(left),
            JoinKind::Anti if !self.any => sink(left),
            JoinKind::Semi | JoinKind::Anti => Ok(MORE),
            JoinKind::Mark => {
                let truth = if self.any || !self.unknown { Some(self.any) } else { None };
                self.tuple.push(mark(truth));
                sink(&self.tuple)
            }
        }
    }
}

/// The part that a mark join adds.
pub(super) fn mark<'e>(truth: Option<bool>) -> Part<'e> {
    Part::Values([truth.map_or(Datum::Null, Datum::Bool)].into())
}
