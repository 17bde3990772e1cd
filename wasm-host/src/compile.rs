//! From the bytes of a deployment to a module that may be run, or to the reason why not.
//!
//! ```text
//! bytes ─ inspect ─▶ compile ─▶ link ─▶ exports ─▶ describe ─▶ schema ─▶ CompiledModule
//! ```

mod describe;
mod export;

use std::sync::Arc;

use cosmictron_types::RowLayout;
use cosmictron_types::schema::{ModuleSchema, ReducerSchema, SchemaError, ViewSchema};
use wasmtime::Module;

use crate::host::Host;
use crate::imports;
use crate::inspect::inspect;
use crate::instance::InstanceError;
use crate::interface::{Interface, Reducer};
use crate::module::{CompiledModule, Parts};
use crate::version::Version;

use self::describe::Undeployed;
use self::export::Exports;

/// Bytes of a module's own words that are repeated in a message.
const SHOWN_MAX: usize = 128;

/// Why a module is not run. The module's doing, save `Instance`, which may be the host's.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not WebAssembly, damaged, or of a feature that is not offered (threads, 64-bit memory, garbage collection,
    /// exceptions).
    #[error("the module is not valid WebAssembly: {0}")]
    Invalid(String),
    #[error("the module is a WebAssembly component; a core module is needed")]
    Component,
    #[error("the module has {count} {what}, and the limit is {count_max}")]
    TooLarge { what: &'static str, count: u64, count_max: u64 },
    #[error(
        "the module imports {module}.{name}, which this server does not offer; there are functions of cosm, console \
         and datastore"
    )]
    UnknownImport { module: String, name: String },
    #[error("the module imports a function by another type than it has: {0}")]
    ImportType(String),
    #[error("the module has no export cosm_abi_1, which says that it speaks version 1 of the ABI")]
    AbiUnstated,
    #[error("the module speaks another version of the ABI than 1: it exports {export}")]
    AbiVersion { export: String },
    #[error("the module has no export {export} {expected}")]
    MissingExport { export: String, expected: &'static str },
    #[error("the module's export {export} is {found}, but has to be {expected}")]
    ExportType { export: String, found: String, expected: &'static str },
    #[error("the module's export {export} begins with cosm_ and is not known")]
    ReservedExport { export: String },
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error("the module's {export} {reason}")]
    Describe { export: String, reason: String },
    #[error("the module's schema is refused: {0}")]
    Schema(#[from] SchemaError),
    #[error("the schema has the reducer {name}, but there is no export cosm_reducer_{name}")]
    ReducerWithoutExport { name: String },
    #[error("there is an export cosm_reducer_{name}, but the schema has no reducer {name}")]
    ExportWithoutReducer { name: String },
    #[error("the schema has the view {name}, but there is no export cosm_view_{name}")]
    ViewWithoutExport { name: String },
    #[error("there is an export cosm_view_{name}, but the schema has no view {name}")]
    ExportWithoutView { name: String },
}

impl Host {
    /// Compiles and checks a module and has it describe itself. Takes about a second for each MiB, so it is work for
    /// the helper pool; the description runs there too, within the limits of a call.
    pub fn compile(&self, wasm: &[u8]) -> Result<CompiledModule, CompileError> {
        inspect(wasm, &self.limits)?;
        let module = self.translate(wasm)?;
        self.admit(module, Version::of(wasm), wasm.len(), false)
    }

    /// From WebAssembly to machine code, validated on the way.
    pub(crate) fn translate(&self, wasm: &[u8]) -> Result<Module, CompileError> {
        Module::from_binary(&self.engine, wasm)
            .map_err(|error| CompileError::Invalid(format!("{error:#}")))
    }

    /// Checks a compiled module and has it describe itself.
    pub(crate) fn admit(
        &self,
        module: Module,
        version: Version,
        wasm_bytes: usize,
        was_cached: bool,
    ) -> Result<CompiledModule, CompileError> {
        let linked = imports::linker::<Undeployed>(&self.engine)
            .instantiate_pre(&module)
            .map_err(|error| CompileError::ImportType(format!("{error:#}")))?;
        let exports = Exports::of(&module)?;
        let items = describe::run(self, &linked, &exports)?;
        let schema = ModuleSchema::parse_items(items.iter().map(String::as_str))?;
        exports.match_functions(&schema)?;
        let interface = Arc::new(interface(&module, schema));
        let host = self.clone();
        Ok(CompiledModule::new(Parts { host, module, interface, version, wasm_bytes, was_cached }))
    }
}

/// Resolves what calls need. All exports were found before.
pub(crate) fn interface(module: &Module, schema: ModuleSchema) -> Interface {
    let export =
        |name: &str| module.get_export_index(name).expect("the exports were checked before");
    let reducer = |reducer: &ReducerSchema| Reducer {
        export: export(&format!("{}{}", export::REDUCER, reducer.name)),
        params: reducer.params_layout(),
        result: reducer.result.clone().map(|ty| RowLayout::new([ty])),
    };
    let view = |view: &ViewSchema| export(&format!("{}{}", export::VIEW, view.name));
    Interface {
        reducers: schema.reducers.iter().map(reducer).collect(),
        views: schema.views.iter().map(view).collect(),
        memory: export(export::MEMORY),
        buffer: export(export::BUFFER),
        schema: Arc::new(schema),
    }
}

/// A module's own words, cut to a length fit for a message.
pub(crate) fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(SHOWN_MAX)].to_owned()
}

impl From<wasmparser::BinaryReaderError> for CompileError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        CompileError::Invalid(error.to_string())
    }
}
