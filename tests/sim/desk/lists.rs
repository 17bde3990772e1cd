//! Lists: `tests/modules/wat/desk/lists.wat`. What reads of them show is a [`history`](crate::history) as well.

use std::collections::BTreeMap;

use super::workload::{Errand, Index, Model, Reducer, Table};
use crate::dice::Dice;
use crate::history::Step;

/// Lists that there are: 1 to this.
pub const LISTS: u64 = 6;
/// Bits of `kinds`, behind those of the steps: the call is refused in the end, or breaks.
const REFUSED: u64 = 8;
const BROKEN: u64 = 16;

pub static TABLES: [Table; 2] = [
    Table {
        name: "list",
        columns: &["key", "length"],
        shard_by: "key",
        is_numbered: false,
        refers: None,
        indexes: &[Index::Primary],
    },
    Table {
        name: "item",
        columns: &["key", "place", "value"],
        shard_by: "key",
        is_numbered: false,
        refers: None,
        indexes: &[Index::Of(&["key", "place"])],
    },
];

pub static REDUCERS: [Reducer; 1] = [Reducer {
    name: "touch",
    params: &["kinds", "first", "second", "third"],
    shard_by: &["first", "second", "third"],
}];

pub fn draw(dice: &mut Dice) -> Errand {
    let ending = match dice.roll(12) {
        0 => REFUSED,
        1 => BROKEN,
        _ => 0,
    };
    let kinds = dice.roll(8) | ending;
    let mut list = || if dice.one_in(4) { 0 } else { 1 + dice.roll(LISTS) };
    Errand::new("touch", [kinds, list(), list(), list()])
}

/// What a call does, by its numbers. What it reads comes from what it told; without that, reads are left out.
pub fn steps(mark: u64, errand: &Errand, told: Option<&[u64]>) -> Vec<Step> {
    let mut told = told.map(|numbers| numbers.iter().copied());
    let mut steps = Vec::new();
    for (list, value) in touched(mark, errand) {
        match (value, &mut told) {
            (Some(value), _) => steps.push(Step::Append { list, value }),
            (None, Some(numbers)) => {
                let count = numbers.next().expect("a read tells how many it read");
                let values = numbers.take(usize::try_from(count).unwrap()).collect();
                steps.push(Step::Read { list, values });
            }
            (None, None) => {}
        }
    }
    steps
}

/// The lists of a call's steps, with the value where one is appended.
pub fn touched(mark: u64, errand: &Errand) -> impl Iterator<Item = (u64, Option<u64>)> {
    let kinds = errand.numbers[0];
    let steps = errand.numbers[1..].iter().copied().enumerate().filter(|(_, list)| *list != 0);
    steps.map(move |(step, list)| {
        let appends = (kinds >> step) & 1 == 1;
        (list, appends.then_some(4 * mark + step as u64))
    })
}

#[derive(Default)]
pub struct Lists {
    lists: BTreeMap<u64, Vec<u64>>,
}

impl Model for Lists {
    fn refusal(&self, errand: &Errand) -> Option<String> {
        match errand.numbers[0] {
            kinds if kinds & REFUSED != 0 => Some("the caller has thought better of it".to_owned()),
            kinds if kinds & BROKEN != 0 => Some("trapped".to_owned()),
            _ => None,
        }
    }

    /// What the first read shows, if the first step that counts is one; that of the others depends on it.
    fn expected(&self, errand: &Errand) -> [Option<u64>; 2] {
        let Some((list, _)) = touched(0, errand).find(|(_, value)| value.is_none()) else {
            return [Some(0); 2];
        };
        let is_own = |(other, value): (u64, Option<u64>)| other == list && value.is_some();
        if touched(0, errand).any(is_own) {
            return [None; 2]; // How many of its own it sees is for the history to say.
        }
        let values = self.lists.get(&list).map_or(&[][..], Vec::as_slice);
        [Some(values.len() as u64), values.first().copied()]
    }

    fn apply(&mut self, mark: u64, errand: &Errand, _told: [u64; 2]) {
        for (list, value) in touched(mark, errand) {
            self.lists.entry(list).or_default().extend(value);
        }
    }

    fn rows(&self, table: &Table) -> Vec<Vec<u64>> {
        let there = self.lists.iter().filter(|(_, values)| !values.is_empty());
        match table.name {
            "list" => there.map(|(list, values)| vec![*list, values.len() as u64]).collect(),
            _ => there
                .flat_map(|(list, values)| {
                    values.iter().enumerate().map(|(at, value)| vec![*list, at as u64, *value])
                })
                .collect(),
        }
    }
}
