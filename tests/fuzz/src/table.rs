//! A small table with columns of many types, for queries to look at.

use std::sync::Arc;

use cosmictron_sql::{Catalog, NameError};
use cosmictron_storage::{Store, StoreLimits, TableDef, TransactionLimits};
use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::Field;
use cosmictron_types::{TableId, TxId, json};

const TABLE: TableId = TableId::new(1);

const SCHEMA: &str = r#"{"table": {"name": "t", "public": true,
    "columns": [
        {"name": "id", "type": "u8"},
        {"name": "i", "type": "i64"},
        {"name": "h", "type": "i128"},
        {"name": "u", "type": "u128"},
        {"name": "f", "type": "f64"},
        {"name": "g", "type": "f32"},
        {"name": "s", "type": "string"},
        {"name": "b", "type": "bool"},
        {"name": "at", "type": "timestamp"},
        {"name": "d", "type": "duration"},
        {"name": "raw", "type": "bytes"},
        {"name": "tag", "type": "uuid"},
        {"name": "o", "type": {"option": "i32"}},
        {"name": "m", "type": {"option": "string"}},
        {"name": "l", "type": {"list": "string"}}],
    "indexes": [
        {"name": "id", "columns": ["id"], "primary": true},
        {"name": "by_i", "columns": ["i", "s"]},
        {"name": "by_f", "columns": ["f"]},
        {"name": "by_u", "columns": ["u"]},
        {"name": "by_o", "columns": ["o"]},
        {"name": "by_m", "columns": ["m", "b"]},
        {"name": "by_tag", "columns": ["tag"]}]}}"#;

const ROWS: [&str; 6] = [
    r#"[0, 0, 0, 0, 0.0, 0.0, "", false, 0, 0, "\\x", "00000000-0000-0000-0000-000000000000", null, null, []]"#,
    r#"[1, 1, 1, 1, -0.0, 1.5, "a", true, 1, 1, "\\x61", "00000000-0000-0000-0000-000000000001", 1, "a", ["a"]]"#,
    r#"[2, -9223372036854775808, "-170141183460469231731687303715884105728", "340282366920938463463374607431768211455", 1e308, "NaN", "%_\\", true, 253402300799999999, 9223372036854775807, "\\x000102", "ffffffff-ffff-ffff-ffff-ffffffffffff", -2147483648, "", ["", "b"]]"#,
    r#"[3, 9223372036854775807, "170141183460469231731687303715884105727", 7, "NaN", "Infinity", "é", false, -1, -9223372036854775808, "\\x", "12345678-1234-1234-1234-123456789abc", 2147483647, "é", []]"#,
    r#"[4, 1, -1, 9, "-Infinity", 0.1, "a", false, 1000000, 60000000, "\\x00", "00000000-0000-0000-0000-000000000004", null, "a", ["x"]]"#,
    r#"[255, 7, 7, 7, 7.0, 7.0, "seven", true, 7, 7, "\\x070707", "07070707-0707-0707-0707-070707070707", 7, null, ["7", "7", "7"]]"#,
];

/// A store with the one table `t`.
pub struct Tables {
    pub store: Store,
    def: Arc<TableDef>,
}

impl Catalog for Tables {
    fn table(&self, module: Option<&str>, name: &str) -> Result<Arc<TableDef>, NameError> {
        match (module, name) {
            (None | Some("m"), "t") => Ok(self.def.clone()),
            (_, "secret") => Err(NameError::NotPublic),
            (None, "twice") => Err(NameError::Ambiguous(vec!["m.twice".into(), "n.twice".into()])),
            _ => Err(NameError::Unknown),
        }
    }
}

impl Tables {
    pub fn filled() -> Tables {
        let schema = ModuleSchema::parse_items([SCHEMA]).expect("the schema is valid");
        let table = Arc::new(schema.tables.into_iter().next().expect("there is one table"));
        let mut store = Store::new(StoreLimits::default());
        store.create_table(TABLE, table.clone(), &|_| None).expect("there is no other table");
        let def = store.table(TABLE).expect("it was created").def().clone();
        let fields = table.columns.iter();
        let fields: Vec<Field> =
            fields.map(|c| Field { name: c.name.clone(), ty: c.ty.clone() }).collect();
        store.begin(TransactionLimits::default());
        let mut scratch = json::Scratch::default();
        for text in ROWS {
            let (text, mut row) = (text.as_bytes(), Vec::new());
            let limits = json::Limits { row_bytes_max: 1 << 20 };
            json::decode_arguments(&fields, &def.layout, text, limits, &mut scratch, &mut row)
                .expect("the row is valid");
            store.insert(TABLE, &mut row).expect("the row's keys are new");
        }
        store.commit(TxId::new(1));
        Tables { store, def }
    }
}
