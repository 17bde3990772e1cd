//! A compiled module: code, schema and version, shared by all shards.

use std::sync::Arc;

use cosmictron_types::schema::ModuleSchema;
use wasmtime::Module;

use crate::host::Host;
use crate::interface::Interface;
use crate::limits::Limits;
use crate::version::Version;

/// A module that may be run: its types were checked and it has described itself. Cheap to clone and to send.
#[derive(Clone)]
pub struct CompiledModule {
    parts: Arc<Parts>,
}

struct Parts {
    host: Host,
    module: Module,
    interface: Arc<Interface>,
    version: Version,
    wasm_bytes: usize,
}

impl CompiledModule {
    pub(crate) fn new(
        host: Host,
        module: Module,
        interface: Interface,
        version: Version,
        wasm_bytes: usize,
    ) -> Self {
        let interface = Arc::new(interface);
        Self { parts: Arc::new(Parts { host, module, interface, version, wasm_bytes }) }
    }

    /// What the module declares. Reducers and tables are called by their places in its lists.
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

    pub(crate) fn module(&self) -> &Module {
        &self.parts.module
    }

    pub(crate) fn interface(&self) -> &Arc<Interface> {
        &self.parts.interface
    }

    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.parts.host.limits
    }

    pub(crate) fn deadline_ticks(&self) -> u64 {
        self.parts.host.deadline_ticks
    }
}

impl std::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledModule").field("version", self.version()).finish_non_exhaustive()
    }
}
