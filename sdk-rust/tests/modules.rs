//! Builds modules as their authors do, and looks at what comes out: my-agent, the module that checks the SDK, and
//! the project that `cosmictron new` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

/// Bytes that my-agent may have.
const MY_AGENT_BYTES_MAX: usize = 100_000;

/// What the guest ABI, version 1, offers, as `parameters -> results`.
const IMPORTS: [(&str, &str); 17] = [
    ("cosm.describe", "ii -> "),
    ("cosm.result", "ii -> "),
    ("cosm.rows", "ii -> "),
    ("cosm.fail", "ii -> "),
    ("cosm.schedule", "Iiiii -> i"),
    ("console.log", "iii -> "),
    ("datastore.table", "ii -> i"),
    ("datastore.index", "iii -> i"),
    ("datastore.insert", "iii -> i"),
    ("datastore.update", "iii -> i"),
    ("datastore.delete", "iiii -> I"),
    ("datastore.find", "iiiiii -> I"),
    ("datastore.scan", "iiiiiii -> i"),
    ("datastore.next", "iii -> I"),
    ("datastore.close", "i -> "),
    ("datastore.count", "i -> I"),
    ("datastore.error", "ii -> i"),
];

/// What a module offers to and asks of the server.
struct Interface {
    imports: BTreeMap<String, String>,
    /// Functions, with their types.
    exports: BTreeMap<String, String>,
    exports_memory: bool,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder above").to_owned()
}

/// Where all modules are built, so that they share what they depend on.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules")
}

#[track_caller]
fn cargo(words: &[&str], project: &Path) {
    let output = Command::new(env!("CARGO"))
        .args(words)
        .arg("--manifest-path")
        .arg(project.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn build(project: &Path, name: &str) -> Vec<u8> {
    cargo(&["build", "--quiet", "--release", "--target", "wasm32-unknown-unknown"], project);
    let file = format!("wasm32-unknown-unknown/release/{name}.wasm");
    fs::read(target().join(file)).expect("the build made a module")
}

fn type_text(ty: &FuncType) -> String {
    let letters = |types: &[ValType]| -> String {
        let letter = |ty: &ValType| match ty {
            ValType::I32 => 'i',
            ValType::I64 => 'I',
            other => panic!("the ABI has no {other}"),
        };
        types.iter().map(letter).collect()
    };
    format!("{} -> {}", letters(ty.params()), letters(ty.results()))
}

fn interface(wasm: &[u8]) -> Interface {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    let mut found =
        Interface { imports: BTreeMap::new(), exports: BTreeMap::new(), exports_memory: false };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("well-formed WebAssembly") {
            Payload::TypeSection(section) => {
                types = section.into_iter_err_on_gc_types().map(|ty| ty.expect("a type")).collect();
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.expect("an import");
                    let name = format!("{}.{}", import.module, import.name);
                    let TypeRef::Func(ty) = import.ty else { panic!("{name} is no function") };
                    found.imports.insert(name, type_text(&types[ty as usize]));
                    functions.push(ty);
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map(|ty| ty.expect("a function")));
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.expect("an export");
                    if export.kind == ExternalKind::Func {
                        let ty = &types[functions[export.index as usize] as usize];
                        found.exports.insert(export.name.to_owned(), type_text(ty));
                    }
                    found.exports_memory |= export.name == "memory";
                }
            }
            Payload::StartSection { .. } => panic!("a module starts with nothing"),
            _ => {}
        }
    }
    found
}

/// Holds a module to the ABI; says what it describes and which reducers it has.
#[track_caller]
fn check_interface(wasm: &[u8]) -> BTreeSet<String> {
    let Interface { imports, exports, exports_memory } = interface(wasm);
    assert!(exports_memory);
    let offered = BTreeMap::from(IMPORTS);
    for (name, ty) in &imports {
        assert_eq!(offered.get(name.as_str()), Some(&ty.as_str()), "{name}");
    }
    let mut parts = BTreeSet::new();
    for (name, ty) in exports {
        let expected = match name.strip_prefix("cosm_").expect("exports begin with cosm_") {
            "abi_1" => " -> ",
            "buffer" => "i -> i",
            part if part.starts_with("describe_") => " -> ",
            part if part.starts_with("reducer_") || part.starts_with("view_") => "ii -> i",
            other => panic!("the ABI has no {other}"),
        };
        assert_eq!(ty, expected, "{name}");
        parts.insert(name);
    }
    assert!(parts.remove("cosm_abi_1") && parts.remove("cosm_buffer"));
    parts
}

#[track_caller]
fn check_parts(parts: &BTreeSet<String>, kind: &str, names: &[&str]) {
    for name in names {
        assert!(parts.contains(&format!("cosm_describe_{kind}_{name}")), "{name}");
        for called in ["reducer", "view"] {
            let is_called = parts.contains(&format!("cosm_{called}_{name}"));
            assert_eq!(is_called, kind == called, "{name}");
        }
    }
}

#[test]
fn my_agent_speaks_the_abi_and_is_small() {
    let project = repository().join("examples/my-agent");
    let wasm = build(&project, "my_agent");
    let parts = check_interface(&wasm);
    check_parts(&parts, "table", &["agent_state", "tool_calls"]);
    let reducers = ["record_agent_message", "record_tool_call", "complete_tool_call"];
    check_parts(&parts, "reducer", &reducers);
    assert_eq!(parts.len(), 2 + 2 * reducers.len());
    assert!(wasm.len() < MY_AGENT_BYTES_MAX, "{} bytes", wasm.len());
}

#[test]
fn my_agent_passes_its_own_tests() {
    cargo(&["test", "--quiet"], &repository().join("examples/my-agent"));
}

#[test]
fn a_module_with_everything_speaks_the_abi() {
    let wasm = build(&repository().join("sdk-rust/tests/module"), "sdk_checks");
    let parts = check_interface(&wasm);
    check_parts(
        &parts,
        "table",
        &[
            "rooms",
            "messages",
            "tickets",
            "doors",
            "entries",
            "parcels",
            "samples",
            "presence",
            "occasions",
        ],
    );
    check_parts(&parts, "reducer", &["init", "connected", "disconnected", "echo", "schedules"]);
    check_parts(&parts, "view", &["long_rooms"]);
    // It uses everything, so an import that is misspelt here or there would be missing.
    assert_eq!(interface(&wasm).imports.len(), IMPORTS.len());
}

#[test]
fn a_new_project_builds_and_passes_its_tests() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = repository().join("sdk-rust/template");
    let sdk = repository().join("sdk-rust").display().to_string();
    let dependency = format!("cosmictron-sdk = {{ path = {sdk:?} }}");
    for file in ["Cargo.toml", "src/lib.rs"] {
        let text = fs::read_to_string(template.join(format!("{file}.tmpl"))).expect("a template");
        let text = text.replace("{{name}}", "new-one").replace("{{sdk_dependency}}", &dependency);
        assert!(!text.contains("{{"), "{file} has a placeholder that nothing fills");
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    // The versions that everything else was built with.
    let lock = repository().join("Cargo.lock");
    fs::copy(lock, folder.path().join("Cargo.lock")).expect("a lock file");
    cargo(&["test", "--quiet"], folder.path());
    let parts = check_interface(&build(folder.path(), "new_one"));
    check_parts(&parts, "table", &["note"]);
    check_parts(&parts, "reducer", &["add_note", "remove_note"]);
}
