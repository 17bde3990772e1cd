//! Values at random, of a wanted family: columns, literals, parameters, functions, choices and scalar sub-queries.

use super::function::{FALLIBLE, FUNCTIONS, Function};
use super::scope::{Asker, Scope, SubQueries};
use super::value::{Family, Kind, kinds_of};

/// A text that is an expression.
#[derive(Clone)]
pub(crate) struct Expression {
    pub(crate) text: String,
    /// Whether it names something of a row.
    pub(crate) varies: bool,
}

impl Expression {
    fn constant(text: String) -> Self {
        Self { text, varies: false }
    }

    pub(crate) fn of_row(text: String) -> Self {
        Self { text, varies: true }
    }
}

impl Asker<'_, '_> {
    /// A value of a family. Of one without literals, such as lists, there is something in scope.
    pub(crate) fn value(&mut self, scope: &Scope, family: Family) -> Expression {
        if scope.depth == 0 || !has_literals(family) {
            return self.plain_value(scope, family);
        }
        match self.choices.weighed(&[(8, 0), (4, 1), (2, 2), (2, 3)]) {
            1 => self.computed(scope, family),
            2 => self.choice(scope, family),
            3 => {
                self.scalar_query(scope, family).unwrap_or_else(|| self.plain_value(scope, family))
            }
            _ => self.plain_value(scope, family),
        }
    }

    /// A column mostly, else a literal or a parameter.
    pub(crate) fn plain_value(&mut self, scope: &Scope, family: Family) -> Expression {
        let is_column = !has_literals(family) || self.choices.below(4) < 3;
        match scope.of_family(family, self.choices).filter(|_| is_column) {
            Some(named) => Expression::of_row(named.text),
            None => Expression::constant(self.literal(family)),
        }
    }

    pub(crate) fn literal(&mut self, family: Family) -> String {
        let kinds = kinds_of(family);
        if kinds.is_empty() {
            return match family {
                Family::Numeric => {
                    (*self.choices.pick(&["1.50", "0.0", "2", "-1.0", "NULL::numeric"])).to_owned()
                }
                _ => "NULL".to_owned(),
            };
        }
        let kind: &Kind = kinds[self.choices.below(kinds.len())];
        let name = kind.name.expect("it has a name");
        let value = kind.value(self.choices);
        match self.choices.weighed(&[(12, 0), (4, 1), (1, 2)]) {
            1 if self.may_take_param() => format!("{}::{name}", self.param(value)),
            2 => format!("NULL::{name}"),
            _ => kind.literal(value),
        }
    }

    /// A function over values.
    fn computed(&mut self, scope: &Scope, family: Family) -> Expression {
        let list = if self.dares && self.choices.once_in(3) { FALLIBLE } else { FUNCTIONS };
        let functions: Vec<&Function> =
            list.iter().filter(|function| function.result == family).collect();
        if functions.is_empty() {
            return self.plain_value(scope, family);
        }
        let function = *self.choices.pick(&functions);
        let inner = scope.deeper();
        let arguments: Vec<Expression> =
            function.arguments.iter().map(|family| self.value(&inner, *family)).collect();
        let varies = arguments.iter().any(|argument| argument.varies);
        let mut pieces = function.text.split("{}");
        let mut text = pieces.next().expect("there is a first piece").to_owned();
        for (argument, piece) in arguments.iter().zip(pieces) {
            text += &argument.text;
            text += piece;
        }
        Expression { text, varies }
    }

    /// One value or another.
    fn choice(&mut self, scope: &Scope, family: Family) -> Expression {
        let inner = scope.deeper();
        let a = self.value(&inner, family);
        let b = self.value(&inner, family);
        let varies = a.varies || b.varies;
        let (a, b) = (a.text, b.text);
        let text = match self.choices.below(6) {
            0 => format!("coalesce({a}, {b})"),
            1 => format!("nullif({a}, {b})"),
            2 => format!("greatest({a}, {b})"),
            3 => format!("least({a}, {b})"),
            4 => {
                let condition = self.predicate(&inner);
                format!("CASE WHEN {condition} THEN {a} ELSE {b} END")
            }
            _ => {
                let of = self.plain_value(&inner, family).text;
                format!("CASE {of} WHEN {a} THEN {b} END")
            }
        };
        Expression { text, varies }
    }

    /// The value of a sub-query of one row at most.
    fn scalar_query(&mut self, scope: &Scope, family: Family) -> Option<Expression> {
        if scope.sub_queries == SubQueries::None || !self.has_sources_left() {
            return None;
        }
        let query = match self.choices.below(3) {
            0 => self.aggregate_query(scope, family)?,
            1 => self.lookup_query(scope, family)?,
            _ => self.first_query(family)?,
        };
        Some(Expression::of_row(format!("({query})")))
    }
}

/// Whether values can be written wherever they are wanted.
pub(crate) fn has_literals(family: Family) -> bool {
    family == Family::Numeric || !kinds_of(family).is_empty()
}
