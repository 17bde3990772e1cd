//! Queries at random, of the whole dialect but for what a live query cannot be: a part of the rows in no order.

use std::fmt;

use super::choice::Choices;
use super::expression::{Expression, has_literals};
use super::param::number;
use super::schema::Schema;
use super::scope::{Asker, Bounds, Named, Relation, Scope, SubQueries};
use super::subquery::as_where;
use super::value::Family;

/// A query with the values of its parameters, as a JSON array.
#[derive(Clone)]
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) params: String,
    /// Whether it uses what has no value for some rows.
    pub(crate) may_fail: bool,
}

/// A query without its parameters.
pub(crate) struct Body {
    pub(crate) text: String,
    /// Names and families.
    pub(crate) columns: Vec<(String, Family)>,
    /// The columns, by numbers from 1, that differ from row to row and have an order.
    ordered: Vec<usize>,
    /// Expressions besides the columns that it can be put in order by.
    hidden: Vec<String>,
}

impl Query {
    pub(crate) fn random(schema: &Schema, choices: &mut Choices<'_>, bounds: Bounds) -> Self {
        let mut asker = Asker::new(schema, choices, bounds);
        asker.dares = bounds.dares_once_in.is_some_and(|times| asker.choices.once_in(times));
        let with = match asker.choices.once_in(6) {
            true => asker.with_clause(),
            false => String::new(),
        };
        let body = match asker.choices.weighed(&[(6, 0), (2, 1), (2, 2)]) {
            1 => asker.first_rows(),
            2 => {
                let families: Vec<Family> =
                    (0..1 + asker.choices.below(3)).map(|_| asker.any_family()).collect();
                asker.sliced_body(&families, 0)
            }
            _ => {
                let body = asker.select(None, 0);
                asker.sliced(body)
            }
        };
        let (text, params) = number(&(with + &body.text), &asker.params);
        let params = format!("[{}]", params.join(", "));
        Self { text, params, may_fail: asker.dares }
    }
}

impl Asker<'_, '_> {
    fn with_clause(&mut self) -> String {
        let mut texts = Vec::new();
        for at in 0..1 + self.choices.below(2) {
            let families: Vec<Family> =
                (0..1 + self.choices.below(3)).map(|_| self.any_family()).collect();
            let name = format!("w{at}");
            let names: Vec<String> = (0..families.len()).map(|at| format!("n{at}")).collect();
            let body = self.sliced_body(&families, 1);
            texts.push(format!("{name} ({}) AS ({})", names.join(", "), body.text));
            let columns =
                names.into_iter().zip(families).map(|(name, family)| (name, family, None));
            self.with.push(Relation { name, columns: columns.collect() });
        }
        format!("WITH {} ", texts.join(", "))
    }

    /// A query of these columns, maybe a part of its rows in an order.
    pub(crate) fn sliced_body(&mut self, families: &[Family], nesting: usize) -> Body {
        let body = self.body(families, nesting);
        match self.choices.once_in(3) {
            true => self.sliced(body),
            false => body,
        }
    }

    /// A query of these columns.
    pub(crate) fn body(&mut self, families: &[Family], nesting: usize) -> Body {
        if nesting > 1 || !self.choices.once_in(4) {
            return self.select(Some(families), nesting);
        }
        let op = self.choices.weighed(&[
            (3, "UNION ALL"),
            (3, "UNION"),
            (1, "INTERSECT"),
            (1, "EXCEPT"),
        ]);
        let left = self.select(Some(families), nesting + 1);
        let right = self.body(families, nesting + 1);
        Body {
            text: format!("{} {op} ({})", left.text, right.text),
            columns: left.columns,
            ordered: (1..=families.len()).filter(|at| families[at - 1].is_ordered()).collect(),
            hidden: Vec::new(),
        }
    }

    /// An order, mostly, with a limit or an offset, mostly.
    pub(crate) fn sliced(&mut self, body: Body) -> Body {
        if body.ordered.is_empty() || self.choices.below(2) == 0 {
            return body;
        }
        let mut keys = Vec::new();
        for _ in 0..1 + self.choices.below(2) {
            let key = match !body.hidden.is_empty() && self.choices.once_in(3) {
                true => self.choices.pick(&body.hidden).clone(),
                false => self.choices.pick(&body.ordered).to_string(),
            };
            let direction = *self.choices.pick(&["", " DESC"]);
            let nulls = self.choices.weighed(&[(3, ""), (1, " NULLS FIRST"), (1, " NULLS LAST")]);
            keys.push(format!("{key}{direction}{nulls}"));
        }
        let mut text = format!("{} ORDER BY {}", body.text, keys.join(", "));
        if self.choices.below(4) > 0 {
            let limit = self.choices.below(5).to_string();
            let limit = match self.may_take_param() && self.choices.once_in(4) {
                true => self.param(limit),
                false => limit,
            };
            text += &format!(" LIMIT {limit}");
        }
        if self.choices.once_in(3) {
            text += &format!(" OFFSET {}", self.choices.below(4));
        }
        Body { text, ..body }
    }

    /// The first rows of one table in an order, of which a live query keeps no more than it needs: few columns, so that rows are
    /// alike.
    fn first_rows(&mut self) -> Body {
        let relation = self.relation();
        let alias = self.alias();
        let scope = Scope::of(relation.named(&alias));
        let mut items: Vec<(Expression, Family)> = Vec::new();
        for _ in 0..1 + self.choices.below(2) {
            let named = scope.any(self.choices).expect("a relation has columns");
            items.push((Expression::of_row(named.text), named.family));
        }
        let condition = match self.choices.once_in(3) {
            true => format!(" WHERE {}", self.predicate(&scope.with(1, SubQueries::None))),
            false => String::new(),
        };
        let ordered = scope.own.iter().filter(|named| named.family.is_ordered());
        let ordered: Vec<&str> = ordered.map(|named| named.text.as_str()).collect();
        let body = shown("SELECT ", &items, &format!(" FROM {} {alias}{condition}", relation.name));
        if ordered.is_empty() {
            return body;
        }
        let key = *self.choices.pick(&ordered);
        let direction = *self.choices.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        let (limit, offset) =
            (1 + self.choices.below(3), self.choices.weighed(&[(3, 0), (1, 1), (1, 2)]));
        let text = format!("{} ORDER BY {key}{direction} LIMIT {limit} OFFSET {offset}", body.text);
        Body { text, ..body }
    }

    /// One SELECT, of these columns or of any.
    fn select(&mut self, families: Option<&[Family]>, nesting: usize) -> Body {
        if families.is_none() && self.choices.once_in(16) {
            return self.select_of_nothing();
        }
        let (from, scope) = self.sources(nesting);
        let mut conditions = Vec::new();
        for _ in 0..self.choices.weighed(&[(3, 0), (4, 1), (1, 2)]) {
            conditions.push(self.predicate(&scope.with(2, SubQueries::All)));
        }
        conditions.extend(self.temporal(&scope));
        let tail = format!(" FROM {from}{}", as_where(&conditions));
        match self.choices.once_in(3) {
            true => self.grouped(families, &scope, &tail),
            false => self.ungrouped(families, &scope, &tail),
        }
    }

    /// Holds something of a row to the time.
    fn temporal(&mut self, scope: &Scope) -> Option<String> {
        let is_wanted = self.choices.once_in(5);
        let named = scope.of_family(Family::Timestamp, self.choices).filter(|_| is_wanted)?;
        let sign = *self.choices.pick(&["<=", "<", ">", ">=", "="]);
        let shift = *self.choices.pick(&["", " - INTERVAL '1 us'", " + INTERVAL '1 us'"]);
        Some(match self.choices.once_in(3) {
            true => format!("now(){shift} {sign} {}", named.text),
            false => format!("{} {sign} now(){shift}", named.text),
        })
    }

    fn select_of_nothing(&mut self) -> Body {
        let scope = Scope::default().with(1, SubQueries::Alone);
        let family = self.any_family();
        let item = self.value(&scope, family).text;
        let text = format!("SELECT {item} AS x0");
        Body { text, columns: vec![("x0".into(), family)], ordered: Vec::new(), hidden: Vec::new() }
    }

    fn ungrouped(&mut self, families: Option<&[Family]>, scope: &Scope, tail: &str) -> Body {
        let items = self.items(families, &scope.with(2, SubQueries::All));
        let distinct = if self.choices.once_in(5) { "DISTINCT " } else { "" };
        // What is distinct is ordered by what is shown.
        let hidden =
            scope.own.iter().filter(|named| named.family.is_ordered() && distinct.is_empty());
        let hidden = hidden.map(|named| named.text.clone()).collect();
        Body { hidden, ..shown(&format!("SELECT {distinct}"), &items, tail) }
    }

    fn grouped(&mut self, families: Option<&[Family]>, scope: &Scope, tail: &str) -> Body {
        let mut keys: Vec<Named> = Vec::new();
        for _ in 0..self.choices.weighed(&[(2, 0), (5, 1), (2, 2)]) {
            let Some(named) = scope.any(self.choices) else { break };
            // A chain of AND is one, so it is not found again in a longer one.
            let may_compute = has_literals(named.family) && named.family != Family::Bool;
            let key = match may_compute && self.choices.once_in(4) {
                true => {
                    let value = self.value(&scope.with(1, SubQueries::None), named.family);
                    let text = if value.varies { value.text } else { named.text };
                    Named { text, family: named.family, kind: None }
                }
                false => named,
            };
            keys.push(key);
        }
        let mut own = keys.clone();
        for _ in 0..1 + self.choices.below(3) {
            own.push(self.aggregate(scope));
        }
        let grouped = Scope::of(own);
        let items = self.items(families, &grouped.with(1, SubQueries::Alone));
        let mut tail = tail.to_owned();
        if !keys.is_empty() {
            let keys: Vec<&str> = keys.iter().map(|key| key.text.as_str()).collect();
            tail += &format!(" GROUP BY {}", keys.join(", "));
        }
        // Without a key it is grouped by an aggregate alone, which may not be among what is shown.
        let is_grouped = !keys.is_empty();
        if !is_grouped || self.choices.once_in(3) {
            let having = match is_grouped {
                true => self.predicate(&grouped.with(1, SubQueries::Alone)),
                false => format!("{} IS NOT NULL", self.aggregate(scope).text),
            };
            tail += &format!(" HAVING {having}");
        }
        let distinct = if self.choices.once_in(6) { "DISTINCT " } else { "" };
        shown(&format!("SELECT {distinct}"), &items, &tail)
    }

    fn items(&mut self, families: Option<&[Family]>, scope: &Scope) -> Vec<(Expression, Family)> {
        if let Some(families) = families {
            return families.iter().map(|family| (self.value(scope, *family), *family)).collect();
        }
        let mut items = Vec::new();
        for _ in 0..1 + self.choices.below(4) {
            let Some(named) = scope.any(self.choices) else { continue };
            items.push(match has_literals(named.family) && self.choices.once_in(3) {
                true => (self.value(scope, named.family), named.family),
                false => (Expression::of_row(named.text), named.family),
            });
        }
        if items.is_empty() {
            items.push((self.plain_value(&Scope::default(), Family::Int), Family::Int));
        }
        items
    }
}

fn shown(head: &str, items: &[(Expression, Family)], tail: &str) -> Body {
    let named = items.iter().enumerate().map(|(at, (item, _))| format!("{} AS x{at}", item.text));
    let named: Vec<String> = named.collect();
    let columns = items.iter().enumerate().map(|(at, (_, family))| (format!("x{at}"), *family));
    let ordered =
        items.iter().zip(1..).filter(|((item, family), _)| item.varies && family.is_ordered());
    Body {
        text: format!("{head}{}{tail}", named.join(", ")),
        columns: columns.collect(),
        ordered: ordered.map(|(_, at)| at).collect(),
        hidden: Vec::new(),
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.params.as_str() {
            "[]" => Ok(()),
            params => write!(f, "  with {params}"),
        }
    }
}
