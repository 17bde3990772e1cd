//! Labels of which each can be had once: `tests/modules/wat/desk/names.wat`.

use std::collections::BTreeMap;

use super::place;
use super::workload::{Errand, Index, Model, Reducer, Table, taken};
use crate::dice::Dice;

/// So few that callers race for them.
const LABELS: u64 = 5;
pub static TABLES: [Table; 1] = [Table {
    name: "name",
    columns: &["id", "owner", "label", "mark"],
    shard_by: "owner",
    is_numbered: true,
    refers: None,
    indexes: &[Index::Primary, Index::Unique("label")],
}];

pub static REDUCERS: [Reducer; 3] = [
    Reducer { name: "claim", params: &["label", "owner"], shard_by: &["owner", "label"] },
    Reducer { name: "release", params: &["label"], shard_by: &["label"] },
    Reducer { name: "rename", params: &["label", "other"], shard_by: &["label", "other"] },
];

pub fn draw(dice: &mut Dice) -> Errand {
    let label = |dice: &mut Dice| 1 + dice.roll(LABELS);
    match dice.roll(8) {
        0..=3 => Errand::new("claim", [label(dice), place::draw(dice)]),
        4 | 5 => Errand::new("release", [label(dice)]),
        _ => Errand::new("rename", [label(dice), label(dice)]),
    }
}

/// Rows by label.
#[derive(Default)]
pub struct Names {
    names: BTreeMap<u64, Name>,
}

#[derive(Clone, Copy)]
struct Name {
    id: u64,
    owner: u64,
    mark: u64,
}

impl Names {
    fn mark(&self, label: u64) -> u64 {
        self.names.get(&label).map_or(0, |name| name.mark)
    }
}

impl Model for Names {
    fn refusal(&self, errand: &Errand) -> Option<String> {
        let is_taken = match (errand.reducer, &errand.numbers[..]) {
            ("claim", [label, _]) => self.names.contains_key(label),
            ("rename", [label, other]) => {
                label != other && self.names.contains_key(label) && self.names.contains_key(other)
            }
            _ => false,
        };
        is_taken.then(|| taken("name", "label"))
    }

    fn expected(&self, errand: &Errand) -> [Option<u64>; 2] {
        match errand.reducer {
            "claim" => [None, Some(0)],
            _ => [Some(self.mark(errand.numbers[0])), Some(0)],
        }
    }

    fn apply(&mut self, mark: u64, errand: &Errand, told: [u64; 2]) {
        match (errand.reducer, &errand.numbers[..]) {
            ("claim", &[label, owner]) => {
                self.names.insert(label, Name { id: told[0], owner, mark });
            }
            ("release", [label]) => drop(self.names.remove(label)),
            ("rename", [label, other]) => {
                if let Some(name) = self.names.remove(label) {
                    self.names.insert(*other, name);
                }
            }
            _ => unreachable!("{errand:?} is not asked of names"),
        }
    }

    fn rows(&self, _table: &Table) -> Vec<Vec<u64>> {
        let row = |(label, name): (&u64, &Name)| vec![name.id, name.owner, *label, name.mark];
        self.names.iter().map(row).collect()
    }
}
