//! What a history is drawn from.

use proptest::prelude::*;

/// Columns of a table at most.
pub(super) const VALUES: usize = 6;

/// The tables of one history.
#[derive(Clone, Debug)]
pub(super) struct Choice(Vec<TableChoice>);

#[derive(Clone, Debug)]
struct TableChoice {
    /// Places in [`TYPES`].
    columns: Vec<usize>,
    has_primary: bool,
    is_event: bool,
    /// Columns, by place, and whether the index is unique.
    indexes: Vec<(Vec<usize>, bool)>,
    /// The table that a further column refers to, and whether that column is optional.
    refers: Option<(usize, bool)>,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Insert { table: u8, values: [u8; VALUES] },
    Update { table: u8, values: [u8; VALUES] },
    Delete { table: u8, values: [u8; VALUES], index: u8, columns: u8 },
}

impl Op {
    pub(super) fn table(&self) -> u8 {
        match self {
            Op::Insert { table, .. } | Op::Update { table, .. } | Op::Delete { table, .. } => {
                *table
            }
        }
    }
}

/// As the schema spells them. The first ones can count.
const TYPES: [&str; 12] = [
    r#""u64""#,
    r#""i32""#,
    r#""u8""#,
    r#""i128""#,
    r#""string""#,
    r#""f64""#,
    r#""bytes""#,
    r#""bool""#,
    r#""f32""#,
    r#"{"option":"u64"}"#,
    r#"{"option":"string"}"#,
    r#"{"option":"f64"}"#,
];
const COUNTING: usize = 4;
const OPTIONAL: usize = 9;

pub(super) fn choice() -> impl Strategy<Value = Choice> {
    prop::collection::vec(table(), 1..4).prop_map(Choice)
}

fn table() -> impl Strategy<Value = TableChoice> {
    let index = (prop::collection::vec(0..5usize, 1..4), prop::bool::weighted(0.4));
    (
        prop::collection::vec(0..TYPES.len(), 1..VALUES),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.1),
        prop::collection::vec(index, 0..4),
        prop::option::of((0..3usize, any::<bool>())),
    )
        .prop_map(|(columns, has_primary, is_event, indexes, refers)| TableChoice {
            columns,
            has_primary,
            is_event,
            indexes,
            refers,
        })
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let values = || any::<[u8; VALUES]>();
    prop_oneof![
        5 => (any::<u8>(), values()).prop_map(|(table, values)| Op::Insert { table, values }),
        4 => (any::<u8>(), values()).prop_map(|(table, values)| Op::Update { table, values }),
        2 => (any::<u8>(), values(), any::<u8>(), any::<u8>()).prop_map(
            |(table, values, index, columns)| Op::Delete { table, values, index, columns }
        ),
    ]
}

impl Choice {
    /// The schemas as JSON.
    pub(super) fn tables(&self) -> Vec<String> {
        (0..self.0.len()).map(|at| self.table(at)).collect()
    }

    fn table(&self, at: usize) -> String {
        let table = &self.0[at];
        let mut columns: Vec<String> =
            table.columns.iter().enumerate().map(|(at, ty)| table.column(at, *ty)).collect();
        columns
            .extend(table.refers.and_then(|(target, optional)| self.reference(target, optional)));
        let mut indexes: Vec<String> = Vec::new();
        if table.has_primary() {
            indexes.push(r#"{"name":"primary","columns":["c0"],"primary":true}"#.to_owned());
        }
        for (at, (places, unique)) in table.indexes.iter().enumerate() {
            let mut names: Vec<String> = Vec::new();
            for place in places {
                let name = format!(r#""c{}""#, place % table.columns.len());
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let names = names.join(",");
            indexes.push(format!(r#"{{"name":"i{at}","columns":[{names}],"unique":{unique}}}"#));
        }
        let (event, columns, indexes) = (table.is_event, columns.join(","), indexes.join(","));
        format!(r#"{{"name":"t{at}","event":{event},"columns":[{columns}],"indexes":[{indexes}]}}"#)
    }

    /// A column that refers to the primary key of a table, if that has one.
    fn reference(&self, target: usize, optional: bool) -> Option<String> {
        let target = target % self.0.len();
        let table = self.0[target].has_primary().then_some(&self.0[target])?;
        let ty = TYPES[table.columns[0]];
        let ty = if optional { format!(r#"{{"option":{ty}}}"#) } else { ty.to_owned() };
        Some(format!(
            r#"{{"name":"ref","type":{ty},"foreign_key":{{"table":"t{target}","column":"c0"}}}}"#
        ))
    }
}

impl TableChoice {
    fn has_primary(&self) -> bool {
        self.has_primary && self.columns[0] < OPTIONAL
    }

    fn column(&self, at: usize, ty: usize) -> String {
        let auto_inc = at == 0 && ty < COUNTING && self.has_primary();
        format!(r#"{{"name":"c{at}","type":{},"auto_inc":{auto_inc}}}"#, TYPES[ty])
    }
}
