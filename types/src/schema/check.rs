//! The rules that a module's schema has to keep, and what is said when one is broken.

mod personal;
mod sharding;
#[cfg(test)]
mod tests;

use super::{
    COLUMNS_MAX, FUNCTIONS_MAX, INDEX_COLUMNS_MAX, INDEXES_MAX, IndexSchema, MODULE_POLICIES_MAX,
    ModuleSchema, NAME_BYTES_MAX, POLICIES_MAX, POLICY_BYTES_MAX, REQUIRED_CAPABILITIES_MAX,
    ReducerKind, ReducerSchema, TABLES_MAX, TYPE_DEPTH_MAX, TableSchema,
};
use crate::ty::{Field, Type};
use sharding::Placing;

/// Why a module's schema is refused. The module's doing; `place` says where, such as `table note, column id`.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("the schema is not what a module may say: {0}")]
    Json(#[from] serde_json::Error),
    #[error(
        "{place}: a name is 1 to {NAME_BYTES_MAX} letters, digits and _, not starting with a digit"
    )]
    InvalidName { place: String },
    #[error("{place} is declared twice")]
    Duplicate { place: String },
    #[error("{place}: {count} is more than the limit of {count_max}")]
    TooMany { place: String, count: usize, count_max: usize },
    #[error("{place}: there is no {what} {name}")]
    Missing { place: String, what: &'static str, name: String },
    #[error("{place}: no row is placed by type {ty}; rows are placed by {columns}")]
    PlacesNothing { place: String, ty: String, columns: String },
    #[error("{place}: {rule}")]
    Rule { place: String, rule: &'static str },
}

/// Sorts a schema's lists and checks every rule.
pub(super) fn admit(mut schema: ModuleSchema) -> Result<ModuleSchema, SchemaError> {
    schema.tables.sort_by(|a, b| a.name.cmp(&b.name));
    schema.reducers.sort_by(|a, b| a.name.cmp(&b.name));
    schema.views.sort_by(|a, b| a.name.cmp(&b.name));
    at_most("tables", schema.tables.len(), TABLES_MAX)?;
    at_most("reducers and views", schema.reducers.len() + schema.views.len(), FUNCTIONS_MAX)?;
    let relations =
        schema.tables.iter().map(|t| &t.name).chain(schema.views.iter().map(|v| &v.name));
    names_are_unique("table or view", relations)?;
    let policies = schema.tables.iter().map(|table| table.policies.len());
    at_most("policies", policies.sum(), MODULE_POLICIES_MAX)?;
    names_are_unique("reducer", schema.reducers.iter().map(|reducer| &reducer.name))?;
    schema.tables.iter_mut().try_for_each(complete_indexes)?;
    for table in &schema.tables {
        check_table(table, &schema)?;
    }
    let placing = Placing::of(&schema.tables);
    for reducer in &schema.reducers {
        check_reducer(reducer, &placing)?;
    }
    for view in &schema.views {
        let place = format!("view {}", view.name);
        check_fields(&place, &view.columns)?;
        if view.columns.is_empty() {
            return Err(SchemaError::Rule { place, rule: "a view has at least one column" });
        }
    }
    check_lifecycle(&schema)?;
    Ok(schema)
}

/// The primary key comes first and is unique; the declared order of the others is kept.
fn complete_indexes(table: &mut TableSchema) -> Result<(), SchemaError> {
    let place = format!("table {}", table.name);
    if table.indexes.iter().filter(|index| index.primary).count() > 1 {
        return Err(SchemaError::Rule { place, rule: "a table has at most one primary key" });
    }
    table.indexes.sort_by_key(|index| !index.primary);
    for index in table.indexes.iter_mut().filter(|index| index.primary) {
        index.unique = true;
    }
    Ok(())
}

fn check_table(table: &TableSchema, module: &ModuleSchema) -> Result<(), SchemaError> {
    let place = format!("table {}", table.name);
    at_most(&format!("{place}: columns"), table.columns.len(), COLUMNS_MAX)?;
    at_most(&format!("{place}: indexes"), table.indexes.len(), INDEXES_MAX)?;
    if table.columns.is_empty() {
        return Err(SchemaError::Rule { place, rule: "a table has at least one column" });
    }
    names_are_unique(&format!("{place}, column"), table.columns.iter().map(|c| &c.name))?;
    names_are_unique(&format!("{place}, index"), table.indexes.iter().map(|i| &i.name))?;
    for column in &table.columns {
        let place = format!("{place}, column {}", column.name);
        check_type(&place, &column.ty)?;
        check_auto_inc(&place, table, &column.name)?;
        check_foreign_key(&place, table, &column.name, module)?;
    }
    check_policies(&place, table)?;
    for index in &table.indexes {
        check_index(&format!("{place}, index {}", index.name), table, index)?;
    }
    personal::check_table(&place, table)?;
    sharding::check_table(&place, table)
}

/// What is said in them is for the server to check, which knows SQL.
fn check_policies(place: &str, table: &TableSchema) -> Result<(), SchemaError> {
    at_most(&format!("{place}: read policies"), table.read_policies().count(), POLICIES_MAX)?;
    at_most(&format!("{place}: write policies"), table.write_policies().count(), POLICIES_MAX)?;
    for text in table.read_policies().chain(table.write_policies()) {
        at_most(&format!("{place}: bytes of a policy"), text.len(), POLICY_BYTES_MAX)?;
    }
    if table.force_policies && table.read_policies().next().is_none() {
        let rule = "rls(force) is for read policies, and the table has none";
        return Err(SchemaError::Rule { place: place.to_owned(), rule });
    }
    Ok(())
}

fn check_index(place: &str, table: &TableSchema, index: &IndexSchema) -> Result<(), SchemaError> {
    let rule = |rule| Err(SchemaError::Rule { place: place.to_owned(), rule });
    at_most(&format!("{place}: columns"), index.columns.len(), INDEX_COLUMNS_MAX)?;
    if index.columns.is_empty() {
        return rule("an index has at least one column");
    }
    if index.primary && index.columns.len() > 1 {
        return rule("a primary key is one column");
    }
    names_are_unique(&format!("{place}, column"), index.columns.iter())?;
    for column in &index.columns {
        let ty = &table.columns[column_exists(place, table, column)?].ty;
        if !ty.required().is_key() {
            return rule(
                "a key is a bool, a number, a string, bytes, a time, an identity or a uuid",
            );
        }
        if index.primary && ty.is_option() {
            return rule("a primary key is never absent");
        }
    }
    Ok(())
}

fn check_auto_inc(place: &str, table: &TableSchema, name: &str) -> Result<(), SchemaError> {
    let column = &table.columns[column_exists(place, table, name)?];
    if !column.auto_inc {
        return Ok(());
    }
    let unique = table.indexes.iter().any(|index| index.unique && index.columns == [name]);
    match (is_integer(&column.ty), unique) {
        (true, true) => Ok(()),
        (false, _) => {
            Err(SchemaError::Rule { place: place.to_owned(), rule: "auto_inc needs an integer" })
        }
        (true, false) => Err(SchemaError::Rule {
            place: place.to_owned(),
            rule: "auto_inc needs a primary key or a unique column",
        }),
    }
}

fn is_integer(ty: &Type) -> bool {
    let signed = matches!(ty, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128);
    signed || matches!(ty, Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128)
}

fn check_foreign_key(
    place: &str,
    table: &TableSchema,
    name: &str,
    module: &ModuleSchema,
) -> Result<(), SchemaError> {
    let column = &table.columns[column_exists(place, table, name)?];
    let Some(key) = &column.foreign_key else { return Ok(()) };
    let missing = |what, name: &str| SchemaError::Missing {
        place: place.to_owned(),
        what,
        name: name.to_owned(),
    };
    let target = module.table(&key.table).ok_or_else(|| missing("table", &key.table))?;
    let index = target.column(&key.column).ok_or_else(|| missing("column", &key.column))?;
    let unique = |index: &IndexSchema| index.unique && index.columns == [key.column.as_str()];
    if !target.indexes.iter().any(unique) {
        let rule = "a foreign key points at a primary key or a unique column";
        return Err(SchemaError::Rule { place: place.to_owned(), rule });
    }
    if target.columns[index.index()].ty != *column.ty.required() {
        let rule = "a foreign key has the type of the column that it points at";
        return Err(SchemaError::Rule { place: place.to_owned(), rule });
    }
    Ok(())
}

fn check_reducer(reducer: &ReducerSchema, placing: &Placing<'_>) -> Result<(), SchemaError> {
    let place = format!("reducer {}", reducer.name);
    check_fields(&place, &reducer.params)?;
    if let Some(ty) = &reducer.result {
        check_type(&format!("{place}, result"), ty)?;
    }
    if reducer.kind != ReducerKind::Call && !reducer.params.is_empty() {
        let rule = "a reducer that the server calls takes no arguments";
        return Err(SchemaError::Rule { place, rule });
    }
    if reducer.kind != ReducerKind::Call && !reducer.requires.is_empty() {
        let rule = "a reducer that the server calls needs no capability";
        return Err(SchemaError::Rule { place, rule });
    }
    at_most(&format!("{place}: capabilities"), reducer.requires.len(), REQUIRED_CAPABILITIES_MAX)?;
    sharding::check_reducer(&place, reducer, placing)
}

fn check_lifecycle(schema: &ModuleSchema) -> Result<(), SchemaError> {
    for kind in [ReducerKind::Init, ReducerKind::ClientConnected, ReducerKind::ClientDisconnected] {
        let mut reducers = schema.reducers.iter().filter(|reducer| reducer.kind == kind);
        if let (Some(_), Some(second)) = (reducers.next(), reducers.next()) {
            return Err(SchemaError::Rule {
                place: format!("reducer {}", second.name),
                rule: "a module has at most one reducer of its kind",
            });
        }
    }
    Ok(())
}

fn check_fields(place: &str, fields: &[Field]) -> Result<(), SchemaError> {
    at_most(&format!("{place}: fields"), fields.len(), COLUMNS_MAX)?;
    names_are_unique(&format!("{place}, field"), fields.iter().map(|field| &field.name))?;
    fields
        .iter()
        .try_for_each(|field| check_type(&format!("{place}, field {}", field.name), &field.ty))
}

fn check_type(place: &str, ty: &Type) -> Result<(), SchemaError> {
    at_most(&format!("{place}: types within types"), ty.depth(), TYPE_DEPTH_MAX)?;
    check_parts(place, ty)
}

fn check_parts(place: &str, ty: &Type) -> Result<(), SchemaError> {
    match ty {
        Type::List(inner) if inner.encodes_to_nothing() => Err(SchemaError::Rule {
            place: place.to_owned(),
            rule: "a list's elements need at least one field",
        }),
        Type::Option(inner) | Type::List(inner) => check_parts(place, inner),
        Type::Struct(ty) => {
            check_name(place, &ty.name)?;
            check_members(place, &ty.fields)
        }
        Type::Enum(ty) => {
            check_name(place, &ty.name)?;
            if ty.variants.is_empty() || ty.variants.len() > 256 {
                let rule = "an enum has 1 to 256 variants";
                return Err(SchemaError::Rule { place: place.to_owned(), rule });
            }
            names_are_unique(&format!("{place}, variant"), ty.variants.iter().map(|v| &v.name))?;
            ty.variants.iter().try_for_each(|variant| check_members(place, &variant.fields))
        }
        _ => Ok(()),
    }
}

/// The fields of a struct or a variant: names, or positions from 0.
fn check_members(place: &str, fields: &[Field]) -> Result<(), SchemaError> {
    at_most(&format!("{place}: fields"), fields.len(), COLUMNS_MAX)?;
    let by_position = fields.iter().enumerate().all(|(at, field)| field.name == at.to_string());
    if !by_position {
        names_are_unique(&format!("{place}, field"), fields.iter().map(|field| &field.name))?;
    }
    fields.iter().try_for_each(|field| check_parts(place, &field.ty))
}

fn at_most(place: &str, count: usize, count_max: usize) -> Result<(), SchemaError> {
    if count > count_max {
        return Err(SchemaError::TooMany { place: place.to_owned(), count, count_max });
    }
    Ok(())
}

fn column_exists(place: &str, table: &TableSchema, name: &str) -> Result<usize, SchemaError> {
    table.column(name).map(|column| column.index()).ok_or_else(|| SchemaError::Missing {
        place: place.to_owned(),
        what: "column",
        name: name.to_owned(),
    })
}

fn names_are_unique<'a>(
    what: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), SchemaError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        check_name(&format!("{what} {name}"), name)?;
        if !seen.insert(name) {
            return Err(SchemaError::Duplicate { place: format!("{what} {name}") });
        }
    }
    Ok(())
}

fn check_name(place: &str, name: &str) -> Result<(), SchemaError> {
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let fits = name.len() <= NAME_BYTES_MAX;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if starts && fits && plain {
        return Ok(());
    }
    // A name that breaks the rule may be long; only its beginning is repeated.
    let place = place.chars().take(2 * NAME_BYTES_MAX).collect();
    Err(SchemaError::InvalidName { place })
}
