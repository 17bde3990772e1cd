//! `deploy` and `modules`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cosmictron_net::Part;
use cosmictron_net::multipart::{write_end, write_part};
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Connection};
use super::module_project::{self, Built};
use super::output::{CliError, print_table};

/// Separates the fields of a form. Longer than anything that WebAssembly repeats by chance.
const BOUNDARY: &str = "cosmictron-form-5f0c2b1e9d7a4836";

#[derive(Debug, Args)]
pub struct DeployFlags {
    /// A .wasm file, or a project's folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The module's name [default: the package's, or the file's]
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub struct ModulesFlags {
    /// Describes this module alone
    name: Option<String>,
    /// Takes the module out of service
    #[arg(long, requires = "name")]
    remove: bool,
    /// What becomes of its tables then
    #[arg(long, requires = "remove", value_enum, default_value_t = Fate::Keep)]
    data: Fate,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fate {
    Keep,
    Drop,
}

/// A module as the server describes it.
#[derive(Debug, Deserialize)]
pub struct Summary {
    pub name: String,
    pub version: String,
    pub status: String,
    pub reducers: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    modules: Vec<Summary>,
}

pub fn deploy(connection: &Connection, flags: &DeployFlags) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    let mut built = find(&flags.path)?;
    if let Some(name) = &flags.name {
        built.name.clone_from(name);
    }
    let text = upload(&client, &built)?;
    if connection.json {
        println!("{text}");
        return Ok(());
    }
    let summary: Summary = client.parse(&text)?;
    println!("Deployed {} ({}).", summary.name, summary.version);
    println!("Reducers: {}", summary.reducers.join(", "));
    Ok(())
}

fn find(path: &Path) -> Result<Built, CliError> {
    if path.is_dir() {
        return module_project::build(path);
    }
    Ok(Built::of_file(path))
}

/// Sends a module; yields the server's answer.
pub fn upload(client: &Client, built: &Built) -> Result<String, CliError> {
    let wasm = std::fs::read(&built.wasm).map_err(CliError::file(&built.wasm))?;
    let mut form = Vec::with_capacity(wasm.len() + 1024);
    let field = |name: &'static str, body| Part {
        name: name.into(),
        filename: (name == "module").then_some("module.wasm".into()),
        content_type: None,
        body,
    };
    write_part(&mut form, BOUNDARY, &field("name", built.name.as_bytes()));
    write_part(&mut form, BOUNDARY, &field("module", &wasm));
    write_end(&mut form, BOUNDARY);
    client.post("/v1/modules", &format!("multipart/form-data; boundary={BOUNDARY}"), &form)
}

pub fn modules(connection: &Connection, flags: &ModulesFlags) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    match &flags.name {
        None if connection.json => print_json(&client.get("/v1/modules")?),
        None => {
            let List { modules } = client.get("/v1/modules")?;
            let row = |module: Summary| {
                vec![module.name, module.status, module.version, module.reducers.join(", ")]
            };
            print_table(&["name", "status", "version", "reducers"], modules.into_iter().map(row));
        }
        Some(name) if flags.remove => {
            let data = match flags.data {
                Fate::Keep => "keep",
                Fate::Drop => "drop",
            };
            client.delete(&format!("/v1/modules/{name}?data={data}"))?;
        }
        Some(name) => print_json(&client.get(&format!("/v1/modules/{name}"))?),
    }
    Ok(())
}

fn print_json(value: &Value) {
    println!("{value:#}");
}
