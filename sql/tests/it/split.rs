//! Which work a shard does and which the merge, what both may use, and which shard a query needs at all.

use cosmictron_sql::{ExecutionLimits, FixedKey, Resource, SqlError};
use cosmictron_storage::Key;
use cosmictron_types::Type;

use crate::fixture::Database;
use crate::shards::Cluster;

/// Rows on their shards, each with a room and a score; ids count from 0.
fn cluster(shards: usize, rows: &[(usize, u32, &str)]) -> Cluster {
    let rows: Vec<(usize, String)> = rows
        .iter()
        .enumerate()
        .map(|(id, (shard, room, score))| {
            let rest = r#"0, 0, 0.5, 0.5, 0, 0, false, "\\x", [], null"#;
            (*shard, format!(r#"[{id}, {room}, "author", {score}, {rest}]"#))
        })
        .collect();
    Cluster::new(shards, &rows)
}

#[track_caller]
fn check_plan(sql: &str, expected: &str) {
    let plan = Database::empty().plan(sql).unwrap();
    assert_eq!(plan.explain_split(), expected, "{sql}");
}

#[test]
fn rows_are_filtered_projected_and_cut_where_they_are() {
    check_plan(
        "SELECT body FROM message WHERE pinned",
        "project body\n  gather\n    on each shard: body\n      filter pinned\n        scan message",
    );
    check_plan(
        "SELECT author FROM message WHERE pinned ORDER BY body LIMIT 3 OFFSET 2",
        "project author\n  limit 3 offset 2\n    gather by body, ties by id\n      on each shard: author, body, id\n        \
         first 3 + 2 by body, ties by id\n          filter pinned\n            scan message",
    );
    // An index has the order of every part.
    check_plan(
        "SELECT body FROM message WHERE room = 1 ORDER BY sent_at DESC LIMIT $1",
        "project body\n  limit $1\n    gather by sent_at desc, ties by id desc\n      on each shard: body, sent_at, id\n        \
         first $1 of runs by sent_at desc, ties by id desc\n          range message.by_room: room = 1 descending",
    );
    check_plan(
        "SELECT body FROM message ORDER BY room + 1",
        "project body\n  gather by room + 1\n    on each shard: body, room + 1\n      \
         sort by room + 1\n        scan message",
    );
    check_plan(
        "SELECT DISTINCT room FROM message ORDER BY room LIMIT 2",
        "project room\n  limit 2\n    distinct room\n      gather by room\n        on each shard: room\n          \
         first 2 by room\n            distinct room\n              scan message",
    );
}

#[test]
fn what_can_fail_waits_for_the_merge_where_a_row_may_be_dropped() {
    check_plan(
        "SELECT 10 / score, score IS NULL, 1 + 1 FROM message",
        "project 10 / score, score IS NULL, 2\n  gather\n    on each shard: 10 / score, score IS NULL\n      \
         scan message",
    );
    check_plan(
        "SELECT 10 / score, score IS NULL FROM message LIMIT 1",
        "project 10 / score, score IS NULL\n  limit 1\n    gather\n      on each shard: score, score IS NULL\n        \
         first 1\n          scan message",
    );
}

#[test]
fn groups_are_made_where_the_rows_are_and_combined() {
    check_plan(
        "SELECT room, avg(score) FROM message WHERE pinned GROUP BY room HAVING count(*) > 1 \
         ORDER BY 2 LIMIT 3",
        "project room, avg(score)\n  top 3 by avg(score), ties by room\n    filter count(*) > 1\n      \
         combine avg(score), count(*) by room\n        gather\n          on each shard\n            \
         aggregate partially avg(score), count(*) by room\n              filter pinned\n                \
         scan message",
    );
    check_plan(
        "SELECT count(*) FROM message",
        "project count(*)\n  combine count(*)\n    gather\n      on each shard\n        \
         count rows message",
    );
}

#[test]
fn a_plan_that_reads_no_table_is_not_split() {
    check_plan("SELECT 1", "project 1\n  one row");
    check_plan("SELECT id FROM message WHERE false", "project id\n  nothing");
    let cluster = cluster(3, &[(0, 1, "1"), (1, 1, "2"), (2, 2, "3")]);
    cluster.check("SELECT 1", "[[1]]");
    cluster.check("SELECT count(*) WHERE false", "[[0]]");
    cluster.check("SELECT count(*) FROM fact WHERE false", "[[0]]");
    cluster.check(
        "EXPLAIN SELECT count(*) FROM fact",
        r#"[["project count(*)"],["  combine count(*)"],["    gather"],["      on each shard"],["        count rows fact"],["live"],["  project count(*)"],["    aggregate count(*): keeps each group"],["      leaf fact"]]"#,
    );
}

#[test]
fn without_an_order_rows_come_by_shard() {
    let cluster = cluster(3, &[(2, 1, "1"), (0, 1, "2"), (1, 1, "3"), (0, 1, "4")]);
    cluster.check("SELECT id FROM fact", "[[1],[3],[2],[0]]");
    cluster.check("SELECT id FROM fact LIMIT 2 OFFSET 1", "[[3],[2]]");
    cluster.check("SELECT id FROM fact ORDER BY room", "[[1],[3],[2],[0]]");
    cluster.check("SELECT room, min(id) FROM fact GROUP BY room", "[[1,0]]");
}

#[test]
fn a_part_that_is_not_needed_may_fail() {
    let cluster = cluster(2, &[(0, 1, "5"), (0, 1, "2"), (1, 1, "0")]);
    let sql = |limit| format!("SELECT id FROM fact WHERE 10 / score > 0 LIMIT {limit}");
    cluster.check(&sql(1), "[[0]]");
    cluster.check(&sql(2), "[[0],[1]]");
    cluster.check(&sql(3), "division by zero");
    cluster.check("SELECT DISTINCT room FROM fact WHERE 10 / score > 0 LIMIT 1", "[[1]]");
    cluster
        .check("SELECT DISTINCT room FROM fact WHERE 10 / score > 0 LIMIT 2", "division by zero");
    // A projection that fails on a row which the merge drops is not seen either.
    cluster.check("SELECT 10 / score FROM fact ORDER BY score DESC LIMIT 2", "[[2],[5]]");
    cluster.check("SELECT 10 / score FROM fact ORDER BY score DESC LIMIT 3", "division by zero");
}

#[test]
fn sums_are_fitted_to_their_type_after_the_merge() {
    // Each part leaves the range of i64, their sum does not.
    let max = i64::MAX.to_string();
    let rows: Vec<(usize, String)> =
        [(0, &*max), (0, &*max), (1, "-9223372036854775808"), (1, "-5")]
            .iter()
            .enumerate()
            .map(|(id, (shard, span))| {
                let row =
                    format!(r#"[{id}, 1, "a", 1, 0, 0, 0, 0, 0, {span}, false, "\\x", [], null]"#);
                (*shard, row)
            })
            .collect();
    let cluster = Cluster::new(2, &rows);
    cluster.check("SELECT sum(span) FROM fact", "[[9223372036854775801]]");
    cluster.check("SELECT sum(span) FROM fact WHERE id < 2", "duration out of range");
    cluster.check("SELECT avg(span) FROM fact", "[[2305843009213693950]]");
}

#[test]
fn parts_and_merge_end_at_their_limits() {
    let rows: Vec<(usize, u32, &str)> = (0..1_000).map(|id| (id % 4, id as u32, "1")).collect();
    let cluster = cluster(4, &rows);
    let check = |sql: &str, limits: ExecutionLimits, expected: Option<Resource>| {
        let found = match cluster.merged_within(sql, "[]", &limits) {
            Ok(_) => None,
            Err(SqlError::Exhausted { what, .. }) => Some(what),
            Err(other) => panic!("{sql}: {other}"),
        };
        assert_eq!(found, expected, "{sql}");
    };
    let default = ExecutionLimits::default;
    let rows_max = |rows_max| ExecutionLimits { rows_max, ..default() };
    check("SELECT id FROM fact", rows_max(1_000), None);
    check("SELECT id FROM fact", rows_max(999), Some(Resource::Rows));
    check("SELECT id FROM fact", rows_max(249), Some(Resource::Rows));
    check("SELECT id FROM fact LIMIT 1000", rows_max(999), Some(Resource::Rows));
    check("SELECT id FROM fact ORDER BY room LIMIT 2000", rows_max(999), Some(Resource::Rows));
    check("SELECT id FROM fact LIMIT 99 OFFSET 900", rows_max(99), None);
    let bytes_max = |bytes_max| ExecutionLimits { bytes_max, ..default() };
    check("SELECT author FROM fact", bytes_max(30_000), Some(Resource::ResultBytes));
    check("SELECT author FROM fact LIMIT 10", bytes_max(1_000), None);
    check("SELECT author FROM fact LIMIT 900", bytes_max(9_000), Some(Resource::ResultBytes));
    // In sum, too.
    let scanned_max = |scanned_max| ExecutionLimits { scanned_max, ..default() };
    check("SELECT id FROM fact WHERE maybe = 'x'", scanned_max(1_000), None);
    let scanned = Some(Resource::RowsScanned);
    check("SELECT id FROM fact WHERE maybe = 'x'", scanned_max(999), scanned);
    check("SELECT id FROM fact WHERE maybe = 'x'", scanned_max(249), scanned);
    check("SELECT count(*) FROM fact", scanned_max(0), None);
    let memory = |memory_bytes_max| ExecutionLimits { memory_bytes_max, ..default() };
    let exhausted = Some(Resource::Memory);
    check("SELECT id FROM fact", memory(0), None);
    check("SELECT room FROM fact GROUP BY room", memory(100_000), exhausted);
    check("SELECT DISTINCT room FROM fact", memory(80_000), exhausted);
    check("SELECT DISTINCT author FROM fact", memory(2_000), None);
    check("SELECT id FROM fact ORDER BY at LIMIT 5", memory(10_000), None);
    check("SELECT id FROM fact LIMIT 1 OFFSET 900", memory(5_000), exhausted);
    // Each part is within the bound, all of them are not.
    check("SELECT id FROM fact LIMIT 200", memory(5_000), exhausted);
    check("SELECT id FROM fact LIMIT 50", memory(5_000), None);
}

#[test]
fn a_part_has_no_more_rows_than_a_merge_can_need() {
    let rows: Vec<(usize, u32, &str)> = (0..100).map(|id| (0, id % 5, "1")).collect();
    let cluster = cluster(1, &rows);
    let check = |sql: &str, params: &str, expected: u64| {
        let plan = cluster.union.plan(sql).unwrap();
        let params = plan.read_params(params.as_bytes()).unwrap();
        let limits = ExecutionLimits::default();
        let part =
            plan.execute_part(cluster.shards[0].store().present(), &params, &limits).unwrap();
        assert_eq!(part.len(), expected, "{sql}");
    };
    check("SELECT id FROM fact", "[]", 100);
    check("SELECT id FROM fact ORDER BY score LIMIT 3 OFFSET 4", "[]", 7);
    check("SELECT id FROM fact ORDER BY id LIMIT 3 OFFSET $1", "[1]", 4);
    check("SELECT id FROM fact LIMIT 0 OFFSET 5", "[]", 0);
    check("SELECT DISTINCT room FROM fact", "[]", 5);
    check("SELECT DISTINCT room FROM fact ORDER BY 1 LIMIT 2", "[]", 2);
    check("SELECT room, count(*) FROM fact GROUP BY room LIMIT 1", "[]", 5);
    check("SELECT sum(score) FROM fact", "[]", 1);
    check("SELECT 1 FROM fact", "[]", 100);
    check("SELECT 1", "[]", 0);
}

#[test]
fn an_equality_fixes_a_key() {
    let database = Database::empty();
    let check = |table_column: &str, sql: &str, params: &str, expected: FixedKey| {
        let plan = database.plan(sql).unwrap();
        let params = plan.read_params(params.as_bytes()).unwrap();
        let (table, column) = table_column.split_once('.').unwrap();
        let column = database.column(table, column);
        assert_eq!(plan.fixed_key(plan.tables()[0], column, &params), expected, "{sql}");
    };
    let one = |ty: Type, tail: &[u8]| FixedKey::One(Key::of_value(&ty, tail).unwrap());
    let id = |id: u64| one(Type::U64, &id.to_le_bytes());
    let of_id = |sql: &str, params: &str, expected| check("message.id", sql, params, expected);
    of_id("SELECT body FROM message WHERE id = 7", "[]", id(7));
    of_id("SELECT count(*) FROM message WHERE $1 = id AND pinned", "[7]", id(7));
    of_id("SELECT body FROM message WHERE id = 3 + 4 ORDER BY body LIMIT 1", "[]", id(7));
    of_id("SELECT body FROM message WHERE id = 7.0", "[]", id(7));
    of_id("SELECT id FROM message GROUP BY id HAVING id = 7", "[]", id(7));
    of_id("SELECT 1 FROM (SELECT id AS x FROM message) m WHERE x = 7", "[]", id(7));
    of_id("SELECT 1 FROM message m JOIN message n USING (id) WHERE m.id = 7", "[]", id(7));
    of_id("SELECT 1 FROM message m LEFT JOIN message n USING (id) WHERE m.id = 7", "[]", id(7));
    of_id(
        "SELECT 1 FROM message m WHERE id = 7 AND EXISTS (SELECT 1 FROM message n WHERE n.id = m.id)",
        "[]",
        id(7),
    );
    of_id("SELECT 1 FROM message m, message n WHERE m.id = 7", "[]", FixedKey::Any);
    of_id("SELECT 1 FROM message m, message n WHERE m.id = 7 AND n.id = 8", "[]", FixedKey::Any);
    of_id("SELECT (SELECT count(*) FROM message) FROM message WHERE id = 7", "[]", FixedKey::Any);
    of_id("SELECT body FROM message WHERE id = 7 AND id = $1", "[7]", id(7));
    of_id("SELECT body FROM message WHERE id = 7 AND id = $1", "[8]", FixedKey::Never);
    of_id("SELECT body FROM message WHERE id = 7.5", "[]", FixedKey::Never);
    of_id("SELECT body FROM message WHERE id = -1", "[]", FixedKey::Never);
    of_id("SELECT body FROM message WHERE id = $1", "[null]", FixedKey::Never);
    of_id("SELECT body FROM message WHERE id = 1 AND 1 > 2", "[]", FixedKey::Never);
    for any in [
        "SELECT body FROM message",
        "SELECT body FROM message WHERE id > 7",
        "SELECT body FROM message WHERE id = room",
        "SELECT body FROM message WHERE id = 7 OR id = 8",
        "SELECT body FROM message WHERE NOT id = 7",
        "SELECT body FROM message WHERE id = 7::f64",
        "SELECT body FROM message WHERE room = 7",
        "SELECT body FROM message WHERE id = 1 / 0",
        "SELECT room FROM message GROUP BY room HAVING room = 7",
    ] {
        of_id(any, "[]", FixedKey::Any);
    }
    let author = |sql: &str, expected| check("message.author", sql, "[]", expected);
    author("SELECT id FROM message WHERE author = 'ada' AND id = 3", one(Type::String, b"ada"));
    author("SELECT id FROM message WHERE author = 'ada'", one(Type::String, b"ada"));
    let weight =
        |sql: &str| check("message.weight", sql, "[]", one(Type::F64, &0f64.to_le_bytes()));
    weight("SELECT id FROM message WHERE weight = -0.0");
    weight("SELECT id FROM message WHERE weight = 0 AND body = 'x'");
    let pinned = |sql: &str, is| check("message.pinned", sql, "[]", one(Type::Bool, &[is]));
    pinned("SELECT id FROM message WHERE pinned AND room = 1", 1);
    pinned("SELECT id FROM message WHERE NOT pinned", 0);
    let score = |sql: &str, tail: &[u8]| {
        check("message.score", sql, "[]", one(Type::Option(Box::new(Type::I32)), tail));
    };
    score("SELECT id FROM message WHERE score = 5", &[1, 5, 0, 0, 0]);
    score("SELECT id FROM message WHERE score IS NULL AND room = 1", &[0; 5]);
    let single = |sql: &str, expected| check("every.single", sql, "[]", expected);
    single("SELECT id FROM every WHERE single = 0.5::f32", one(Type::F32, &0.5f32.to_le_bytes()));
    check(
        "every.tag",
        "SELECT id FROM every WHERE tag = '550e8400-e29b-41d4-a716-446655440000'",
        "[]",
        one(Type::Uuid, &0x550e_8400_e29b_41d4_a716_4466_5544_0000_u128.to_be_bytes()),
    );
}
