//! Properties that hold for every query and all rows: ideas of SQLancer (NoREC, TLP), and a sort of everything.

use proptest::prelude::*;

use crate::fixture::Database;

/// One `message` and one row without any index, the same values in both.
fn rows() -> impl Strategy<Value = Vec<String>> {
    let row = (
        0u32..4,
        prop_oneof![Just("a"), Just("b"), Just("ab"), Just("")],
        prop_oneof![Just("x"), Just("xy"), Just("Z")],
        -3i64..4,
        prop_oneof![Just("null".to_owned()), (-3i32..4).prop_map(|score| score.to_string())],
        any::<bool>(),
        prop_oneof![
            Just("0"),
            Just("-0.0"),
            Just("1.5"),
            Just("-2"),
            Just("\"NaN\""),
            Just("\"Infinity\"")
        ],
    );
    proptest::collection::vec(row, 0..25).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(id, (room, author, body, sent_at, score, pinned, weight))| {
                format!(r#"[{id}, {room}, "{author}", "{body}", {sent_at}, {score}, {pinned}, {weight}]"#)
            })
            .collect()
    })
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (-4i64..5).prop_map(|number| number.to_string()),
        Just("1.5".to_owned()),
        Just("null".to_owned()),
        Just("5000000000".to_owned()),
        Just("1::f64".to_owned()),
        Just("(1 / 2.0)".to_owned()),
    ]
}

fn comparison() -> impl Strategy<Value = String> {
    let sign = prop_oneof![Just("="), Just("<"), Just("<="), Just(">"), Just(">="), Just("<>")];
    let column =
        prop_oneof![Just("id"), Just("room"), Just("score"), Just("weight"), Just("sent_at::i64")];
    let text = prop_oneof![Just("'a'"), Just("'b'"), Just("'ab'"), Just("''"), Just("null")];
    prop_oneof![
        (column.clone(), sign.clone(), number()).prop_map(|(c, s, n)| format!("{c} {s} {n}")),
        (number(), sign.clone(), column.clone()).prop_map(|(n, s, c)| format!("{n} {s} {c}")),
        (prop_oneof![Just("author"), Just("body")], sign.clone(), text)
            .prop_map(|(c, s, t)| format!("{c} {s} {t}")),
        (-4i64..5, sign).prop_map(|(at, s)| format!("sent_at {s} ({at})::i64::timestamp")),
        (column.clone(), number(), number())
            .prop_map(|(c, a, b)| format!("{c} BETWEEN {a} AND {b}")),
        (column, number(), number()).prop_map(|(c, a, b)| format!("{c} IN ({a}, {b})")),
        Just("pinned".to_owned()),
        Just("NOT pinned".to_owned()),
        Just("score IS NULL".to_owned()),
        Just("score IS NOT NULL".to_owned()),
        Just("score + 1 > room".to_owned()),
        Just("weight = 'NaN'".to_owned()),
        Just("weight < 'Infinity'".to_owned()),
    ]
}

fn predicate() -> impl Strategy<Value = String> {
    comparison().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|list| list.join(" AND ")),
            proptest::collection::vec(inner.clone(), 2..4)
                .prop_map(|list| format!("({})", list.join(" OR "))),
            inner.prop_map(|predicate| format!("NOT ({predicate})")),
        ]
    })
}

fn order() -> impl Strategy<Value = String> {
    let column = prop_oneof![
        Just("id"),
        Just("room"),
        Just("author"),
        Just("score"),
        Just("weight"),
        Just("sent_at"),
        Just("room + score"),
    ];
    let direction = prop_oneof![Just(""), Just(" ASC"), Just(" DESC")];
    let nulls = prop_oneof![Just(""), Just(" NULLS FIRST"), Just(" NULLS LAST")];
    let key = (column, direction, nulls).prop_map(|(c, d, n)| format!("{c}{d}{n}"));
    proptest::collection::vec(key, 1..4).prop_map(|keys| keys.join(", "))
}

/// The same rows in `message`, which has indexes, and in `plain`, which has none.
fn database(rows: &[String]) -> Database {
    let mut database = Database::empty();
    database.create("plain", &[r#"{"table": {"name": "plain", "public": true, "columns": [
        {"name": "id", "type": "u64"}, {"name": "room", "type": "u32"}, {"name": "author", "type": "string"},
        {"name": "body", "type": "string"}, {"name": "sent_at", "type": "timestamp"},
        {"name": "score", "type": {"option": "i32"}}, {"name": "pinned", "type": "bool"},
        {"name": "weight", "type": "f64"}], "indexes": []}}"#]);
    database.insert("message", rows);
    database.insert("plain", rows);
    database
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_and_a_scan_find_the_same(rows in rows(), predicate in predicate()) {
        let database = database(&rows);
        let of = |table| sorted(database.rows(&format!("SELECT * FROM {table} WHERE {predicate}"), "[]"));
        prop_assert_eq!(of("message"), of("plain"), "{}", predicate);
    }

    #[test]
    fn a_filter_and_a_computed_condition_count_the_same(rows in rows(), predicate in predicate()) {
        let database = database(&rows);
        let filtered = database.rows(&format!("SELECT id FROM message WHERE {predicate}"), "[]").len();
        let computed = database.rows(&format!("SELECT ({predicate}) IS TRUE FROM message"), "[]");
        prop_assert_eq!(filtered, computed.iter().filter(|row| *row == "[true]").count());
    }

    #[test]
    fn true_false_and_unknown_make_all(rows in rows(), predicate in predicate()) {
        let database = database(&rows);
        let of = |filter: String| database.rows(&format!("SELECT id, score FROM message{filter}"), "[]");
        let parts = [
            of(format!(" WHERE {predicate}")),
            of(format!(" WHERE NOT ({predicate})")),
            of(format!(" WHERE ({predicate}) IS NULL")),
        ];
        prop_assert_eq!(sorted(parts.concat()), sorted(of(String::new())), "{}", predicate);
        let sum = |filter: String| {
            let sum = &database.rows(&format!("SELECT coalesce(sum(score), 0) FROM message{filter}"), "[]")[0];
            sum.trim_matches(['[', ']']).parse::<i64>().unwrap()
        };
        let parts = sum(format!(" WHERE {predicate}")) + sum(format!(" WHERE NOT ({predicate})"))
            + sum(format!(" WHERE ({predicate}) IS NULL"));
        prop_assert_eq!(parts, sum(String::new()));
    }

    #[test]
    fn a_limit_gives_a_slice_of_the_sorted_whole(
        rows in rows(), predicate in predicate(), order in order(), limit in 0usize..8, offset in 0usize..8,
    ) {
        let database = database(&rows);
        // With the key as the last of the order there is one right answer.
        let query = format!("WHERE {predicate} ORDER BY {order}, id");
        let all = database.rows(&format!("SELECT id FROM plain {query}"), "[]");
        let whole = database.rows(&format!("SELECT id FROM message {query}"), "[]");
        prop_assert_eq!(&whole, &all, "{}", query);
        let part = database.rows(&format!("SELECT id FROM message {query} LIMIT {limit} OFFSET {offset}"), "[]");
        let expected: Vec<_> = all.into_iter().skip(offset).take(limit).collect();
        prop_assert_eq!(part, expected, "{}", query);
    }

    #[test]
    fn a_sort_of_keys_alone_agrees_with_the_index(rows in rows(), order in order(), limit in 1usize..9) {
        let database = database(&rows);
        let keys = order.replace(" ASC", "").replace(" DESC", "").replace(" NULLS FIRST", "").replace(" NULLS LAST", "");
        let of = |table| database.rows(&format!("SELECT {keys} FROM {table} ORDER BY {order} LIMIT {limit}"), "[]");
        let text = |rows: Vec<String>| rows.join(" ").replace("-0.0", "0.0");
        prop_assert_eq!(text(of("message")), text(of("plain")), "{}", order);
    }

    #[test]
    fn groups_partition_the_rows(rows in rows(), key in prop_oneof![
        Just("room"), Just("author"), Just("score"), Just("weight"), Just("room % 2"), Just("author || body"),
    ]) {
        let database = database(&rows);
        let grouped = database.rows(&format!("SELECT {key}, count(*) FROM message GROUP BY {key}"), "[]");
        let distinct = database.rows(&format!("SELECT DISTINCT {key} FROM message"), "[]");
        prop_assert_eq!(grouped.len(), distinct.len());
        let counts = grouped.iter().map(|row| {
            row.trim_end_matches(']').rsplit(',').next().unwrap().parse::<usize>().unwrap()
        });
        prop_assert_eq!(counts.sum::<usize>(), rows.len());
        let all = database.rows(&format!("SELECT DISTINCT {key} FROM plain"), "[]");
        prop_assert_eq!(distinct, all);
    }
}
