//! From a module's own words to a [`ModuleSchema`].
//!
//! A module describes itself in *items*, each a JSON object with one member, one after the other: a table, a
//! reducer, a view. So every `#[table]` and `#[reducer]` can speak for itself.

use serde::Deserialize;

use super::check::{self, SchemaError};
use super::{ModuleSchema, ReducerSchema, SCHEMA_BYTES_MAX, TableSchema, ViewSchema};

/// One thing that a module declares.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Item {
    Table(TableSchema),
    Reducer(ReducerSchema),
    View(ViewSchema),
}

/// A whole schema, as [`ModuleSchema::to_json`] writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    tables: Vec<TableSchema>,
    reducers: Vec<ReducerSchema>,
    views: Vec<ViewSchema>,
}

impl ModuleSchema {
    /// Reads the items that a module described, in any order.
    ///
    /// ```
    /// use cosmictron_types::schema::ModuleSchema;
    ///
    /// let schema = ModuleSchema::parse_items([
    ///     r#"{"table":{"name":"note","columns":[{"name":"id","type":"u64","auto_inc":true}],
    ///         "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#,
    ///     r#"{"reducer":{"name":"add","params":[{"name":"text","type":"string"}]}}"#,
    /// ])?;
    /// assert_eq!(schema.tables[0].columns[0].name, "id");
    /// # Ok::<(), cosmictron_types::schema::SchemaError>(())
    /// ```
    pub fn parse_items<'a>(
        items: impl IntoIterator<Item = &'a str>,
    ) -> Result<ModuleSchema, SchemaError> {
        let mut schema = ModuleSchema::default();
        let mut bytes = 0;
        for text in items {
            bytes += text.len();
            if bytes > SCHEMA_BYTES_MAX {
                return Err(SchemaError::TooLarge { bytes_max: SCHEMA_BYTES_MAX });
            }
            match serde_json::from_str(text)? {
                Item::Table(table) => schema.tables.push(table),
                Item::Reducer(reducer) => schema.reducers.push(reducer),
                Item::View(view) => schema.views.push(view),
            }
        }
        check::admit(schema)
    }

    /// Reads what [`ModuleSchema::to_json`] wrote.
    pub fn parse(text: &str) -> Result<ModuleSchema, SchemaError> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLarge { bytes_max: SCHEMA_BYTES_MAX });
        }
        let Whole { tables, reducers, views } = serde_json::from_str(text)?;
        check::admit(ModuleSchema { tables, reducers, views })
    }
}
