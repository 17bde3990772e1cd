//! What is written for a schema with everything is as it stands in `typescript/golden` and in `rust`, and what is written for any schema
//! is code.
//!
//! `COSMICTRON_REWRITE=1` writes what is expected anew. The Rust is compiled by the tests of `sdk-rust/client`, the TypeScript by `npm test` in
//! `typescript`.

#![allow(
    clippy::unwrap_used,
    reason = "what these functions unwrap fails the test that called them"
)]

mod random;

use std::path::Path;

use cosmictron_codegen::typescript::{Integers, Options};
use cosmictron_codegen::{File, Module, rust, typescript};

const EVERYTHING: &str = include_str!("everything.json");
/// As the server describes `examples/my-agent`.
const MY_AGENT: &str = include_str!("my_agent.json");

fn everything() -> Module {
    Module::parse(EVERYTHING).unwrap()
}

#[track_caller]
fn check(folder: &str, files: &[File]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    if std::env::var_os("COSMICTRON_REWRITE").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for File { name, text } in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    for File { name, text } in files {
        let expected = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(*text, expected, "{name}; COSMICTRON_REWRITE=1 writes what is expected anew");
    }
}

#[test]
fn typescript_is_as_it_was() {
    let options = |integers| Options { integers, has_hooks: true };
    check(
        "typescript/golden/number",
        &typescript::generate(&everything(), options(Integers::Number)),
    );
    let bigint = typescript::generate(&everything(), options(Integers::Bigint));
    check("typescript/golden/bigint", &bigint[..1]);
}

#[test]
fn rust_is_as_it_was() {
    check("rust", &rust::generate(&everything()));
    check("rust", &rust::generate(&Module::parse(MY_AGENT).unwrap()));
}

#[test]
fn hooks_are_left_out_where_nobody_wants_them() {
    let options = Options { integers: Integers::String, has_hooks: false };
    let files = typescript::generate(&everything(), options);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["schema.ts", "tables.ts", "index.ts"]);
    assert!(files[0].text.contains("readonly u64: string;"));
}
