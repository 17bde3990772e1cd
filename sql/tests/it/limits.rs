//! What a text and an execution may use at most.

use cosmictron_sql::{ErrorClass, ExecutionLimits, PlanLimits, Resource, SqlError, plan};

use crate::fixture::Database;

#[test]
fn an_execution_ends_at_its_limits() {
    let mut database = Database::empty();
    let rows: Vec<String> = (1..=1_000)
        .map(|id| {
            format!(r#"[{id}, {}, "a{id}", "{}", {id}, {id}, false, 0]"#, id % 10, "x".repeat(50))
        })
        .collect();
    database.insert("message", &rows);
    let check = |sql: &str, limits: ExecutionLimits, expected: Option<Resource>| {
        let found = match database.run_within(sql, "[]", &limits) {
            Ok(_) => None,
            Err(SqlError::Exhausted { what, .. }) => Some(what),
            Err(other) => panic!("{sql}: {other}"),
        };
        assert_eq!(found, expected, "{sql}");
    };
    let default = ExecutionLimits::default;
    let rows_max = |rows_max| ExecutionLimits { rows_max, ..default() };
    check("SELECT id FROM message", rows_max(1_000), None);
    check("SELECT id FROM message", rows_max(999), Some(Resource::Rows));
    check("SELECT id FROM message LIMIT 999", rows_max(999), None);
    let bytes_max = |bytes_max| ExecutionLimits { bytes_max, ..default() };
    check("SELECT body FROM message", bytes_max(50_000), Some(Resource::ResultBytes));
    check("SELECT body FROM message LIMIT 10", bytes_max(50_000), None);
    let scanned_max = |scanned_max| ExecutionLimits { scanned_max, ..default() };
    check("SELECT id FROM message WHERE body = ''", scanned_max(999), Some(Resource::RowsScanned));
    check("SELECT id FROM message LIMIT 10", scanned_max(10), None);
    check("SELECT id FROM message WHERE id = 5", scanned_max(1), None);
    check("SELECT id FROM message ORDER BY id DESC LIMIT 3", scanned_max(3), None);
    check("SELECT count(*) FROM message", scanned_max(0), None);
    let memory = |memory_bytes_max| ExecutionLimits { memory_bytes_max, ..default() };
    check("SELECT id FROM message ORDER BY body", memory(10_000), Some(Resource::Memory));
    check("SELECT id FROM message ORDER BY body LIMIT 5", memory(10_000), None);
    check("SELECT author FROM message GROUP BY author", memory(10_000), Some(Resource::Memory));
    check("SELECT room FROM message GROUP BY room", memory(10_000), None);
    check("SELECT DISTINCT author FROM message", memory(10_000), Some(Resource::Memory));
}

#[test]
fn a_text_ends_at_its_limits() {
    let database = Database::empty();
    let check = |sql: &str, expected: &str| {
        let error = plan(sql, &database, &PlanLimits::default()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Syntax);
        assert_eq!(error.to_string(), expected);
    };
    check(
        &format!("SELECT '{}'", "x".repeat(65_536)),
        "a query of 65545 bytes exceeds the limit of 65536",
    );
    check(
        &format!("SELECT {}1", "1, ".repeat(5_000)),
        "more than 4096 words and signs (line 1, column 6150)",
    );
    check(
        &format!("SELECT {}1", "1 + ".repeat(2_001)),
        "more than 2000 operators (line 1, column 8006)",
    );
    check(
        &format!("SELECT {}1", "1 + ".repeat(200)),
        "more than 128 levels of expressions (line 1, column 8)",
    );
    check(
        &format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)),
        "more than 50 levels of nesting (line 1, column 1)",
    );
    check(
        &format!("SELECT {}1", "1, ".repeat(1_024)),
        "more than 1024 columns of the answer (line 1, column 1)",
    );
}

#[test]
fn a_plan_that_outlived_its_table_is_refused() {
    let mut database = Database::filled();
    let by_id = database.plan("SELECT id FROM message WHERE id = 1").unwrap();
    let count = database.plan("SELECT count(*) FROM message").unwrap();
    database.drop_table("message");
    for plan in [by_id, count] {
        let params = plan.bind_params(&[]).unwrap();
        let error =
            plan.execute(database.store(), &params, &ExecutionLimits::default()).unwrap_err();
        assert_eq!(error, SqlError::StalePlan { table: "message".into() });
        assert_eq!(error.class(), ErrorClass::Stale);
    }
}
