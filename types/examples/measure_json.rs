//! Times the JSON of calls and rows: `cargo run --release -p cosmictron-types --features host --example measure_json`.

#![allow(clippy::disallowed_types, reason = "a program that measures reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use cosmictron_types::ty::Field;
use cosmictron_types::{RowLayout, Type, json};

/// Short enough that some runs pass undisturbed on a busy machine.
const ROUNDS: u32 = 5_000;
/// The best one counts: what disturbs only ever adds.
const RUNS: usize = 1_000;

fn main() {
    let u64s = ["from", "to", "amount"].map(|name| (name, Type::U64));
    measure_call("3 integers, named", &u64s, r#"{"from":1,"to":2,"amount":3}"#);
    measure_call("3 integers, named, turned round", &u64s, r#"{"amount":3,"to":2,"from":1}"#);
    measure_call("3 integers, in order", &u64s, "[1,2,3]");
    let texts = ["session_id", "role", "content"].map(|name| (name, Type::String));
    let message = r#"{"session_id":"abc","role":"user","content":"Hello"}"#;
    measure_call("3 strings, named", &texts, message);
    let message = r#"{"content":"Hello","role":"user","session_id":"abc"}"#;
    measure_call("3 strings, named, turned round", &texts, message);
    measure_row();
}

fn measure_call(name: &str, params: &[(&str, Type)], text: &str) {
    let params: Vec<Field> = params
        .iter()
        .map(|(name, ty)| Field { name: (*name).to_owned(), ty: ty.clone() })
        .collect();
    let layout = RowLayout::new(params.iter().map(|param| param.ty.clone()));
    let limits = json::Limits { row_bytes_max: 1 << 20 };
    let (mut scratch, mut row) = (json::Scratch::default(), Vec::new());
    measure(&format!("decode {name}"), || {
        row.clear();
        let text = black_box(text.as_bytes());
        json::decode_arguments(&params, &layout, text, limits, &mut scratch, &mut row)
            .expect("the text is one of the parameters");
        black_box(&row);
    });
}

fn measure_row() {
    let names = ["id", "session_id", "role", "content", "created_at"];
    let types = [Type::U64, Type::String, Type::String, Type::String, Type::Timestamp];
    let layout = RowLayout::new(types);
    let columns: [&[u8]; 5] = [
        &1_000_000u64.to_le_bytes(),
        b"session-abc",
        b"user",
        b"Hello, how are you?",
        &1_735_689_600_000_000i64.to_le_bytes(),
    ];
    let mut row = Vec::new();
    layout.assemble(columns.into_iter(), &mut row);
    let mut out = Vec::new();
    measure("encode 5 columns as an array", || {
        out.clear();
        json::write_row(&layout, black_box(&row), &mut out);
        black_box(&out);
    });
    measure("encode 5 columns as an object", || {
        out.clear();
        json::write_object(names, &layout, black_box(&row), &mut out);
        black_box(&out);
    });
}

fn measure(name: &str, mut run: impl FnMut()) {
    let best = (0..RUNS).map(|_| {
        let started = Instant::now();
        (0..ROUNDS).for_each(|_| run());
        started.elapsed()
    });
    let nanos = best.min().expect("there are runs").as_nanos() / u128::from(ROUNDS);
    println!("{name:<40} {nanos:>5} ns");
}
