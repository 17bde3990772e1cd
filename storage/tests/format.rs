//! Opens the golden files of every version of the format and makes the same bytes again.
//!
//! `tests/format/v1` holds a schema, rows of it as JSON and as bytes, and a log. A version that was released is never
//! rewritten: whoever changes the format adds a directory beside it. Before that, `COSMICTRON_REWRITE=1` writes the
//! files anew.

#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cosmictron_storage::log::record::{Payload, TransactionRecord};
use cosmictron_storage::log::{Log, LogId, LogOptions, Recovery, SegmentNumber, Tail, recover};
use cosmictron_storage::{
    ChangeReader, Key, KeyBuilder, LoggedChange, Store, StoreLimits, TransactionLimits,
};
use cosmictron_types::json::{Limits, Scratch, decode_arguments, write_row};
use cosmictron_types::schema::{ColumnSchema, ModuleSchema, TableSchema};
use cosmictron_types::ty::Field;
use cosmictron_types::{Column, IndexId, RowWriter, ShardId, TableId, Timestamp, TxId};

const EVERYTHING: TableId = TableId::new(1);
const NOTE: TableId = TableId::new(2);
const TAG: TableId = TableId::new(300);
const FIRST_INDEX: IndexId = IndexId::new(0);

const ID: LogId = LogId { data: 0x0123_4567_89ab_cdef, shard: ShardId::FIRST };

/// The smallest log that rotates.
const OPTIONS: LogOptions = LogOptions {
    segment_bytes: 16 << 10,
    group_bytes_max: 4096,
    groups_in_flight_max: 1,
    record_bytes_max: 4000,
    backlog_bytes_max: 8192,
};

/// Two segments that were filled, and one that a second start began.
const LOG_FILES: [&str; 3] = ["log/0000000001.wal", "log/0000000002.wal", "log/0000000003.wal"];

type Files = BTreeMap<SegmentNumber, Vec<u8>>;

#[test]
fn rows_of_every_type_keep_their_bytes() {
    let schema = schema();
    let table = schema.table("everything").unwrap();
    let layout = table.layout();
    let mut block = Vec::new();
    for (row, line) in rows(table).iter().zip(lines()) {
        layout.check(row).unwrap();
        let mut json = Vec::new();
        write_row(&layout, row, &mut json);
        assert_eq!(String::from_utf8(json).unwrap(), line);
        block.extend_from_slice(&u32::try_from(row.len()).unwrap().to_le_bytes());
        block.extend_from_slice(row);
    }
    check("rows.bin", &block);
}

#[test]
fn the_log_keeps_its_bytes() {
    let files = write_log();
    assert_eq!(files.len(), LOG_FILES.len() + 1, "the last is prepared and all zero");
    for (name, bytes) in LOG_FILES.iter().zip(files.values()) {
        check(name, bytes);
    }
}

#[test]
fn the_log_of_version_1_opens() {
    let files = LOG_FILES.map(golden);
    let segments: Vec<(SegmentNumber, &[u8])> =
        (1..).map(SegmentNumber::new).zip(files.iter().map(Vec::as_slice)).collect();
    let mut store = store();
    let mut told = String::new();
    let recovered = recover(ID, &segments, |record| {
        told += &format!("{} ", record.lsn);
        replay(record.payload, &mut store, &mut told);
    });
    let recovered = recovered.unwrap();
    assert_eq!((recovered.tail.last().get(), recovered.cut), (6, None));
    assert_eq!(
        told,
        "1 tx 1 at 1000 on [0], insert 1, insert 1, insert 1\n\
         2 tx 2 at 2000 on [0], update 1, delete 1 [0, 0, 0, 0, 0, 0, 0, 0]\n\
         3 tx 3 at 3000 on [0], insert 300, insert 300, insert 2\n\
         4 tx 4 at 4000 on [0], delete 300 by 0, sequence 2.0 to 2\n\
         5 tx 5 at 5000 on [0], insert 2\n\
         6 mark\n"
    );
    let everything = rows_of(&store, EVERYTHING);
    assert_eq!(everything.len(), 2);
    assert_eq!(everything[1], rows(schema().table("everything").unwrap())[1]);
    assert_eq!(rows_of(&store, NOTE), [note(1, "one"), note(3, "three")]);
    assert_eq!(rows_of(&store, TAG), [tag("blue", 1)]);
}

/// Applies one record and tells what it says.
fn replay(payload: &[u8], store: &mut Store, told: &mut String) {
    let Payload::Transaction(transaction) = Payload::decode(payload).unwrap() else {
        *told += "mark\n";
        return;
    };
    let TransactionRecord { tx, timestamp, participants, changes, .. } = transaction;
    let shards: Vec<u16> = participants.iter().collect();
    *told += &format!("tx {tx} at {timestamp} on {shards:?}");
    ChangeReader::new(changes).for_each(|change| *told += &tell(&change.unwrap()));
    told.push('\n');
    store.apply(tx, changes).unwrap();
}

fn tell(change: &LoggedChange<'_>) -> String {
    match change {
        LoggedChange::Insert { table, .. } => format!(", insert {table}"),
        LoggedChange::Update { table, .. } => format!(", update {table}"),
        LoggedChange::DeleteKey { table, key } => format!(", delete {table} {key:?}"),
        LoggedChange::DeleteRow { table, index, .. } => format!(", delete {table} by {index}"),
        LoggedChange::Sequence { table, column, last } => {
            format!(", sequence {table}.{column} to {last}")
        }
    }
}

/// A log with every kind of record and of change, stopped and started once.
fn write_log() -> Files {
    let mut files = Files::new();
    let mut store = store();
    let mut log = start(Recovery::start(ID, []).unwrap().finish().tail, &mut files);
    for tx in 1..=4 {
        transact(tx, &mut store, &mut log, &mut files);
    }
    let segments: Vec<_> =
        files.iter().map(|(segment, bytes)| (*segment, bytes.as_slice())).collect();
    let recovered = recover(ID, &segments, |_| ()).unwrap();
    files.remove(&recovered.unused.unwrap());
    let mut log = start(recovered.tail, &mut files);
    transact(5, &mut store, &mut log, &mut files);
    let mut payload = Vec::new();
    Payload::Mark.encode(&mut payload);
    log.append(&payload).unwrap();
    settle(&mut log, &mut files);
    files
}

fn start(tail: Tail, files: &mut Files) -> Log {
    let mut log = Log::start(OPTIONS, tail).unwrap();
    settle(&mut log, files);
    log
}

/// Prepares, writes and completes until there is nothing left to do.
fn settle(log: &mut Log, files: &mut Files) {
    loop {
        if let Some((segment, bytes)) = log.wants_segment() {
            files.insert(segment, vec![0; usize::try_from(bytes).unwrap()]);
            log.segment_ready(segment, Ok(()));
        }
        let Some(write) = log.next_write() else { return };
        let at = usize::try_from(write.offset).unwrap();
        let file = files.get_mut(&write.segment).unwrap();
        file[at..at + write.bytes.len()].copy_from_slice(write.bytes);
        let id = write.id;
        log.complete(id, Ok(()));
    }
}

/// Runs the transaction of this number and makes it durable.
fn transact(number: u32, store: &mut Store, log: &mut Log, files: &mut Files) {
    store.begin(TransactionLimits::default());
    change(number, store);
    let tx = TxId::new(number.into());
    let timestamp = Timestamp::from_micros(1000 * i64::from(number));
    let mut payload = Vec::new();
    TransactionRecord::begin(tx, timestamp, &[ShardId::FIRST], TxId::ZERO, &mut payload);
    store.encode_changes(&mut payload);
    store.commit(tx);
    log.append(&payload).unwrap();
    settle(log, files);
}

fn change(number: u32, store: &mut Store) {
    match number {
        1 => {
            for mut row in rows(schema().table("everything").unwrap()) {
                store.insert(EVERYTHING, &mut row).unwrap();
            }
        }
        2 => {
            let mut row = rows(schema().table("everything").unwrap()).swap_remove(0);
            row[8] = 0; // The flag, behind the id.
            store.update(EVERYTHING, &row).unwrap();
            let key = key(store, EVERYTHING, &0u64);
            store.delete(EVERYTHING, FIRST_INDEX, &key).unwrap();
        }
        3 => {
            store.insert(TAG, &mut tag("blue", 1)).unwrap();
            store.insert(TAG, &mut tag("red", 1)).unwrap();
            store.insert(NOTE, &mut note(0, "one")).unwrap();
        }
        4 => {
            let red = key(store, TAG, &String::from("red"));
            store.delete(TAG, FIRST_INDEX, &red).unwrap();
            store.insert(NOTE, &mut note(0, "two")).unwrap();
            let second = key(store, NOTE, &2u64);
            store.delete(NOTE, FIRST_INDEX, &second).unwrap();
        }
        _ => {
            store.insert(NOTE, &mut note(0, "three")).unwrap();
        }
    }
}

fn key<T: Column>(store: &Store, table: TableId, value: &T) -> Key {
    let def = store.table(table).unwrap().def();
    let mut key = KeyBuilder::new(&def.indexes[0]);
    key.value(value).unwrap();
    key.finish()
}

fn rows_of(store: &Store, table: TableId) -> Vec<Vec<u8>> {
    let table = store.table(table).unwrap();
    table.scan().map(|row| table.row(row).to_vec()).collect()
}

fn note(id: u64, text: &str) -> Vec<u8> {
    pair(&id, &text.to_owned())
}

fn tag(name: &str, note: u64) -> Vec<u8> {
    pair(&name.to_owned(), &note)
}

fn pair<A: Column, B: Column>(first: &A, second: &B) -> Vec<u8> {
    let mut row = Vec::new();
    let mut writer = RowWriter::new(&mut row);
    writer.slot(first);
    writer.slot(second);
    writer.tail(first);
    writer.tail(second);
    row
}

fn store() -> Store {
    let (schema, mut store) = (schema(), Store::new(StoreLimits::default()));
    for (id, name) in [(EVERYTHING, "everything"), (NOTE, "note"), (TAG, "tag")] {
        let table = Arc::new(schema.table(name).unwrap().clone());
        store.create_table(id, table, &|_| None).unwrap();
    }
    store
}

fn schema() -> ModuleSchema {
    let text = String::from_utf8(golden("schema.json")).unwrap();
    ModuleSchema::parse(&text).unwrap()
}

fn lines() -> Vec<String> {
    let text = String::from_utf8(golden("rows.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The rows that `rows.jsonl` stands for.
fn rows(table: &TableSchema) -> Vec<Vec<u8>> {
    let field = |column: &ColumnSchema| Field { name: column.name.clone(), ty: column.ty.clone() };
    let fields: Vec<Field> = table.columns.iter().map(field).collect();
    let (layout, limits) = (table.layout(), Limits { row_bytes_max: 1 << 20 });
    let decode = |line: String| {
        let (mut row, mut scratch) = (Vec::new(), Scratch::default());
        decode_arguments(&fields, &layout, line.as_bytes(), limits, &mut scratch, &mut row)
            .unwrap();
        row
    };
    lines().into_iter().map(decode).collect()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/format/v1")).join(name)
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|error| panic!("{}: {error}", path(name).display()))
}

#[track_caller]
fn check(name: &str, bytes: &[u8]) {
    if std::env::var_os("COSMICTRON_REWRITE").is_some() {
        std::fs::write(path(name), bytes).unwrap();
    }
    let golden = golden(name);
    let first = golden.iter().zip(bytes).position(|(old, new)| old != new);
    assert!(golden == bytes, "{name} of {} bytes differs at {first:?}", golden.len());
}
