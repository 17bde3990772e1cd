//! Texts made to break the planner: it answers, and never panics, aborts or takes long.

use cosmictron_sql::{ErrorClass, ExecutionLimits, PlanLimits, plan};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::fixture::Database;

/// The stack of a thread that nobody configured.
const STACK_BYTES: usize = 2 << 20;

fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).unwrap().join().unwrap();
}

/// `WHERE a = 1 OR a = 1 …` parses to a tree as deep as the text is long. The parser's own recursion limit does not see
/// such chains, and the code that was derived for its trees overflowed a 2 MiB stack at 1,500 terms: the whole server
/// died of one query. Such a text is now refused by its tokens, before there is a tree.
#[test]
fn a_long_chain_of_or_is_refused_and_does_not_end_the_process() {
    on_a_small_stack(|| {
        let database = Database::filled();
        let sql = format!("SELECT id FROM message WHERE {}room = 1", "room = 1 OR ".repeat(5_000));
        assert!(sql.len() > 60_000);
        let error = plan(&sql, &database, &PlanLimits::default()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Syntax);
    });
}

#[test]
fn the_longest_chains_that_pass_are_planned_and_executed() {
    on_a_small_stack(|| {
        let database = Database::filled();
        let or = "room = 1 OR ".repeat(990);
        let rows = database.rows(&format!("SELECT id FROM message WHERE {or}room = 7"), "[]");
        assert_eq!(rows.len(), 3);
        let and = "room > 1 AND ".repeat(990);
        assert_eq!(
            database.rows(&format!("SELECT id FROM message WHERE {and}room = 7"), "[]").len(),
            3
        );
        for chain in [
            "1 + ",
            "'x' || ",
            "- ",
            "NOT ",
            "room * ",
            "(",
            "CASE WHEN true THEN ",
            "(SELECT ",
            "EXISTS (SELECT ",
            "1 IN (SELECT ",
        ] {
            for length in [30, 45, 100, 127, 128, 900] {
                let _ = database
                    .run(&format!("SELECT {}true FROM message", chain.repeat(length)), "[]");
                let _ =
                    database.run(&format!("SELECT {}1 FROM message", chain.repeat(length)), "[]");
            }
        }
        for length in [10, 30, 63, 64, 900] {
            let joins: String =
                (0..length).map(|n| format!(" JOIN every e{n} USING (id)")).collect();
            let _ = database.run(&format!("SELECT 1 FROM message{joins}"), "[]");
            let nested = "(SELECT * FROM ".repeat(length) + "message" + &") d".repeat(length);
            let _ = database.run(&format!("SELECT 1 FROM {nested}"), "[]");
            let opened = format!("SELECT {}true", "(SELECT ".repeat(length)) + &")".repeat(length);
            let _ = database.run(&opened, "[]");
            let exists = "WHERE EXISTS (SELECT 1 FROM every ".repeat(length) + &")".repeat(length);
            let _ = database.run(&format!("SELECT 1 FROM message {exists}"), "[]");
        }
        for chain in [
            " IS NULL",
            " IS NOT TRUE",
            "::bool",
            " NOTNULL",
            " COLLATE \"C\"",
            " AT TIME ZONE 'x'",
            "[1]",
            " UNION SELECT 1",
            " UNION ALL SELECT 1",
            " + (SELECT 1",
            " AND EXISTS (SELECT true",
            " IN (SELECT true",
        ] {
            for length in [30, 127, 128, 900, 1_900] {
                let _ = database.run(&format!("SELECT true{}", chain.repeat(length)), "[]");
            }
        }
    });
}

const CORPUS: &[&str] = &[
    "SELECT * FROM message WHERE id = $1 AND room IN (1, 2, 3) ORDER BY sent_at DESC NULLS LAST LIMIT 10 OFFSET $2",
    "SELECT room, count(*) AS n, sum(score), avg(weight)::numeric FROM message GROUP BY 1 HAVING count(*) > 1",
    "SELECT CASE WHEN score IS NULL THEN 'x' ELSE score::string || 'y' END, coalesce(score, 0) FROM message m",
    "SELECT DISTINCT author FROM \"chat\".message AS OF TX 5 WHERE body LIKE '%a!_' ESCAPE '!' AND NOT pinned",
    "EXPLAIN SELECT id FROM message AS OF TIMESTAMP '2026-01-01T00:00:00Z' WHERE sent_at > TIMESTAMP '2026-01-01'",
    "SELECT vast / 3, huge % 7, -big, abs(tiny), round(1.005, 2), floor(single), least(word, 5) FROM every",
    "SELECT id FROM every WHERE who = '00' OR raw = '\\x00' OR maybe BETWEEN 'a' AND 'b' OR span < INTERVAL '1' HOUR",
    "SELECT 1e308::f64 * 10, 9223372036854775807 + 1, 0.1::f32, E'\\n', $$x$$, null IS DISTINCT FROM 1",
    "SELECT m.id, n.body FROM message m LEFT JOIN message n ON n.room = m.room AND n.pinned JOIN every e USING (id) WHERE m.score > 0",
    "SELECT id, (SELECT count(*) FROM message n WHERE n.room = m.room) FROM message m WHERE EXISTS (SELECT 1 FROM every e WHERE e.id = m.id)",
    "SELECT author FROM message WHERE author NOT IN (SELECT maybe FROM every) OR score IN (SELECT score FROM message) GROUP BY 1",
    "WITH w AS (SELECT id AS a, score AS o FROM message) SELECT a FROM w UNION ALL (SELECT o FROM w EXCEPT SELECT 7) INTERSECT SELECT 1",
    "SELECT count(DISTINCT author) FILTER (WHERE pinned), string_agg(body, ',') FROM (SELECT * FROM message) d FULL JOIN every f ON true",
    "SELECT lpad(body, 9, 'xy'), split_part(body, 'e', -1), date_trunc('week', sent_at), extract(epoch FROM sent_at), power(weight, 2) FROM message",
    "SELECT a.b.c.d, x[1], f(x => 1), (1, 2), ARRAY[1], {a: 1}, ?, :x, @y, #z, 1::numeric(3,2), U&'\\0041'",
];

const PIECES: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "AS OF TX",
    "(",
    ")",
    ",",
    "*",
    "+",
    "-",
    "/",
    "%",
    "||",
    "::",
    "=",
    "<>",
    "<",
    "IS NOT NULL",
    "IN (",
    "BETWEEN",
    "AND",
    "OR",
    "NOT",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "'",
    "\"",
    "$1",
    "$99999999999999999999",
    "1e999999999",
    "'x'",
    "null",
    "message",
    "id",
    "count(",
    "sum(",
    "\0",
    "é",
    "--",
    "/*",
    ";",
    "INTERVAL",
    "TIMESTAMP",
    "::u128",
    "::f32",
    "1.5",
    "18446744073709551616",
    "DISTINCT",
    "LIKE",
    "ESCAPE",
    "coalesce(",
    "nullif(",
    "EXPLAIN",
    "UNION",
    "JOIN",
    "EXISTS (SELECT 1 FROM message m WHERE",
    "LEFT JOIN every e ON",
    "FULL JOIN every USING (id)",
    "NOT IN (SELECT",
    "(SELECT",
    "m.room",
    "INTERSECT SELECT",
    "WITH w AS (SELECT 1)",
    "FILTER (WHERE",
    "now()",
    "substr(",
    "concat_ws(",
    ".",
    "[",
    "]",
    "@",
    "~",
];

#[test]
fn no_text_makes_the_planner_panic() {
    on_a_small_stack(|| {
        let database = Database::filled();
        let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let rounds = std::env::var("SQL_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
        for _ in 0..rounds.unwrap_or(3_000) {
            let text = mutated(&mut rng);
            let Ok(plan) = plan(&text, &database, &PlanLimits::default()) else { continue };
            let nulls = vec![serde_json::Value::Null; plan.params().len()];
            let params = plan.bind_params(&nulls).unwrap();
            let limits = ExecutionLimits { scanned_max: 1_000, ..ExecutionLimits::default() };
            if let Ok(rows) = plan.execute(database.store(), &params, &limits) {
                rows.write_json(&mut Vec::new());
                assert!(rows.rows().all(|row| row.len() == plan.columns().len()));
            }
        }
    });
}

/// A text of the corpus with pieces of it, and of others, put in, taken out and exchanged.
fn mutated(rng: &mut TestRng) -> String {
    let mut pick = |count: usize| rng.next_u32() as usize % count;
    let words = |text: &str| text.split_inclusive(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut text = words(CORPUS[pick(CORPUS.len())]);
    for _ in 0..=pick(4) {
        let at = pick(text.len());
        match pick(5) {
            0 => {
                text.remove(at);
            }
            1 => text.insert(at, format!("{} ", PIECES[pick(PIECES.len())])),
            2 => text[at] = format!("{} ", PIECES[pick(PIECES.len())]),
            3 => {
                let other = words(CORPUS[pick(CORPUS.len())]);
                let from = pick(other.len());
                let until = from + pick(other.len() - from) + 1;
                text.splice(at..at, other[from..until].iter().cloned());
            }
            _ => {
                let mut bytes = text[at].clone().into_bytes();
                let byte = pick(bytes.len());
                bytes[byte] = (pick(127) + 1) as u8;
                text[at] = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if text.is_empty() {
            text.push("SELECT ".into());
        }
    }
    text.concat()
}
