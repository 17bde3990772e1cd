//! Tests what is no part of the workspace: the client in Rust, the packages in TypeScript, and the pages that use them.

use std::path::Path;

use crate::module;
use crate::step::{self, Failed, program, root, succeeds};

const GENERATED: &str = "codegen/tests/typescript";
const PACKAGES: &str = "sdk-ts";
const CHAT_APP: &str = "examples/chat/app";
/// Where Debian's package has it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// The server and the modules have been built before. `lints`: formatting and lints as well.
pub fn test(lints: bool) -> Result<(), Failed> {
    test_rust(lints)?;
    if !succeeds(program("npm").arg("--version")) {
        println!("\nskipped, since npm is not there: everything in TypeScript");
        return Ok(());
    }
    for arguments in [&["ci"][..], &["test"]] {
        npm(GENERATED, arguments)?;
    }
    npm(PACKAGES, &["ci"])?;
    if lints {
        npm(PACKAGES, &["run", "lint"])?;
    }
    npm(PACKAGES, &["test"])?;
    module::build("sdk-ts/client/test/server/module")?;
    npm(PACKAGES, &["run", "test:server"])?;
    for arguments in [&["ci"][..], &["run", "build"]] {
        npm(CHAT_APP, arguments)?;
    }
    install_chromium()?;
    npm(PACKAGES, &["run", "test:e2e"])
}

fn test_rust(lints: bool) -> Result<(), Failed> {
    let client = |arguments: &[&str]| {
        let mut cargo = program("cargo");
        cargo.current_dir(root().join("sdk-rust/client")).args(arguments);
        step::run(&mut cargo)
    };
    if lints {
        client(&["fmt", "--check"])?;
        client(&["clippy", "--locked", "--all-targets", "--", "-D", "warnings"])?;
    }
    client(&["test", "--locked"])
}

/// Runs npm in a folder of the project; tests find the server by the environment.
fn npm(folder: &str, arguments: &[&str]) -> Result<(), Failed> {
    let server = root().join("target/release/cosmictron");
    let mut npm = program("npm");
    npm.current_dir(root().join(folder)).args(arguments).env("COSMICTRON_BIN", server);
    step::run(&mut npm)
}

fn install_chromium() -> Result<(), Failed> {
    if Path::new(CHROMIUM).exists() {
        return Ok(());
    }
    step::run(program("apt-get").arg("update"))?;
    step::run(program("apt-get").args(["install", "--yes", "--no-install-recommends", "chromium"]))
}
