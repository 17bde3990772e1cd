//! Answers over tables, clause by clause.

use cosmictron_sql::{Datum, ExecutionLimits};

use crate::fixture::Database;

#[test]
fn the_select_list_names_columns_expressions_and_stars() {
    let database = Database::filled();
    database.check("SELECT id, author FROM message WHERE id = 1", r#"[[1,"ada"]]"#);
    database.check(
        "SELECT * FROM message WHERE id = 2",
        r#"[[2,7,"bob","Hi there",200,null,true,-0.5]]"#,
    );
    database.check("SELECT m.key, m.* FROM chat.setting m", "[]");
    database.check("SELECT message.id + 1 FROM message WHERE message.id = 3", "[[4]]");
    database.check("SELECT \"chat\".message.id FROM chat.message WHERE id = 1", "[[1]]");
    database.check("SELECT \"userId\" FROM \"MixedCase\"", "[]");
    database.check("SELECT 1, 'a'", r#"[[1,"a"]]"#);
    database.check("SELECT 1 WHERE false", "[]");
    database.check("select ID, Author from MESSAGE where Id = 1;", r#"[[1,"ada"]]"#);
}

#[test]
fn columns_are_named_and_typed() {
    let database = Database::empty();
    database.check_columns(
        "SELECT id, score, id + 1, count(*) AS n, lower(body), score::string, CASE WHEN pinned THEN 1 END \
         FROM message GROUP BY id, score, body, pinned",
        "id u64, score i32?, ?column? numeric, n i64, lower string, score string?, case i32?",
    );
    database.check_columns(
        "SELECT sum(score), avg(score), sum(weight), max(body), count(score), sum(room), min(room) \
         FROM message",
        "sum i64?, avg numeric?, sum f64?, max string?, count i64, sum numeric?, min u32?",
    );
    database.check_columns(
        "SELECT * FROM every",
        "id u8, tiny i8, word u16, big i64, huge i128, vast u128, single f32, raw bytes, span duration, \
         who identity, wire connection_id, tag uuid, list list<string>, maybe string?, kind Kind",
    );
    database.check_columns(
        "SELECT $1, TIMESTAMP '2026-01-01', 1::u8",
        "?column? string?, timestamp timestamp, u8 u8",
    );
}

#[test]
fn every_column_type_is_given_out_exactly() {
    let database = Database::filled();
    database.check(
        "SELECT * FROM every WHERE id = 1",
        "[[1,-128,65535,-9223372036854775808,-170141183460469231731687303715884105728,\
         340282366920938463463374607431768211455,0.1,\"\\\\x00ff\",-1500000,\
         \"00000000000000000000000000000000000000000000000000000000000000aa\",\
         \"000000000000000000000000000000bb\",\"550e8400-e29b-41d4-a716-446655440000\",\
         [\"a\",\"b\"],\"x\",{\"Sized\":7}]]",
    );
    // The same through values: COALESCE is no bare column.
    let columns = [
        "id", "tiny", "word", "big", "huge", "vast", "single", "raw", "span", "who", "wire", "tag",
        "list", "maybe", "kind",
    ];
    for column in columns {
        let bare = database.run(&format!("SELECT {column} FROM every"), "[]").unwrap();
        database.check(&format!("SELECT coalesce({column}) FROM every"), &bare);
        database.check(&format!("SELECT DISTINCT {column} FROM every"), &bare);
    }
}

#[test]
fn values_can_be_read_without_json() {
    let database = Database::filled();
    let plan = database.plan("SELECT id, score, body FROM message WHERE id <= 2").unwrap();
    let params = plan.bind_params(&[]).unwrap();
    let rows = plan.execute(database.store(), &params, &ExecutionLimits::default()).unwrap();
    assert_eq!((rows.len(), rows.is_empty()), (2, false));
    let values: Vec<_> = rows.rows().collect();
    assert_eq!(values[0], [Datum::Int(1), Datum::Int(5), Datum::Text("hello".into())]);
    assert_eq!(values[1], [Datum::Int(2), Datum::Null, Datum::Text("Hi there".into())]);
}

#[test]
fn where_keeps_what_is_true() {
    let database = Database::filled();
    let check = |filter: &str, ids: &str| {
        database.check(&format!("SELECT id FROM message WHERE {filter} ORDER BY id"), ids);
    };
    check("score = 5", "[[1],[4]]");
    check("score <> 5", "[[3],[5]]");
    check("score IS NULL", "[[2],[18446744073709551615]]");
    check("score IS NOT NULL", "[[1],[3],[4],[5]]");
    check("NOT (score = 5)", "[[3],[5]]");
    check("score IS DISTINCT FROM 5", "[[2],[3],[5],[18446744073709551615]]");
    check("pinned", "[[2],[5]]");
    check("NOT pinned AND room = 8", "[[3],[4]]");
    check("author = 'ada' AND room = 7", "[[1],[5]]");
    check("author IN ('bob', 'eve')", "[[2],[18446744073709551615]]");
    check("body LIKE '%!%' ESCAPE '!'", "[[3]]");
    check("body LIKE '%\\%'", "[[3]]");
    check("body ILIKE 'h%'", "[[1],[2]]");
    check("id > 9223372036854775807", "[[18446744073709551615]]");
    check("weight = 1.5", "[[1],[3]]");
    check("weight > 1.5", "[[4],[18446744073709551615]]");
    check("weight = 'NaN'", "[[4]]");
    check("room::i64 + 1 = 8", "[[1],[2],[5]]");
    check("sent_at >= TIMESTAMP '1970-01-01T00:00:00.0002Z'", "[[2],[5]]");
}

#[test]
fn identities_and_bytes_compare_with_their_texts() {
    let database = Database::filled();
    let check = |filter: &str, ids: &str| {
        database.check(&format!("SELECT id FROM every WHERE {filter} ORDER BY id"), ids);
    };
    check("who = '00000000000000000000000000000000000000000000000000000000000000AA'", "[[1]]");
    check("who > '00000000000000000000000000000000000000000000000000000000000000aa'", "[[2]]");
    check("tag = '550e8400e29b41d4a716446655440000'", "[[1]]");
    check("wire = '000000000000000000000000000000cc'", "[[2]]");
    check("raw = '\\x00ff'", "[[1]]");
    check("raw < '\\x00'", "[[2]]");
    check("span < INTERVAL '1 minute'", "[[1]]");
    check("vast = 340282366920938463463374607431768211455", "[[1]]");
    check("vast > 340282366920938463463374607431768211454.5", "[[1]]");
    check("vast > 340282366920938463463374607431768211455", "[]");
    check("huge = -170141183460469231731687303715884105728", "[[1]]");
    check("list = list", "[[1],[2]]");
    check("kind IS DISTINCT FROM kind", "[]");
    check("single = 0.1::f32", "[[1]]");
    check("single = 0.1", "[]");
    check("single > 0.1", "[[1],[2]]");
    check("single < 0.2", "[[1]]");
    check("maybe IS NULL", "[[2]]");
    check("maybe = 'x' AND tiny = -128", "[[1]]");
    database.check_error(
        "SELECT id FROM every WHERE who = 'aa'",
        "invalid text for identity: 'aa' (line 1, column 34)",
    );
    database.check_error(
        "SELECT id FROM every WHERE list < list",
        "values of type list<string> have no order (line 1, column 28)",
    );
}

#[test]
fn order_by_takes_names_positions_and_expressions() {
    let database = Database::filled();
    let check = |clause: &str, ids: &str| {
        database.check(&format!("SELECT id, score AS s, room FROM message {clause}"), ids);
    };
    check("ORDER BY room, id LIMIT 2", "[[1,5,7],[2,null,7]]");
    check("ORDER BY room DESC, id DESC LIMIT 2", "[[18446744073709551615,null,9],[4,5,8]]");
    check("ORDER BY 2, 1 LIMIT 3", "[[3,-3,8],[1,5,7],[4,5,8]]");
    check("ORDER BY s DESC, id LIMIT 2", "[[2,null,7],[18446744073709551615,null,9]]");
    check("ORDER BY s NULLS FIRST, id LIMIT 1", "[[2,null,7]]");
    check("ORDER BY s DESC NULLS LAST, id LIMIT 1", "[[5,9,7]]");
    check("ORDER BY -score, id LIMIT 2", "[[5,9,7],[1,5,7]]");
    check("ORDER BY lower(body), id LIMIT 2", "[[4,5,8],[3,-3,8]]");
    check("ORDER BY weight DESC, id LIMIT 2", "[[4,5,8],[18446744073709551615,null,9]]");
    check("WHERE room = 7 ORDER BY sent_at DESC LIMIT 1", "[[5,9,7]]");
    check("ORDER BY 1 OFFSET 4", "[[5,9,7],[18446744073709551615,null,9]]");
    check("ORDER BY 1 LIMIT 1 OFFSET 1", "[[2,null,7]]");
    check("ORDER BY 1 LIMIT 0", "[]");
    check("ORDER BY 1 LIMIT ALL OFFSET 5", "[[18446744073709551615,null,9]]");
    check("ORDER BY 1 LIMIT null OFFSET 5", "[[18446744073709551615,null,9]]");
    check("ORDER BY id OFFSET 100", "[]");
    database.check_error(
        "SELECT id FROM message ORDER BY 2",
        "ORDER BY position 2 is not in the select list (line 1, column 33)",
    );
    database.check_error("SELECT id FROM message LIMIT -1", "LIMIT must not be negative");
    database.check_error(
        "SELECT room AS x, id AS x FROM message ORDER BY x",
        "column x is ambiguous: several items of the select list (line 1, column 49)",
    );
}

#[test]
fn groups_are_counted_summed_and_filtered() {
    let database = Database::filled();
    database.check(
        "SELECT room, count(*), count(score), sum(score), min(body), max(sent_at) \
         FROM message GROUP BY room ORDER BY room",
        r#"[[7,3,2,14,"Hi there",300],[8,2,2,2,"",160],[9,1,0,null,"last",50]]"#,
    );
    database.check(
        "SELECT count(*), sum(score), avg(score), max(id) FROM message",
        "[[6,16,4.0000000000000000,18446744073709551615]]",
    );
    database
        .check("SELECT count(*), sum(score), min(id) FROM message WHERE false", "[[0,null,null]]");
    database.check("SELECT room FROM message WHERE id > 100 AND id < 200 GROUP BY room", "[]");
    database.check("SELECT sum(id) FROM message", "[[18446744073709551630]]");
    database.check(
        "SELECT room % 2 AS parity, count(*) FROM message GROUP BY parity ORDER BY 2 DESC",
        "[[1,4],[0,2]]",
    );
    database.check("SELECT author FROM message GROUP BY 1 HAVING count(*) > 1", r#"[["ada"]]"#);
    database.check(
        "SELECT room * 10, sum(score) + 1 FROM message GROUP BY room HAVING sum(score) > 5",
        "[[70,15]]",
    );
    database.check(
        "SELECT author, count(*) FROM message GROUP BY author ORDER BY count(*) DESC, author LIMIT 2",
        r#"[["ada",3],["bob",1]]"#,
    );
    database.check(
        "SELECT weight, count(*) FROM message GROUP BY weight HAVING count(*) > 1",
        "[[1.5,2]]",
    );
    database.check("SELECT 1 FROM message HAVING count(*) > 5", "[[1]]");
    database.check("SELECT avg(weight) FROM message WHERE room = 7", "[[0.3333333333333333]]");
    database.check("SELECT sum(span), avg(span) FROM every", "[[3598500000,1799250000]]");
    database.check(
        "SELECT score, count(*) FROM message GROUP BY score ORDER BY score NULLS FIRST",
        "[[null,2],[-3,1],[5,2],[9,1]]",
    );
    database.check_error(
        "SELECT sum(big)::i64 + sum(big)::i64 FROM every WHERE id = 2 GROUP BY tiny",
        "i64 out of range",
    );
    database.check_error(
        "SELECT room, body FROM message GROUP BY room",
        "column body must stand in GROUP BY or in an aggregate (line 1, column 14)",
    );
    database.check_error(
        "SELECT id FROM message WHERE count(*) > 1",
        "count must not stand in WHERE (line 1, column 30)",
    );
    database.check_error(
        "SELECT sum(count(*)) FROM message",
        "count must not stand in an aggregate's argument (line 1, column 12)",
    );
    database
        .check_error("SELECT sum(body) FROM message", "there is no sum(string) (line 1, column 8)");
}

/// Aggregates were bound once for both scales, and the second was shown with the digits of the first.
#[test]
fn what_differs_in_its_scale_is_another_aggregate() {
    let database = Database::filled();
    database.check(
        "SELECT sum(score * 1.0), sum(score * 1.00), sum(score * 1.0) FROM message",
        "[[16.0,16.00,16.0]]",
    );
    database.check_error(
        "SELECT room * 1.00 FROM message GROUP BY room * 1.0, body",
        "column room must stand in GROUP BY or in an aggregate (line 1, column 8)",
    );
    database.check(
        "SELECT room * 1.00 FROM message WHERE id = 1 ORDER BY room * 1.0, room * 1.00",
        "[[7.00]]",
    );
}

#[test]
fn distinct_keeps_each_row_once() {
    let database = Database::filled();
    database.check("SELECT DISTINCT room FROM message ORDER BY room DESC", "[[9],[8],[7]]");
    database.check(
        "SELECT DISTINCT author, pinned FROM message WHERE room = 7 ORDER BY 1, 2",
        r#"[["ada",false],["ada",true],["bob",true]]"#,
    );
    database.check("SELECT DISTINCT score FROM message ORDER BY score LIMIT 2", "[[-3],[5]]");
    database.check(
        "SELECT DISTINCT count(*) FROM message GROUP BY room ORDER BY count(*)",
        "[[1],[2],[3]]",
    );
    database.check_error(
        "SELECT DISTINCT room FROM message ORDER BY id",
        "with DISTINCT, ORDER BY takes items of the select list (line 1, column 44)",
    );
}

#[test]
fn explain_answers_with_the_plan() {
    let database = Database::filled();
    database.check(
        "EXPLAIN SELECT id FROM message WHERE id = 1",
        r#"[["project id"],["  lookup message.id = 1"],["live"],["  project id"],["    leaf message: id where id = 1, found by id = 1"]]"#,
    );
    database.check_columns("EXPLAIN SELECT id FROM message", "plan string");
}
