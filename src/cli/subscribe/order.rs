//! The order in which rows are shown: that of the query's ORDER BY, as far as the answer has what it orders by.

use std::cmp::Ordering;

use cosmictron_sql::{ShownKey, shown_order};
use serde_json::value::RawValue;

use super::rows::{HeldRows, values};

/// By which columns rows are sorted; none where the query says nothing of it.
pub struct Order {
    keys: Vec<ShownKey>,
}

/// A value of a row, to be compared. Kinds are ordered as they stand here, though a column has but one besides NULL.
#[derive(PartialEq, PartialOrd)]
enum Sortable {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

impl Order {
    pub fn of(query: &str, columns: &[String]) -> Order {
        Order { keys: shown_order(query, columns) }
    }

    /// The first rows of those that are held. Where the order leaves it open they stand by their places.
    pub fn first<'r>(&self, rows: &'r HeldRows, count: usize) -> Vec<&'r str> {
        if self.keys.is_empty() {
            return rows.iter().take(count).collect();
        }
        let mut keyed: Vec<(Vec<Option<Sortable>>, &str)> =
            rows.iter().map(|row| (self.key(row), row)).collect();
        keyed.sort_by(|(one, _), (other, _)| self.compare(one, other));
        keyed.into_iter().take(count).map(|(_, row)| row).collect()
    }

    fn key(&self, row: &str) -> Vec<Option<Sortable>> {
        let values = values(row);
        self.keys
            .iter()
            .map(|key| values.get(key.column).and_then(|&value| sortable(value)))
            .collect()
    }

    fn compare(&self, one: &[Option<Sortable>], other: &[Option<Sortable>]) -> Ordering {
        let compared = self.keys.iter().zip(one).zip(other).map(|((key, one), other)| {
            let nulls_first = if key.nulls_first { Ordering::Less } else { Ordering::Greater };
            match (one, other) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => nulls_first,
                (Some(_), None) => nulls_first.reverse(),
                (Some(one), Some(other)) => {
                    let order = one.partial_cmp(other).unwrap_or(Ordering::Equal);
                    if key.descending { order.reverse() } else { order }
                }
            }
        });
        compared.fold(Ordering::Equal, Ordering::then)
    }
}

/// NULL is none.
fn sortable(value: &RawValue) -> Option<Sortable> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'n' => None,
        b't' | b'f' => Some(Sortable::Bool(text == "true")),
        b'"' => Some(Sortable::Text(serde_json::from_str(text).unwrap_or_default())),
        _ => Some(match (text.parse(), text.parse()) {
            (Ok(number), _) => Sortable::Integer(number),
            (_, Ok(number)) => Sortable::Float(number),
            _ => Sortable::Text(text.to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(order_by: &str, rows: &[&str], sorted: &[&str]) {
        let mut held = HeldRows::default();
        held.replace(rows);
        let query = format!("SELECT a, b FROM t {order_by}");
        let order = Order::of(&query, &["a".to_owned(), "b".to_owned()]);
        assert_eq!(order.first(&held, sorted.len()), sorted, "{order_by}");
    }

    #[test]
    fn rows_stand_as_the_query_says() {
        let rows = ["[10,\"b\"]", "[9,\"a\"]", "[null,\"c\"]", "[10,\"a\"]"];
        check("", &rows, &rows);
        check("ORDER BY a", &rows, &["[9,\"a\"]", "[10,\"b\"]", "[10,\"a\"]", "[null,\"c\"]"]);
        check("ORDER BY a DESC, b", &rows, &["[null,\"c\"]", "[10,\"a\"]", "[10,\"b\"]"]);
        check("ORDER BY b DESC, a", &rows, &["[null,\"c\"]", "[10,\"b\"]", "[9,\"a\"]"]);
        check("ORDER BY 1", &["[1.5]", "[-2.5]", "[0.25]"], &["[-2.5]", "[0.25]", "[1.5]"]);
    }
}
