//! Whether what a module says with `shard_by` can be done: a table's rows are placed by a column, a reducer's calls are
//! routed to where rows are by arguments.

use super::{SchemaError, column_exists, is_integer};
use crate::schema::{ColumnSchema, ReducerKind, ReducerSchema, TableSchema};
use crate::ty::Type;

/// By what the rows of a module are placed.
pub(super) struct Placing<'a> {
    /// Of each type the first column, with its table: by its values rows are placed, or the entries of an index that
    /// keeps it unique over all shards. There are as few as there are types of keys, however many tables.
    columns: Vec<(&'a Type, &'a TableSchema, &'a ColumnSchema)>,
    /// Whether a table's rows are placed by numbers that the server generates. Those stay on the shard where a call
    /// runs, so whatever routes it spreads them.
    generates: bool,
}

impl<'a> Placing<'a> {
    /// Of tables that are checked.
    pub(super) fn of(tables: &'a [TableSchema]) -> Self {
        let mut placing = Self { columns: Vec::new(), generates: false };
        for table in tables {
            let indexed = table.sharded_indexes().filter_map(|index| index.columns.first());
            for name in table.shard_by.iter().chain(indexed) {
                let column = table.columns.iter().find(|column| column.name == *name);
                let column = column.expect("a checked table has the columns that it names");
                placing.generates |= column.auto_inc && table.shard_by.as_ref() == Some(name);
                let ty = column.ty.required();
                if placing.columns.iter().all(|(known, ..)| *known != ty) {
                    placing.columns.push((ty, table, column));
                }
            }
        }
        placing
    }

    /// Whether values of a type lead to rows, or else why not. A number leads only to numbers of its own type: in
    /// another one it has other bytes, and so another shard.
    fn check(&self, place: &str, ty: &Type) -> Result<(), SchemaError> {
        let is_known = self.columns.iter().any(|(known, ..)| *known == ty);
        if is_known || self.generates && !is_integer(ty) {
            return Ok(());
        }
        let place = place.to_owned();
        if self.columns.is_empty() {
            let rule = "no table of this module is spread over shards";
            return Err(SchemaError::Rule { place, rule });
        }
        let name = |(ty, table, column): &(&Type, &TableSchema, &ColumnSchema)| {
            format!("{ty} ({}.{})", table.name, column.name)
        };
        let columns: Vec<String> = self.columns.iter().map(name).collect();
        Err(SchemaError::PlacesNothing { place, ty: ty.to_string(), columns: columns.join(", ") })
    }
}

/// Whether the column exists that places a table's rows, and every row has a value there whose key can be hashed.
pub(super) fn check_table(place: &str, table: &TableSchema) -> Result<(), SchemaError> {
    let Some(column) = &table.shard_by else { return Ok(()) };
    let place = format!("{place}, shard_by");
    check_type(&place, &table.columns[column_exists(&place, table, column)?].ty)?;
    // Shards take numbers of their own partitions only: of 255 numbers some of 1024 shards would have none.
    let is_narrow = |ty: &Type| ty.width().is_some_and(|width| width < 4);
    match table.columns.iter().find(|column| column.auto_inc && is_narrow(&column.ty)) {
        Some(column) => Err(SchemaError::Rule {
            place: format!("{place}, column {}", column.name),
            rule: "auto_inc of a table that is spread over shards needs 32 bits or more",
        }),
        None => Ok(()),
    }
}

/// Whether the arguments that name a call's shards exist and lead to rows.
pub(super) fn check_reducer(
    place: &str,
    reducer: &ReducerSchema,
    placing: &Placing<'_>,
) -> Result<(), SchemaError> {
    let place = format!("{place}, shard_by");
    if reducer.kind != ReducerKind::Call && !reducer.shard_by.is_empty() {
        let rule = "a reducer that the server calls has no arguments to say where";
        return Err(SchemaError::Rule { place, rule });
    }
    let mut routing = Vec::new();
    for name in &reducer.shard_by {
        let Some(param) = reducer.params.iter().find(|param| param.name == *name) else {
            return Err(SchemaError::Missing { place, what: "argument", name: name.clone() });
        };
        let place = format!("{place}, argument {name}");
        if routing.iter().any(|(_, known)| known == &param) {
            return Err(SchemaError::Duplicate { place });
        }
        check_type(&place, &param.ty)?;
        routing.push((place, param));
    }
    routing.iter().try_for_each(|(place, param)| placing.check(place, &param.ty))
}

fn check_type(place: &str, ty: &Type) -> Result<(), SchemaError> {
    let rule = match ty {
        Type::Option(_) => "what places rows on a shard is never absent",
        ty if ty.is_key() => return Ok(()),
        _ => {
            "what places rows on a shard is a bool, a number, a string, bytes, a time, an identity or a uuid"
        }
    };
    Err(SchemaError::Rule { place: place.to_owned(), rule })
}
