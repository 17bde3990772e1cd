//! Whether rows stand in the order that a client can see.

use std::cmp::Ordering;

use cosmictron_sql::shown_order::{ShownKey, shown_order};

use super::answer::Row;
use super::subscriber::Asked;

/// The rows of an answer are in the order by which a client that holds them sorts them.
pub(crate) fn check_order(asked: &Asked, rows: &[Row]) {
    let names: Vec<&str> = asked.plan.columns().iter().map(|column| &*column.name).collect();
    let keys = shown_order(&asked.text, &names);
    for pair in rows.windows(2) {
        let order = keys.iter().map(|key| compare(key, &pair[0], &pair[1], asked));
        let order = order.fold(Ordering::Equal, Ordering::then);
        assert_ne!(order, Ordering::Greater, "{pair:?}\n{}\n{keys:?}", asked.text);
    }
}

fn compare(key: &ShownKey, a: &Row, b: &Row, asked: &Asked) -> Ordering {
    let (a, b) = (&a[key.column], &b[key.column]);
    let nulls = match (a == "null", b == "null") {
        (true, true) => return Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => {
            let order = compare_values(a, b, &asked.plan.columns()[key.column].ty.to_string());
            return if key.descending { order.reverse() } else { order };
        }
    };
    if key.nulls_first { nulls } else { nulls.reverse() }
}

fn compare_values(a: &str, b: &str, ty: &str) -> Ordering {
    let float = |text: &str| match text.trim_matches('"') {
        "NaN" => (1, 0.0),
        text => (0, text.replace("Infinity", "inf").parse::<f64>().unwrap()),
    };
    match ty {
        // Hex digits and bytes of UTF-8 are in the order of what they stand for.
        "string" | "bytes" | "identity" | "connection_id" | "uuid" | "bool" => {
            a.trim_matches('"').cmp(b.trim_matches('"'))
        }
        // Far apart, or small.
        _ => float(a).partial_cmp(&float(b)).expect("a number is none or has an order"),
    }
}
