//! What ORDER BY means for a client that holds the rows of an answer and nothing else.

use sqlparser::ast::{Expr, Ident, OrderByExpr, OrderBySort, SelectItem, SetExpr, Value};

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
    let items = match &*statement.query.body {
        SetExpr::Select(select) => &select.projection[..],
        _ => &[],
    };
    tail.order_by.iter().map_while(|key| shown_key(key, items, columns)).collect()
}

fn shown_key(
    key: &OrderByExpr,
    items: &[SelectItem],
    columns: &[impl AsRef<str>],
) -> Option<ShownKey> {
    let column = match &key.expr {
        Expr::Identifier(name) => named(name, columns),
        Expr::CompoundIdentifier(names) => of_source(names, items, columns),
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

/// The column that shows `t.name`, whatever it is called there: another one may be called `name`.
fn of_source(names: &[Ident], items: &[SelectItem], columns: &[impl AsRef<str>]) -> Option<usize> {
    let last = names.last()?;
    let is_it = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => match expr {
            Expr::CompoundIdentifier(shown) => {
                shown.iter().map(folded).eq(names.iter().map(folded))
            }
            Expr::Identifier(shown) => folded(shown) == folded(last),
            _ => false,
        },
        _ => false,
    };
    let is_star = |item: &SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
    };
    let Some(star) = items.iter().position(is_star) else { return items.iter().position(is_it) };
    // Of a name that nothing else has, the column is one of the star's.
    let is_called_so = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => folded(alias) == folded(last),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => folded(name) == folded(last),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => {
            names.last().map(folded) == Some(folded(last))
        }
        _ => false,
    };
    let before = items[..star].iter().position(is_it);
    before.or_else(|| named(last, columns).filter(|_| !items.iter().any(is_called_so)))
}

/// The only column of a name.
fn named(name: &Ident, columns: &[impl AsRef<str>]) -> Option<usize> {
    let folded = folded(name);
    let mut found = (0..columns.len()).filter(|&at| columns[at].as_ref() == folded);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// A name as columns have it.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
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
        check("SELECT * FROM t ORDER BY t.name NULLS FIRST LIMIT 3", &[(1, false, true)]);
        check("SELECT 1 UNION SELECT 2 ORDER BY \"Score\" DESC NULLS LAST", &[(2, true, false)]);
    }

    #[test]
    fn what_is_behind_a_key_that_is_not_shown_orders_nothing() {
        check("SELECT id FROM t ORDER BY id, upper(name), name", &[(0, false, false)]);
        check("SELECT id FROM t ORDER BY other, id", &[]);
        check("SELECT id FROM t ORDER BY n", &[]);
        check("SELECT id FROM t ORDER BY 9, id", &[]);
    }

    /// `t.name` is a column of `t`. A client took it for whatever the answer calls `name`, and showed its rows in an order that
    /// the query never asked for.
    #[test]
    fn a_column_of_a_table_is_not_what_is_called_so() {
        check("SELECT t.name AS id, t.id AS name FROM t ORDER BY t.id", &[(1, false, false)]);
        check("SELECT t.age AS id, t.id AS name FROM t ORDER BY t.name", &[]);
        check("SELECT u.id, t.name FROM t, u ORDER BY t.id", &[]);
        check("SELECT id, \"T\".name FROM t ORDER BY t.name, t.id", &[]);
        check("SELECT *, lower(name) AS name FROM t ORDER BY t.name", &[]);
        check("SELECT t.id AS key, * FROM t ORDER BY T.ID DESC", &[(0, true, true)]);
    }

    #[test]
    fn without_order_by_there_is_none() {
        check("SELECT id FROM (SELECT id FROM t ORDER BY id) AS q", &[]);
        check("no query", &[]);
    }
}
