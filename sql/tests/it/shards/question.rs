//! Random rows for the table `fact`, and random queries over it.

use proptest::prelude::*;
use proptest::sample::subsequence;

fn row() -> impl Strategy<Value = String> {
    let score = prop_oneof![
        2 => Just("null".to_owned()),
        8 => (-3i32..4).prop_map(|score| score.to_string()),
        1 => prop_oneof![Just(i32::MAX), Just(i32::MIN)].prop_map(|score| score.to_string()),
    ];
    let wide = |low: i128, high: i128| prop_oneof![8 => (-3i128..4).prop_map(|n| n), 1 => Just(low), 1 => Just(high)];
    let big = wide(i64::MIN.into(), i64::MAX.into());
    let span = wide(i64::MIN.into(), i64::MAX.into());
    let vast = prop_oneof![4 => 0u128..4, 1 => Just(u128::MAX), 1 => Just(u128::MAX / 2)];
    let float = || {
        prop_oneof![
            Just("0"),
            Just("-0.0"),
            Just("1.5"),
            Just("-2"),
            Just("0.25"),
            Just("\"NaN\""),
            Just("\"Infinity\""),
            Just("\"-Infinity\"")
        ]
    };
    let text = || prop_oneof![Just("a"), Just("b"), Just("ab"), Just(""), Just("7")];
    let maybe = prop_oneof![Just("null".to_owned()), text().prop_map(|text| format!("\"{text}\""))];
    let tags = prop_oneof![Just("[]"), Just(r#"["a"]"#), Just(r#"["a", "b"]"#)];
    let raw = prop_oneof![Just(r#""\\x""#), Just(r#""\\x00ff""#)];
    let numbers = (0u32..4, score, big, vast, -3i64..4, span);
    (numbers, (float(), float()), (text(), maybe, tags, raw), any::<bool>()).prop_map(
        |((room, score, big, vast, at, span), (single, weight), (author, maybe, tags, raw), pinned)| {
            format!(
                r#"{room}, "{author}", {score}, {big}, {vast}, {single}, {weight}, {at}, {span}, {pinned}, {raw}, {tags}, {maybe}"#
            )
        },
    )
}

/// A number of shards, and rows with theirs: a key decides it.
pub(crate) fn tables() -> impl Strategy<Value = (usize, Vec<(usize, String)>)> {
    (1usize..6).prop_flat_map(|shards| {
        let rows = proptest::collection::vec(row(), 0..30);
        rows.prop_map(move |rows| {
            // Keys that are in no order.
            let keyed = rows.into_iter().enumerate().map(|(at, row)| (at * 7 % 31, row));
            let keyed = keyed.map(|(id, row)| (id % shards, format!("[{id}, {row}]")));
            (shards, keyed.collect())
        })
    })
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: usize,
    /// `None` when it is deleted.
    pub(crate) row: Option<String>,
}

impl Change {
    /// A row with the key.
    pub(crate) fn any_row(&self) -> String {
        format!(r#"[{}, 0, "", null, 0, 0, 0, 0, 0, 0, false, "\\x", [], null]"#, self.id)
    }
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0usize..31, proptest::option::weighted(0.7, row())).prop_map(|(id, row)| {
        let row = row.map(|row| format!("[{id}, {row}]"));
        Change { id, row }
    });
    proptest::collection::vec(change, 0..20)
}

/// What a query selects and sorts by, one row at a time; the last few can fail.
const ITEMS: &[&str] = &[
    "id",
    "room",
    "author",
    "score",
    "big",
    "vast",
    "single",
    "weight",
    "at",
    "span",
    "pinned",
    "raw",
    "maybe",
    "coalesce(score, room)",
    "coalesce(maybe, author)",
    "CASE WHEN score > 0 THEN 'up' WHEN pinned THEN author END",
    "greatest(score, room, $1::i64)",
    "'constant'",
    "nullif(author, maybe)",
    "score IS NULL",
    "room % 2",
    "score * 1.5",
    "weight + 1",
    "author || coalesce(maybe, '?')",
    "at + span",
    "score * 1000000000",
    "10 / score",
    "CASE WHEN score <> 0 THEN 10 / score END",
    "author::i32",
    "$1::i64 / 2",
];

/// Those of them that put nothing in order.
const CONSTANTS: &[&str] = &["'constant'", "$1::i64 / 2"];

const PREDICATES: &[&str] = &[
    "room = 1",
    "room = $1::i64",
    "room > 0",
    "score IS NULL",
    "score IS NOT NULL",
    "score > -2",
    "weight > 0",
    "weight = 'NaN'",
    "author = 'a'",
    "author LIKE 'a%'",
    "pinned",
    "NOT pinned",
    "maybe IS DISTINCT FROM author",
    "id < 20",
    "id = 7",
    "(room = 1 OR score = 2)",
    "at BETWEEN (-1)::i64::timestamp AND 2::i64::timestamp",
    "vast > 1",
    "tags = tags",
    "false",
    "score + 1 > room",
    "10 / score > 1",
    "author::i32 = 7",
];

const GROUP_KEYS: &[&str] = &[
    "room",
    "author",
    "score",
    "weight",
    "single",
    "pinned",
    "maybe",
    "vast",
    "at",
    "room % 2",
    "coalesce(score, 0)",
    "author || coalesce(maybe, '?')",
    "10 / score",
];

const AGGREGATES: &[&str] = &[
    "count(*)",
    "count(score)",
    "sum(score)",
    "sum(big)",
    "sum(vast)",
    "sum(weight)",
    "sum(single)",
    "sum(span)",
    "sum(score * 1.25)",
    "avg(score)",
    "avg(big)",
    "avg(vast)",
    "avg(weight)",
    "avg(span)",
    "min(score)",
    "min(author)",
    "min(weight)",
    "min(vast)",
    "max(maybe)",
    "max(at)",
    "max(weight)",
    "max(span)",
    "max(author || coalesce(maybe, ''))",
    "sum(10 / score)",
    "count(score + 2147483647)",
    "sum(big) / count(score)",
    "coalesce(sum(score), $1::i64) + count(*)",
    "10 / sum(score)",
];

const HAVINGS: &[&str] = &[
    "count(*) > 1",
    "sum(score) > 0",
    "max(author) = 'a'",
    "10 / count(score) > 2",
    "avg(big) < 2",
];

/// A query, and what its answers have to be compared by.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) body: String,
    /// Without LIMIT and OFFSET.
    pub(crate) order: String,
    /// Places of the sort keys among the columns.
    pub(crate) keys: Vec<usize>,
    /// The order says all.
    pub(crate) total: bool,
    /// There is an order, which LIMIT or OFFSET make total.
    pub(crate) decided: bool,
    pub(crate) slice: String,
}

impl Asked {
    /// The query and its parameters.
    pub(crate) fn text(&self, param: i64) -> (String, String) {
        let Self { body, order, slice, .. } = self;
        with_params(format!("{body}{order}{slice}"), param)
    }

    /// The same without LIMIT and OFFSET.
    pub(crate) fn text_of_everything(&self, param: i64) -> (String, String) {
        let Self { body, order, .. } = self;
        with_params(format!("{body}{order}"), param)
    }
}

fn with_params(sql: String, param: i64) -> (String, String) {
    let params = if sql.contains("$1") { format!("[{param}]") } else { "[]".to_owned() };
    (sql, params)
}

fn conditions() -> impl Strategy<Value = String> {
    let count = prop_oneof![3 => Just(0usize), 4 => Just(1), 2 => Just(2)];
    count.prop_flat_map(|count| subsequence(PREDICATES, count)).prop_map(|chosen| {
        if chosen.is_empty() { String::new() } else { format!(" WHERE {}", chosen.join(" AND ")) }
    })
}

fn slices() -> impl Strategy<Value = String> {
    let limit = prop_oneof![
        Just(String::new()),
        (0usize..9).prop_map(|limit| format!(" LIMIT {limit}")),
        Just(" LIMIT $1::i64".to_owned()),
        Just(" LIMIT NULL".to_owned()),
    ];
    let offset = prop_oneof![
        2 => Just(String::new()),
        1 => (0usize..6).prop_map(|offset| format!(" OFFSET {offset}")),
    ];
    prop_oneof![Just(String::new()), (limit, offset).prop_map(|(l, o)| l + &o)]
}

/// An order of some of the columns, and their places.
fn orders(columns: usize) -> impl Strategy<Value = (String, Vec<usize>)> {
    let direction = prop_oneof![Just(""), Just(" DESC")];
    let nulls = prop_oneof![2 => Just(""), 1 => Just(" NULLS FIRST"), 1 => Just(" NULLS LAST")];
    let key = (0..columns, direction, nulls);
    proptest::collection::vec(key, 0..3).prop_map(|keys| {
        let texts: Vec<String> =
            keys.iter().map(|(at, d, n)| format!("{}{d}{n}", at + 1)).collect();
        let places = keys.into_iter().map(|(at, ..)| at).collect();
        if texts.is_empty() {
            (String::new(), Vec::new())
        } else {
            (format!(" ORDER BY {}", texts.join(", ")), places)
        }
    })
}

pub(crate) fn plain() -> impl Strategy<Value = Asked> {
    let items = (1usize..5).prop_flat_map(|count| subsequence(ITEMS, count).prop_shuffle());
    let asked = (items, any::<bool>(), conditions(), slices(), any::<bool>());
    asked.prop_flat_map(|(items, distinct, conditions, slice, total)| {
        orders(items.len()).prop_map(move |(mut order, keys)| {
            let total = total && !distinct;
            let tags = if total { ", tags" } else { "" };
            let word = if distinct { "DISTINCT " } else { "" };
            if total {
                let comma = if order.is_empty() { " ORDER BY" } else { "," };
                order += &format!("{comma} id");
            }
            let body = format!("SELECT {word}{}{tags} FROM fact{conditions}", items.join(", "));
            let is_ordered = keys.iter().any(|key| !CONSTANTS.contains(&items[*key]));
            let decided = is_ordered && !slice.is_empty();
            Asked { body, order, keys, total, decided, slice: slice.clone() }
        })
    })
}

pub(crate) fn grouped() -> impl Strategy<Value = Asked> {
    let aggregates = AGGREGATES;
    let keys = (0usize..3).prop_flat_map(|count| subsequence(GROUP_KEYS, count));
    let calls = (0usize..4).prop_flat_map(move |count| subsequence(aggregates, count));
    let having = proptest::option::of(prop::sample::select(HAVINGS));
    let asked = (keys, calls, having, any::<bool>(), conditions(), slices());
    asked.prop_flat_map(|(keys, calls, having, distinct, conditions, slice)| {
        let mut items: Vec<&str> = keys.iter().chain(&calls).copied().collect();
        if items.is_empty() {
            items.push("count(*)");
        }
        let by =
            if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) };
        let having = having.map_or(String::new(), |having| format!(" HAVING {having}"));
        let word = if distinct { "DISTINCT " } else { "" };
        let body = format!("SELECT {word}{} FROM fact{conditions}{by}{having}", items.join(", "));
        orders(items.len()).prop_map(move |(order, keys)| Asked {
            body: body.clone(),
            order,
            total: false,
            decided: !keys.is_empty() && !slice.is_empty(),
            keys,
            slice: slice.clone(),
        })
    })
}
