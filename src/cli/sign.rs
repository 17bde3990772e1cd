//! `sign-up`, `sign-in`, `sign-out`, `token`, `grant`.

use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use super::client::{Client, Connection};
use super::credentials::{self, Credential};
use super::output::CliError;

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
    /// admin, deployer or user
    role: String,
    /// Takes the role instead
    #[arg(long)]
    revoke: bool,
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
    let body = json!({ "email": flags.email, "role": flags.role }).to_string();
    connection.signed_in()?.post(path, "application/json", body.as_bytes())?;
    let (verb, to) = if flags.revoke { ("Took", "from") } else { ("Gave", "to") };
    if !connection.json {
        println!("{verb} {} {to} {}.", flags.role, flags.email);
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
