//! Arbitrary text as a query, and behind a NUL arbitrary parameters: refused in words, or rows that are JSON and the
//! same each time.

#![no_main]

use std::sync::LazyLock;

use cosmictron_fuzz::table::Tables;
use cosmictron_sql::{ExecutionLimits, PlanLimits, SqlError, plan};
use libfuzzer_sys::fuzz_target;

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::filled);

/// The server's limits with its own stack: fewer levels, because a checked build has larger frames.
const PLAN_LIMITS: PlanLimits = PlanLimits {
    text_bytes_max: 4096,
    tokens_max: 1024,
    operators_max: 512,
    depth_max: 64,
    params_max: 64,
    columns_max: 64,
    relations_max: 32,
};

const EXECUTION_LIMITS: ExecutionLimits = ExecutionLimits {
    rows_max: 1000,
    bytes_max: 1 << 20,
    scanned_max: 1000,
    memory_bytes_max: 1 << 20,
};

fn run(text: &str, params: &[u8]) -> Result<Vec<u8>, SqlError> {
    let plan = plan(text, &*TABLES, &PLAN_LIMITS)?;
    assert!(!plan.columns().is_empty() && plan.columns().len() <= PLAN_LIMITS.columns_max);
    assert!(plan.params().len() <= PLAN_LIMITS.params_max);
    let params = plan.read_params(params)?;
    let rows = plan.execute(&TABLES.store, &params, &EXECUTION_LIMITS)?;
    assert!(rows.len() as u64 <= EXECUTION_LIMITS.rows_max);
    let mut out = Vec::new();
    rows.write_json(&mut out);
    let read: Vec<Vec<serde_json::Value>> =
        serde_json::from_slice(&out).expect("an answer is JSON");
    assert_eq!(read.len(), rows.len());
    assert!(read.iter().all(|row| row.len() == plan.columns().len()));
    Ok(out)
}

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (text, params) = input.split_once('\0').unwrap_or((input, "[]"));
    let answer = run(text, params.as_bytes());
    if let Err(error) = &answer {
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(run(text, params.as_bytes()), answer);
});
