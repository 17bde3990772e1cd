//! Binds WITH: queries that FROM can name as it names tables. Each is bound once and stands wherever it is named.

use sqlparser::ast::{Cte, With};

use super::Binder;
use super::scope::folded;
use crate::error::SqlError;
use crate::logical::Query;
use crate::syntax::place::place_of_name;
use crate::syntax::token::position;

/// A query of WITH.
pub(super) struct WithQuery {
    pub(super) name: String,
    /// Names of its first columns.
    pub(super) columns: Vec<String>,
    pub(super) query: Query,
    /// How many tables and sub-queries it has.
    pub(super) relations: usize,
}

impl Binder<'_> {
    /// Binds the queries of a WITH, each of which can name those before it. How many there are now is what
    /// [`Binder::forget_with`] takes.
    pub(super) fn with(&mut self, with: Option<&With>) -> Result<usize, SqlError> {
        let known = self.with.len();
        let Some(with) = with else { return Ok(known) };
        if with.recursive {
            let at = position(with.with_token.0.span.start);
            return Err(SqlError::unsupported("WITH RECURSIVE", at));
        }
        for cte in &with.cte_tables {
            let query = self.with_query_of(cte, known)?;
            self.with.push(query);
        }
        Ok(known)
    }

    pub(super) fn forget_with(&mut self, known: usize) {
        self.with.truncate(known);
    }

    fn with_query_of(&mut self, cte: &Cte, known: usize) -> Result<WithQuery, SqlError> {
        let at = place_of_name(&cte.alias.name);
        let name = folded(&cte.alias.name);
        if self.with[known..].iter().any(|other| other.name == name) {
            return Err(SqlError::misplaced(format!("WITH names {name} twice"), at));
        }
        if cte.from.is_some() {
            return Err(SqlError::unsupported("FROM in WITH", at));
        }
        let before = self.relations;
        let query = self.enclosed(false, at, |binder| binder.query(&cte.query))?.finish()?;
        let columns = cte.alias.columns.iter().map(|column| folded(&column.name)).collect();
        Ok(WithQuery { name, columns, query, relations: self.relations - before })
    }

    /// The WITH query of a name: the innermost one.
    pub(super) fn with_query(&self, name: &str) -> Option<&WithQuery> {
        self.with.iter().rev().find(|with| with.name == name)
    }
}
