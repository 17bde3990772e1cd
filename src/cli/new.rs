//! `cosmictron new`: a module project that builds and runs as it stands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::output::CliError;

/// The project's files: where they go, and what is in them.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../sdk-rust/template/Cargo.toml.tmpl")),
    ("src/lib.rs", include_str!("../../sdk-rust/template/src/lib.rs.tmpl")),
    (".gitignore", include_str!("../../sdk-rust/template/gitignore.tmpl")),
    ("README.md", include_str!("../../sdk-rust/template/README.md.tmpl")),
];

#[derive(Debug, Args)]
pub struct NewFlags {
    /// The module's name, and its folder's
    name: String,
    /// The SDK's folder, where it is not the one that this binary was built from
    #[arg(long)]
    sdk: Option<PathBuf>,
}

pub fn run(flags: &NewFlags) -> Result<(), CliError> {
    let name = &flags.name;
    if !is_package_name(name) {
        let rule = "a module's name is 1 to 63 letters, digits, - and _, beginning with a letter";
        return Err(CliError::Local(format!("{name}: {rule}")));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(CliError::Local(format!("{name} exists already")));
    }
    let dependency = dependency(flags.sdk.as_deref());
    for (file, text) in FILES {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(CliError::file(parent))?;
        let text = text.replace("{{name}}", name).replace("{{sdk_dependency}}", &dependency);
        fs::write(&path, text).map_err(CliError::file(&path))?;
    }
    println!("Made {name}. Now:\n\n  cosmictron dev {name}\n");
    Ok(())
}

/// The SDK beside this binary's own source, or the published one of the same version.
fn dependency(sdk: Option<&Path>) -> String {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk-rust");
    match sdk.map(Path::to_owned).or_else(|| ours.is_dir().then_some(ours)) {
        Some(path) => format!("cosmictron-sdk = {{ path = {:?} }}", path.display().to_string()),
        None => format!("cosmictron-sdk = \"{}\"", env!("CARGO_PKG_VERSION")),
    }
}

fn is_package_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    begins && name.len() <= 63 && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(is_package_name("my-agent"));
        for name in ["", "../x", "a/b", "1a", "a b", "-a"] {
            assert!(!is_package_name(name), "{name}");
        }
    }
}
