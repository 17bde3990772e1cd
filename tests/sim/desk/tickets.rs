//! Numbers that are given out once: `tests/modules/wat/desk/tickets.wat`.

use std::collections::{BTreeMap, BTreeSet};

use super::place;
use super::workload::{Errand, Index, Model, Reducer, Table};
use crate::dice::Dice;

pub static TABLES: [Table; 2] = [
    Table {
        name: "ticket",
        columns: &["id", "holder", "mark"],
        shard_by: "holder",
        is_numbered: true,
        refers: None,
        indexes: &[Index::Primary],
    },
    Table {
        name: "stub",
        columns: &["id", "mark"],
        shard_by: "id",
        is_numbered: true,
        refers: None,
        indexes: &[Index::Primary],
    },
];

pub static REDUCERS: [Reducer; 3] = [
    Reducer { name: "draw", params: &["holder"], shard_by: &["holder"] },
    Reducer { name: "waste", params: &["holder"], shard_by: &["holder"] },
    Reducer { name: "tear", params: &["ticket"], shard_by: &["ticket"] },
];

/// `seen` are numbers that calls told first; most are tickets'.
pub fn draw(dice: &mut Dice, seen: &[u64]) -> Errand {
    match (dice.roll(8), dice.pick(seen)) {
        (0..=3, _) | (_, None) => Errand::new("draw", [place::draw(dice)]),
        (4 | 5, _) => Errand::new("waste", [place::draw(dice)]),
        (_, Some(ticket)) => Errand::new("tear", [*ticket]),
    }
}

#[derive(Default)]
pub struct Tickets {
    /// Holders and marks.
    tickets: BTreeMap<u64, (u64, u64)>,
    /// Marks.
    stubs: BTreeMap<u64, u64>,
    /// Every number that there ever was.
    ticket_numbers: BTreeSet<u64>,
    stub_numbers: BTreeSet<u64>,
}

impl Model for Tickets {
    fn refusal(&self, _errand: &Errand) -> Option<String> {
        None
    }

    fn expected(&self, errand: &Errand) -> [Option<u64>; 2] {
        match (errand.reducer, &errand.numbers[..]) {
            ("tear", [ticket]) => [Some(self.tickets.contains_key(ticket).into()), Some(0)],
            _ => [None, None],
        }
    }

    fn apply(&mut self, mark: u64, errand: &Errand, [ticket, stub]: [u64; 2]) {
        if let ("tear", [ticket]) = (errand.reducer, &errand.numbers[..]) {
            self.tickets.remove(ticket);
            return;
        }
        assert!(self.ticket_numbers.insert(ticket), "ticket {ticket} is given to {mark} as well");
        assert!(self.stub_numbers.insert(stub), "stub {stub} is given to {mark} as well");
        if errand.reducer == "draw" {
            self.tickets.insert(ticket, (errand.numbers[0], mark));
            self.stubs.insert(stub, mark);
        }
    }

    fn rows(&self, table: &Table) -> Vec<Vec<u64>> {
        match table.name {
            "ticket" => {
                let row = |(id, (holder, mark)): (&u64, &(u64, u64))| vec![*id, *holder, *mark];
                self.tickets.iter().map(row).collect()
            }
            _ => self.stubs.iter().map(|(id, mark)| vec![*id, *mark]).collect(),
        }
    }
}
