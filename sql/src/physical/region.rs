//! Chooses the order in which inner joins are done.
//!
//! A tree of inner joins and of filters between them is one region: its inputs can be joined in any order. The smallest comes
//! first; then of those that an equality ties to what is joined already the one that makes the fewest tuples. Outer joins and
//! all others are inputs of a region as tables are, so what they mean is not touched.
//!
//! Invariants:
//! 1. Every predicate of the region is applied once: at its input when it looks at one alone, else as soon as all that it looks at is
//!    joined.
//! 2. What comes out has its parts in the order of the tree.

use std::sync::Arc;

use super::join::{Conditions, joined};
use super::looks::{Parts, constant_of, known_constants};
use super::order::{Order, of_parts};
use super::probe::is_probed;
use super::{Operator, Planned, Planner};
use crate::expr::{ColumnRef, Comparison, Expr};
use crate::logical::{JoinKind, Node, SortKey};

/// An input of a region, and where its parts stand.
struct Input {
    node: Node,
    first: usize,
    parts: usize,
}

#[derive(Default)]
struct Region {
    inputs: Vec<Input>,
    predicates: Vec<Expr>,
}

impl Region {
    fn collect(&mut self, node: Node, first: usize) {
        let moved = |expr: Expr| expr.map_parts(&|part| part + first);
        match node {
            Node::Join(join) if join.kind == JoinKind::Inner => {
                let left_parts = join.left.parts();
                self.predicates.extend(join.on.into_iter().map(moved));
                self.collect(join.left, first);
                self.collect(join.right, first + left_parts);
            }
            Node::Filter { input, predicates } if is_inner(&input) => {
                self.predicates.extend(predicates.into_iter().map(moved));
                self.collect(*input, first);
            }
            node => {
                let parts = node.parts();
                self.inputs.push(Input { node, first, parts });
            }
        }
    }

    /// What `a = b` and `a = 7` say of `b`.
    fn add_constants(&mut self) {
        let mut known: Vec<(ColumnRef, Expr)> = Vec::new();
        for input in &self.inputs {
            known.extend(known_constants(&input.node).into_iter().map(|(column, value)| {
                (ColumnRef { part: column.part + input.first, ..column }, value)
            }));
        }
        let constants = self.predicates.iter().filter_map(constant_of);
        known.extend(constants.map(|(column, value)| (column.clone(), value.clone())));
        loop {
            let mut added = Vec::new();
            for (left, right) in self.predicates.iter().filter_map(equal_columns) {
                for (one, other) in [(left, right), (right, left)] {
                    let value = known.iter().find(|(column, _)| column == one);
                    let is_known = known.iter().chain(&added).any(|(column, _)| column == other);
                    if let (Some((_, value)), false) = (value, is_known) {
                        added.push((other.clone(), value.clone()));
                    }
                }
            }
            if added.is_empty() {
                return;
            }
            self.predicates.extend(
                added.iter().map(|(column, value)| {
                    Expr::equal(Expr::Column(column.clone()), value.clone())
                }),
            );
            known.extend(added);
        }
    }
}

fn is_inner(node: &Node) -> bool {
    match node {
        Node::Join(join) => join.kind == JoinKind::Inner,
        Node::Filter { input, .. } => is_inner(input),
        _ => false,
    }
}

/// Two columns of one type that have to be equal.
fn equal_columns(predicate: &Expr) -> Option<(&ColumnRef, &ColumnRef)> {
    let Expr::Compare { op: Comparison::Equal, left, right } = predicate else { return None };
    match (&**left, &**right) {
        (Expr::Column(left), Expr::Column(right)) if left.ty == right.ty && !left.ty.is_float() => {
            Some((left, right))
        }
        _ => None,
    }
}

/// What is joined so far.
struct Joined {
    operator: Operator,
    /// Which part of the region stands at each place.
    places: Vec<usize>,
}

impl Joined {
    fn place(&self, part: usize) -> Option<usize> {
        self.places.iter().position(|known| *known == part)
    }

    fn has_all(&self, predicate: &Expr, more: &Candidate) -> bool {
        let mut all = true;
        predicate.columns(&mut |column| {
            all &= more.has(column.part) || self.place(column.part).is_some();
        });
        all
    }
}

/// An input that is planned and not joined yet.
struct Candidate {
    operator: Operator,
    first: usize,
    parts: usize,
}

impl Candidate {
    fn has(&self, part: usize) -> bool {
        (self.first..self.first + self.parts).contains(&part)
    }

    fn places(&self) -> Vec<usize> {
        (self.first..self.first + self.parts).collect()
    }
}

impl Planner<'_> {
    /// A tree of inner joins below these predicates.
    pub(super) fn region(&self, node: Node, predicates: Vec<Expr>, wanted: &[SortKey]) -> Planned {
        let total = node.parts();
        let mut region = Region { predicates, ..Region::default() };
        region.collect(node, 0);
        region.add_constants();
        let Region { inputs, mut predicates } = region;
        if predicates.iter().any(super::is_never_true) {
            return Planned { operator: Operator::Nothing, order: Order::All };
        }
        let mut candidates = Vec::with_capacity(inputs.len());
        let mut driver = None;
        for Input { node, first, parts } in inputs {
            let end = first + parts;
            let is_own = |predicate: &Expr| {
                let looks_at = Parts::of(predicate);
                // What looks at nothing is asked first.
                looks_at.is_within(first, end) || (looks_at.is_empty() && first == 0)
            };
            let (own, others): (Vec<Expr>, Vec<Expr>) = predicates.into_iter().partition(is_own);
            predicates = others;
            let local = |expr: Expr| expr.map_parts(&|part| part - first);
            let node = node.filtered(own.into_iter().map(local).collect());
            let (wanted, at_best) = of_parts(wanted, first, end);
            let Planned { operator, order } = self.plan_ordered(node, &wanted);
            if order.min(at_best) != Order::None {
                driver = Some(Driver { number: candidates.len(), order: order.min(at_best) });
            }
            candidates.push(Candidate { operator, first, parts });
        }
        let Some((joined, order)) = put_together(candidates, driver, predicates) else {
            return Planned { operator: Operator::Nothing, order: Order::All };
        };
        let parts: Vec<usize> =
            (0..total).map(|part| joined.place(part).expect("every part is joined")).collect();
        let is_arranged = parts.iter().enumerate().all(|(place, part)| place == *part);
        let operator = match is_arranged {
            true => joined.operator,
            false => Operator::Arrange { input: Arc::new(joined.operator), parts },
        };
        Planned { operator, order }
    }
}

/// The input whose order may be that of the whole.
struct Driver {
    /// Its place among the candidates.
    number: usize,
    order: Order,
}

/// How much larger than the smallest an input may be that begins because it gives the wanted order.
const ORDERED_FACTOR: f64 = 30.0;

/// Joins all inputs. In which order they come; `None` when one of them is empty.
fn put_together(
    mut candidates: Vec<Candidate>,
    driver: Option<Driver>,
    mut predicates: Vec<Expr>,
) -> Option<(Joined, Order)> {
    if candidates.iter().any(|input| matches!(input.operator, Operator::Nothing)) {
        return None;
    }
    let rows = |candidate: &Candidate| candidate.operator.estimated_rows();
    let smallest = first_least(&candidates, rows);
    let driver = driver.filter(|driver| {
        rows(&candidates[driver.number]) <= ORDERED_FACTOR * rows(&candidates[smallest])
    });
    let first = candidates.remove(driver.as_ref().map_or(smallest, |driver| driver.number));
    let mut joined = Joined { places: first.places(), operator: first.operator };
    while !candidates.is_empty() {
        let tied: Vec<bool> = candidates
            .iter()
            .map(|candidate| predicates.iter().any(|p| ties(p, &joined, candidate)))
            .collect();
        let any_tied = tied.contains(&true);
        let mut best: Option<(usize, f64)> = None;
        for (at, candidate) in candidates.iter().enumerate() {
            if any_tied && !tied[at] {
                continue;
            }
            if best.is_none_or(|(_, rows)| candidate.operator.estimated_rows() < rows) {
                best = Some((at, candidate.operator.estimated_rows()));
            }
        }
        let next = candidates.remove(best.map_or(0, |(at, _)| at));
        let (ready, others) =
            predicates.into_iter().partition(|predicate| joined.has_all(predicate, &next));
        predicates = others;
        joined = join_next(joined, next, ready, driver.is_some());
    }
    assert!(predicates.is_empty(), "every predicate looks at parts of the region");
    Some((joined, driver.map_or(Order::None, |driver| driver.order)))
}

fn first_least(candidates: &[Candidate], rows: impl Fn(&Candidate) -> f64) -> usize {
    let mut least = 0;
    for (at, candidate) in candidates.iter().enumerate() {
        if rows(candidate) < rows(&candidates[least]) {
            least = at;
        }
    }
    least
}

/// Whether a predicate is an equality between what is joined and an input.
fn ties(predicate: &Expr, joined: &Joined, candidate: &Candidate) -> bool {
    let (Expr::Compare { op: Comparison::Equal, left, right }
    | Expr::IsDistinct { left, right, negated: true }) = predicate
    else {
        return false;
    };
    let is_joined = |expr: &Expr| {
        let mut all = !expr.is_constant();
        expr.columns(&mut |column| all &= joined.place(column.part).is_some());
        all
    };
    let is_new = |expr: &Expr| {
        let mut all = !expr.is_constant();
        expr.columns(&mut |column| all &= candidate.has(column.part));
        all
    };
    (is_joined(left) && is_new(right)) || (is_joined(right) && is_new(left))
}

fn join_next(left: Joined, right: Candidate, on: Vec<Expr>, keeps_order: bool) -> Joined {
    let right = Joined { places: right.places(), operator: right.operator };
    let way = conditions(&left, &right, &on);
    let is_smaller = left.operator.estimated_rows() < right.operator.estimated_rows();
    let is_looked_up = is_probed(&left.operator, &right.operator, &way);
    // A hash table is made of the smaller side.
    if is_smaller && !keeps_order && !is_looked_up && !way.keys.is_empty() {
        let way = conditions(&right, &left, &on);
        return side_by_side(right, left, way);
    }
    side_by_side(left, right, way)
}

/// What two inputs are joined on, over the parts as they will stand.
fn conditions(left: &Joined, right: &Joined, on: &[Expr]) -> Conditions {
    let places: Vec<usize> = left.places.iter().chain(&right.places).copied().collect();
    let place = |part| {
        let place = places.iter().position(|known| *known == part);
        place.expect("a condition is applied when all that it looks at is joined")
    };
    let moved = on.iter().map(|predicate| predicate.clone().map_parts(&place));
    Conditions::of(moved.collect(), JoinKind::Inner, left.places.len())
}

fn side_by_side(left: Joined, right: Joined, way: Conditions) -> Joined {
    let parts = (left.places.len(), right.places.len());
    let operator = joined(JoinKind::Inner, left.operator, right.operator, parts, way);
    let places = left.places.into_iter().chain(right.places).collect();
    Joined { operator, places }
}
