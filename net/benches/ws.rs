//! What a message costs: received (decoded and unmasked) and sent.
//!
//! `cargo bench -p cosmictron-net --bench ws`

use std::hint::black_box;

use cosmictron_net::ws::{
    Compression, Decoder, Deflater, Encoder, Inflater, Limits, MaskKey, MessageKind, Received,
    Role, WindowBits,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const DEFLATE: Compression = Compression::Deflate(WindowBits::MAX);

/// A call as the load generator sends it.
const CALL: &str = r#"{"type":"call","id":123456,"reducer":"transfer","args":[17,4711,250]}"#;

/// Rows as JSON.
fn rows(bytes: usize) -> String {
    let mut text = String::new();
    let mut number: u64 = 1;
    while text.len() < bytes {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text += &format!("[{},\"customer {}\",{}],", number >> 40, number % 1000, number % 7919);
    }
    text.truncate(bytes);
    text
}

/// What a client sends for `text`.
fn masked(text: &str, compression: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = Encoder::new(compression).masked(MaskKey::new([0x37, 0xfa, 0x21, 0x3d]));
    encoder.text(text, &mut Deflater::new(), &mut bytes);
    bytes
}

/// Receives all that `bytes` has, which came in one read.
fn receive(decoder: &mut Decoder, inflater: &mut Inflater, bytes: &[u8]) -> usize {
    decoder.input().extend_from_slice(bytes);
    let mut received = 0;
    loop {
        match decoder.next(inflater) {
            Ok(Received::Text(text)) => received += text.len(),
            Ok(Received::NeedMore) => return received,
            other => panic!("{other:?}"),
        }
    }
}

fn receiving(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ws receive");
    let mut inflater = Inflater::new();
    let mut decoder = Decoder::new(Role::Server, true, Limits::default());
    for (name, text, compression, messages) in [
        ("call", CALL.to_owned(), Compression::Off, 1),
        ("calls, 16 in a read", CALL.to_owned(), Compression::Off, 16),
        ("1 KiB", rows(1 << 10), Compression::Off, 1),
        ("64 KiB", rows(1 << 16), Compression::Off, 1),
        ("1 MiB", rows(1 << 20), Compression::Off, 1),
        ("1 KiB, deflated", rows(1 << 10), DEFLATE, 1),
        ("64 KiB, deflated", rows(1 << 16), DEFLATE, 1),
    ] {
        let bytes = masked(&text, compression).repeat(messages);
        group.throughput(Throughput::Bytes((text.len() * messages) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| receive(&mut decoder, &mut inflater, black_box(&bytes)));
        });
    }
    group.finish();
}

fn sending(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ws send");
    let mut deflater = Deflater::new();
    let mut out = Vec::new();
    for (name, text, compression) in [
        ("call", CALL.to_owned(), Compression::Off),
        ("64 KiB", rows(1 << 16), Compression::Off),
        ("1 KiB, deflated", rows(1 << 10), DEFLATE),
        ("64 KiB, deflated", rows(1 << 16), DEFLATE),
    ] {
        let encoder = Encoder::new(compression);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                encoder.text(black_box(&text), &mut deflater, &mut out);
                out.len()
            });
        });
        group.bench_function(format!("{name}, in place"), |bencher| {
            bencher.iter(|| {
                out.clear();
                let write = |out: &mut Vec<u8>| out.extend_from_slice(black_box(text.as_bytes()));
                encoder.message_with(MessageKind::Text, &mut deflater, &mut out, write);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, receiving, sending);
criterion_main!(benches);
