//! A store with a few tables, and the functions that tests are written in.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_sql::{
    Catalog, ExecutionLimits, NameError, Params, Plan, PlanLimits, Sight, SqlError, plan,
};
use cosmictron_storage::{Snapshot, Store, StoreLimits, TableDef, TransactionLimits, WriteError};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{ColumnIndex, Identity, IndexId, TableId, Timestamp, TxId, json};

/// Tables of two modules, `chat` and `my-agent`; both have a table `setting`, and `secret` is not public.
pub(crate) struct Database {
    store: Store,
    tables: Vec<(&'static str, Arc<TableDef>)>,
    last_tx: TxId,
    /// How many rows the planner is told that a table has, where that is not the truth.
    believed: BTreeMap<String, u64>,
    /// Who asks.
    identity: Identity,
    is_admin: bool,
}

/// Somebody, by a number.
pub(crate) fn somebody(number: u8) -> Identity {
    let mut bytes = [0; 32];
    bytes[31] = number;
    Identity::from_bytes(bytes)
}

const CHAT: &[&str] = &[
    r#"{"table": {"name": "message", "public": true,
        "columns": [
            {"name": "id", "type": "u64"},
            {"name": "room", "type": "u32"},
            {"name": "author", "type": "string"},
            {"name": "body", "type": "string"},
            {"name": "sent_at", "type": "timestamp"},
            {"name": "score", "type": {"option": "i32"}},
            {"name": "pinned", "type": "bool"},
            {"name": "weight", "type": "f64"}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_room", "columns": ["room", "sent_at"]},
            {"name": "by_author", "columns": ["author"]},
            {"name": "by_score", "columns": ["score"]},
            {"name": "by_weight", "columns": ["weight"]}]}}"#,
    r#"{"table": {"name": "setting", "public": true,
        "columns": [{"name": "key", "type": "string"}, {"name": "value", "type": "string"}],
        "indexes": [{"name": "key", "columns": ["key"], "primary": true}]}}"#,
    r#"{"table": {"name": "secret",
        "columns": [{"name": "id", "type": "u64"}], "indexes": []}}"#,
    r#"{"table": {"name": "guarded", "public": true, "policies": [{"read": "owner = $identity"}],
        "columns": [{"name": "owner", "type": "identity"}], "indexes": []}}"#,
    r#"{"table": {"name": "every", "public": true,
        "columns": [
            {"name": "id", "type": "u8"},
            {"name": "tiny", "type": "i8"},
            {"name": "word", "type": "u16"},
            {"name": "big", "type": "i64"},
            {"name": "huge", "type": "i128"},
            {"name": "vast", "type": "u128"},
            {"name": "single", "type": "f32"},
            {"name": "raw", "type": "bytes"},
            {"name": "span", "type": "duration"},
            {"name": "who", "type": "identity"},
            {"name": "wire", "type": "connection_id"},
            {"name": "tag", "type": "uuid"},
            {"name": "list", "type": {"list": "string"}},
            {"name": "maybe", "type": {"option": "string"}},
            {"name": "kind", "type": {"enum": {"name": "Kind", "variants": [
                {"name": "Plain"}, {"name": "Sized", "fields": [{"name": "0", "type": "u8"}]}]}}}],
        "indexes": [
            {"name": "id", "columns": ["id"], "primary": true},
            {"name": "by_vast", "columns": ["vast"], "unique": true},
            {"name": "by_single", "columns": ["single"]},
            {"name": "by_raw", "columns": ["raw"]},
            {"name": "by_who", "columns": ["who"]},
            {"name": "by_tag", "columns": ["tag"]},
            {"name": "by_maybe", "columns": ["maybe", "tiny"], "unique": true}]}}"#,
    r#"{"table": {"name": "MixedCase", "public": true,
        "columns": [{"name": "userId", "type": "u64"}], "indexes": []}}"#,
];

const AGENT: &[&str] = &[r#"{"table": {"name": "setting", "public": true,
    "columns": [{"name": "name", "type": "string"}], "indexes": []}}"#];

pub(crate) const MESSAGES: &[&str] = &[
    r#"[1, 7, "ada", "hello", 100, 5, false, 1.5]"#,
    r#"[2, 7, "bob", "Hi there", 200, null, true, -0.5]"#,
    r#"[3, 8, "ada", "100%", 150, -3, false, 1.5]"#,
    r#"[4, 8, "cyd", "", 160, 5, false, "NaN"]"#,
    r#"[5, 7, "ada", "bye", 300, 9, true, 0.0]"#,
    r#"[18446744073709551615, 9, "eve", "last", 50, null, false, "Infinity"]"#,
];

const EVERY: &[&str] = &[
    r#"[1, -128, 65535, -9223372036854775808, "-170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455", 0.1, "\\x00ff", -1500000,
        "00000000000000000000000000000000000000000000000000000000000000aa",
        "000000000000000000000000000000bb", "550e8400-e29b-41d4-a716-446655440000",
        ["a", "b"], "x", {"Sized": 7}]"#,
    r#"[2, 127, 0, 9223372036854775807, 170141183460469231731687303715884105727, 0, "NaN", "\\x",
        3600000000, "00000000000000000000000000000000000000000000000000000000000000ab",
        "000000000000000000000000000000cc", "00000000-0000-0000-0000-000000000000",
        [], null, "Plain"]"#,
];

impl Database {
    /// With all tables, and rows in `message` and `every`.
    pub(crate) fn filled() -> Self {
        let mut database = Self::empty();
        database.insert("message", MESSAGES);
        database.insert("every", EVERY);
        database
    }

    pub(crate) fn empty() -> Self {
        Self::within(StoreLimits::default())
    }

    /// Without rows.
    pub(crate) fn within(limits: StoreLimits) -> Self {
        let mut database = Self {
            store: Store::new(limits),
            tables: Vec::new(),
            last_tx: TxId::ZERO,
            believed: BTreeMap::new(),
            identity: somebody(0),
            is_admin: false,
        };
        database.create("chat", CHAT);
        database.create("my-agent", AGENT);
        database
    }

    pub(crate) fn create(&mut self, module: &'static str, items: &[&str]) {
        let schema = ModuleSchema::parse_items(items.iter().copied()).unwrap();
        for table in schema.tables {
            let id = TableId::new(self.tables.len() as u32 + 1);
            self.store.create_table(id, Arc::new(table), &|_| None).unwrap();
            let def = self.store.table(id).unwrap().def().clone();
            self.tables.push((module, def));
        }
    }

    /// From now on somebody else asks.
    pub(crate) fn ask_as(&mut self, number: u8) -> &mut Self {
        (self.identity, self.is_admin) = (somebody(number), false);
        self
    }

    /// From now on somebody asks who sees everything.
    pub(crate) fn ask_as_admin(&mut self) -> &mut Self {
        self.is_admin = true;
        self
    }

    /// The definition of a table.
    pub(crate) fn def(&self, table: &str) -> &Arc<TableDef> {
        &self.tables.iter().find(|(_, def)| *def.name == *table).unwrap().1
    }

    /// Parameters for whoever asks.
    pub(crate) fn params(&self, plan: &Plan, params: &str) -> Result<Params, SqlError> {
        let params = plan.read_params(params.as_bytes())?;
        Ok(if plan.asks_identity() { params.by(self.identity) } else { params })
    }

    /// A row of a table, out of a JSON array.
    pub(crate) fn encode(&self, table: &str, row: &str) -> Vec<u8> {
        let def = self.def(table);
        let columns = def.schema.columns.iter();
        let fields: Vec<Field> = columns
            .map(|column| Field { name: column.name.clone(), ty: column.ty.clone() })
            .collect();
        let limits = json::Limits { row_bytes_max: 1 << 20 };
        let (mut scratch, mut bytes) = (json::Scratch::default(), Vec::new());
        let text = row.as_bytes();
        json::decode_arguments(&fields, &def.layout, text, limits, &mut scratch, &mut bytes)
            .unwrap();
        bytes
    }

    /// Inserts rows, each a JSON array.
    pub(crate) fn insert(&mut self, table: &str, rows: &[impl AsRef<str>]) {
        self.write(table, rows, |store, table, mut row| {
            store.insert(table, &mut row).unwrap();
        });
    }

    /// Inserts rows, or puts them in the place of those that have their primary keys. One that breaks a constraint is
    /// left out.
    pub(crate) fn put(&mut self, table: &str, rows: &[impl AsRef<str>]) {
        self.write(table, rows, |store, table, mut row| {
            if let Err(WriteError::NoSuchRow { .. }) = store.update(table, &row) {
                let _ = store.insert(table, &mut row);
            }
        });
    }

    /// Deletes the rows that have the primary keys of these.
    pub(crate) fn delete(&mut self, table: &str, rows: &[impl AsRef<str>]) {
        self.write(table, rows, |store, table, row| {
            let primary = IndexId::new(0);
            let key = store.table(table).unwrap().def().key_of(primary, &row);
            store.delete(table, primary, &key).unwrap();
        });
    }

    fn write(
        &mut self,
        table: &str,
        rows: &[impl AsRef<str>],
        write: impl Fn(&mut Store, TableId, Vec<u8>),
    ) {
        let id = self.def(table).id;
        let rows: Vec<Vec<u8>> = rows.iter().map(|row| self.encode(table, row.as_ref())).collect();
        self.store.begin(TransactionLimits { rows_max: u64::MAX, bytes_max: u64::MAX });
        rows.into_iter().for_each(|row| write(&mut self.store, id, row));
        self.last_tx = self.last_tx.next();
        self.store.commit(self.last_tx);
        self.store.note_time(time_of(self.last_tx));
    }

    /// A transaction that wrote nothing here.
    pub(crate) fn pass(&mut self) {
        self.last_tx = self.last_tx.next();
    }

    /// Forgets what is only needed to read as of a transaction before `tx`.
    pub(crate) fn forget(&mut self, tx: TxId) {
        self.store.forget(time_of(tx), usize::MAX);
    }

    pub(crate) fn last_tx(&self) -> TxId {
        self.last_tx
    }

    /// Lets the planner believe that a table has so many rows.
    pub(crate) fn believe(&mut self, table: &str, rows: u64) {
        self.believed.insert(table.to_owned(), rows);
    }

    /// Drops the table and makes one of the same name in its place, with another schema.
    pub(crate) fn drop_table(&mut self, table: &str) {
        let at = self.tables.iter().position(|(_, def)| *def.name == *table).unwrap();
        let (_, def) = self.tables.remove(at);
        self.store.drop_table(def.id).unwrap();
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    pub(crate) fn snapshot(&self, tx: Option<TxId>) -> Snapshot<'_> {
        tx.map_or(self.store.present(), |tx| self.store.as_of(tx))
    }

    pub(crate) fn column(&self, table: &str, column: &str) -> ColumnIndex {
        let (_, def) = self.tables.iter().find(|(_, def)| *def.name == *table).unwrap();
        def.schema.column(column).unwrap()
    }

    pub(crate) fn plan(&self, sql: &str) -> Result<Plan, SqlError> {
        plan(sql, self, &PlanLimits::default())
    }

    /// The rows as JSON, within `limits`.
    pub(crate) fn run_within(
        &self,
        sql: &str,
        params: &str,
        limits: &ExecutionLimits,
    ) -> Result<String, SqlError> {
        let plan = self.plan(sql)?;
        let params: Params = self.params(&plan, params)?;
        let mut out = Vec::new();
        plan.execute(&self.store, &params, limits)?.write_json(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    /// As of a transaction, or of the present, whatever the query names.
    pub(crate) fn run_as_of(
        &self,
        sql: &str,
        params: &str,
        tx: Option<TxId>,
    ) -> Result<String, SqlError> {
        let plan = self.plan(sql)?;
        let params = self.params(&plan, params)?;
        let (limits, mut out) = (ExecutionLimits::default(), Vec::new());
        plan.execute_at(self.snapshot(tx), &params, &limits)?.write_json(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    pub(crate) fn run(&self, sql: &str, params: &str) -> Result<String, SqlError> {
        self.run_within(sql, params, &ExecutionLimits::default())
    }

    /// The rows, each as JSON.
    pub(crate) fn rows(&self, sql: &str, params: &str) -> Vec<String> {
        let json = self.run(sql, params).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let rows: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&json).unwrap();
        rows.iter().map(|row| row.get().to_owned()).collect()
    }

    /// `sql` gives these rows.
    #[track_caller]
    pub(crate) fn check(&self, sql: &str, rows: &str) {
        self.check_with(sql, "[]", rows);
    }

    #[track_caller]
    pub(crate) fn check_with(&self, sql: &str, params: &str, rows: &str) {
        match self.run(sql, params) {
            Ok(found) => assert_eq!(found, rows, "{sql}"),
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    /// `sql` gives answers of these columns: `name type`, with a `?` where it may be null.
    #[track_caller]
    pub(crate) fn check_columns(&self, sql: &str, columns: &str) {
        let plan = self.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let found: Vec<String> = plan
            .columns()
            .iter()
            .map(|column| {
                let mark = if column.nullable { "?" } else { "" };
                format!("{} {}{mark}", column.name, column.ty)
            })
            .collect();
        assert_eq!(found.join(", "), columns, "{sql}");
    }

    #[track_caller]
    pub(crate) fn check_plan(&self, sql: &str, expected: &str) {
        let plan = self.plan(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(plan.explain(), expected, "{sql}");
    }

    /// `sql` is refused, while it is planned or executed, with this message.
    #[track_caller]
    pub(crate) fn check_error(&self, sql: &str, expected: &str) {
        match self.run(sql, "[]") {
            Ok(rows) => panic!("{sql}: {rows}"),
            Err(error) => assert_eq!(error.to_string(), expected, "{sql}"),
        }
    }
}

impl Catalog for Database {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        let named: Vec<_> = self
            .tables
            .iter()
            .filter(|(of, def)| *def.name == *name && module.is_none_or(|module| module == *of))
            .collect();
        match named.as_slice() {
            [] => Err(NameError::Unknown),
            [(_, def)] if def.schema.public || self.is_admin => Ok(def.clone()),
            [_] => Err(NameError::NotPublic),
            several => Err(NameError::Ambiguous(
                several.iter().map(|(module, _)| format!("\"{module}\".{name}")).collect(),
            )),
        }
    }

    fn beside(&self, table: &TableDef, name: &str) -> Option<Arc<TableDef>> {
        let (module, _) = self.tables.iter().find(|(_, def)| def.id == table.id)?;
        let is_it = |(of, def): &&(&str, Arc<TableDef>)| of == module && *def.name == *name;
        self.tables.iter().find(is_it).map(|(_, def)| def.clone())
    }

    fn sight(&self) -> Sight {
        if self.is_admin { Sight::All } else { Sight::Admitted }
    }

    fn row_count(&self, table: &TableDef) -> Option<u64> {
        let known = self.store.table(table.id).map(|table| table.len() as u64);
        self.believed.get(&*table.name).copied().or(known)
    }
}

/// One transaction a millisecond.
fn time_of(tx: TxId) -> Timestamp {
    Timestamp::from_micros(i64::try_from(tx.get()).unwrap() * 1_000)
}
