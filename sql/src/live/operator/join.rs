//! Joins: each input is kept by the key that conditions of the form `left = right` make, so that a change meets only the
//! tuples that can match.
//!
//! For inputs `L` and `R` and their changes `l` and `r`, what changes is `L ⋈ r + l ⋈ (R + r)`: first what comes from the
//! right meets what the left was, then what comes from the left meets what the right is. Kinds other than the inner join
//! depend on whether a tuple has a match at all; for them every kept left tuple counts its matches, and what it gives is
//! taken back and given anew when that changes.

use hashbrown::HashMap;

use super::super::delta::{Delta, Weight};
use super::super::tuple::{KeptPart, Tuple};
use crate::error::{EvalError, SqlError};
use crate::expr::evaluate::Inputs;
use crate::expr::{Comparison, Expr};
use crate::logical::JoinKind;
use crate::params::Params;
use crate::value::Datum;
use crate::value::compare::encode_key;

/// The conditions of a join, taken apart.
#[derive(Debug)]
pub(crate) struct Conditions {
    keys: Vec<KeyPair>,
    /// Asked of both tuples together.
    rest: Vec<Expr>,
}

/// Two expressions that have to be equal, one over each input.
#[derive(Debug)]
struct KeyPair {
    left: Expr,
    right: Expr,
    /// Two nulls are equal.
    nulls_match: bool,
}

impl Conditions {
    /// Of conditions over the parts of both inputs.
    pub(in super::super) fn new(on: Vec<Expr>, left_parts: usize, kind: JoinKind) -> Self {
        let (mut keys, mut rest) = (Vec::new(), Vec::new());
        for condition in on {
            match key_pair(&condition, left_parts) {
                // A null key is an unknown match there, which a search by keys does not find.
                Some(pair)
                    if kind == JoinKind::Mark
                        && (pair.left.is_nullable() || pair.right.is_nullable()) =>
                {
                    rest.push(condition);
                }
                Some(pair) => keys.push(pair),
                None => rest.push(condition),
            }
        }
        Self { keys, rest }
    }

    /// Writes them, and by what both inputs are kept.
    pub(in super::super) fn write(&self, text: &mut String) {
        let equal = self.keys.iter().map(|KeyPair { left, right, nulls_match }| {
            let is = if *nulls_match { "IS NOT DISTINCT FROM" } else { "=" };
            format!("{left} {is} {right}")
        });
        let conditions: Vec<String> = equal.chain(self.rest.iter().map(Expr::to_string)).collect();
        if !conditions.is_empty() {
            text.push_str(" on ");
            text.push_str(&conditions.join(" AND "));
        }
        text.push_str(match self.keys.is_empty() {
            true => ": keeps both inputs",
            false => ": keeps both inputs by their sides of the equalities",
        });
    }

    /// The key of a tuple of one input; `None` when it matches nothing.
    fn key(
        &self,
        tuple: &Tuple,
        params: &Params,
        side: fn(&KeyPair) -> &Expr,
    ) -> Result<Option<Box<[u8]>>, SqlError> {
        let parts = tuple.parts();
        let mut key = Vec::new();
        for pair in &self.keys {
            let value = side(pair).evaluate(Inputs { tuple: &parts, params })?;
            if value.is_null() && !pair.nulls_match {
                return Ok(None);
            }
            encode_key(&value, &mut key);
        }
        Ok(Some(key.into()))
    }

    /// The truth of the rest.
    fn truth(&self, both: &Tuple, params: &Params) -> Result<Option<bool>, EvalError> {
        if self.rest.is_empty() {
            return Ok(Some(true));
        }
        let parts = both.parts();
        let mut truth = Some(true);
        for condition in &self.rest {
            match condition.truth(Inputs { tuple: &parts, params })? {
                Some(true) => {}
                Some(false) => return Ok(Some(false)),
                None => truth = None,
            }
        }
        Ok(truth)
    }
}

fn key_pair(condition: &Expr, left_parts: usize) -> Option<KeyPair> {
    let (left, right, nulls_match) = match condition {
        Expr::Compare { op: Comparison::Equal, left, right } => (left, right, false),
        Expr::IsDistinct { left, right, negated: true } => (left, right, true),
        _ => return None,
    };
    let is_of = |expr: &Expr, of_left: bool| {
        let (mut any, mut all) = (false, true);
        expr.columns(&mut |column| {
            any = true;
            all &= (column.part < left_parts) == of_left;
        });
        any && all
    };
    let (left, right) = match () {
        () if is_of(left, true) && is_of(right, false) => (left, right),
        () if is_of(left, false) && is_of(right, true) => (right, left),
        () => return None,
    };
    let right = (**right).clone().map_parts(&|part| part - left_parts);
    Some(KeyPair { left: (**left).clone(), right, nulls_match })
}

/// Both inputs of a join.
#[derive(Debug, Default)]
pub(crate) struct JoinState {
    left: Side,
    right: Side,
}

#[derive(Debug, Default)]
struct Side {
    /// Tuples by their keys.
    tuples: HashMap<Box<[u8]>, HashMap<Tuple, Kept>>,
    bytes: usize,
}

/// A tuple that is kept.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    weight: Weight,
    matches: Matches,
}

/// With how many tuples of the other input the conditions are true, and with how many unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Matches {
    certain: Weight,
    unknown: Weight,
}

/// What the operator is, and what it is run with.
#[derive(Clone, Copy)]
pub(crate) struct JoinRun<'r> {
    pub(crate) kind: JoinKind,
    pub(crate) conditions: &'r Conditions,
    pub(crate) left_parts: usize,
    pub(crate) right_parts: usize,
    pub(crate) params: &'r Params,
}

/// What an entry takes beyond its tuple.
const ENTRY_BYTES: usize = 2 * size_of::<(Tuple, Kept)>();

impl JoinState {
    pub(super) fn bytes(&self) -> usize {
        self.left.bytes + self.right.bytes
    }

    pub(crate) fn apply(
        &mut self,
        run: JoinRun<'_>,
        left: &Delta,
        right: &Delta,
    ) -> Result<Delta, SqlError> {
        let mut out = Delta::new();
        for (tuple, weight) in right {
            self.take_right(run, tuple, *weight, &mut out)?;
        }
        for (tuple, weight) in left {
            self.take_left(run, tuple, *weight, &mut out)?;
        }
        if run.kind == JoinKind::Single {
            self.check_single(run, left, right)?;
        }
        Ok(out)
    }

    fn take_right(
        &mut self,
        run: JoinRun<'_>,
        right: &Tuple,
        weight: Weight,
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        let Some(key) = run.conditions.key(right, run.params, |pair| &pair.right)? else {
            if run.kind == JoinKind::Full {
                out.push((right.behind_absent(run.left_parts), weight));
            }
            return Ok(());
        };
        let mut matches = Matches::default();
        for (left, kept) in self.left.at(&key) {
            let both = left.joined(right);
            let truth = run.conditions.truth(&both, run.params)?;
            matches.count(truth, kept.weight);
            run.meet(left, kept, both, truth, weight, out)?;
        }
        if run.kind == JoinKind::Full && matches.certain == 0 {
            out.push((right.behind_absent(run.left_parts), weight));
        }
        self.right.add(key, right, weight, matches);
        Ok(())
    }

    fn take_left(
        &mut self,
        run: JoinRun<'_>,
        left: &Tuple,
        weight: Weight,
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        let key = run.conditions.key(left, run.params, |pair| &pair.left)?;
        let mut matches = Matches::default();
        if let Some(key) = &key {
            for (right, kept) in self.right.at(key) {
                let both = left.joined(right);
                let truth = run.conditions.truth(&both, run.params)?;
                matches.count(truth, kept.weight);
                if run.kind.has_right() && truth == Some(true) {
                    out.push((both, weight * kept.weight));
                }
                if run.kind == JoinKind::Full {
                    kept.unmatch_full(run, right, truth, weight, out);
                }
            }
        }
        out.extend(run.alone(left, matches)?.map(|tuple| (tuple, weight)));
        if let Some(key) = key {
            self.left.add(key, left, weight, matches);
        }
        Ok(())
    }

    /// No left tuple has more than one match.
    fn check_single(
        &mut self,
        run: JoinRun<'_>,
        left: &Delta,
        right: &Delta,
    ) -> Result<(), SqlError> {
        let too_many = |kept: &Kept| kept.weight > 0 && kept.matches.certain > 1;
        for (tuple, _) in right {
            if let Some(key) = run.conditions.key(tuple, run.params, |pair| &pair.right)?
                && self.left.at(&key).any(|(_, kept)| too_many(kept))
            {
                return Err(EvalError::SubQueryRows.into());
            }
        }
        for (tuple, _) in left {
            if let Some(key) = run.conditions.key(tuple, run.params, |pair| &pair.left)?
                && let Some(kept) = self.left.tuples.get(&key).and_then(|found| found.get(tuple))
                && too_many(kept)
            {
                return Err(EvalError::SubQueryRows.into());
            }
        }
        Ok(())
    }
}

impl JoinRun<'_> {
    /// A kept left tuple meets a right one that comes or goes.
    fn meet(
        self,
        left: &Tuple,
        kept: &mut Kept,
        both: Tuple,
        truth: Option<bool>,
        weight: Weight,
        out: &mut Delta,
    ) -> Result<(), SqlError> {
        if truth == Some(false) {
            return Ok(());
        }
        if self.kind.has_right() && truth == Some(true) {
            out.push((both, kept.weight * weight));
        }
        if self.kind == JoinKind::Inner {
            return Ok(());
        }
        let before = self.alone(left, kept.matches)?;
        kept.matches.count(truth, weight);
        let after = self.alone(left, kept.matches)?;
        if before != after {
            out.extend(before.map(|tuple| (tuple, -kept.weight)));
            out.extend(after.map(|tuple| (tuple, kept.weight)));
        }
        Ok(())
    }

    /// What a left tuple with so many matches gives beyond its pairs.
    fn alone(self, left: &Tuple, matches: Matches) -> Result<Option<Tuple>, SqlError> {
        let has_match = matches.certain > 0;
        Ok(match self.kind {
            JoinKind::Inner => None,
            JoinKind::Left | JoinKind::Full | JoinKind::Single => {
                (!has_match).then(|| left.before_absent(self.right_parts))
            }
            JoinKind::Semi => has_match.then(|| left.clone()),
            JoinKind::Anti => (!has_match).then(|| left.clone()),
            JoinKind::Mark => {
                let mark = match (has_match, matches.unknown > 0) {
                    (true, _) => Datum::Bool(true),
                    (false, true) => Datum::Null,
                    (false, false) => Datum::Bool(false),
                };
                Some(left.with(&[KeptPart::of_values(&[mark])?]))
            }
        })
    }
}

impl Kept {
    /// A kept right tuple of a full join meets a left one that comes or goes.
    fn unmatch_full(
        &mut self,
        run: JoinRun<'_>,
        right: &Tuple,
        truth: Option<bool>,
        weight: Weight,
        out: &mut Delta,
    ) {
        if truth != Some(true) {
            return;
        }
        let had_match = self.matches.certain > 0;
        self.matches.count(truth, weight);
        let has_match = self.matches.certain > 0;
        if had_match != has_match {
            let sign = if has_match { -1 } else { 1 };
            out.push((right.behind_absent(run.left_parts), sign * self.weight));
        }
    }
}

impl Matches {
    fn count(&mut self, truth: Option<bool>, weight: Weight) {
        match truth {
            Some(true) => self.certain += weight,
            None => self.unknown += weight,
            Some(false) => {}
        }
    }
}

impl Side {
    fn at(&mut self, key: &[u8]) -> impl Iterator<Item = (&Tuple, &mut Kept)> {
        self.tuples.get_mut(key).into_iter().flat_map(HashMap::iter_mut)
    }

    /// Adds to the weight of a tuple; `matches` are those of one that is not there yet.
    fn add(&mut self, key: Box<[u8]>, tuple: &Tuple, weight: Weight, matches: Matches) {
        let tuple_bytes = ENTRY_BYTES + tuple.bytes();
        let key_bytes = ENTRY_BYTES + key.len();
        let Self { tuples, bytes } = self;
        let of_key = tuples.entry(key.clone()).or_insert_with(|| {
            *bytes += key_bytes;
            HashMap::new()
        });
        let kept = of_key.entry_ref(tuple).or_insert_with(|| {
            *bytes += tuple_bytes;
            Kept { weight: 0, matches }
        });
        kept.weight += weight;
        if kept.weight == 0 {
            of_key.remove(tuple);
            *bytes -= tuple_bytes;
        }
        if of_key.is_empty() {
            tuples.remove(&key);
            *bytes -= key_bytes;
        }
    }
}
