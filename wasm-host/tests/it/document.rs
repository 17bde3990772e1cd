//! `docs/wasm-abi.md` says what is so.

use cosmictron_wasm_host::Limits;

use crate::guest::{compile, module};

const DOCUMENT: &str = include_str!("../../../docs/wasm-abi.md");

#[test]
fn the_document_ends_with_the_tested_module() {
    let (_, block) = DOCUMENT.split_once("```wat\n").unwrap();
    let block = block.strip_suffix("```\n").unwrap();
    assert!(
        block == include_str!("../../../tests/modules/wat/counter.wat"),
        "the document's module differs from tests/modules/wat/counter.wat"
    );
}

#[test]
fn the_document_has_every_import() {
    let (text, block) = DOCUMENT.split_once("```wat\n").unwrap();
    for import in block.lines().filter_map(|line| line.trim().strip_prefix("(import \"")) {
        let mut parts = import.split('"');
        let (module, name) = (parts.next().unwrap(), parts.nth(1).unwrap());
        assert!(text.contains(&format!("### `{module}`")), "{module}");
        assert!(text.contains(&format!("| `{name}` | `(")), "{module}.{name}");
    }
}

#[test]
fn the_document_states_the_default_limits() {
    let limits = Limits::default();
    let kib = |bytes: usize| format!("{} KiB", bytes >> 10);
    let mib = |bytes: usize| format!("{} MiB", bytes >> 20);
    let thousands = |count: u32| format!("{},{:03}", count / 1000, count % 1000);
    let elements = thousands(u32::try_from(limits.table_elements).unwrap());
    for line in [
        format!(
            "| a module | {}, {} functions, {} each |",
            mib(limits.module_bytes),
            thousands(limits.functions),
            kib(limits.function_bytes)
        ),
        format!(
            "| {} s of one core, {} GiB |",
            limits.compile_time.as_secs(),
            limits.compile_bytes >> 30
        ),
        format!("| memory of an instance | {} |", mib(limits.memory_bytes)),
        format!("| tables of functions | 4, of {elements} elements each |"),
        format!("| stack | {} |", kib(limits.stack_bytes)),
        format!(
            "| time of a call, and of all descriptions together | {} s |",
            limits.deadline.as_secs()
        ),
        format!("| a rows block, the arguments of a schedule | {};", mib(limits.rows_block_bytes)),
        format!("| open scans | {} |", limits.scans_open),
        format!("| a result | {} |", mib(limits.result_bytes)),
        format!("| the text of `cosm.fail` | {} |", kib(limits.message_bytes)),
        format!(
            "| console | {} lines and {} a call |",
            limits.console_lines,
            kib(limits.console_bytes)
        ),
        format!(
            "| an instance's life | {} calls, or until its memory exceeds {} after a call |",
            thousands(limits.calls_per_instance),
            mib(limits.memory_kept_bytes)
        ),
    ] {
        assert!(DOCUMENT.contains(&line), "{line}");
    }
}

#[test]
fn what_the_document_says_is_offered_is_and_what_is_not_is_not() {
    let accepted = |neighbour: &str| compile(&module("(i32.const 0)", neighbour)).is_ok();
    for offered in [
        "(func (result i32 i32) (i32.const 1) (i32.const 2))",
        "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)))",
        "(func (result funcref) (ref.null func))",
        "(func (result v128) (v128.const i32x4 1 2 3 4))",
        "(func (result i32) (i32.extend8_s (i32.const 1)))",
        "(func (result i32) (i32.trunc_sat_f32_s (f32.const 1)))",
        "(func $tail (return_call $tail))",
        "(global i32 (i32.add (i32.const 1) (i32.const 2)))",
    ] {
        assert!(accepted(offered), "{offered}");
    }
    assert!(!accepted("(func (param externref))"));
}
