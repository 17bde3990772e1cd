//! `generate`: the code that a module's clients use, from its schema.

mod source;
mod target;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cosmictron_codegen::typescript::{Integers, Options};
use cosmictron_codegen::{File, Module, rust, typescript};

use super::client::Connection;
use super::output::CliError;

#[derive(Debug, Args)]
pub struct GenerateFlags {
    /// The language
    #[arg(long, value_enum)]
    lang: Language,
    /// The folder that the files go to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    source: source::SourceFlags,
    /// How TypeScript has integers of 64 bits, as the client's option `integers` says
    #[arg(long, value_enum, default_value_t = IntegersFlag::Number)]
    integers: IntegersFlag,
    /// Leaves out hooks.ts, which needs @cosmictron/react
    #[arg(long)]
    no_hooks: bool,
    /// Writes nothing, and fails where files would change
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    #[value(alias = "ts")]
    Typescript,
    Rust,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IntegersFlag {
    Number,
    Bigint,
    String,
}

pub fn generate(connection: &Connection, flags: &GenerateFlags) -> Result<(), CliError> {
    let module = flags.source.module(connection)?;
    let changed = target::changed(&flags.out, flags.files(&module))?;
    if flags.check {
        return match changed.is_empty() {
            true => Ok(()),
            false => {
                Err(CliError::Stale { files: changed.into_iter().map(|(path, _)| path).collect() })
            }
        };
    }
    for (path, text) in &changed {
        target::write(path, text)?;
    }
    let report = serde_json::json!({
        "module": module.name(),
        "version": module.version(),
        "written": changed.iter().map(|(path, _)| path).collect::<Vec<_>>(),
    });
    match (connection.json, changed.is_empty()) {
        (true, _) => println!("{report}"),
        (false, true) => println!("{} is up to date.", flags.out.display()),
        (false, false) => {
            changed.iter().for_each(|(path, _)| println!("Wrote {}.", path.display()));
        }
    }
    Ok(())
}

impl GenerateFlags {
    fn files(&self, module: &Module) -> Vec<File> {
        let integers = match self.integers {
            IntegersFlag::Number => Integers::Number,
            IntegersFlag::Bigint => Integers::Bigint,
            IntegersFlag::String => Integers::String,
        };
        match self.lang {
            Language::Typescript => {
                typescript::generate(module, Options { integers, has_hooks: !self.no_hooks })
            }
            Language::Rust => rust::generate(module),
        }
    }
}
