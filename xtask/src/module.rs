//! Builds modules for WebAssembly: each is a workspace of its own, as a user's is.

use std::path::Path;

use crate::step::{self, Failed, program, root};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs what modules are built with, unless it is there.
pub fn install_target() -> Result<(), Failed> {
    if has_target() {
        return Ok(());
    }
    step::run(program("rustup").args(["target", "add", WASM_TARGET]))
}

/// Builds the module in a folder of the project.
pub fn build(folder: &str) -> Result<(), Failed> {
    let manifest = root().join(folder).join("Cargo.toml");
    step::run(
        program("cargo")
            .args(["build", "--release", "--locked", "--target", WASM_TARGET, "--manifest-path"])
            .arg(manifest),
    )
}

fn has_target() -> bool {
    let output =
        program("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]).output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && Path::new(&folder).is_dir()
    })
}
