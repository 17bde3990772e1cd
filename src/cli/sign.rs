//! `sign-up`, `sign-in`, `sign-out`, `token`, `grant`, `grants`.

use std::io::IsTerminal;

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Client, Connection};
use super::credentials::{self, Credential};
use super::output::{CliError, print_table};
use crate::auth::Right;

#[derive(Debug, Args)]
pub struct SignFlags {
    /// The account's e-mail address
    email: String,
    /// The password; asked for when absent
    #[arg(long, env = "COSMICTRON_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

#[derive(Debug, Args)]
pub struct GrantFlags {
    /// The account's e-mail address
    email: String,
    /// A role (admin, deployer or user) or a capability (such as pii:read)
    right: String,
    /// Takes it instead
    #[arg(long)]
    revoke: bool,
}

/// Those who may do more than every account may.
#[derive(Deserialize)]
struct Granted {
    accounts: Vec<Privileged>,
    truncated: bool,
}

#[derive(Deserialize)]
struct Privileged {
    identity: String,
    email: Option<String>,
    roles: Vec<String>,
    capabilities: Vec<String>,
}

pub fn sign_up(connection: &Connection, flags: &SignFlags) -> Result<(), CliError> {
    open_session(connection, flags, "/v1/auth/sign-up")
}

pub fn sign_in(connection: &Connection, flags: &SignFlags) -> Result<(), CliError> {
    open_session(connection, flags, "/v1/auth/sign-in")
}

fn open_session(connection: &Connection, flags: &SignFlags, path: &str) -> Result<(), CliError> {
    let password = match &flags.password {
        Some(password) => password.clone(),
        None => ask_password()?,
    };
    let body = json!({ "email": flags.email, "password": password });
    let credential: Credential = connection.anonymous()?.post_json(path, &body)?;
    credentials::keep(&connection.url, credential.clone())?;
    match connection.json {
        true => println!("{}", json!(credential)),
        false => println!("Signed in as {} ({}).", flags.email, credential.identity),
    }
    Ok(())
}

fn ask_password() -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        let reason = "no terminal to ask for the password: give it by COSMICTRON_PASSWORD";
        return Err(CliError::Local(reason.to_owned()));
    }
    rpassword::prompt_password("Password: ")
        .map_err(|error| CliError::Local(format!("the password cannot be read: {error}")))
}

pub fn sign_out(connection: &Connection) -> Result<(), CliError> {
    connection.signed_in()?.post("/v1/auth/sign-out", "application/json", b"")?;
    credentials::forget(&connection.url)
}

pub fn token(connection: &Connection) -> Result<(), CliError> {
    let none = || CliError::NoToken { url: connection.url.clone() };
    match &connection.token {
        Some(token) => println!("{token}"),
        None => println!("{}", credentials::find(&connection.url)?.ok_or_else(none)?.token),
    }
    Ok(())
}

pub fn grant(connection: &Connection, flags: &GrantFlags) -> Result<(), CliError> {
    let path = if flags.revoke { "/v1/admin/revoke" } else { "/v1/admin/grant" };
    let kind = match Right::parse(&flags.right) {
        Ok(Right::Role(_)) => "role",
        Ok(Right::Capability(_)) => "capability",
        Err(reason) => return Err(CliError::Local(format!("{}: {reason}", flags.right))),
    };
    let body = json!({ "email": flags.email, kind: flags.right }).to_string();
    connection.signed_in()?.post(path, "application/json", body.as_bytes())?;
    let (verb, to) = if flags.revoke { ("Took", "from") } else { ("Gave", "to") };
    if !connection.json {
        println!("{verb} {} {to} {}.", flags.right, flags.email);
    }
    Ok(())
}

pub fn grants(connection: &Connection) -> Result<(), CliError> {
    let client = connection.signed_in()?;
    if connection.json {
        println!("{}", client.get::<Box<RawValue>>("/v1/admin/grants")?);
        return Ok(());
    }
    let Granted { accounts, truncated } = client.get("/v1/admin/grants")?;
    let row = |account: Privileged| {
        let email = account.email.unwrap_or_default();
        vec![email, account.identity, account.roles.join(", "), account.capabilities.join(", ")]
    };
    print_table(&["email", "identity", "roles", "capabilities"], accounts.into_iter().map(row));
    if truncated {
        println!("There are more.");
    }
    Ok(())
}

/// Makes an account where there is none; says nothing when there is.
pub fn ensure_account(client: &Client, email: &str, password: &str) -> Result<(), CliError> {
    let body = json!({ "email": email, "password": password });
    match client.post_json::<Credential>("/v1/auth/sign-up", &body) {
        Ok(_) => Ok(()),
        Err(CliError::Refused { status: 409, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
