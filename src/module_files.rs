//! Keeps the WebAssembly of deployed modules in the data directory, by the hash of its content.
//!
//! The file is on the device before the module's row is in the log, so a row never names a file that a crash took.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cosmictron_wasm_host::{Cache, CacheError, CompileError, CompiledModule, Host, Version};

use crate::whole_file;

/// The modules of one data directory: `<hash>.wasm`, and beside it what was compiled from it.
#[derive(Clone, Debug)]
pub struct ModuleFiles {
    directory: PathBuf,
    cache: Cache,
    host: Host,
}

/// Why a module cannot be deployed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The module's doing.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The disk's. Nothing was deployed.
    #[error("the module could not be kept: {0}")]
    Io(#[from] io::Error),
}

/// Why a deployed module cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("modules/{file} is missing or cannot be read ({source}): restore it from a backup")]
    Io { file: String, source: io::Error },
    #[error("modules/{file} is damaged: restore it from a backup")]
    Damaged { file: String },
    #[error("modules/{file}: {source}")]
    Compile { file: String, source: CompileError },
}

impl ModuleFiles {
    pub fn open(directory: &Path, host: Host) -> Result<ModuleFiles, CacheError> {
        Ok(ModuleFiles { directory: directory.to_owned(), cache: Cache::open(directory)?, host })
    }

    /// Compiles and keeps a module. Slow: for the helper pool.
    pub fn store(&self, wasm: &[u8]) -> Result<CompiledModule, StoreError> {
        let compiled = self.host.load_or_compile(wasm, &self.cache)?;
        let path = self.directory.join(file_name(&compiled.version().to_string()));
        whole_file::write(&path, wasm)?;
        Ok(compiled)
    }

    /// Loads a deployed module by its version, as its row names it.
    pub fn load(&self, version: &str) -> Result<CompiledModule, LoadError> {
        let file = file_name(version);
        let wasm = fs::read(self.directory.join(&file))
            .map_err(|source| LoadError::Io { file: file.clone(), source })?;
        if Version::of(&wasm).to_string() != version {
            return Err(LoadError::Damaged { file });
        }
        self.host
            .load_or_compile(&wasm, &self.cache)
            .map_err(|source| LoadError::Compile { file, source })
    }
}

/// `sha256:abc` is kept as `abc.wasm`.
fn file_name(version: &str) -> String {
    let hash = version.strip_prefix("sha256:").unwrap_or(version);
    format!("{hash}.wasm")
}
