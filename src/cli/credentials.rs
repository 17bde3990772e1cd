//! Keeps tokens between commands: `cosmictron/credentials.json` in the user's config directory, mode 0600.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::output::CliError;

/// What a sign-in yields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    pub token: String,
    pub identity: String,
    pub expires_at: i64,
}

/// The credential for a server, where one is kept.
pub fn find(url: &str) -> Result<Option<Credential>, CliError> {
    Ok(read()?.remove(key(url)))
}

pub fn keep(url: &str, credential: Credential) -> Result<(), CliError> {
    let mut all = read()?;
    all.insert(key(url).to_owned(), credential);
    write(&all)
}

pub fn forget(url: &str) -> Result<(), CliError> {
    let mut all = read()?;
    all.remove(key(url));
    write(&all)
}

fn key(url: &str) -> &str {
    url.trim_end_matches('/')
}

fn read() -> Result<BTreeMap<String, Credential>, CliError> {
    let path = path()?;
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map_err(|error| CliError::Local(format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(CliError::File { path, source }),
    }
}

fn write(all: &BTreeMap<String, Credential>) -> Result<(), CliError> {
    let path = path()?;
    let folder = path.parent().unwrap_or(&path);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(CliError::file(folder))?;
    let unfinished = path.with_extension("new");
    let text = serde_json::to_vec_pretty(all).expect("credentials have a JSON form");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(CliError::file(&path))
}

fn path() -> Result<PathBuf, CliError> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let folder = config.filter(|folder| folder.is_absolute()).or_else(home).ok_or_else(|| {
        CliError::Local("neither XDG_CONFIG_HOME nor HOME says where tokens are kept".to_owned())
    })?;
    Ok(folder.join("cosmictron/credentials.json"))
}
