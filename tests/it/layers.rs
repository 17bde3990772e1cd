//! What each room may use, by `cargo metadata`: a rule without a machine behind it is a wish.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Each of our crates, and those of ours that it may use.
const LAYERS: [(&str, &[&str]); 9] = [
    ("cosmictron-types", &[]),
    ("cosmictron-personal", &[]),
    ("cosmictron-runtime", &["cosmictron-types"]),
    ("cosmictron-storage", &["cosmictron-types"]),
    ("cosmictron-sql", &["cosmictron-types", "cosmictron-storage"]),
    ("cosmictron-wasm-host", &["cosmictron-types"]),
    ("cosmictron-net", &["cosmictron-types"]),
    ("cosmictron-codegen", &["cosmictron-types"]),
    ("cosmictron-sdk", &["cosmictron-types", "cosmictron-sdk-macros"]),
];

/// A second scheduler beneath the shards, or a runtime that was not chosen.
const BANNED: [&str; 4] = ["tokio", "async-std", "glommio", "smol"];

/// Licences that everything we build on has at least one of.
const LICENCES: [&str; 12] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CDLA-Permissive-2.0",
    "0BSD",
    "MPL-2.0",
];

/// The only one that we build for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn metadata() -> Value {
    metadata_of(&[])
}

fn metadata_of(manifest: &[&str]) -> Value {
    let arguments =
        ["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM];
    serde_json::from_slice(&cargo(&[&arguments, manifest].concat())).unwrap()
}

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(arguments)
        .current_dir(cosmictron_tests::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else { continue };
        let used: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|used| used.starts_with("cosmictron"))
            .collect();
        for used in used {
            assert!(allowed.contains(&used), "{name} must not use {used}");
        }
    }
}

#[test]
fn nothing_brings_a_second_scheduler() {
    // `cargo tree`, since metadata also name packages behind features that are off.
    let tree = cargo(&["tree", "--workspace", "--locked", "--prefix", "none", "--edges", "all"]);
    let tree = String::from_utf8(tree).unwrap();
    let packages: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(packages.contains("monoio"), "the tree is not understood: {tree}");
    for banned in BANNED {
        assert!(!packages.contains(banned), "{banned} is in the tree");
    }
}

#[test]
fn every_licence_is_one_that_we_can_live_with() {
    let client = metadata_of(&["--manifest-path", "sdk-rust/client/Cargo.toml"]);
    let all = [metadata(), client];
    for package in all.iter().flat_map(|all| all["packages"].as_array().unwrap()) {
        let licence = package["license"].as_str().unwrap_or("none");
        let plain = licence.replace(['(', ')'], "").replace('/', " OR ");
        let one_of =
            |choice: &str| choice.split(" AND ").all(|part| LICENCES.contains(&part.trim()));
        assert!(plain.split(" OR ").any(one_of), "{}: {licence}", package["name"]);
    }
}
