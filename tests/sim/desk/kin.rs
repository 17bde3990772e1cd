//! Parents, and children on other shards: `tests/modules/wat/desk/kin.wat`.

use std::collections::BTreeMap;

use super::place;
use super::workload::{Errand, Index, Model, Reducer, Table, taken};
use crate::dice::Dice;

/// So few that they come and go while children are born.
const PARENTS: u64 = 4;
pub static TABLES: [Table; 2] = [
    Table {
        name: "parent",
        columns: &["id", "mark"],
        shard_by: "id",
        is_numbered: false,
        refers: None,
        indexes: &[Index::Primary],
    },
    Table {
        name: "child",
        columns: &["id", "room", "parent", "mark"],
        shard_by: "room",
        is_numbered: true,
        refers: Some(("parent", "parent")),
        indexes: &[Index::Primary, Index::Of(&["parent"])],
    },
];

pub static REDUCERS: [Reducer; 5] = [
    Reducer { name: "raise", params: &["parent"], shard_by: &["parent"] },
    Reducer { name: "fell", params: &["parent"], shard_by: &["parent"] },
    Reducer { name: "bear", params: &["parent", "room"], shard_by: &["room", "parent"] },
    Reducer { name: "bury", params: &["parent"], shard_by: &["parent"] },
    Reducer { name: "move", params: &["child", "parent"], shard_by: &["parent"] },
];

/// `seen` are numbers that calls told first; some are children's.
pub fn draw(dice: &mut Dice, seen: &[u64]) -> Errand {
    let parent = |dice: &mut Dice| 1 + dice.roll(PARENTS);
    match dice.roll(10) {
        0 | 1 => Errand::new("raise", [parent(dice)]),
        2..=4 => Errand::new("fell", [parent(dice)]),
        5..=7 => Errand::new("bear", [parent(dice), place::draw(dice)]),
        8 => Errand::new("bury", [parent(dice)]),
        _ => {
            let child = dice.pick(seen).copied().unwrap_or(1);
            Errand::new("move", [child, parent(dice)])
        }
    }
}

#[derive(Default)]
pub struct Kin {
    /// Their marks.
    parents: BTreeMap<u64, u64>,
    children: BTreeMap<u64, Child>,
}

struct Child {
    room: u64,
    parent: u64,
    mark: u64,
}

impl Kin {
    fn children_of(&self, parent: u64) -> u64 {
        self.children.values().filter(|child| child.parent == parent).count() as u64
    }
}

impl Model for Kin {
    fn refusal(&self, errand: &Errand) -> Option<String> {
        let is_there = |parent: &u64| self.parents.contains_key(parent);
        let orphan =
            "column parent of table child refers to a row of table parent that does not exist";
        match (errand.reducer, &errand.numbers[..]) {
            ("raise", [parent]) => is_there(parent).then(|| taken("parent", "id")),
            ("fell", [parent]) => (self.children_of(*parent) > 0).then(|| {
                "row of table parent is referred to by column parent of table child".to_owned()
            }),
            ("bear", [parent, _]) => (!is_there(parent)).then(|| orphan.to_owned()),
            ("move", [child, parent]) => {
                let is_orphan = self.children.contains_key(child) && !is_there(parent);
                is_orphan.then(|| orphan.to_owned())
            }
            _ => None,
        }
    }

    fn expected(&self, errand: &Errand) -> [Option<u64>; 2] {
        let first = match (errand.reducer, &errand.numbers[..]) {
            ("raise", _) => Some(0),
            ("fell", [parent]) => Some(self.parents.contains_key(parent).into()),
            ("bury", [parent]) => Some(self.children_of(*parent)),
            ("move", [child, _]) => Some(self.children.contains_key(child).into()),
            _ => None,
        };
        [first, Some(0)]
    }

    fn apply(&mut self, mark: u64, errand: &Errand, told: [u64; 2]) {
        match (errand.reducer, &errand.numbers[..]) {
            ("raise", [parent]) => drop(self.parents.insert(*parent, mark)),
            ("fell", [parent]) => drop(self.parents.remove(parent)),
            ("bear", &[parent, room]) => {
                let other = self.children.insert(told[0], Child { room, parent, mark });
                assert!(other.is_none(), "two children have the number {}", told[0]);
            }
            ("bury", [parent]) => self.children.retain(|_, child| child.parent != *parent),
            ("move", [child, parent]) => {
                if let Some(child) = self.children.get_mut(child) {
                    child.parent = *parent;
                }
            }
            _ => unreachable!("{errand:?} is not asked of kin"),
        }
    }

    fn rows(&self, table: &Table) -> Vec<Vec<u64>> {
        match table.name {
            "parent" => self.parents.iter().map(|(id, mark)| vec![*id, *mark]).collect(),
            _ => {
                let row =
                    |(id, child): (&u64, &Child)| vec![*id, child.room, child.parent, child.mark];
                self.children.iter().map(row).collect()
            }
        }
    }
}
