//! What there is of workloads: their tables, their calls, and what these come to.

use super::{kin, lists, names, tickets};
use crate::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Appends to several lists at once, and reads of them.
    Lists,
    /// Labels that are claimed, released and changed, by a unique index.
    Names,
    /// Parents and children on other shards, by a foreign key.
    Kin,
    /// Numbers by `auto_inc`.
    Tickets,
}

/// A table. All of its columns are of eight bytes.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    /// The column that places a row where the desk is spread.
    pub shard_by: &'static str,
    /// The first column is numbered by the server.
    pub is_numbered: bool,
    /// The column that refers to a row of another table, and that table: to its first column.
    pub refers: Option<(&'static str, &'static str)>,
    pub indexes: &'static [Index],
}

/// An index, in the order of their numbers.
pub enum Index {
    /// Of the first column.
    Primary,
    Unique(&'static str),
    Of(&'static [&'static str]),
}

/// What a desk can be asked for. Parameters are numbers, after the caller's mark.
pub struct Reducer {
    pub name: &'static str,
    pub params: &'static [&'static str],
    /// Those that name its shards, where calls are routed.
    pub shard_by: &'static [&'static str],
}

/// A call of a reducer, without its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    pub reducer: &'static str,
    pub numbers: Vec<u64>,
}

/// Every desk has it; a deed is where its call began.
pub static DEED: Table = Table {
    name: "deed",
    columns: &["id", "mark", "tx", "first", "second"],
    shard_by: "id",
    is_numbered: true,
    refers: None,
    indexes: &[Index::Primary],
};

/// A desk whose calls run one after the other.
pub trait Model {
    /// The text with which a call would be refused.
    fn refusal(&self, errand: &Errand) -> Option<String>;

    /// What a call tells first, when it is not refused; `None` for a number that the server chooses.
    fn expected(&self, errand: &Errand) -> [Option<u64>; 2];

    /// Does a call, which has told that first. Panics when it cannot have.
    fn apply(&mut self, mark: u64, errand: &Errand, told: [u64; 2]);

    /// The rows of a table, in no order.
    fn rows(&self, table: &Table) -> Vec<Vec<u64>>;
}

impl Workload {
    pub const ALL: [Workload; 4] =
        [Workload::Lists, Workload::Names, Workload::Kin, Workload::Tickets];

    pub fn name(self) -> &'static str {
        match self {
            Workload::Lists => "lists",
            Workload::Names => "names",
            Workload::Kin => "kin",
            Workload::Tickets => "tickets",
        }
    }

    /// The deeds apart.
    pub fn tables(self) -> &'static [Table] {
        match self {
            Workload::Lists => &lists::TABLES,
            Workload::Names => &names::TABLES,
            Workload::Kin => &kin::TABLES,
            Workload::Tickets => &tickets::TABLES,
        }
    }

    pub fn reducers(self) -> &'static [Reducer] {
        match self {
            Workload::Lists => &lists::REDUCERS,
            Workload::Names => &names::REDUCERS,
            Workload::Kin => &kin::REDUCERS,
            Workload::Tickets => &tickets::REDUCERS,
        }
    }

    /// What its reducers do, in the text form of WebAssembly, without what all desks have.
    pub fn code(self) -> &'static str {
        match self {
            Workload::Lists => include_str!("../../modules/wat/desk/lists.wat"),
            Workload::Names => include_str!("../../modules/wat/desk/names.wat"),
            Workload::Kin => include_str!("../../modules/wat/desk/kin.wat"),
            Workload::Tickets => include_str!("../../modules/wat/desk/tickets.wat"),
        }
    }

    pub fn model(self) -> Box<dyn Model> {
        match self {
            Workload::Lists => Box::new(lists::Lists::default()),
            Workload::Names => Box::new(names::Names::default()),
            Workload::Kin => Box::new(kin::Kin::default()),
            Workload::Tickets => Box::new(tickets::Tickets::default()),
        }
    }

    /// Something to ask for; `seen` are numbers that the desk has told first.
    pub fn draw(self, dice: &mut Dice, seen: &[u64]) -> Errand {
        match self {
            Workload::Lists => lists::draw(dice),
            Workload::Names => names::draw(dice),
            Workload::Kin => kin::draw(dice, seen),
            Workload::Tickets => tickets::draw(dice, seen),
        }
    }
}

impl Table {
    /// The place of the column that places a row.
    pub fn placing(&self) -> usize {
        let found = self.columns.iter().position(|column| *column == self.shard_by);
        found.expect("a table is spread by one of its columns")
    }
}

impl Errand {
    pub fn new(reducer: &'static str, numbers: impl IntoIterator<Item = u64>) -> Self {
        Self { reducer, numbers: numbers.into_iter().collect() }
    }
}

/// The text of a refusal for want of uniqueness.
pub(super) fn taken(table: &str, index: &str) -> String {
    format!("table {table} has a row with the same {index} already")
}
