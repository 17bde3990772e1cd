//! What TLS costs a core: the step of a handshake that signs, and records in both directions.

#![allow(clippy::unwrap_used, reason = "a measurement that fails has nothing to clean up")]

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::Arc;

use cosmictron_net::tls::{Acceptor, Certificate, Session};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Guards nothing. *ring* makes no keys of this kind.
const RSA_2048: &str = include_str!("rsa2048.pem");
/// A small answer, and a large one.
const SIZES: [usize; 2] = [300, 64 << 10];

/// An acceptor, and how clients come to it.
fn make(key: &KeyPair) -> (Acceptor, Arc<ClientConfig>) {
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(key).unwrap();
    let (pem, key) = (certificate.pem(), key.serialize_pem());
    let parsed = Certificate::parse(pem.as_bytes(), key.as_bytes(), UnixTime::now()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Acceptor::new(parsed).unwrap(), Arc::new(config))
}

fn connect(acceptor: &Acceptor, config: &Arc<ClientConfig>) -> (ClientConnection, Session) {
    let name = ServerName::try_from("localhost").unwrap();
    (ClientConnection::new(config.clone(), name).unwrap(), acceptor.begin().unwrap())
}

fn records_of(client: &mut ClientConnection) -> Vec<u8> {
    let mut records = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut records).unwrap();
    }
    records
}

fn take(client: &mut ClientConnection, mut records: &[u8]) {
    while !records.is_empty() {
        client.read_tls(&mut records).unwrap();
        client.process_new_packets().unwrap();
        let mut sink = [0; 16 << 10];
        while let Ok(1..) = client.reader().read(&mut sink) {}
    }
}

/// A connection whose handshake is over, tickets and all.
fn open(acceptor: &Acceptor, config: &Arc<ClientConfig>) -> (ClientConnection, Session) {
    let (mut client, mut session) = connect(acceptor, config);
    while client.is_handshaking() {
        session.receive(&mut records_of(&mut client)).unwrap();
        let mut out = Vec::new();
        session.take_out(&mut out);
        take(&mut client, &out);
    }
    session.receive(&mut records_of(&mut client)).unwrap();
    let mut out = Vec::new();
    session.encrypt(b"x", &mut out).unwrap();
    take(&mut client, &out);
    (client, session)
}

fn handshakes(criterion: &mut Criterion) {
    let keys = [
        ("P-256", KeyPair::generate().unwrap()),
        ("Ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
        ("P-384", KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        ("RSA 2048", KeyPair::from_pem(RSA_2048).unwrap()),
    ];
    let mut group = criterion.benchmark_group("handshake");
    for (name, key) in &keys {
        let (acceptor, config) = make(key);
        for is_resumed in [false, true] {
            let mut fresh = (*config).clone();
            fresh.resumption = rustls::client::Resumption::disabled();
            let config = if is_resumed { config.clone() } else { Arc::new(fresh) };
            let how = if is_resumed { "resumed" } else { "full" };
            group.bench_function(format!("{name}, {how}"), |bencher| {
                bencher.iter_batched(
                    || {
                        if is_resumed {
                            drop(open(&acceptor, &config));
                        }
                        let (mut client, session) = connect(&acceptor, &config);
                        (records_of(&mut client), session)
                    },
                    |(mut hello, mut session)| {
                        session.receive(&mut hello).unwrap();
                        session
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn records(criterion: &mut Criterion) {
    let (acceptor, config) = make(&KeyPair::generate().unwrap());
    let mut group = criterion.benchmark_group("records");
    for size in SIZES {
        let said = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        let (_, mut session) = open(&acceptor, &config);
        let mut out = Vec::new();
        group.bench_function(format!("encrypt {size} bytes"), |bencher| {
            bencher.iter(|| {
                out.clear();
                session.encrypt(black_box(&said), &mut out).unwrap();
            });
        });
        let (mut client, mut session) = open(&acceptor, &config);
        let mut heard = Vec::new();
        group.bench_function(format!("decrypt {size} bytes"), |bencher| {
            bencher.iter_batched(
                || {
                    client.writer().write_all(&said).unwrap();
                    records_of(&mut client)
                },
                |mut records| {
                    heard.clear();
                    session.read(&mut records, &mut heard).unwrap();
                    records
                },
                // They have to come in the order in which they were made.
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, handshakes, records);
criterion_main!(benches);
