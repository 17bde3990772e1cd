//! Measures what a policy costs, over the same filter written by hand.
//!
//! `cargo bench -p cosmictron-sql --bench policy`. As a test each runs once, over a small table, so that it can't rot.

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};

use cosmictron_sql::{Catalog, ExecutionLimits, NameError, Params, PlanLimits, RowPolicy, plan};
use cosmictron_storage::{Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{Identity, TableId, Timestamp, TxId, json};

const COLUMNS: &str = r#""columns": [
        {"name": "id", "type": "u64"},
        {"name": "owner", "type": "identity"},
        {"name": "room", "type": "u64"},
        {"name": "text", "type": "string"}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "owner", "columns": ["owner"]},
        {"name": "room", "columns": ["room"]}]"#;

/// Tables alike but for their policies.
const TABLES: [(&str, &str); 3] = [
    ("plain", ""),
    ("owned", r#""policies": [{"read": "owner = $identity"}, {"write": "owner = $identity"}],"#),
    (
        "shared",
        r#""policies": [{"read": "room IN (SELECT id FROM plain WHERE owner = $identity)"},
            {"write": "room IN (SELECT id FROM plain WHERE owner = $identity)"}],"#,
    ),
];

/// As many rows as are needed to leave the caches, and few in a test.
const ROWS: u64 = if cfg!(debug_assertions) { 1_000 } else { 100_000 };
const OWNERS: u64 = ROWS / 20;

struct Bench {
    store: Store,
    tables: Vec<Arc<TableDef>>,
}

impl Catalog for Bench {
    fn table(&self, _: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let table = self.tables.iter().find(|table| *table.name == *name);
        table.cloned().ok_or(NameError::Unknown)
    }

    fn beside(&self, _: &TableDef, name: &str) -> Option<Arc<TableDef>> {
        self.table(None, name).ok()
    }

    fn row_count(&self, _: &TableDef) -> Option<u64> {
        Some(ROWS)
    }
}

fn owner(number: u64) -> String {
    format!("{number:064x}")
}

fn identity(number: u64) -> Identity {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Identity::from_bytes(bytes)
}

fn row(id: u64) -> String {
    format!(r#"[{id}, "{}", {}, "text {id}"]"#, owner(id % OWNERS), id % 1_000)
}

impl Bench {
    fn filled() -> Self {
        let mut bench = Self { store: Store::new(StoreLimits::default()), tables: Vec::new() };
        for (id, (name, policies)) in (1..).map(TableId::new).zip(TABLES) {
            let item = format!(
                r#"{{"table": {{"name": "{name}", "public": true, {policies} {COLUMNS}}}}}"#
            );
            let schema = ModuleSchema::parse_items([item.as_str()]).expect("a valid schema");
            let table = Arc::new(schema.tables.into_iter().next().expect("one table"));
            bench.store.create_table(id, table, &|_| None).expect("a new table");
            let def = bench.store.table(id).expect("the table was created").def().clone();
            bench.store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
            for id in 0..ROWS {
                let mut row = encode(&def, &row(id));
                bench.store.insert(def.id, &mut row).expect("a new key");
            }
            bench.store.commit(TxId::new(u64::from(id.get())));
            bench.tables.push(def);
        }
        bench
    }

    fn measure(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        sql: &str,
        params: &str,
    ) {
        let plan = plan(sql, self, &PlanLimits::default()).expect("a valid query");
        let params = plan.read_params(params.as_bytes()).expect("valid parameters");
        let params: Params = if plan.asks_identity() { params.by(identity(17)) } else { params };
        let (limits, mut out) = (ExecutionLimits::default(), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                plan.execute(&self.store, &params, &limits).expect(sql).write_json(&mut out);
                assert!(out.len() > 2, "{sql} finds something");
                black_box(out.len())
            });
        });
    }
}

fn encode(def: &TableDef, text: &str) -> Vec<u8> {
    let fields = def.schema.columns.iter();
    let fields: Vec<Field> =
        fields.map(|column| Field { name: column.name.clone(), ty: column.ty.clone() }).collect();
    let limits = json::Limits { row_bytes_max: 1 << 20 };
    let (mut scratch, mut row) = (json::Scratch::default(), Vec::new());
    json::decode_arguments(&fields, &def.layout, text.as_bytes(), limits, &mut scratch, &mut row)
        .expect("a valid row");
    row
}

fn bench_reading(criterion: &mut Criterion) {
    let bench = Bench::filled();
    let mut group = criterion.benchmark_group("policy");
    let by_hand = format!(r#"[17, "{}"]"#, owner(17));
    let mine = format!(r#"["{}"]"#, owner(17));
    let member = "room IN (SELECT id FROM plain WHERE owner";
    for (name, sql, params) in [
        ("point, by hand", "SELECT * FROM plain WHERE id = $1 AND owner = $2".to_owned(), &by_hand),
        ("point, policy", "SELECT * FROM owned WHERE id = $1".to_owned(), &"[17]".to_owned()),
        ("owner, by hand", "SELECT * FROM plain WHERE owner = $1".to_owned(), &mine),
        ("owner, policy", "SELECT * FROM owned".to_owned(), &"[]".to_owned()),
        (
            "point of members, by hand",
            format!("SELECT * FROM plain WHERE id = $1 AND {member} = $2)"),
            &by_hand,
        ),
        (
            "point of members, policy",
            "SELECT * FROM shared WHERE id = $1".to_owned(),
            &"[17]".to_owned(),
        ),
        ("all of members, by hand", format!("SELECT * FROM plain WHERE {member} = $1)"), &mine),
        ("all of members, policy", "SELECT * FROM shared".to_owned(), &"[]".to_owned()),
    ] {
        bench.measure(&mut group, name, &sql, params);
    }
}

fn bench_writing(criterion: &mut Criterion) {
    let bench = Bench::filled();
    let mut group = criterion.benchmark_group("a row that is written");
    for table in &bench.tables[1..] {
        let policy = RowPolicy::of_writing(table, &bench, &PlanLimits::default());
        let policy = policy.expect("a valid policy").expect("there is one");
        let row = encode(table, &row(17));
        let (limits, now) = (ExecutionLimits::default(), Timestamp::from_micros(0));
        group.bench_function(&*table.name, |bencher| {
            bencher.iter(|| {
                let ask = &mut |plan: &cosmictron_sql::Plan, params: &Params| {
                    let stores = std::iter::once(bench.store.present());
                    plan.has_row(stores, params, &limits).map(|(has_row, _)| has_row)
                };
                assert!(
                    policy
                        .admits(black_box(&row), identity(17), now, ask)
                        .expect("it is evaluated")
                );
            });
        });
    }
}

criterion_group!(benches, bench_reading, bench_writing);
criterion_main!(benches);
