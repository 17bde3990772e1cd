//! Sub-queries at random, that may depend on the row of the query around.

use super::expression::has_literals;
use super::scope::{Asker, Relation, Scope, SubQueries};
use super::value::Family;

impl Asker<'_, '_> {
    /// The query of `EXISTS`, or of `IN` for a value of a family.
    pub(crate) fn member_query(&mut self, scope: &Scope, wanted: Option<Family>) -> Option<String> {
        if self.choices.once_in(4) && wanted.is_none_or(has_literals) {
            let families = [wanted.unwrap_or(Family::Int)];
            return Some(self.body(&families, 1).text);
        }
        let (from, inner) = self.sources(1);
        let item = match wanted {
            Some(family) if has_literals(family) => {
                self.value(&inner.with(1, SubQueries::None), family).text
            }
            // There may be nothing that it could be equal to.
            Some(family) => inner.of_family(family, self.choices)?.text,
            None => "1".to_owned(),
        };
        let mut conditions = Vec::new();
        if self.choices.once_in(2) {
            conditions.push(self.predicate(&inner.with(1, SubQueries::All)));
        }
        if scope.sub_queries == SubQueries::All && self.choices.below(4) < 3 {
            conditions.push(self.link(&inner, scope));
        }
        if scope.sub_queries == SubQueries::All && self.choices.once_in(4) {
            let both = Scope { outer: scope.own.clone(), ..inner.with(1, SubQueries::None) };
            conditions.push(self.predicate(&both));
        }
        Some(format!("SELECT {item} FROM {from}{}", as_where(&conditions)))
    }

    /// An aggregate without groups: one row.
    pub(crate) fn aggregate_query(&mut self, scope: &Scope, family: Family) -> Option<String> {
        let (from, inner) = self.sources(1);
        let item = self.aggregate_of(&inner, family)?;
        let mut conditions = Vec::new();
        if scope.sub_queries == SubQueries::All && self.choices.below(4) < 3 {
            conditions.extend(self.equal_link(&inner, scope));
        }
        if self.choices.once_in(2) {
            conditions.push(self.predicate(&inner.with(1, SubQueries::None)));
        }
        Some(format!("SELECT {item} FROM {from}{}", as_where(&conditions)))
    }

    /// The row of a primary key.
    pub(crate) fn lookup_query(&mut self, scope: &Scope, family: Family) -> Option<String> {
        let keyed: Vec<usize> = (0..self.schema.tables.len())
            .filter(|at| self.schema.tables[*at].has_primary())
            .collect();
        if keyed.is_empty() || !self.takes_source() {
            return None;
        }
        let table = &self.schema.tables[*self.choices.pick(&keyed)];
        let alias = self.alias();
        let inner = Scope::of(Relation::of(table).named(&alias));
        let key = inner.own[0].clone();
        let value = match scope.sub_queries {
            SubQueries::All => self.plain_value(&Scope::of(scope.own.clone()), key.family).text,
            _ => self.literal(key.family),
        };
        let item = self.value(&inner.with(1, SubQueries::None), family).text;
        Some(format!("SELECT {item} FROM {} {alias} WHERE {} = {value}", table.name, key.text))
    }

    /// The first row in an order.
    pub(crate) fn first_query(&mut self, family: Family) -> Option<String> {
        let (from, inner) = self.sources(1);
        let ordered = inner.own.iter().filter(|named| named.family.is_ordered());
        let ordered: Vec<String> = ordered.map(|named| named.text.clone()).collect();
        if ordered.is_empty() {
            return None;
        }
        let key = self.choices.pick(&ordered).clone();
        let direction = *self.choices.pick(&["", " DESC", " NULLS FIRST"]);
        let item = self.value(&inner.with(1, SubQueries::None), family).text;
        Some(format!("SELECT {item} FROM {from} ORDER BY {key}{direction} LIMIT 1"))
    }

    /// A condition between a row and one of the query around.
    fn link(&mut self, inner: &Scope, outer: &Scope) -> String {
        if self.choices.below(3) < 2
            && let Some(equal) = self.equal_link(inner, outer)
        {
            return equal;
        }
        let both = Scope { outer: outer.own.clone(), ..inner.with(0, SubQueries::None) };
        self.predicate(&both)
    }

    /// An equality between a row and one of the query around.
    fn equal_link(&mut self, inner: &Scope, outer: &Scope) -> Option<String> {
        let left = Scope::of(inner.own.clone()).any(self.choices)?;
        let right = Scope::of(outer.own.clone()).of_family(left.family, self.choices)?;
        Some(format!("{} = {}", left.text, right.text))
    }
}

pub(crate) fn as_where(conditions: &[String]) -> String {
    match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    }
}
