//! The relations that a SELECT can name columns of.

use std::sync::Arc;

use cosmictron_storage::TableDef;
use cosmictron_types::ColumnIndex;
use cosmictron_types::schema::Policy;
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::catalog::{Catalog, NameError};
use crate::error::{NameKind, Position, SqlError};
use crate::expr::ColumnRef;
use crate::syntax::place::{place_of_name, place_of_object};
use crate::syntax::shape::TableSyntax;
use crate::value::SqlType;

#[derive(Default)]
pub(super) struct Scope {
    relations: Vec<Relation>,
}

/// One relation of FROM.
pub(super) struct Relation {
    pub(super) def: Arc<TableDef>,
    /// Its alias, or the table's name.
    name: String,
    /// The module that was written before the table's name; an alias hides it.
    module: Option<String>,
}

/// A name as PostgreSQL reads it: without quotes, capitals are small.
pub(super) fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_ascii_lowercase(),
    }
}

/// The parts of a dotted name.
pub(super) fn name_parts<'n>(name: &'n ObjectName) -> Result<Vec<&'n Ident>, SqlError> {
    let at = place_of_object(name);
    let ident = |part: &'n ObjectNamePart| {
        part.as_ident().ok_or_else(|| SqlError::unsupported("a function as a name", at))
    };
    name.0.iter().map(ident).collect()
}

impl Scope {
    pub(super) fn add(
        &mut self,
        table: &TableSyntax<'_>,
        catalog: &dyn Catalog,
    ) -> Result<Arc<TableDef>, SqlError> {
        let (module, name) = match name_parts(table.name)?.as_slice() {
            [name] => (None, folded(name)),
            [module, name] => (Some(folded(module)), folded(name)),
            _ => return Err(SqlError::unsupported("a name of three parts", table.at)),
        };
        let def = catalog
            .table(module.as_deref(), &name)
            .map_err(|error| refused(error, module.as_deref(), &name, table.at))?;
        // A policy that is not enforced would leave its rows open to everybody.
        if def.schema.policies.iter().any(|policy| matches!(policy, Policy::Read(_))) {
            return Err(SqlError::unsupported(format!("the policy of table {name}"), table.at));
        }
        self.relations.push(match table.alias {
            Some(alias) => Relation { def: def.clone(), name: folded(alias), module: None },
            None => Relation { def: def.clone(), name, module },
        });
        Ok(def)
    }

    /// A column by its name alone, which only one relation may have. `None` when none has it.
    pub(super) fn find(&self, name: &Ident) -> Result<Option<ColumnRef>, SqlError> {
        let wanted = folded(name);
        let at = place_of_name(name);
        let mut found = self.relations.iter().enumerate().filter_map(|(part, relation)| {
            let column = relation.def.schema.column(&wanted)?;
            Some((relation, relation.column(part, column, at)))
        });
        let Some((_, column)) = found.next() else { return Ok(None) };
        let mut others = found.map(|(relation, _)| relation).peekable();
        if others.peek().is_none() {
            return Ok(Some(column));
        }
        let candidates = core::iter::once(&self.relations[column.part]).chain(others);
        let candidates = candidates.map(|relation| format!("{}.{wanted}", relation.name)).collect();
        Err(SqlError::Ambiguous { kind: NameKind::Column, name: wanted, candidates, at })
    }

    /// A column by its name and what stands before it: a relation, or a module and a relation.
    pub(super) fn find_qualified(&self, names: &[Ident]) -> Result<ColumnRef, SqlError> {
        let at = names.first().map_or(Position::START, place_of_name);
        let Some((name, qualifier)) = names.split_last() else {
            return Err(SqlError::Syntax { detail: "expected a name".into(), at });
        };
        let qualifier: Vec<&Ident> = qualifier.iter().collect();
        let (part, relation) = self.relation(&qualifier, at)?;
        match relation.def.schema.column(&folded(name)) {
            Some(column) => Ok(relation.column(part, column, at)),
            None => Err(unknown_column(&format!("{}.{}", relation.name, folded(name)), at)),
        }
    }

    /// The relation that a qualifier names, and its part of a tuple.
    pub(super) fn relation(
        &self,
        qualifier: &[&Ident],
        at: Position,
    ) -> Result<(usize, &Relation), SqlError> {
        let (module, name) = match qualifier {
            [name] => (None, folded(name)),
            [module, name] => (Some(folded(module)), folded(name)),
            _ => return Err(SqlError::unsupported("a name of more than three parts", at)),
        };
        let named = self.relations.iter().enumerate().find(|(_, relation)| {
            relation.name == name && (module.is_none() || relation.module == module)
        });
        named.ok_or_else(|| {
            let name = module.map_or_else(|| name.clone(), |module| format!("{module}.{name}"));
            SqlError::Unknown { kind: NameKind::Table, name: format!("{name} in FROM"), at }
        })
    }

    /// Every relation with its part of a tuple.
    pub(super) fn relations(&self) -> impl Iterator<Item = (usize, &Relation)> {
        self.relations.iter().enumerate()
    }
}

impl Relation {
    pub(super) fn column(&self, part: usize, column: ColumnIndex, at: Position) -> ColumnRef {
        let schema = &self.def.schema.columns[column.index()];
        let (ty, nullable) = SqlType::of_column(&schema.ty);
        ColumnRef { part, column, ty, nullable, name: shown(&schema.name).into(), at }
    }

    /// All columns, in the table's order.
    pub(super) fn columns(
        &self,
        part: usize,
        at: Position,
    ) -> impl Iterator<Item = (String, ColumnRef)> {
        (0..)
            .map(ColumnIndex::new)
            .zip(&self.def.schema.columns)
            .map(move |(index, column)| (column.name.clone(), self.column(part, index, at)))
    }
}

/// A name as it would have to be written.
fn shown(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

pub(super) fn unknown_column(name: &str, at: Position) -> SqlError {
    SqlError::Unknown { kind: NameKind::Column, name: name.to_owned(), at }
}

fn refused(error: NameError, module: Option<&str>, name: &str, at: Position) -> SqlError {
    let name = module.map_or_else(|| name.to_owned(), |module| format!("\"{module}\".{name}"));
    match error {
        NameError::Unknown => SqlError::Unknown { kind: NameKind::Table, name, at },
        NameError::Ambiguous(candidates) => {
            SqlError::Ambiguous { kind: NameKind::Table, name, candidates, at }
        }
        NameError::NotPublic => SqlError::NotPublic { name, at },
    }
}
