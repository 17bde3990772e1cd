//! Writes the module of a desk: what all have, what its workload does, and the descriptions that say where its rows are.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Value, json};

use super::workload::{DEED, Index, Reducer, Table, Workload};

/// Where descriptions begin in a module's memory, and where they have to end.
const DESCRIPTIONS: usize = 32 << 10;
const DESCRIPTIONS_END: usize = 64 << 10;

/// Where a call of a desk starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At home, where all rows are.
    AtHome,
    /// At home; the rows are spread.
    Spread,
    /// On the shard that the first of its routing parameters names.
    Routed,
    /// There, and it says that it wants the stores that the others name.
    RoutedByAll,
}

/// The versions of a desk, of which one can follow the other: for each way to route its calls one that has a table more, and
/// one without.
pub fn sources(workload: Workload, is_spread: bool) -> Vec<String> {
    let kinds = match is_spread {
        false => &[Kind::AtHome][..],
        true => &[Kind::Spread, Kind::Routed, Kind::RoutedByAll],
    };
    let note = json!({"table": {
        "name": "note",
        "columns": [{"name": "id", "type": "u64"}],
        "indexes": [{"name": "id", "columns": ["id"], "primary": true}],
    }});
    let versions = |kind: &Kind| {
        let plain = descriptions(workload, *kind);
        let noted = plain.iter().chain([&note]).cloned().collect();
        [plain, noted].map(|descriptions: Vec<Value>| text(workload, &descriptions))
    };
    let mut sources: Vec<String> = kinds.iter().flat_map(versions).collect();
    // Where one parameter names all the shards there are, the last two kinds are the same.
    let mut seen = BTreeSet::new();
    sources.retain(|source| seen.insert(source.clone()));
    sources
}

fn descriptions(workload: Workload, kind: Kind) -> Vec<Value> {
    let tables = workload.tables().iter().chain([&DEED]).map(|table| describe_table(table, kind));
    let reducers = workload.reducers().iter().map(|reducer| describe_reducer(reducer, kind));
    tables.chain(reducers).collect()
}

fn describe_table(table: &Table, kind: Kind) -> Value {
    let column = |(at, name): (usize, &&str)| {
        let mut column = json!({"name": name, "type": "u64"});
        if at == 0 && table.is_numbered {
            column["auto_inc"] = json!(true);
        }
        if let Some((_, target)) = table.refers.filter(|(column, _)| column == name) {
            column["foreign_key"] = json!({"table": target, "column": "id"});
        }
        column
    };
    let index = |index: &Index| match index {
        Index::Primary => {
            let first = table.columns[0];
            json!({"name": first, "columns": [first], "primary": true})
        }
        Index::Unique(column) => json!({"name": column, "columns": [column], "unique": true}),
        Index::Of(columns) => {
            json!({"name": format!("by_{}", columns.join("_")), "columns": columns})
        }
    };
    let mut described = json!({
        "name": table.name,
        "public": true,
        "columns": table.columns.iter().enumerate().map(column).collect::<Vec<_>>(),
        "indexes": table.indexes.iter().map(index).collect::<Vec<_>>(),
    });
    if kind != Kind::AtHome {
        described["shard_by"] = json!(table.shard_by);
    }
    json!({ "table": described })
}

fn describe_reducer(reducer: &Reducer, kind: Kind) -> Value {
    let params = [&"mark"].into_iter().chain(reducer.params);
    let mut described = json!({
        "name": reducer.name,
        "params": params.map(|name| json!({"name": name, "type": "u64"})).collect::<Vec<_>>(),
        "result": {"list": "u64"},
    });
    match kind {
        Kind::AtHome | Kind::Spread => {}
        Kind::Routed => described["shard_by"] = json!(reducer.shard_by[..1]),
        Kind::RoutedByAll => described["shard_by"] = json!(reducer.shard_by),
    }
    json!({ "reducer": described })
}

fn text(workload: Workload, descriptions: &[Value]) -> String {
    let prelude = include_str!("../../modules/wat/desk/prelude.wat");
    assemble(&format!("{prelude}{}", workload.code()), descriptions)
}

/// A module of some code that describes itself so.
pub fn assemble(code: &str, descriptions: &[Value]) -> String {
    let (mut data, mut calls, mut at) = (String::new(), String::new(), DESCRIPTIONS);
    for description in descriptions {
        let plain = description.to_string();
        let quoted = plain.replace('"', "\\\"");
        let _ = writeln!(data, "(data (i32.const {at}) \"{quoted}\")");
        let _ = write!(calls, "(call $describe (i32.const {at}) (i32.const {}))", plain.len());
        at += plain.len();
    }
    assert!(at <= DESCRIPTIONS_END, "the descriptions take more than there is");
    format!("(module {code}{data}(func (export \"cosm_describe_desk\") {calls}))")
}
