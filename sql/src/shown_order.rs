//! What ORDER BY means for a client that holds the rows of an answer and nothing else.

use sqlparser::ast::{Expr, Ident, OrderByExpr, OrderBySort, Value};

use crate::limits::PlanLimits;
use crate::syntax::{self, shape};

/// A column of the answer that it is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Its place among the columns of the answer.
    pub column: usize,
    /// Whether great values come first.
    pub descending: bool,
    /// Whether NULLs come before all values.
    pub nulls_first: bool,
}

/// By which columns, of those that an answer has, a query orders it: its keys up to the first one that the answer does not
/// show. What is no query has none.
pub fn shown_order(text: &str, columns: &[impl AsRef<str>]) -> Vec<ShownKey> {
    let Ok(statement) = syntax::parse(text, &PlanLimits::default()) else { return Vec::new() };
    let Ok(tail) = shape::tail(&statement.query, &statement.keywords) else { return Vec::new() };
    tail.order_by.iter().map_while(|key| shown_key(key, columns)).collect()
}

fn shown_key(key: &OrderByExpr, columns: &[impl AsRef<str>]) -> Option<ShownKey> {
    let column = match &key.expr {
        Expr::Identifier(name) => named(name, columns),
        Expr::CompoundIdentifier(names) => named(names.last()?, columns),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => {
                digits.parse::<usize>().ok()?.checked_sub(1).filter(|&at| at < columns.len())
            }
            _ => None,
        },
        _ => None,
    }?;
    let descending = matches!(key.options.sort, Some(OrderBySort::Desc));
    let nulls_first = key.options.nulls_first.unwrap_or(descending);
    Some(ShownKey { column, descending, nulls_first })
}

/// The only column of a name.
fn named(name: &Ident, columns: &[impl AsRef<str>]) -> Option<usize> {
    let is_quoted = name.quote_style.is_some();
    let folded = if is_quoted { name.value.clone() } else { name.value.to_lowercase() };
    let mut found = (0..columns.len()).filter(|&at| columns[at].as_ref() == folded);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, keys: &[(usize, bool, bool)]) {
        let shown = shown_order(text, &["id", "name", "Score", "n", "n"]);
        let shown: Vec<_> =
            shown.iter().map(|key| (key.column, key.descending, key.nulls_first)).collect();
        assert_eq!(shown, keys, "{text}");
    }

    #[test]
    fn keys_are_columns_of_the_answer() {
        check("SELECT id FROM t ORDER BY Name DESC, 1", &[(1, true, true), (0, false, false)]);
        check("SELECT id FROM t ORDER BY t.name NULLS FIRST LIMIT 3", &[(1, false, true)]);
        check("SELECT 1 UNION SELECT 2 ORDER BY \"Score\" DESC NULLS LAST", &[(2, true, false)]);
    }

    #[test]
    fn what_is_behind_a_key_that_is_not_shown_orders_nothing() {
        check("SELECT id FROM t ORDER BY id, upper(name), name", &[(0, false, false)]);
        check("SELECT id FROM t ORDER BY other, id", &[]);
        check("SELECT id FROM t ORDER BY n", &[]);
        check("SELECT id FROM t ORDER BY 9, id", &[]);
    }

    #[test]
    fn without_order_by_there_is_none() {
        check("SELECT id FROM (SELECT id FROM t ORDER BY id) AS q", &[]);
        check("no query", &[]);
    }
}
