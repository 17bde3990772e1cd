//! The relations that a SELECT can name columns of, and the columns that can be named without one.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::error::{NameKind, Position, SqlError};
use crate::expr::{ColumnRef, Expr};
use crate::syntax::place::{place_of_name, place_of_object};
use crate::value::SqlType;

/// What the tuples of a FROM, or of a part of one, hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    relations: Vec<Relation>,
    /// What a bare name can mean, in the order of `*`.
    visible: Vec<Visible>,
}

/// One relation of FROM.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// Its alias, or the table's name.
    pub(super) name: Option<String>,
    /// The module that was written before the table's name; an alias hides it.
    pub(super) module: Option<String>,
    pub(super) columns: Vec<(String, ColumnRef)>,
}

/// A column that can be named without its relation: USING makes one of two.
#[derive(Clone, Debug)]
pub(super) struct Visible {
    pub(super) name: String,
    pub(super) expr: Expr,
    pub(super) ty: SqlType,
    relation: Option<String>,
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
    pub(super) fn of(relation: Relation) -> Self {
        let visible = relation.columns.iter().map(|(name, column)| Visible {
            name: name.clone(),
            expr: Expr::Column(column.clone()),
            ty: column.ty.clone(),
            relation: relation.name.clone(),
        });
        Self { visible: visible.collect(), relations: vec![relation] }
    }

    /// The one relation of it.
    pub(super) fn into_only_relation(self) -> Relation {
        let Ok([relation]) = <[Relation; 1]>::try_from(self.relations) else {
            unreachable!("a relation of FROM is one")
        };
        relation
    }

    pub(super) fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    /// The relation of a name that is also one of the other's.
    pub(super) fn shared_name(&self, other: &Scope) -> Option<&str> {
        let is_other =
            |name: &str| other.relations.iter().any(|known| known.name.as_deref() == Some(name));
        self.relations.iter().filter_map(|known| known.name.as_deref()).find(|name| is_other(name))
    }

    /// Moves all columns by so many parts.
    pub(super) fn shift(&mut self, parts: usize) {
        self.columns_mut(&mut |column| column.part += parts);
    }

    /// Behind an outer join every column can be null.
    pub(super) fn make_nullable(&mut self) {
        self.columns_mut(&mut |column| column.nullable = true);
    }

    fn columns_mut(&mut self, change: &mut dyn FnMut(&mut ColumnRef)) {
        for relation in &mut self.relations {
            relation.columns.iter_mut().for_each(|(_, column)| change(column));
        }
        self.visible.iter_mut().for_each(|visible| visible.expr.columns_mut(change));
    }

    /// The columns of both; those of `other` come last.
    pub(super) fn extend(&mut self, other: Scope) {
        self.relations.extend(other.relations);
        self.visible.extend(other.visible);
        // More than one relation can have a column of a name, so EXPLAIN tells them apart.
        self.qualify();
    }

    /// Gives the names of all columns in EXPLAIN their relations.
    pub(super) fn qualify(&mut self) {
        let names: Vec<Option<String>> =
            self.relations.iter().map(|relation| relation.name.clone()).collect();
        for (relation, name) in self.relations.iter_mut().zip(names) {
            relation.columns.iter_mut().for_each(|(_, column)| qualify(column, name.as_deref()));
        }
        for visible in &mut self.visible {
            let name = visible.relation.clone();
            visible.expr.columns_mut(&mut |column| qualify(column, name.as_deref()));
        }
    }

    /// Takes the one column of this name out of those that can be named bare.
    pub(super) fn take_visible(&mut self, name: &str, at: Position) -> Result<Visible, SqlError> {
        let found = self.find_visible(name, at)?;
        let Some(index) = found else { return Err(unknown_column(name, at)) };
        Ok(self.visible.remove(index))
    }

    /// Puts columns in front of those that can be named bare.
    pub(super) fn put_visible(&mut self, columns: Vec<Visible>) {
        self.visible.splice(0..0, columns);
    }

    /// Names of columns that can be named bare, in their order.
    pub(super) fn visible(&self) -> &[Visible] {
        &self.visible
    }

    fn find_visible(&self, name: &str, at: Position) -> Result<Option<usize>, SqlError> {
        let mut found = self.visible.iter().enumerate().filter(|(_, visible)| visible.name == name);
        let Some((index, first)) = found.next() else { return Ok(None) };
        let mut others = found.map(|(_, visible)| visible).peekable();
        if others.peek().is_none() {
            return Ok(Some(index));
        }
        let candidates =
            core::iter::once(first).chain(others).map(|visible| match &visible.relation {
                Some(relation) => format!("{relation}.{name}"),
                None => name.to_owned(),
            });
        let (candidates, name) = (candidates.collect(), name.to_owned());
        Err(SqlError::Ambiguous { kind: NameKind::Column, name, candidates, at })
    }

    /// A column by its name alone, which only one relation may have. `None` when none has it.
    pub(super) fn find(&self, name: &Ident) -> Result<Option<(Expr, SqlType)>, SqlError> {
        let at = place_of_name(name);
        let found = self.find_visible(&folded(name), at)?;
        Ok(found.map(|index| {
            let Visible { expr, ty, .. } = &self.visible[index];
            let mut expr = expr.clone();
            expr.columns_mut(&mut |column| column.at = at);
            (expr, ty.clone())
        }))
    }

    /// A column by its name and what stands before it: a relation, or a module and a relation. `None` when there is no such
    /// relation.
    pub(super) fn find_qualified(&self, names: &[Ident]) -> Result<Option<ColumnRef>, SqlError> {
        let at = names.first().map_or(Position::START, place_of_name);
        let Some((name, qualifier)) = names.split_last() else {
            return Err(SqlError::Syntax { detail: "expected a name".into(), at });
        };
        let qualifier: Vec<&Ident> = qualifier.iter().collect();
        let Some(relation) = self.find_relation(&qualifier, at)? else { return Ok(None) };
        let name = folded(name);
        let mut named = relation.columns.iter().filter(|(known, _)| *known == name);
        let Some((_, column)) = named.next() else {
            let relation = relation.name.as_deref().unwrap_or_default();
            return Err(unknown_column(&format!("{relation}.{name}"), at));
        };
        if named.next().is_some() {
            let candidates = vec!["several columns of a sub-query".to_owned()];
            return Err(SqlError::Ambiguous { kind: NameKind::Column, name, candidates, at });
        }
        Ok(Some(ColumnRef { at, ..column.clone() }))
    }

    /// The relation that a qualifier names.
    pub(super) fn relation(
        &self,
        qualifier: &[&Ident],
        at: Position,
    ) -> Result<&Relation, SqlError> {
        self.find_relation(qualifier, at)?.ok_or_else(|| unknown_relation(qualifier, at))
    }

    fn find_relation(
        &self,
        qualifier: &[&Ident],
        at: Position,
    ) -> Result<Option<&Relation>, SqlError> {
        let (module, name) = match qualifier {
            [name] => (None, folded(name)),
            [module, name] => (Some(folded(module)), folded(name)),
            _ => return Err(SqlError::unsupported("a name of more than three parts", at)),
        };
        Ok(self.relations.iter().find(|relation| {
            relation.name.as_ref() == Some(&name) && (module.is_none() || relation.module == module)
        }))
    }
}

impl Visible {
    /// The one column that USING makes of two.
    pub(super) fn merged(name: String, expr: Expr, ty: SqlType) -> Self {
        Self { name, expr, ty, relation: None }
    }
}

/// Gives a column's name in EXPLAIN its relation.
fn qualify(column: &mut ColumnRef, relation: Option<&str>) {
    if let Some(relation) = relation
        && !column.name.contains('.')
    {
        column.name = format!("{}.{}", shown(relation), column.name).into();
    }
}

/// A name as it would have to be written.
pub(super) fn shown(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

pub(super) fn unknown_column(name: &str, at: Position) -> SqlError {
    SqlError::Unknown { kind: NameKind::Column, name: name.to_owned(), at }
}

/// `qualifier` names no relation of FROM.
pub(super) fn unknown_relation(qualifier: &[&Ident], at: Position) -> SqlError {
    let parts: Vec<String> = qualifier.iter().map(|part| folded(part)).collect();
    let name = format!("{} in FROM", parts.join("."));
    SqlError::Unknown { kind: NameKind::Table, name, at }
}
