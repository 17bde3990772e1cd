//! Looks at a module's sections before the compiler does, so that what is too large or asks for the impossible is
//! refused at once and by name.
//!
//! It does not validate; the compiler does.

use wasmparser::{Encoding, Parser, Payload, TypeRef};

use crate::compile::{CompileError, shown};
use crate::host::{PAGE_BYTES, TABLES_MAX};
use crate::imports;
use crate::limits::Limits;

/// Refuses a module that is beyond the limits, or that imports what there is not.
pub(crate) fn inspect(wasm: &[u8], limits: &Limits) -> Result<(), CompileError> {
    at_most("bytes", wasm.len(), limits.module_bytes)?;
    let mut functions = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(CompileError::Component);
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    check_import(import.module, import.name, &import.ty)?;
                    functions += 1;
                }
            }
            Payload::FunctionSection(section) => functions += section.count() as usize,
            Payload::MemorySection(section) => {
                for memory in section {
                    let pages = usize::try_from(memory?.initial).unwrap_or(usize::MAX);
                    let bytes = pages.saturating_mul(PAGE_BYTES);
                    at_most("bytes of memory to start with", bytes, limits.memory_bytes)?;
                }
            }
            Payload::TableSection(section) => {
                at_most("tables", section.count() as usize, TABLES_MAX as usize)?;
                for table in section {
                    let elements = usize::try_from(table?.ty.initial).unwrap_or(usize::MAX);
                    at_most("elements of a table", elements, limits.table_elements)?;
                }
            }
            Payload::CodeSectionEntry(body) => {
                at_most("bytes of a function", body.range().len(), limits.function_bytes)?;
            }
            _ => {}
        }
        at_most("functions", functions, limits.functions as usize)?;
    }
    Ok(())
}

fn check_import(module: &str, name: &str, ty: &TypeRef) -> Result<(), CompileError> {
    let is_function = matches!(ty, TypeRef::Func(_));
    if is_function && imports::OFFERED.contains(&(module, name)) {
        return Ok(());
    }
    Err(CompileError::UnknownImport { module: shown(module), name: shown(name) })
}

fn at_most(what: &'static str, count: usize, count_max: usize) -> Result<(), CompileError> {
    if count > count_max {
        return Err(CompileError::TooLarge { what, count, count_max });
    }
    Ok(())
}
