//! Whether the key of an answer tells its rows apart.

use std::collections::BTreeMap;

use super::answer::Row;
use super::subscriber::Asked;

/// No two rows of an answer are alike in all columns of its key.
pub(crate) fn check_key(asked: &Asked, rows: &[Row]) {
    let Some(key) = asked.plan.key() else { return };
    let mut known: BTreeMap<Vec<&str>, &Row> = BTreeMap::new();
    for row in rows {
        let values = key.iter().map(|column| row[*column].as_str()).collect();
        if let Some(other) = known.insert(values, row) {
            panic!("{other:?} and {row:?} have the same key {key:?}\n{}", asked.text);
        }
    }
}
