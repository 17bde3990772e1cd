//! A compiled module: code, schema and version, shared by all shards.

use std::sync::Arc;

use cosmictron_types::schema::ModuleSchema;
use wasmtime::Module;

use crate::clock::Clock;
use crate::host::Host;
use crate::interface::Interface;
use crate::limits::Limits;
use crate::version::Version;

/// A module that may be run: its types were checked and it has described itself. Cheap to clone and to send.
#[derive(Clone)]
pub struct CompiledModule {
    parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) host: Host,
    pub(crate) module: Module,
    pub(crate) interface: Arc<Interface>,
    pub(crate) version: Version,
    pub(crate) wasm_bytes: usize,
    pub(crate) was_cached: bool,
}

impl CompiledModule {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// What the module declares. Reducers, views and tables are called by their places in its lists.
    pub fn schema(&self) -> &Arc<ModuleSchema> {
        &self.parts.interface.schema
    }

    pub fn version(&self) -> &Version {
        &self.parts.version
    }

    /// Bytes of the WebAssembly that was deployed.
    pub fn wasm_bytes(&self) -> usize {
        self.parts.wasm_bytes
    }

    /// Whether its machine code came from the cache rather than from the compiler.
    pub fn was_cached(&self) -> bool {
        self.parts.was_cached
    }

    pub(crate) fn module(&self) -> &Module {
        &self.parts.module
    }

    pub(crate) fn interface(&self) -> &Arc<Interface> {
        &self.parts.interface
    }

    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.parts.host.limits
    }

    pub(crate) fn clock(&self) -> Clock {
        self.parts.host.clock.clone()
    }
}

impl std::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModule").field("version", self.version()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shards_share_may_be_shared() {
        fn check<T: Send + Sync + Clone>() {}
        check::<CompiledModule>();
        check::<Host>();
    }
}
