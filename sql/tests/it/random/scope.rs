//! What an expression may name at its place, and what has been asked so far.

use super::choice::Choices;
use super::schema::{Schema, Table};
use super::value::{Family, Kind};

/// Something of a row that can be named.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) text: String,
    pub(crate) family: Family,
    /// Of a stored column.
    pub(crate) kind: Option<&'static Kind>,
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Scope {
    pub(crate) own: Vec<Named>,
    /// Of the query around, in the conditions of a sub-query.
    pub(crate) outer: Vec<Named>,
    /// How far expressions may nest.
    pub(crate) depth: usize,
    pub(crate) sub_queries: SubQueries,
}

/// What sub-queries there may be.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SubQueries {
    #[default]
    None,
    /// Those that name nothing of the query around.
    Alone,
    All,
}

/// A table, or a query that is named like one.
#[derive(Clone)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) columns: Vec<(String, Family, Option<&'static Kind>)>,
}

/// Makes the parts of a query; they are type-correct as they are made.
pub(crate) struct Asker<'a, 'c> {
    pub(crate) choices: &'a mut Choices<'c>,
    pub(crate) schema: &'a Schema,
    /// The values of parameters, as JSON, in the order in which they were drawn.
    pub(crate) params: Vec<String>,
    /// The queries of `WITH`.
    pub(crate) with: Vec<Relation>,
    pub(crate) bounds: Bounds,
    /// Whether it uses what may fail.
    pub(crate) dares: bool,
    aliases: usize,
    /// How many relations have been named.
    named: usize,
}

/// How large a query may be.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Relations that it names.
    pub(crate) sources_max: usize,
    /// Parameters that are drawn for it.
    pub(crate) params_max: usize,
    /// Whether joins need no equality.
    pub(crate) has_products: bool,
    /// One that may fail is one in so many, if any.
    pub(crate) dares_once_in: Option<usize>,
}

impl Bounds {
    /// For tables of some rows.
    pub(crate) const FEW_ROWS: Self =
        Self { sources_max: 6, params_max: 6, has_products: true, dares_once_in: Some(10) };
}

impl<'a, 'c> Asker<'a, 'c> {
    pub(crate) fn new(schema: &'a Schema, choices: &'a mut Choices<'c>, bounds: Bounds) -> Self {
        let (params, with) = (Vec::new(), Vec::new());
        Self { choices, schema, params, with, bounds, dares: false, aliases: 0, named: 0 }
    }

    pub(crate) fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("s{}", self.aliases)
    }

    /// Whether there may be another relation; then it counts.
    pub(crate) fn takes_source(&mut self) -> bool {
        let may = self.has_sources_left();
        self.named += 1;
        may
    }

    pub(crate) fn has_sources_left(&self) -> bool {
        self.named < self.bounds.sources_max
    }

    pub(crate) fn may_take_param(&self) -> bool {
        self.params.len() < self.bounds.params_max
    }

    pub(crate) fn param(&mut self, value: impl Into<String>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// A table, or a query of `WITH`.
    pub(crate) fn relation(&mut self) -> Relation {
        let tables = self.schema.tables.len();
        let at = self.choices.below(tables + 2 * self.with.len());
        match at.checked_sub(tables) {
            None => Relation::of(&self.schema.tables[at]),
            Some(at) => self.with[at / 2].clone(),
        }
    }
}

impl Relation {
    pub(crate) fn of(table: &Table) -> Self {
        let column = |column: &super::schema::Column| {
            (column.name.clone(), column.kind.family, Some(column.kind))
        };
        Self { name: table.name.clone(), columns: table.columns.iter().map(column).collect() }
    }

    pub(crate) fn named(&self, alias: &str) -> Vec<Named> {
        let named = |(name, family, kind): &(String, Family, Option<&'static Kind>)| Named {
            text: format!("{alias}.{name}"),
            family: *family,
            kind: *kind,
        };
        self.columns.iter().map(named).collect()
    }
}

impl Scope {
    pub(crate) fn of(own: Vec<Named>) -> Self {
        Self { own, ..Self::default() }
    }

    pub(crate) fn with(&self, depth: usize, sub_queries: SubQueries) -> Self {
        Self { depth, sub_queries, ..self.clone() }
    }

    /// One level further in.
    pub(crate) fn deeper(&self) -> Self {
        Self { depth: self.depth.saturating_sub(1), ..self.clone() }
    }

    fn all(&self) -> impl Iterator<Item = &Named> {
        self.own.iter().chain(&self.outer)
    }

    /// Any that there is.
    pub(crate) fn any(&self, choices: &mut Choices<'_>) -> Option<Named> {
        let all: Vec<&Named> = self.all().collect();
        (!all.is_empty()).then(|| (*choices.pick(&all)).clone())
    }

    /// One of a family.
    pub(crate) fn of_family(&self, family: Family, choices: &mut Choices<'_>) -> Option<Named> {
        let all: Vec<&Named> = self.all().filter(|named| named.family == family).collect();
        (!all.is_empty()).then(|| (*choices.pick(&all)).clone())
    }
}
