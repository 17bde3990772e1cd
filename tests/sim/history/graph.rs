//! Which operation comes before which other, and why; and the shortest way round, if there is one.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use cosmictron_types::TxId;

use super::version::Versions;
use super::{Fate, Operation};

/// Why one operation comes before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Of two values that follow each other in a list it has appended the first.
    WriteWrite { list: u64, first: u64, second: u64 },
    /// It has appended the last value that the other one has read.
    WriteRead { list: u64, value: u64 },
    /// It has read a list without the value that the other one has appended.
    ReadWrite { list: u64, value: u64 },
    /// It has the smaller number.
    Number,
    /// It was answered before the other one was asked for.
    Time,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    to: usize,
    reason: Reason,
}

/// The operations by their places.
pub(super) struct Graph {
    edges: Vec<Vec<Edge>>,
}

/// Operations each of which comes before the next, and the last one before the first.
#[derive(Debug)]
pub struct Cycle {
    pub(super) class: Class,
    pub(super) steps: Vec<(usize, Reason)>,
}

/// What kind of cycle it is, by Adya's names: the weakest set of edges that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) kind: Kind,
    pub(super) order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of `ww` edges.
    G0,
    /// Of `ww` and `wr` edges.
    G1c,
    /// With one `rw` edge.
    GSingle,
    /// With several.
    G2,
}

/// The edges that a cycle needs beside those that follow from what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    None,
    Numbers,
    /// And perhaps of numbers.
    Time,
}

impl Graph {
    pub(super) fn new(operations: &[Operation], versions: &Versions) -> Self {
        let mut graph = Self { edges: vec![Vec::new(); operations.len()] };
        graph.add_versions(versions);
        graph.add_reads(operations, versions);
        graph.add_numbers(operations);
        graph.add_time(operations);
        graph
    }

    /// How many edges follow from what was read.
    pub(super) fn dependencies(&self) -> usize {
        self.edges.iter().flatten().filter(|edge| edge.reason.is_dependency()).count()
    }

    fn add(&mut self, from: usize, to: usize, reason: Reason) {
        if from != to {
            self.edges[from].push(Edge { to, reason });
        }
    }

    fn add_versions(&mut self, versions: &Versions) {
        for list in versions.lists() {
            let order = versions.order(list);
            let follow = order.windows(2).map(|pair| (pair[0], pair[1]));
            let last = order.last().into_iter();
            let unread =
                last.flat_map(|last| versions.unread(list).iter().map(|value| (*last, *value)));
            for (first, second) in follow.chain(unread) {
                let (from, to) = (versions.writer(list, first), versions.writer(list, second));
                self.add(from, to, Reason::WriteWrite { list, first, second });
            }
        }
    }

    fn add_reads(&mut self, operations: &[Operation], versions: &Versions) {
        for (reader, operation) in operations.iter().enumerate() {
            for (list, values) in operation.reads() {
                let writer = |value: &u64| versions.writer(list, *value);
                if let Some(&value) = values.iter().rfind(|value| writer(value) != reader) {
                    self.add(writer(&value), reader, Reason::WriteRead { list, value });
                }
                let missing = match versions.order(list).get(values.len()) {
                    Some(next) => std::slice::from_ref(next),
                    None => versions.unread(list),
                };
                for &value in missing {
                    self.add(reader, writer(&value), Reason::ReadWrite { list, value });
                }
            }
        }
    }

    /// Transactions one after the other, and what was read as of one between it and the next.
    fn add_numbers(&mut self, operations: &[Operation]) {
        let mut chain: BTreeMap<(TxId, bool), Vec<usize>> = BTreeMap::new();
        for (at, operation) in operations.iter().enumerate() {
            match operation.fate {
                Fate::Transaction(tx) => chain.entry((tx, false)).or_default().push(at),
                Fate::AsOf(tx) => chain.entry((tx, true)).or_default().push(at),
                Fate::Live(_) | Fate::Done | Fate::Unknown | Fate::Refused => {}
            }
        }
        // Reads as of the same transaction are one link: they have no order among themselves.
        let links: Vec<&Vec<usize>> = chain.values().collect();
        for pair in links.windows(2) {
            for &from in pair[0] {
                pair[1].iter().for_each(|&to| self.add(from, to, Reason::Number));
            }
        }
        for (at, operation) in operations.iter().enumerate() {
            let Fate::Live(tx) = operation.fate else { continue };
            let last = chain.range(..=(tx, false)).next_back();
            for &from in last.map_or(&[][..], |(_, last)| last) {
                self.add(from, at, Reason::Number);
            }
        }
    }

    /// Edges to what was asked for from what was over; those that follow from others are left out.
    fn add_time(&mut self, operations: &[Operation]) {
        let counts = |at: &usize| {
            let is_past = matches!(operations[*at].fate, Fate::AsOf(_));
            !is_past && operations[*at].fate != Fate::Refused
        };
        let mut asked: Vec<usize> = (0..operations.len()).filter(counts).collect();
        let ended = |at: &usize| operations[*at].answered;
        let mut answered = asked.clone();
        answered.retain(|at| ended(at).is_some());
        asked.sort_by_key(|at| operations[*at].asked);
        answered.sort_by_key(ended);
        let mut over = answered.into_iter().peekable();
        // What was over, and was not before something else that was over had been asked for.
        let mut frontier: Vec<usize> = Vec::new();
        for to in asked {
            let begins = operations[to].asked;
            while let Some(next) = over.next_if(|at| ended(at).is_some_and(|end| end < begins)) {
                let began = operations[next].asked;
                frontier.retain(|at| ended(at).is_some_and(|end| began <= end));
                frontier.push(next);
            }
            frontier.iter().for_each(|&from| self.add(from, to, Reason::Time));
        }
    }

    /// A cycle of the worst kind that there is, and of those the shortest.
    pub(super) fn find_cycle(&self) -> Option<Cycle> {
        let suspects = self.suspects();
        if suspects.iter().all(|is_suspect| !is_suspect) {
            return None;
        }
        for order in [Order::None, Order::Numbers, Order::Time] {
            for kind in [Kind::G0, Kind::G1c, Kind::GSingle, Kind::G2] {
                let class = Class { kind, order };
                if let Some(steps) = self.shortest(class, &suspects) {
                    return Some(Cycle { class, steps });
                }
            }
        }
        unreachable!("the last class has all edges")
    }

    /// What is on a cycle, or between two: whatever has nothing before it or nothing behind it is taken away, again and again.
    fn suspects(&self) -> Vec<bool> {
        let forward: Vec<Vec<usize>> =
            self.edges.iter().map(|edges| edges.iter().map(|edge| edge.to).collect()).collect();
        let mut backward = vec![Vec::new(); forward.len()];
        for (from, to) in
            forward.iter().enumerate().flat_map(|(at, to)| to.iter().map(move |to| (at, *to)))
        {
            backward[to].push(from);
        }
        let mut is_suspect = vec![true; forward.len()];
        for (edges, against) in [(&forward, &backward), (&backward, &forward)] {
            let mut missing: Vec<usize> = (0..edges.len())
                .map(|at| against[at].iter().filter(|from| is_suspect[**from]).count())
                .collect();
            let mut free: Vec<usize> =
                (0..edges.len()).filter(|at| is_suspect[*at] && missing[*at] == 0).collect();
            while let Some(at) = free.pop() {
                is_suspect[at] = false;
                for &to in edges[at].iter().filter(|to| is_suspect[**to]) {
                    missing[to] -= 1;
                    if missing[to] == 0 {
                        free.push(to);
                    }
                }
            }
        }
        is_suspect
    }

    /// The shortest cycle of a class, by the edges that it allows.
    fn shortest(&self, class: Class, suspects: &[bool]) -> Option<Vec<(usize, Reason)>> {
        let places = (0..self.edges.len()).filter(|at| suspects[*at]);
        // A cycle with one `rw` edge begins with that.
        let begins = |edge: &Edge| match class.kind {
            Kind::GSingle => matches!(edge.reason, Reason::ReadWrite { .. }),
            Kind::G0 | Kind::G1c | Kind::G2 => class.allows(edge.reason),
        };
        let edges = places.flat_map(|from| self.edges[from].iter().map(move |edge| (from, *edge)));
        let cycles = edges.filter(|(_, edge)| begins(edge)).filter_map(|(from, edge)| {
            let mut steps = vec![(from, edge.reason)];
            steps.extend(self.way(edge.to, from, class, suspects)?);
            Some(steps)
        });
        cycles.min_by_key(Vec::len)
    }

    /// The shortest way by allowed edges, without its end.
    fn way(
        &self,
        from: usize,
        to: usize,
        class: Class,
        suspects: &[bool],
    ) -> Option<Vec<(usize, Reason)>> {
        let mut reached: BTreeMap<usize, (usize, Reason)> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(at) = next.pop_front().filter(|at| *at != to) {
            for edge in self.edges[at].iter().filter(|edge| class.allows(edge.reason)) {
                if edge.to != from && suspects[edge.to] && !reached.contains_key(&edge.to) {
                    reached.insert(edge.to, (at, edge.reason));
                    next.push_back(edge.to);
                }
            }
        }
        let (mut steps, mut at) = (Vec::new(), to);
        while at != from {
            let (before, reason) = *reached.get(&at)?;
            steps.push((before, reason));
            at = before;
        }
        steps.reverse();
        Some(steps)
    }
}

impl Reason {
    fn is_dependency(self) -> bool {
        !matches!(self, Reason::Number | Reason::Time)
    }
}

impl Class {
    /// Whether a cycle of the class may have such an edge; the one `rw` edge of G-single aside.
    fn allows(self, reason: Reason) -> bool {
        match reason {
            Reason::WriteWrite { .. } => true,
            Reason::WriteRead { .. } => self.kind != Kind::G0,
            Reason::ReadWrite { .. } => self.kind == Kind::G2,
            Reason::Number => self.order != Order::None,
            Reason::Time => self.order == Order::Time,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::G0 => "G0",
            Kind::G1c => "G1c",
            Kind::GSingle => "G-single",
            Kind::G2 => "G2",
        })?;
        f.write_str(match self.order {
            Order::None => "",
            Order::Numbers => ", by the order of the tx_ids",
            Order::Time => ", by real time",
        })
    }
}
