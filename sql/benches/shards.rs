//! Measures what a query over two stores costs against the same query over one with all rows: the parts run one after the
//! other, so times are sums of work.
//!
//! `cargo bench -p cosmictron-sql --bench shards`. As a test each runs once, over a small table. Figures are in
//! `docs/performance.md`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};

use cosmictron_sql::{
    Catalog, ExecutionLimits, NameError, Params, PartialRows, Plan, PlanLimits, plan,
};
use cosmictron_storage::{Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{TableId, TxId, json};

const ACCOUNT: &str = r#"{"table": {"name": "account", "public": true,
    "columns": [
        {"name": "id", "type": "u64"},
        {"name": "owner", "type": "string"},
        {"name": "balance", "type": "i64"},
        {"name": "branch", "type": "u32"}],
    "indexes": [{"name": "id", "columns": ["id"], "primary": true}]}}"#;

const ROWS: u64 = if cfg!(debug_assertions) { 1_000 } else { 1_000_000 };

/// All rows, and the same in two halves.
struct Bank {
    whole: Store,
    halves: [Store; 2],
}

impl Catalog for Bank {
    fn table(&self, _: Option<&str>, _: &str) -> Result<Arc<TableDef>, NameError> {
        let table = self.whole.table(TableId::new(1)).ok_or(NameError::Unknown)?;
        Ok(table.def().clone())
    }
}

impl Bank {
    fn filled() -> Self {
        let half = |half| filled(move |id| id % 2 == half);
        Self { whole: filled(|_| true), halves: [half(0), half(1)] }
    }

    fn plan(&self, sql: &str) -> (Plan, Params) {
        let plan = plan(sql, self, &PlanLimits::default()).expect("a valid query");
        let params = plan.bind_params(&[]).expect("no parameters");
        (plan, params)
    }

    fn parts(&self, plan: &Plan, params: &Params) -> Vec<PartialRows> {
        let part =
            |store: &Store| plan.execute_part(store.present(), params, &LIMITS).expect("a part");
        self.halves.iter().map(part).collect()
    }
}

const LIMITS: ExecutionLimits = ExecutionLimits {
    rows_max: u64::MAX,
    bytes_max: u64::MAX,
    scanned_max: u64::MAX,
    memory_bytes_max: u64::MAX,
};

fn filled(wanted: impl Fn(u64) -> bool) -> Store {
    let schema = ModuleSchema::parse_items([ACCOUNT]).expect("a valid schema");
    let table = Arc::new(schema.tables.into_iter().next().expect("one table"));
    let mut store = Store::new(StoreLimits::default());
    store.create_table(TableId::new(1), table.clone(), &|_| None).expect("a new table");
    let columns = table.columns.iter();
    let fields: Vec<Field> =
        columns.map(|column| Field { name: column.name.clone(), ty: column.ty.clone() }).collect();
    let def = store.table(TableId::new(1)).expect("the table was created").def().clone();
    store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
    let (mut scratch, mut row) = (json::Scratch::default(), Vec::new());
    for id in (0..ROWS).filter(|id| wanted(*id)) {
        let text = format!(r#"[{id}, "owner {id}", {}, {}]"#, id * 7_919 % 100_003, id / 2 % 100);
        let limits = json::Limits { row_bytes_max: 1 << 20 };
        row.clear();
        let (layout, text) = (&def.layout, text.as_bytes());
        json::decode_arguments(&fields, layout, text, limits, &mut scratch, &mut row)
            .expect("a valid row");
        store.insert(def.id, &mut row).expect("a new key");
    }
    store.commit(TxId::new(1));
    store
}

fn bench_sums(criterion: &mut Criterion) {
    let bank = Bank::filled();
    for (name, sql) in [
        (
            "100 groups of 1,000,000 rows",
            "SELECT branch, count(*), sum(balance), avg(balance) FROM account \
             WHERE balance > 1000 GROUP BY branch",
        ),
        ("top 100 of 1,000,000 rows", "SELECT * FROM account ORDER BY balance DESC LIMIT 100"),
        ("100,000 groups", "SELECT balance, count(*) FROM account GROUP BY balance"),
        ("50,000 rows to JSON", "SELECT * FROM account WHERE id < 50000"),
    ] {
        let (plan, params) = bank.plan(sql);
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        let mut out = Vec::new();
        group.bench_function("one store", |bencher| {
            bencher.iter(|| {
                out.clear();
                let rows = plan.execute(&bank.whole, &params, &LIMITS).expect(sql);
                rows.write_json(&mut out);
                black_box(out.len())
            });
        });
        group.bench_function("two halves and their merge", |bencher| {
            bencher.iter(|| {
                out.clear();
                let parts = bank.parts(&plan, &params);
                plan.merge(&parts, &params, &LIMITS).expect(sql).write_json(&mut out);
                black_box(out.len())
            });
        });
    }
}

/// Merges alone: of rows in order, and of groups, as many from each half.
fn bench_merges(criterion: &mut Criterion) {
    let bank = Bank::filled();
    let mut group = criterion.benchmark_group("merge");
    group.sample_size(20);
    for (name, sql) in [
        ("10,000 rows of 20,000", "SELECT id, owner FROM account ORDER BY balance LIMIT 10000"),
        (
            "20,000 states to 10,000 groups",
            "SELECT balance, count(*), avg(id) FROM account WHERE balance < 10000 GROUP BY balance",
        ),
        (
            "200 states to 100 groups",
            "SELECT branch, count(*), sum(balance), avg(balance) FROM account GROUP BY branch",
        ),
    ] {
        let (plan, params) = bank.plan(sql);
        let parts = bank.parts(&plan, &params);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(plan.merge(&parts, &params, &LIMITS).expect(sql).len());
            });
        });
    }
}

criterion_group!(benches, bench_sums, bench_merges);
criterion_main!(benches);
