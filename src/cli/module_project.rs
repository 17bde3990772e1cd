//! Builds a module project with Cargo, and finds what came of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::output::CliError;

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A built module.
pub struct Built {
    /// The package's name, which is the module's unless another is given.
    pub name: String,
    pub wasm: PathBuf,
}

impl Built {
    /// A file that is built already, which gives the module its name.
    pub fn of_file(wasm: &Path) -> Built {
        let stem = wasm.file_stem().unwrap_or_default().to_string_lossy();
        // rustc writes `my_agent.wasm` for the package `my-agent`.
        Built { name: stem.replace('_', "-"), wasm: wasm.to_owned() }
    }
}

/// A line of Cargo's messages, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// Builds the project in a folder. Cargo's own messages go to the terminal.
pub fn build(folder: &Path) -> Result<Built, CliError> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(CliError::file(&manifest))?;
    let output = Command::new("cargo")
        .args(["build", "--release", "--target", WASM_TARGET])
        .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(&manifest)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| CliError::Local(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(CliError::Local(format!("the module does not build ({})", output.status)));
    }
    let is_ours = |message: &Message| {
        let module = |target: &Target| target.crate_types.iter().any(|kind| kind == "cdylib");
        message.reason == "compiler-artifact"
            && message.manifest_path.as_ref() == Some(&manifest)
            && message.target.as_ref().is_some_and(module)
    };
    let messages = output.stdout.split(|&byte| byte == b'\n');
    let wasm = messages
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(is_ours)
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    let wasm = wasm.ok_or_else(|| {
        CliError::Local(
            "the project builds no module: its [lib] needs crate-type = [\"cdylib\"]".to_owned(),
        )
    })?;
    Ok(Built { name: package_name(&manifest)?, wasm })
}

fn package_name(manifest: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(manifest).map_err(CliError::file(manifest))?;
    let parsed: Manifest = toml::from_str(&text)
        .map_err(|error| CliError::Local(format!("{}: {error}", manifest.display())))?;
    Ok(parsed.package.name)
}
