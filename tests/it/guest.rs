//! Puts modules together from WebAssembly text: what a compiler would not let through, and schemas made to measure.

use std::fmt::Write;

/// Where the schema begins in a guest's memory of one page.
const SCHEMA_AT: usize = 16 << 10;

/// A module in the making.
///
/// Its functions find `t` at 0, `b` at 4, `by_n` at 8, `late` at 16 and a call's input from 1024 on; 64 to 1023 are theirs.
pub struct Guest {
    items: Vec<String>,
    functions: String,
}

/// `t(id u64 auto_inc, n u64)` with the indexes `id` and `by_n`.
pub const TABLE_T: &str = r#"{"table":{"name":"t","public":true,"columns":[
    {"name":"id","type":"u64","auto_inc":true},{"name":"n","type":"u64"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true},{"name":"by_n","columns":["n"]}]}}"#;

/// `b(id u64 auto_inc, data bytes)`.
pub const TABLE_B: &str = r#"{"table":{"name":"b","public":true,"columns":[
    {"name":"id","type":"u64","auto_inc":true},{"name":"data","type":"bytes"}],
    "indexes":[{"name":"id","columns":["id"],"primary":true}]}}"#;

/// Has the reducer `late` called at once. Leaves the code.
pub const ASK: &str =
    "(call $schedule (i64.const 0) (i32.const 16) (i32.const 4) (i32.const 0) (i32.const 0))";

impl Guest {
    /// A module without tables and reducers, that may use every import.
    pub fn new() -> Guest {
        Guest { items: Vec::new(), functions: String::new() }
    }

    /// Adds an item to what the module says of itself.
    pub fn item(mut self, json: &str) -> Guest {
        self.items.push(json.to_owned());
        self
    }

    /// Adds functions, globals or data.
    pub fn text(mut self, text: &str) -> Guest {
        self.functions.push_str(text);
        self
    }

    /// Adds a reducer without arguments and result. The body leaves an i32.
    pub fn reducer(self, name: &str, body: &str) -> Guest {
        self.reducer_with(name, "", body)
    }

    /// As [`Guest::reducer`], with further members of its schema.
    pub fn reducer_with(self, name: &str, members: &str, body: &str) -> Guest {
        let function = format!(
            "(func ${name} (export \"cosm_reducer_{name}\") (param $input i32) (param $length i32)
            (result i32) (local $code i32) {body})\n"
        );
        self.item(&format!(r#"{{"reducer":{{"name":"{name}"{members}}}}}"#)).text(&function)
    }

    pub fn wasm(&self) -> Vec<u8> {
        let (mut data, mut describe) = (String::new(), String::new());
        let mut at = SCHEMA_AT;
        for item in &self.items {
            data += &format!("(data (i32.const {at}) \"");
            for byte in item.bytes() {
                write!(data, "\\{byte:02x}").expect("a string takes everything");
            }
            data += "\")\n";
            describe += &format!("(call $describe (i32.const {at}) (i32.const {}))\n", item.len());
            at += item.len();
        }
        let functions = &self.functions;
        let text = format!(
            r#"(module {IMPORTS} (memory (export "memory") 1)
            (data (i32.const 0) "t") (data (i32.const 4) "b") (data (i32.const 8) "by_n") (data (i32.const 16) "late") {data}
            (func (export "cosm_abi_1"))
            (func (export "cosm_buffer") (param i32) (result i32) (i32.const 1024))
            (func (export "cosm_describe_all") {describe})
            {FUNCTIONS} {functions})"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

const IMPORTS: &str = r#"
  (import "cosm" "describe" (func $describe (param i32 i32)))
  (import "cosm" "result" (func $result (param i32 i32)))
  (import "cosm" "rows" (func $rows (param i32 i32)))
  (import "cosm" "fail" (func $fail (param i32 i32)))
  (import "cosm" "schedule" (func $schedule (param i64 i32 i32 i32 i32) (result i32)))
  (import "console" "log" (func $log (param i32 i32 i32)))
  (import "datastore" "table" (func $table (param i32 i32) (result i32)))
  (import "datastore" "index" (func $index (param i32 i32 i32) (result i32)))
  (import "datastore" "insert" (func $insert (param i32 i32 i32) (result i32)))
  (import "datastore" "update" (func $update (param i32 i32 i32) (result i32)))
  (import "datastore" "delete" (func $delete (param i32 i32 i32 i32) (result i64)))
  (import "datastore" "find" (func $find (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "datastore" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "datastore" "next" (func $next (param i32 i32 i32) (result i64)))
  (import "datastore" "close" (func $close (param i32)))
  (import "datastore" "count" (func $count (param i32) (result i64)))
  (import "datastore" "error" (func $error (param i32 i32) (result i32)))
"#;

/// What most bodies need: `t` and `b` yield a table's handle; `insert_t` and `insert_b` (of so many bytes, whatever they
/// are) insert a row and yield the code; `fail_with_error` refuses in the words of the last error.
const FUNCTIONS: &str = "
  (func $t (result i32) (call $table (i32.const 0) (i32.const 1)))
  (func $b (result i32) (call $table (i32.const 4) (i32.const 1)))
  (func $insert_t (param $n i64) (result i32)
    (i32.store (i32.const 64) (i32.const 16))
    (i64.store (i32.const 68) (i64.const 0))
    (i64.store (i32.const 76) (local.get $n))
    (call $insert (call $t) (i32.const 64) (i32.const 20)))
  (func $insert_b (param $bytes i32) (result i32)
    (i32.store (i32.const 64) (i32.add (local.get $bytes) (i32.const 16)))
    (i64.store (i32.const 68) (i64.const 0))
    (i32.store (i32.const 76) (i32.add (local.get $bytes) (i32.const 4)))
    (i32.store (i32.const 80) (local.get $bytes))
    (call $insert (call $b) (i32.const 64) (i32.add (local.get $bytes) (i32.const 20))))
  (func $fail_with_error (result i32)
    (call $fail (i32.const 256) (call $error (i32.const 256) (i32.const 256)))
    (i32.const 1))
";
