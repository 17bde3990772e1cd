//! Sub-queries as conditions and as values, and what null makes of them.

use crate::fixture::Database;
use crate::joins::house;

#[test]
fn exists_and_in_are_semi_and_anti_joins() {
    let house = house();
    house.check(
        "SELECT name FROM room r WHERE EXISTS (SELECT 1 FROM message m WHERE m.room = r.id) ORDER BY 1",
        r#"[["attic"],["hall"]]"#,
    );
    house.check(
        "SELECT name FROM room r WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.room = r.id LIMIT 1)",
        r#"[["cellar"]]"#,
    );
    house.check(
        "SELECT name FROM room r WHERE EXISTS (SELECT 1 FROM message m WHERE m.room > r.id) ORDER BY 1",
        r#"[["attic"],["hall"]]"#,
    );
    house.check(
        "SELECT id FROM message WHERE author IN (SELECT owner FROM room) ORDER BY 1",
        "[[1],[2],[3],[5]]",
    );
    // Of `attic` the owner is null: nobody is known not to be it.
    house.check("SELECT id FROM message WHERE author NOT IN (SELECT owner FROM room)", "[]");
    house.check(
        "SELECT id FROM message WHERE author NOT IN (SELECT owner FROM room WHERE owner IS NOT NULL) ORDER BY 1",
        "[[4],[18446744073709551615]]",
    );
    house.check("SELECT count(*) FROM message WHERE NULL NOT IN (SELECT owner FROM room)", "[[0]]");
    house.check(
        "SELECT count(*) FROM message WHERE NULL::text NOT IN (SELECT owner FROM room WHERE false)",
        "[[6]]",
    );
    house.check(
        "SELECT r.name FROM room r WHERE 'ada' NOT IN (SELECT author FROM message m WHERE m.room = r.id) ORDER BY 1",
        r#"[["cellar"]]"#,
    );
    house.check(
        "SELECT r.name FROM room r WHERE r.id IN (SELECT room FROM message GROUP BY room HAVING count(*) > 2)",
        r#"[["hall"]]"#,
    );
}

#[test]
fn conditions_have_three_values_as_columns() {
    let house = house();
    house.check(
        "SELECT p.name, p.name IN (SELECT owner FROM room), EXISTS (SELECT 1 FROM room WHERE owner = p.name) \
         FROM person p ORDER BY 1",
        r#"[["ada",true,true],["bob",true,true],["zoe",null,false]]"#,
    );
    house.check(
        "SELECT name FROM person p WHERE age > 30 OR EXISTS (SELECT 1 FROM room WHERE owner = p.name) ORDER BY 1",
        r#"[["ada"],["bob"]]"#,
    );
    house.check(
        "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM message WHERE room = r.id) THEN 'empty' ELSE 'full' END \
         FROM room r ORDER BY r.id",
        r#"[["full"],["full"],["empty"]]"#,
    );
    house
        .check_columns("SELECT EXISTS (SELECT 1), 1 IN (SELECT 1)", "exists bool?, ?column? bool?");
}

#[test]
fn scalar_sub_queries_are_values() {
    let house = house();
    house.check("SELECT (SELECT count(*) FROM message), (SELECT 1 WHERE false)", "[[6,null]]");
    house.check(
        "SELECT name, (SELECT count(*) FROM message m WHERE m.room = r.id) AS n, \
         (SELECT max(id) FROM message m WHERE m.room = r.id) FROM room r ORDER BY n DESC, name",
        r#"[["hall",3,5],["attic",2,4],["cellar",0,null]]"#,
    );
    house.check(
        "SELECT m.id, (SELECT name FROM room WHERE id = m.room) FROM message m WHERE pinned OR id > 9 ORDER BY 1",
        r#"[[2,"hall"],[5,"hall"],[18446744073709551615,null]]"#,
    );
    house
        .check("SELECT name FROM person WHERE age = (SELECT max(age) FROM person)", r#"[["ada"]]"#);
    house.check(
        "SELECT (SELECT count(*) + 10 FROM message WHERE room = r.id HAVING count(*) < 3) FROM room r ORDER BY r.id",
        "[[null],[12],[10]]",
    );
    // Above an aggregate, in HAVING and in what is aggregated.
    house.check(
        "SELECT room, count(*), (SELECT name FROM room r WHERE r.id = m.room) FROM message m GROUP BY room \
         HAVING count(*) > (SELECT 1) ORDER BY 1",
        r#"[[7,3,"hall"],[8,2,"attic"]]"#,
    );
    house.check(
        "SELECT max((SELECT age FROM person WHERE name = m.author)) FROM message m",
        "[[36]]",
    );
    house.check(
        "SELECT (SELECT name FROM room WHERE id = m.room) AS r, count(*) FROM message m GROUP BY 1 ORDER BY 1",
        r#"[["attic",2],["hall",3],[null,1]]"#,
    );
    house.check_columns("SELECT (SELECT id FROM room), (SELECT 5 AS five)", "id u32?, five i32?");
}

#[test]
fn the_query_around_can_be_named_in_what_is_put_on_top() {
    let house = house();
    house.check(
        "SELECT name FROM person p WHERE EXISTS (SELECT p.age) ORDER BY 1",
        r#"[["ada"],["bob"],["zoe"]]"#,
    );
    house.check(
        "SELECT name FROM person p WHERE age IN (SELECT p.age + id - 7 FROM room)",
        r#"[["ada"],["zoe"]]"#,
    );
    house.check("SELECT name FROM person p WHERE 36 IN (SELECT p.age) ORDER BY 1", r#"[["ada"]]"#);
    house.check(
        "SELECT (SELECT count(*) + p.age FROM room) FROM person p ORDER BY 1",
        "[[12],[39],[null]]",
    );
    house.check(
        "SELECT name FROM person p WHERE EXISTS (SELECT 1 FROM room WHERE p.age > 10)",
        r#"[["ada"]]"#,
    );
    house.check("SELECT name FROM person p WHERE EXISTS (SELECT 1 FROM room ORDER BY p.age) ORDER BY 1 LIMIT 1", r#"[["ada"]]"#);
    house.check(
        "SELECT (SELECT max(id) FROM room HAVING max(id) > p.age) FROM person p ORDER BY 1",
        "[[10],[null],[null]]",
    );
    house.check(
        "SELECT (SELECT p.age FROM room HAVING count(*) > 9) FROM person p",
        "[[null],[null],[null]]",
    );
    let refused = "a column of the query around a sub-query in";
    for (sql, place) in [
        ("SELECT (SELECT p.age FROM room WHERE id = 7) FROM person p", " its select list"),
        ("SELECT (SELECT max(id) FROM room GROUP BY p.age) FROM person p", " GROUP BY"),
    ] {
        let error = house.plan(sql).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{refused}{place}")), "{error}");
    }
    house.check_error(
        "SELECT (SELECT id FROM room LIMIT p.age) FROM person p",
        "LIMIT must not name columns (line 1, column 35)",
    );
    house.check_error(
        "SELECT (SELECT 1 UNION SELECT p.age) FROM person p",
        "a set operation in a correlated sub-query is not supported (line 1, column 24)",
    );
}

#[test]
fn a_value_of_two_rows_is_refused() {
    let house = house();
    let message = "a sub-query used as an expression has more than one row";
    house.check_error("SELECT (SELECT id FROM message)", message);
    house.check_error("SELECT (SELECT id FROM message m WHERE m.room = r.id) FROM room r", message);
    house.check(
        "SELECT (SELECT id FROM message m WHERE m.room = r.id) FROM room r WHERE id = 10",
        "[[null]]",
    );
    house.check(
        "SELECT (SELECT DISTINCT room FROM message m WHERE m.room = r.id) FROM room r ORDER BY 1",
        "[[7],[8],[null]]",
    );
}

#[test]
fn parameters_take_their_types_inside_too() {
    let house: Database = house();
    house.check_with(
        "SELECT name FROM room WHERE id IN (SELECT room FROM message WHERE author = $1) AND id < $2 ORDER BY 1",
        r#"["ada", 8]"#,
        r#"[["hall"]]"#,
    );
    house.check_with("SELECT $1 IN (SELECT id FROM room)", "[7]", "[[true]]");
    house.check_with("SELECT 1 UNION SELECT $1 ORDER BY 1", "[2]", "[[1],[2]]");
}
