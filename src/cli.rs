//! The commands of the binary.
//!
//! Exit codes: 0 done; 1 the server refused, or could not run; 2 the command line is wrong; 3 the server cannot be
//! reached; 4 a local file or program failed.

mod audit;
mod authorities;
mod client;
mod credentials;
mod deploy;
mod dev;
mod generate;
mod module_project;
mod new;
mod output;
mod query;
mod serve;
mod sign;
mod subscribe;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use client::Connection;
use output::CliError;

/// Application server, database, cache and message bus in one binary.
#[derive(Debug, Parser)]
#[command(name = "cosmictron", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a data directory
    Serve(serve::ServeFlags),
    /// Builds a module, serves it on a local data directory, and deploys it again when it changes
    Dev(dev::DevFlags),
    /// Makes a new module project
    New(new::NewFlags),
    /// Deploys a module: a .wasm file, or a project that is built first
    Deploy {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: deploy::DeployFlags,
    },
    /// Calls a reducer
    Call {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: query::CallFlags,
    },
    /// Runs an SQL query, or prompts for queries when none is given
    Sql {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: query::SqlFlags,
    },
    /// Shows a query's answer and keeps it up to date, until Ctrl-C
    Subscribe {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: subscribe::SubscribeFlags,
    },
    /// Lists the deployed modules, or describes or removes one
    Modules {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: deploy::ModulesFlags,
    },
    /// Writes the code that a module's clients use: row types, calls, queries, hooks
    Generate {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: generate::GenerateFlags,
    },
    /// Makes an account and keeps its token
    SignUp {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: sign::SignFlags,
    },
    /// Signs in and keeps the token
    SignIn {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: sign::SignFlags,
    },
    /// Has the kept token refused from now on, and forgets it
    SignOut {
        #[command(flatten)]
        connection: Connection,
    },
    /// Prints the token that commands use
    Token {
        #[command(flatten)]
        connection: Connection,
    },
    /// Gives a role or a capability to an account, or takes it; for admins
    Grant {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: sign::GrantFlags,
    },
    /// Lists what was done to the server, and by whom; for admins
    #[command(args_conflicts_with_subcommands = true)]
    Audit {
        #[command(subcommand)]
        command: Option<audit::AuditCommand>,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        flags: audit::AuditFlags,
    },
    /// Lists the accounts that were given roles or capabilities; for admins
    Grants {
        #[command(flatten)]
        connection: Connection,
    },
}

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(flags) => return serve::run(&flags),
        Command::Dev(flags) => dev::run(&flags),
        Command::New(flags) => new::run(&flags),
        Command::Deploy { connection, flags } => deploy::deploy(&connection, &flags),
        Command::Call { connection, flags } => query::call(&connection, &flags),
        Command::Sql { connection, flags } => query::sql(&connection, &flags),
        Command::Subscribe { connection, flags } => subscribe::subscribe(&connection, &flags),
        Command::Modules { connection, flags } => deploy::modules(&connection, &flags),
        Command::Generate { connection, flags } => generate::generate(&connection, &flags),
        Command::SignUp { connection, flags } => sign::sign_up(&connection, &flags),
        Command::SignIn { connection, flags } => sign::sign_in(&connection, &flags),
        Command::SignOut { connection } => sign::sign_out(&connection),
        Command::Token { connection } => sign::token(&connection),
        Command::Grant { connection, flags } => sign::grant(&connection, &flags),
        Command::Grants { connection } => sign::grants(&connection),
        Command::Audit { command: Some(audit::AuditCommand::Verify(flags)), .. } => {
            audit::verify(&flags)
        }
        Command::Audit { command: None, connection, flags } => audit::audit(&connection, &flags),
    };
    done.map_or_else(CliError::report, |()| ExitCode::SUCCESS)
}
