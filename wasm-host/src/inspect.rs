//! Looks at a module's sections before the compiler does, so that what is too large, too costly or asks for the
//! impossible is refused at once and by name.
//!
//! It does not validate; the compiler does.

mod effort;

use wasmparser::{
    Encoding, FunctionBody, MemorySectionReader, Parser, Payload, TableSectionReader, TypeRef,
};

use crate::compile::{CompileError, shown};
use crate::host::{PAGE_BYTES, TABLES_MAX};
use crate::imports;
use crate::limits::Limits;

use self::effort::{Arities, Effort};

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// Refuses a module that is beyond the limits, or that imports what there is not.
pub(crate) fn inspect(wasm: &[u8], limits: &Limits) -> Result<(), CompileError> {
    at_most("bytes", wasm.len() as u64, limits.module_bytes as u64)?;
    let mut inspection = Inspection {
        limits,
        arities: Arities::default(),
        imported: 0,
        bodies: 0,
        effort: Effort::default(),
    };
    for payload in Parser::new(0).parse_all(wasm) {
        inspection.section(payload?)?;
    }
    Ok(())
}

/// What was seen so far.
struct Inspection<'a> {
    limits: &'a Limits,
    arities: Arities,
    /// Functions that were imported.
    imported: usize,
    /// Functions whose code was looked at.
    bodies: usize,
    effort: Effort,
}

impl Inspection<'_> {
    fn section(&mut self, payload: Payload<'_>) -> Result<(), CompileError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(CompileError::Component);
            }
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.arities.types.push(ty?.into());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.import(import.module, import.name, &import.ty)?;
                }
            }
            Payload::FunctionSection(section) => {
                let functions = self.imported as u64 + u64::from(section.count());
                at_most("functions", functions, self.limits.functions.into())?;
                for ty in section {
                    self.arities.functions.push(ty?);
                }
            }
            Payload::MemorySection(section) => self.memories(section)?,
            Payload::TableSection(section) => self.tables(section)?,
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, ty: &TypeRef) -> Result<(), CompileError> {
        let (TypeRef::Func(ty), true) = (ty, imports::OFFERED.contains(&(module, name))) else {
            return Err(CompileError::UnknownImport { module: shown(module), name: shown(name) });
        };
        self.imported += 1;
        self.arities.functions.push(*ty);
        at_most("functions", self.imported as u64, self.limits.functions.into())
    }

    fn memories(&self, section: MemorySectionReader<'_>) -> Result<(), CompileError> {
        for memory in section {
            let bytes = memory?.initial.saturating_mul(PAGE_BYTES as u64);
            let bytes_max = self.limits.memory_bytes as u64;
            at_most("bytes of memory to start with", bytes, bytes_max)?;
        }
        Ok(())
    }

    fn tables(&self, section: TableSectionReader<'_>) -> Result<(), CompileError> {
        at_most("tables", section.count().into(), TABLES_MAX.into())?;
        for table in section {
            let elements_max = self.limits.table_elements as u64;
            at_most("elements of a table", table?.ty.initial, elements_max)?;
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), CompileError> {
        let limits = self.limits;
        at_most("bytes of a function", body.range().len() as u64, limits.function_bytes as u64)?;
        self.effort += self.arities.effort(self.imported + self.bodies, body)?;
        self.bodies += 1;
        let Effort { nanos, bytes } = self.effort;
        let seconds_max = limits.compile_time.as_secs();
        at_most("seconds of work for the compiler", nanos / NANOS_PER_SEC, seconds_max)?;
        let bytes_max = limits.compile_bytes as u64;
        at_most("bytes to take up while one function is compiled", bytes, bytes_max)
    }
}

fn at_most(what: &'static str, count: u64, count_max: u64) -> Result<(), CompileError> {
    if count > count_max {
        return Err(CompileError::TooLarge { what, count, count_max });
    }
    Ok(())
}
