//! Aggregates at random, with DISTINCT and FILTER.

use super::scope::{Asker, Named, Scope, SubQueries};
use super::value::Family;

impl Asker<'_, '_> {
    /// Any aggregate over a scope's rows.
    pub(crate) fn aggregate(&mut self, scope: &Scope) -> Named {
        // Mostly of what there is.
        let family = match scope.any(self.choices).map(|named| named.family) {
            Some(Family::Int) => *self.choices.pick(&[Family::Int, Family::Numeric]),
            Some(family) if self.choices.below(3) < 2 => family,
            _ => Family::Int,
        };
        let text = self.aggregate_of(scope, family).unwrap_or_else(|| "count(*)".to_owned());
        let family = if text.starts_with("count(") { Family::Int } else { family };
        Named { text, family, kind: None }
    }

    /// One whose value is of a family.
    pub(crate) fn aggregate_of(&mut self, scope: &Scope, family: Family) -> Option<String> {
        let scope = scope.with(1, SubQueries::None);
        let (name, of) = match family {
            Family::Int => match self.choices.below(6) {
                0 => return Some(self.filtered(&scope, "count(*)".to_owned())),
                1 | 2 => ("count", scope.any(self.choices)?.family),
                3 => ("sum", Family::Int),
                4 => ("min", Family::Int),
                _ => ("max", Family::Int),
            },
            Family::Numeric => match self.choices.below(4) {
                0 | 1 => ("avg", Family::Int),
                2 => ("sum", Family::Numeric),
                _ => ("min", Family::Numeric),
            },
            Family::Float | Family::Duration => {
                (*self.choices.pick(&["sum", "avg", "min", "max"]), family)
            }
            Family::Timestamp => (*self.choices.pick(&["min", "max"]), family),
            Family::Text if self.choices.once_in(3) => {
                let of = self.value(&scope, family).text;
                let distinct = *self.choices.pick(&["", "DISTINCT "]);
                return Some(self.filtered(&scope, format!("string_agg({distinct}{of}, '-')")));
            }
            Family::Text => (*self.choices.pick(&["min", "max"]), family),
            Family::Bool => (*self.choices.pick(&["bool_and", "bool_or", "every"]), family),
            _ => return None,
        };
        let of = self.value(&scope, of).text;
        let distinct = if self.choices.once_in(3) { "DISTINCT " } else { "" };
        Some(self.filtered(&scope, format!("{name}({distinct}{of})")))
    }

    fn filtered(&mut self, scope: &Scope, call: String) -> String {
        match self.choices.once_in(6) {
            true => format!("{call} FILTER (WHERE {})", self.predicate(scope)),
            false => call,
        }
    }
}
