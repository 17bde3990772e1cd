//! Measures what one request costs on its way in and out.
//!
//! `cargo bench -p cosmictron-net`. As a test (`cargo test --benches`) each runs once, so that it
//! can't rot.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use cosmictron_net::http::{JSON, write_json};
use cosmictron_net::{Decoder, Limits, Method, Progress, Response, ResponseDecoder, Status};

const HEALTH: &[u8] =
    b"GET /v1/health HTTP/1.1\r\nHost: localhost:3000\r\nUser-Agent: perf\r\nAccept: */*\r\n\r\n";

/// 150 bytes of JSON behind six fields.
fn call() -> Vec<u8> {
    let body =
        format!("{{\"from\":17,\"to\":4711,\"amount\":250,\"memo\":\"{}\"}}", "m".repeat(106));
    assert_eq!(body.len(), 150);
    format!(
        "POST /v1/reducers/transfer HTTP/1.1\r\nHost: localhost:3000\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 150\r\n\
         Idempotency-Key: 0198c2f0-0000-7000-8000-000000000000\r\nAccept: */*\r\n\r\n{body}",
        "t".repeat(180),
    )
    .into_bytes()
}

/// Decodes one request that arrived in one read.
fn decode_one(decoder: &mut Decoder, bytes: &[u8]) -> usize {
    decoder.input().extend_from_slice(bytes);
    let length = match decoder.next(|_| 1 << 20) {
        Ok(Progress::Request(request)) => request.head.path.len() + request.body.len(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(decoder.next(|_| 1 << 20), Ok(Progress::NeedMore { .. })));
    length
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let mut decoder = Decoder::new(Limits::default());
    group.bench_function("health", |bencher| {
        bencher.iter(|| decode_one(&mut decoder, black_box(HEALTH)));
    });
    let call = call();
    group.bench_function("call", |bencher| {
        bencher.iter(|| decode_one(&mut decoder, black_box(&call)));
    });
    let batch = HEALTH.repeat(16);
    group.throughput(Throughput::Elements(16));
    group.bench_function("health, 16 pipelined", |bencher| {
        bencher.iter(|| {
            decoder.input().extend_from_slice(black_box(&batch));
            let mut count = 0;
            while let Ok(Progress::Request(request)) = decoder.next(|_| 1 << 20) {
                count += request.head.path.len();
            }
            count
        });
    });
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = b"1\r\nx\r\n".repeat(10_000);
    let bytes = [&head[..], &body, b"0\r\n\r\n"].concat();
    let mut decoder = Decoder::new(Limits::default());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("chunks of one octet", |bencher| {
        bencher.iter(|| decode_one(&mut decoder, black_box(&bytes)));
    });
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let mut decoder = Decoder::new(Limits::default());
    decoder.input().extend_from_slice(HEALTH);
    let Ok(Progress::Request(request)) = decoder.next(|_| 0) else { panic!("no request") };
    let reply = request.head.reply();
    let mut out = Vec::new();
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            out.clear();
            write_json(&mut out, &reply, Status::Ok, black_box(b"{\"status\":\"ok\"}"));
            out.len()
        });
    });
    group.bench_function("json in place", |bencher| {
        bencher.iter(|| {
            out.clear();
            Response::begin(&mut out, &reply, Status::Ok)
                .body_with(JSON, |out| out.extend_from_slice(black_box(b"{\"status\":\"ok\"}")));
            out.len()
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("decode");
    let mut answers = ResponseDecoder::new(Limits::default(), 1 << 20);
    group.bench_function("answer", |bencher| {
        bencher.iter(|| {
            answers.input().extend_from_slice(black_box(&out));
            answers.next(Method::Get).map(|answer| answer.map(|answer| answer.body.len()))
        });
    });
    group.finish();
}

criterion_group!(benches, requests, chunks, answers);
criterion_main!(benches);
