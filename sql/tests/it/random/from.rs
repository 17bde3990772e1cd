//! What a query reads, at random: tables, queries of WITH and in parentheses, and joins of them.

use super::expression::has_literals;
use super::scope::{Asker, Named, Scope, SubQueries};
use super::value::Family;

impl Asker<'_, '_> {
    /// One source or several, and what can be named of them. `nesting` is how deep the query stands.
    pub(crate) fn sources(&mut self, nesting: usize) -> (String, Scope) {
        let (mut text, mut named) = self.source(nesting);
        for _ in 0..self.choices.weighed(&[(6, 0), (5, 1), (2, 2)]) {
            if !self.has_sources_left() {
                break;
            }
            let (right, of_right) = self.source(nesting);
            let kind = self.choices.weighed(&[
                (5, "JOIN"),
                (4, "LEFT JOIN"),
                (2, "CROSS JOIN"),
                (2, "RIGHT JOIN"),
                (2, "FULL JOIN"),
                (1, ","),
            ]);
            let is_product = matches!(kind, "CROSS JOIN" | ",");
            let kind = if is_product && !self.bounds.has_products { "JOIN" } else { kind };
            let on = match kind {
                "CROSS JOIN" | "," => String::new(),
                _ => format!(" ON {}", self.on(&named, &of_right)),
            };
            let space = if kind == "," { "" } else { " " };
            text = format!("{text}{space}{kind} {right}{on}");
            named.extend(of_right);
            // A comma binds less than a join that follows, which would not see what stands before it.
            if kind == "," {
                break;
            }
        }
        (text, Scope::of(named))
    }

    fn source(&mut self, nesting: usize) -> (String, Vec<Named>) {
        let alias = self.alias();
        self.takes_source();
        if nesting < 2 && self.choices.once_in(6) {
            let families: Vec<Family> =
                (0..1 + self.choices.below(3)).map(|_| self.any_family()).collect();
            let body = self.sliced_body(&families, nesting + 1);
            let named = body.columns.iter().map(|(name, family)| Named {
                text: format!("{alias}.{name}"),
                family: *family,
                kind: None,
            });
            return (format!("({}) AS {alias}", body.text), named.collect());
        }
        let relation = self.relation();
        (format!("{} {alias}", relation.name), relation.named(&alias))
    }

    /// Mostly an equality between both sides.
    fn on(&mut self, left: &[Named], right: &[Named]) -> String {
        let both = Scope::of([left, right].concat());
        let of_right = Scope::of(right.to_vec()).any(self.choices);
        let equal = of_right.and_then(|right| {
            let left = Scope::of(left.to_vec()).of_family(right.family, self.choices)?;
            Some(format!("{} = {}", left.text, right.text))
        });
        let more = both.with(1, SubQueries::None);
        match (equal, self.choices.below(5)) {
            (Some(equal), 0..=2) => equal,
            (Some(equal), _) if !self.bounds.has_products => equal,
            (Some(equal), 3) => format!("{equal} AND {}", self.predicate(&more)),
            _ => self.predicate(&more),
        }
    }

    /// A family whose values can be had anywhere; mostly one of which there are columns.
    pub(crate) fn any_family(&mut self) -> Family {
        let table = self.choices.pick(&self.schema.tables);
        let family = self.choices.pick(&table.columns).kind.family;
        if has_literals(family) && self.choices.below(4) < 3 {
            return family;
        }
        let others = [Family::Int, Family::Text, Family::Numeric, Family::Bool, Family::Float];
        *self.choices.pick(&others)
    }
}
