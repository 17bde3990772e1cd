//! Measures what queries cost, from a cached plan to the text of the answer.
//!
//! `cargo bench -p cosmictron-sql`. As a test (`cargo test --benches`) each runs once, over a small table, so that it
//! can't rot.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};

use cosmictron_sql::{Catalog, ExecutionLimits, NameError, Plan, PlanLimits, RowFormat, plan};
use cosmictron_storage::{Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{TableId, TxId, json};

const ACCOUNT: &str = r#"{"table": {"name": "account", "public": true,
    "columns": [
        {"name": "id", "type": "u64"},
        {"name": "owner", "type": "string"},
        {"name": "balance", "type": "i64"},
        {"name": "branch", "type": "u32"},
        {"name": "opened_at", "type": "timestamp"},
        {"name": "note", "type": {"option": "string"}}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "by_branch", "columns": ["branch", "opened_at"]}]}}"#;

/// Rows of the table: as many as are needed to leave the caches, and few in a test.
const ROWS: u64 = if cfg!(debug_assertions) { 1_000 } else { 200_000 };

struct Bank {
    store: Store,
    def: Arc<TableDef>,
}

impl Catalog for Bank {
    fn table(&self, _: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        if name == "account" { Ok(self.def.clone()) } else { Err(NameError::Unknown) }
    }
}

impl Bank {
    fn filled() -> Self {
        let schema = ModuleSchema::parse_items([ACCOUNT]).expect("a valid schema");
        let table = Arc::new(schema.tables.into_iter().next().expect("one table"));
        let mut store = Store::new(StoreLimits::default());
        store.create_table(TableId::new(1), table.clone(), &|_| None).expect("a new table");
        let fields = table.columns.iter();
        let fields: Vec<Field> = fields
            .map(|column| Field { name: column.name.clone(), ty: column.ty.clone() })
            .collect();
        let def = store.table(TableId::new(1)).expect("the table was created").def().clone();
        store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
        let (mut scratch, mut row) = (json::Scratch::default(), Vec::new());
        for id in 0..ROWS {
            let branch = id % 100;
            let text = format!(r#"[{id}, "owner {id}", {}, {branch}, {id}, null]"#, id * 7 % 1_000);
            let limits = json::Limits { row_bytes_max: 1 << 20 };
            row.clear();
            json::decode_arguments(
                &fields,
                &def.layout,
                text.as_bytes(),
                limits,
                &mut scratch,
                &mut row,
            )
            .expect("a valid row");
            store.insert(def.id, &mut row).expect("a new key");
        }
        store.commit(TxId::new(1));
        Self { store, def }
    }

    fn plan(&self, sql: &str) -> Plan {
        plan(sql, self, &PlanLimits::default()).expect("a valid query")
    }
}

fn bench_plan(criterion: &mut Criterion) {
    let bank = Bank::filled();
    for sql in [
        "SELECT * FROM account WHERE id = $1",
        "SELECT branch, count(*), sum(balance) FROM account WHERE opened_at > $1 GROUP BY branch \
         HAVING count(*) > 10 ORDER BY 3 DESC LIMIT 10",
    ] {
        criterion.bench_function(&format!("plan {} bytes", sql.len()), |bencher| {
            bencher.iter(|| bank.plan(black_box(sql)));
        });
    }
}

fn bench_point(criterion: &mut Criterion) {
    let bank = Bank::filled();
    let plan = bank.plan("SELECT * FROM account WHERE id = $1");
    let limits = ExecutionLimits::default();
    let mut out = Vec::new();
    let mut id = 0;
    criterion.bench_function("primary key, parameter to JSON", |bencher| {
        bencher.iter(|| {
            id = (id + 104_729) % ROWS;
            let text = format!("[{id}]");
            let params = plan.read_params(text.as_bytes()).expect("a valid parameter");
            out.clear();
            plan.execute(&bank.store, &params, &limits).expect("a row").write_json(&mut out);
            black_box(out.len())
        });
    });
    let params = plan.read_params(b"[17]").expect("a valid parameter");
    criterion.bench_function("primary key, execution and JSON", |bencher| {
        bencher.iter(|| {
            out.clear();
            plan.execute(&bank.store, &params, &limits).expect("a row").write_json(&mut out);
            black_box(out.len())
        });
    });
}

/// Each whole query, and the rows that it reads.
fn bench_scans(criterion: &mut Criterion) {
    let bank = Bank::filled();
    let limits = ExecutionLimits::default();
    let mut group = criterion.benchmark_group("scans");
    group.sample_size(10);
    for (name, sql) in [
        ("filter all", "SELECT id FROM account WHERE balance = 1001"),
        ("filter text", "SELECT id FROM account WHERE owner = 'nobody'"),
        ("sum all", "SELECT sum(balance), max(id) FROM account"),
        ("group all by 100", "SELECT branch, count(*), sum(balance) FROM account GROUP BY branch"),
        ("top 10 of all", "SELECT id FROM account ORDER BY balance DESC LIMIT 10"),
        ("sort a branch", "SELECT id FROM account WHERE branch = 5 ORDER BY balance"),
        (
            "first 10 of a branch",
            "SELECT * FROM account WHERE branch = 5 ORDER BY opened_at LIMIT 10",
        ),
        ("50,000 rows to JSON", "SELECT * FROM account LIMIT 50000"),
        (
            "join all with 100 by hash",
            "SELECT sum(b.balance) FROM account a JOIN account b ON b.id = a.branch WHERE b.id < 100",
        ),
        (
            "look up for a branch",
            "SELECT sum(b.balance) FROM account a JOIN account b ON b.id = a.branch WHERE a.branch = 5",
        ),
        (
            "semi-join all with 100",
            "SELECT count(*) FROM account WHERE branch + 0 IN (SELECT id FROM account WHERE id < 100)",
        ),
    ] {
        let plan = bank.plan(sql);
        let params = plan.bind_params(&[]).expect("no parameters");
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                plan.execute(&bank.store, &params, &limits).expect(sql).write_json(&mut out);
                black_box(out.len())
            });
        });
    }
}

/// 10,000 rows as clients are told them.
fn bench_encode(criterion: &mut Criterion) {
    let bank = Bank::filled();
    let plan = bank.plan("SELECT * FROM account LIMIT 10000");
    let params = plan.bind_params(&[]).expect("no parameters");
    let limits = ExecutionLimits::default();
    let rows = plan.execute(&bank.store, &params, &limits).expect("rows");
    for (name, format) in [("JSON", RowFormat::Json), ("a batch", RowFormat::Binary)] {
        criterion.bench_function(&format!("10,000 rows as {name}"), |bencher| {
            bencher.iter(|| rows.encode(format).expect("few bytes").told().len());
        });
    }
}

criterion_group!(benches, bench_plan, bench_point, bench_scans, bench_encode);
criterion_main!(benches);
