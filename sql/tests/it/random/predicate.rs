//! Conditions at random, over whatever is in scope.

use super::choice::Choices;
use super::expression::has_literals;
use super::param::number;
use super::schema::Schema;
use super::scope::{Asker, Bounds, Named, Relation, Scope, SubQueries};
use super::value::Family;

/// A condition with the values of its parameters, as JSON.
pub(crate) struct RowPredicate {
    pub(crate) text: String,
    pub(crate) params: Vec<String>,
}

/// A condition on a row of a table, which it names as `alias`; it may have sub-queries over all tables.
pub(crate) fn row_predicate(
    schema: &Schema,
    table: usize,
    alias: &str,
    choices: &mut Choices<'_>,
    bounds: Bounds,
) -> RowPredicate {
    let mut asker = Asker::new(schema, choices, bounds);
    let named = Relation::of(&schema.tables[table]).named(alias);
    let text = asker.predicate(&Scope::of(named).with(3, SubQueries::All));
    let (text, params) = number(&text, &asker.params);
    RowPredicate { text, params }
}

impl Asker<'_, '_> {
    /// A condition that stands in parentheses where it needs them.
    pub(crate) fn predicate(&mut self, scope: &Scope) -> String {
        if scope.depth == 0 {
            return self.comparison(scope);
        }
        let inner = scope.deeper();
        match self.choices.weighed(&[(8, 0), (3, 1), (2, 2), (2, 3), (6, 4), (1, 5), (2, 6)]) {
            0 => self.comparison(scope),
            1 => format!("({} AND {})", self.predicate(&inner), self.predicate(&inner)),
            2 => format!("({} OR {})", self.predicate(&inner), self.predicate(&inner)),
            3 => format!("(NOT {})", self.predicate(&inner)),
            4 => self.sub_query_predicate(scope).unwrap_or_else(|| self.comparison(scope)),
            5 => {
                let truth = *self.choices.pick(&["TRUE", "FALSE", "UNKNOWN"]);
                let not = *self.choices.pick(&["", "NOT "]);
                format!("({} IS {not}{truth})", self.predicate(&inner))
            }
            _ => match scope.of_family(Family::Bool, self.choices) {
                Some(named) => named.text,
                None => self.comparison(scope),
            },
        }
    }

    /// Something of a row, held to other values.
    fn comparison(&mut self, scope: &Scope) -> String {
        let Some(named) = scope.any(self.choices) else {
            return (*self.choices.pick(&["true", "false", "NULL::bool", "1 < 2"])).to_owned();
        };
        if !has_literals(named.family) {
            return self.equality(scope, &named);
        }
        let (inner, family) = (scope.deeper(), named.family);
        let left = match self.choices.below(4) {
            3 => self.value(&inner, family).text,
            _ => named.text,
        };
        let not = *self.choices.pick(&["", "NOT "]);
        match self.choices.weighed(&[(9, 0), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5)]) {
            1 => format!("{left} IS {not}NULL"),
            2 => format!("{left} IS {not}DISTINCT FROM {}", self.value(&inner, family).text),
            3 => {
                let list: Vec<String> = (0..1 + self.choices.below(3))
                    .map(|_| self.plain_value(scope, family).text)
                    .collect();
                format!("{left} {not}IN ({})", list.join(", "))
            }
            4 => {
                let (from, to) = (self.value(&inner, family).text, self.value(&inner, family).text);
                format!("({left} {not}BETWEEN {from} AND {to})")
            }
            5 if family == Family::Text => {
                let like = *self.choices.pick(&["LIKE", "ILIKE"]);
                let pattern = *self.choices.pick(&["a%", "_", "%B", "%", r"a\%"]);
                format!("{left} {not}{like} '{pattern}'")
            }
            _ => {
                let sign = *self.choices.pick(&["=", "<", "<>", ">=", ">", "<="]);
                // Often one of the very values that are drawn for the column.
                let right = match named.kind.filter(|_| self.choices.once_in(3)) {
                    Some(kind) => kind.literal(kind.value(self.choices)),
                    None => self.value(&inner, family).text,
                };
                format!("{left} {sign} {right}")
            }
        }
    }

    /// Of values that have no order and no literals.
    fn equality(&mut self, scope: &Scope, named: &Named) -> String {
        let left = &named.text;
        let right = match named.kind.filter(|_| self.may_take_param() && self.choices.once_in(2)) {
            Some(kind) => {
                let value = kind.value(self.choices);
                self.param(value)
            }
            None => scope
                .of_family(named.family, self.choices)
                .map_or("NULL".into(), |named| named.text),
        };
        match self.choices.below(4) {
            0 => format!("{left} = {right}"),
            1 => format!("{left} <> {right}"),
            2 => format!("{left} IS NOT DISTINCT FROM {right}"),
            _ => format!("{left} IS NOT NULL"),
        }
    }

    /// `EXISTS` and `IN`.
    fn sub_query_predicate(&mut self, scope: &Scope) -> Option<String> {
        if scope.sub_queries == SubQueries::None || !self.has_sources_left() {
            return None;
        }
        let not = *self.choices.pick(&["", "NOT "]);
        if self.choices.once_in(2) {
            return Some(format!("{not}EXISTS ({})", self.member_query(scope, None)?));
        }
        let named = scope.any(self.choices)?;
        let query = self.member_query(scope, Some(named.family))?;
        let left = match has_literals(named.family) && self.choices.once_in(3) {
            true => self.value(&scope.deeper(), named.family).text,
            false => named.text,
        };
        Some(format!("{left} {not}IN ({query})"))
    }
}
