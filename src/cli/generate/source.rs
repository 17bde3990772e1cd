//! Where a schema comes from: a server, WebAssembly, a project that is built first, or a file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use cosmictron_codegen::{Module, ModuleError};
use cosmictron_types::schema::SCHEMA_BYTES_MAX;
use cosmictron_wasm_host::{Host, HostOptions};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::client::{Client, Connection};
use super::super::deploy::Summary;
use super::super::module_project::{self, Built};
use super::super::output::CliError;

/// Bytes beside a schema in what the server answers.
const ENVELOPE_BYTES_MAX: usize = 1024;

#[derive(Debug, Args)]
pub struct SourceFlags {
    /// The module's name: on the server, where it may be left out if there is only one; or what a .wasm file is deployed as
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    /// Reads the schema out of a .wasm file
    #[arg(long, value_name = "FILE", group = "from")]
    wasm: Option<PathBuf>,
    /// Builds a module project first
    #[arg(long, value_name = "DIR", group = "from")]
    project: Option<PathBuf>,
    /// Reads a file with what the server answers to /v1/modules/NAME/schema
    #[arg(long, value_name = "FILE", group = "from", conflicts_with = "module")]
    schema: Option<PathBuf>,
}

#[derive(Deserialize)]
struct List {
    modules: Vec<Summary>,
}

impl SourceFlags {
    pub fn module(&self, connection: &Connection) -> Result<Module, CliError> {
        if let Some(path) = &self.schema {
            let bytes_max = SCHEMA_BYTES_MAX + ENVELOPE_BYTES_MAX;
            let text = read(path, bytes_max)?;
            let text = String::from_utf8(text).map_err(|_| wrong(path, "it is no text"))?;
            return Module::parse(&text).map_err(|error| wrong(path, error));
        }
        let built = match (&self.wasm, &self.project) {
            (Some(wasm), _) => Built::of_file(wasm),
            (None, Some(folder)) => module_project::build(folder)?,
            (None, None) => return self.of_server(&connection.signed_in()?, &connection.url),
        };
        let name = self.module.as_deref().unwrap_or(&built.name);
        of_wasm(name, &built.wasm)
    }

    fn of_server(&self, client: &Client, url: &str) -> Result<Module, CliError> {
        let name = match &self.module {
            Some(name) => name.clone(),
            None => only_module(client)?,
        };
        let text: Box<RawValue> = client.get(&format!("/v1/modules/{name}/schema"))?;
        let foreign = |error: ModuleError| {
            let (url, reason) = (url.to_owned(), error.to_string());
            CliError::Foreign { url, reason }
        };
        Module::parse(text.get()).map_err(foreign)
    }
}

fn only_module(client: &Client) -> Result<String, CliError> {
    let List { modules } = client.get("/v1/modules")?;
    let names: Vec<String> = modules.into_iter().map(|module| module.name).collect();
    match &names[..] {
        [only] => Ok(only.clone()),
        [] => Err(CliError::Local("the server has no module: deploy one first".to_owned())),
        several => {
            let names = several.join(", ");
            Err(CliError::Local(format!(
                "the server has several modules: give --module, one of {names}"
            )))
        }
    }
}

/// Has a module describe itself, as the server does when it is deployed, within the same limits.
fn of_wasm(name: &str, path: &Path) -> Result<Module, CliError> {
    let mut options = HostOptions::default();
    let wasm = read(path, options.limits.module_bytes)?;
    // Nobody else is kept waiting.
    options.parallel_compilation = true;
    options.instances_max = 1;
    let host = Host::new(options).map_err(|error| CliError::Local(error.to_string()))?;
    let compiled = host.compile(&wasm).map_err(|error| wrong(path, error))?;
    let (version, schema) = (compiled.version().to_string(), compiled.schema());
    Module::new(name, &version, (**schema).clone()).map_err(|error| wrong(path, error))
}

fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let bound = bytes_max as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes));
    match read.map_err(CliError::file(path))? {
        length if length > bytes_max => {
            Err(wrong(path, format_args!("it is larger than {bytes_max} bytes")))
        }
        _ => Ok(bytes),
    }
}

fn wrong(path: &Path, reason: impl std::fmt::Display) -> CliError {
    CliError::Local(format!("{}: {reason}", path.display()))
}
