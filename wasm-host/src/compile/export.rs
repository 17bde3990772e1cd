//! Checks a module's exports against the ABI.

use cosmictron_types::schema::ModuleSchema;
use wasmtime::{ExternType, FuncType, Module, ValType};

use super::{CompileError, shown};

pub(super) const MEMORY: &str = "memory";
pub(super) const BUFFER: &str = "cosm_buffer";
/// What the names of reducers' exports begin with.
pub(super) const REDUCER: &str = "cosm_reducer_";
/// What the names of the functions begin with that describe the module.
const DESCRIBE: &str = "cosm_describe_";
/// What the names of views' exports begin with.
pub(super) const VIEW: &str = "cosm_view_";
/// What the names begin with that the ABI keeps to itself.
const RESERVED: &str = "cosm_";
const ABI: &str = "cosm_abi_";
const ABI_VERSION: &str = "cosm_abi_1";

/// The exports of a module that the host calls, their types checked.
pub(super) struct Exports {
    /// Whole names, sorted.
    pub(super) describe: Vec<String>,
    /// Names of reducers, sorted.
    reducers: Vec<String>,
    /// Names of views, sorted.
    views: Vec<String>,
}

impl Exports {
    pub(super) fn of(module: &Module) -> Result<Exports, CompileError> {
        check_version(module)?;
        check_memory(module)?;
        check_function(module, BUFFER, "a function (i32) -> i32")?;
        let mut exports = Exports { describe: Vec::new(), reducers: Vec::new(), views: Vec::new() };
        for name in module.exports().map(|export| export.name()) {
            if let Some(reducer) = name.strip_prefix(REDUCER) {
                check_function(module, name, "a function (i32, i32) -> i32")?;
                exports.reducers.push(reducer.to_owned());
            } else if let Some(view) = name.strip_prefix(VIEW) {
                check_function(module, name, "a function (i32, i32) -> i32")?;
                exports.views.push(view.to_owned());
            } else if name.starts_with(DESCRIBE) {
                check_function(module, name, "a function ()")?;
                exports.describe.push(name.to_owned());
            } else if name.starts_with(RESERVED) && !is_known(name) {
                return Err(CompileError::ReservedExport { export: shown(name) });
            }
        }
        exports.describe.sort_unstable();
        exports.reducers.sort_unstable();
        exports.views.sort_unstable();
        Ok(exports)
    }

    /// Every reducer and every view has its export, and the reverse.
    pub(super) fn match_functions(&self, schema: &ModuleSchema) -> Result<(), CompileError> {
        for reducer in &schema.reducers {
            if self.reducers.binary_search(&reducer.name).is_err() {
                let name = reducer.name.clone();
                return Err(CompileError::ReducerWithoutExport { name });
            }
        }
        for name in &self.reducers {
            if schema.reducer(name).is_none() {
                return Err(CompileError::ExportWithoutReducer { name: shown(name) });
            }
        }
        for view in &schema.views {
            if self.views.binary_search(&view.name).is_err() {
                return Err(CompileError::ViewWithoutExport { name: view.name.clone() });
            }
        }
        for name in &self.views {
            if schema.view(name).is_none() {
                return Err(CompileError::ExportWithoutView { name: shown(name) });
            }
        }
        Ok(())
    }
}

fn is_known(name: &str) -> bool {
    name == BUFFER || name == ABI_VERSION
}

fn check_version(module: &Module) -> Result<(), CompileError> {
    let mut others = module.exports().map(|export| export.name());
    if let Some(other) = others.find(|name| name.starts_with(ABI) && *name != ABI_VERSION) {
        return Err(CompileError::AbiVersion { export: shown(other) });
    }
    if module.get_export(ABI_VERSION).is_none() {
        return Err(CompileError::AbiUnstated);
    }
    check_function(module, ABI_VERSION, "a function ()")
}

fn check_memory(module: &Module) -> Result<(), CompileError> {
    const EXPECTED: &str = "a memory";
    match module.get_export(MEMORY) {
        Some(ExternType::Memory(_)) => Ok(()),
        Some(other) => Err(wrong_type(MEMORY, &other, EXPECTED)),
        None => Err(missing(MEMORY, EXPECTED)),
    }
}

/// `expected` is a type as [`describe`] writes it.
fn check_function(module: &Module, name: &str, expected: &'static str) -> Result<(), CompileError> {
    match module.get_export(name) {
        Some(found) if describe(&found) == expected => Ok(()),
        Some(found) => Err(wrong_type(name, &found, expected)),
        None => Err(missing(name, expected)),
    }
}

fn missing(name: &str, expected: &'static str) -> CompileError {
    CompileError::MissingExport { export: shown(name), expected }
}

fn wrong_type(name: &str, found: &ExternType, expected: &'static str) -> CompileError {
    CompileError::ExportType { export: shown(name), found: shown(&describe(found)), expected }
}

/// A type in words: `a function (i32, i32) -> i32`.
fn describe(ty: &ExternType) -> String {
    match ty {
        ExternType::Func(ty) => describe_function(ty),
        ExternType::Memory(_) => "a memory".to_owned(),
        ExternType::Global(_) => "a global".to_owned(),
        ExternType::Table(_) => "a table".to_owned(),
        ExternType::Tag(_) => "a tag".to_owned(),
    }
}

fn describe_function(ty: &FuncType) -> String {
    let list = |types: &mut dyn Iterator<Item = ValType>| {
        types.map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ")
    };
    let params = list(&mut ty.params());
    let results = list(&mut ty.results());
    match ty.results().len() {
        0 => format!("a function ({params})"),
        1 => format!("a function ({params}) -> {results}"),
        _ => format!("a function ({params}) -> ({results})"),
    }
}
