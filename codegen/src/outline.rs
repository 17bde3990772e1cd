//! What of a module clients see, with the names that its types get: the same in both languages but for the words that are taken.

use cosmictron_types::schema::{
    ColumnSchema, ModuleSchema, ReducerSchema, TableSchema, ViewSchema,
};
use cosmictron_types::ty::{Field, Type};

use crate::Module;
use crate::name::{Names, pascal, type_name};
use crate::note::column_note;
use crate::user_type::UserTypes;

/// See the module.
pub(crate) struct Outline<'m> {
    pub(crate) module: &'m Module,
    pub(crate) types: UserTypes<'m>,
    pub(crate) relations: Vec<Relation<'m>>,
    pub(crate) reducers: Vec<Reducer<'m>>,
}

/// What can be queried.
pub(crate) struct Relation<'m> {
    pub(crate) source: Source<'m>,
    /// Of the type of its rows.
    pub(crate) row: String,
}

#[derive(Clone, Copy)]
pub(crate) enum Source<'m> {
    Table(&'m TableSchema),
    View(&'m ViewSchema),
}

/// What can be called.
pub(crate) struct Reducer<'m> {
    pub(crate) schema: &'m ReducerSchema,
    /// Of the type of its arguments; none where it takes none.
    pub(crate) args: Option<String>,
}

/// A column of what can be queried.
pub(crate) struct Column<'m> {
    pub(crate) name: &'m str,
    pub(crate) ty: &'m Type,
    /// Empty where there is nothing to say.
    pub(crate) note: String,
}

impl<'m> Outline<'m> {
    /// `reserved` are words that mean something already where the types are written.
    pub(crate) fn of(module: &'m Module, reserved: &[&str]) -> Self {
        let schema = module.schema();
        let mut names = Names::beside(reserved);
        // The author's own names come first, so that they stay what they are.
        let types = UserTypes::of(schema, &mut |name| names.take(&type_name(name)));
        let relation = |source: Source<'m>| {
            let row = names.take(&format!("{}Row", pascal(source.name())));
            Relation { source, row }
        };
        let relations = sources(schema).map(relation).collect();
        let reducer = |schema: &'m ReducerSchema| {
            let name = || names.take(&format!("{}Args", pascal(&schema.name)));
            Reducer { schema, args: (!schema.params.is_empty()).then(name) }
        };
        let reducers = crate::reducers(schema).map(reducer).collect();
        Outline { module, types, relations, reducers }
    }
}

/// Tables that clients can read, and views.
fn sources(schema: &ModuleSchema) -> impl Iterator<Item = Source<'_>> {
    crate::tables(schema).map(Source::Table).chain(schema.views.iter().map(Source::View))
}

impl<'m> Source<'m> {
    pub(crate) fn name(self) -> &'m str {
        match self {
            Source::Table(table) => &table.name,
            Source::View(view) => &view.name,
        }
    }

    /// What it is, in a word.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Source::Table(_) => "table",
            Source::View(_) => "view",
        }
    }

    pub(crate) fn columns(self) -> Vec<Column<'m>> {
        let of_table = |table: &TableSchema, column: &'m ColumnSchema| Column {
            name: &column.name,
            ty: &column.ty,
            note: column_note(table, column),
        };
        let of_view =
            |field: &'m Field| Column { name: &field.name, ty: &field.ty, note: String::new() };
        match self {
            Source::Table(table) => {
                table.columns.iter().map(|column| of_table(table, column)).collect()
            }
            Source::View(view) => view.columns.iter().map(of_view).collect(),
        }
    }

    /// The columns of the primary key.
    pub(crate) fn key(self) -> &'m [String] {
        let index = match self {
            Source::Table(table) => table.indexes.first().filter(|index| index.primary),
            Source::View(_) => None,
        };
        index.map_or(&[], |index| &index.columns)
    }
}
