//! The rows of a live query, as a client holds them.
//!
//! Rows have places, so that a row that changes stays where it is: one that comes takes the place of one that goes in
//! the same update and has the same key, or begins with the same value where the server knows of no key. Others come behind all that are
//! there.
//!
//! Invariants:
//! 1. A row's text is in `places` as often as it is in `rows`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// A multiset of rows, each the JSON of an array.
#[derive(Debug, Default)]
pub struct HeldRows {
    rows: BTreeMap<u64, Box<str>>,
    places: BTreeMap<Box<str>, Vec<u64>>,
    last_place: u64,
    key: Option<Vec<usize>>,
}

/// What has come and gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RowChanges {
    pub deletes: Vec<Box<str>>,
    pub inserts: Vec<Box<str>>,
}

impl RowChanges {
    pub fn is_empty(&self) -> bool {
        self.deletes.is_empty() && self.inserts.is_empty()
    }
}

impl HeldRows {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says by which columns a row is known again, where the server knows some.
    pub fn tell_apart_by(&mut self, key: Option<Vec<usize>>) {
        self.key = key;
    }

    /// By their places.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.rows.values().map(|row| &**row)
    }

    /// Follows an update.
    ///
    /// # Errors
    ///
    /// Says which row should go and is not there.
    pub fn apply(&mut self, inserts: &[&str], deletes: &[&str]) -> Result<RowChanges, String> {
        let mut freed: BTreeMap<Vec<&str>, Vec<u64>> = BTreeMap::new();
        for row in deletes {
            let place = self.remove(row).ok_or_else(|| format!("{row} goes and is not there"))?;
            freed.entry(self.key_of(row)).or_default().push(place);
        }
        // The one that stood first is taken first.
        freed.values_mut().for_each(|places| places.sort_unstable_by(|one, other| other.cmp(one)));
        for row in inserts {
            let freed = freed.get_mut(&self.key_of(row)).and_then(Vec::pop);
            self.insert(row, freed);
        }
        let owned = |rows: &[&str]| rows.iter().map(|&row| row.into()).collect();
        Ok(RowChanges { deletes: owned(deletes), inserts: owned(inserts) })
    }

    /// Holds these instead; says how they differ from what was held.
    pub fn replace(&mut self, rows: &[&str]) -> RowChanges {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(row).or_default() += 1);
        let held: Vec<Box<str>> = self.rows.values().cloned().collect();
        held.iter().for_each(|row| *counts.entry(row).or_default() -= 1);
        let mut times = |row: &str, sign: i64| {
            let count = counts.get_mut(row).filter(|count| 0 < **count * sign)?;
            *count -= sign;
            Some(())
        };
        let deletes: Vec<&str> =
            held.iter().map(|row| &**row).filter(|row| times(row, -1).is_some()).collect();
        let inserts: Vec<&str> =
            rows.iter().copied().filter(|row| times(row, 1).is_some()).collect();
        self.apply(&inserts, &deletes).expect("only rows go that are held")
    }

    /// The values by which a row is known again.
    fn key_of<'r>(&self, row: &'r str) -> Vec<&'r str> {
        let values = values(row);
        let key = self.key.as_deref().unwrap_or(&[0]);
        key.iter().map(|column| values.get(*column).map_or("", |value| value.get())).collect()
    }

    fn remove(&mut self, row: &str) -> Option<u64> {
        let places = self.places.get_mut(row)?;
        let place = places.pop()?;
        if places.is_empty() {
            self.places.remove(row);
        }
        self.rows.remove(&place);
        Some(place)
    }

    fn insert(&mut self, row: &str, place: Option<u64>) {
        let place = place.unwrap_or_else(|| {
            self.last_place += 1;
            self.last_place
        });
        self.places.entry(row.into()).or_default().push(place);
        let before = self.rows.insert(place, row.into());
        assert!(before.is_none(), "place {place} is taken");
    }
}

/// The values of a row.
pub fn values(row: &str) -> Vec<&RawValue> {
    serde_json::from_str(row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(rows: &[&str]) -> HeldRows {
        let mut held = HeldRows::default();
        held.replace(rows);
        held
    }

    fn check(held: &HeldRows, rows: &[&str]) {
        assert_eq!(held.iter().collect::<Vec<_>>(), rows);
        let places: usize = held.places.values().map(Vec::len).sum();
        assert_eq!(places, held.len());
    }

    #[test]
    fn a_row_that_changes_stays_where_it_is() {
        let mut held = held(&["[1,\"a\"]", "[2,\"b\"]", "[3,\"c\"]"]);
        held.apply(&["[4,\"d\"]", "[2,\"B\"]"], &["[2,\"b\"]"]).unwrap();
        check(&held, &["[1,\"a\"]", "[2,\"B\"]", "[3,\"c\"]", "[4,\"d\"]"]);
        held.apply(&["[9]"], &["[1,\"a\"]"]).unwrap();
        check(&held, &["[2,\"B\"]", "[3,\"c\"]", "[4,\"d\"]", "[9]"]);
    }

    #[test]
    fn a_row_is_known_again_by_its_key() {
        let mut held = held(&["[\"a\",1]", "[\"a\",2]"]);
        held.tell_apart_by(Some(vec![1]));
        held.apply(&["[\"c\",3]", "[\"b\",1]"], &["[\"a\",1]"]).unwrap();
        check(&held, &["[\"b\",1]", "[\"a\",2]", "[\"c\",3]"]);
        held.tell_apart_by(Some(vec![]));
        held.apply(&["[\"d\",4]"], &["[\"a\",2]"]).unwrap();
        check(&held, &["[\"b\",1]", "[\"d\",4]", "[\"c\",3]"]);
    }

    #[test]
    fn a_row_may_be_there_several_times() {
        let mut held = held(&["[1]", "[1]", "[2]"]);
        held.apply(&["[1]"], &["[1]", "[1]"]).unwrap();
        check(&held, &["[1]", "[2]"]);
        assert!(held.apply(&[], &["[1]", "[1]"]).unwrap_err().contains("[1] goes"));
    }

    #[test]
    fn another_answer_is_told_as_what_differs() {
        let mut held = held(&["[1,\"a\"]", "[2]", "[2]"]);
        let changes = held.replace(&["[2]", "[3]", "[1,\"b\"]"]);
        let rows = |rows: &[&str]| rows.iter().map(|&row| row.into()).collect::<Vec<Box<str>>>();
        assert_eq!(changes.deletes, rows(&["[1,\"a\"]", "[2]"]));
        assert_eq!(changes.inserts, rows(&["[3]", "[1,\"b\"]"]));
        check(&held, &["[1,\"b\"]", "[2]", "[3]"]);
    }
}
