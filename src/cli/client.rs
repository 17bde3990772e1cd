//! Speaks to a server over its REST interface.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::authorities::Authorities;
use super::credentials;
use super::output::CliError;

/// For an answer to arrive; compiling a large module takes a while.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of the largest answer that is taken.
pub const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// The server's address
    #[arg(long, env = "COSMICTRON_URL", default_value = "http://127.0.0.1:3000")]
    pub url: String,
    /// The token to use instead of the kept one
    #[arg(long, env = "COSMICTRON_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A PEM file with the authorities that count for https, in place of those that browsers know
    #[arg(long, value_name = "FILE", env = "COSMICTRON_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Prints JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// One server, as one caller.
pub struct Client {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// RFC 9457, as the server writes it.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

/// What an answer that is no success says.
pub fn refusal(url: &str, status: u16, body: &[u8]) -> CliError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { code, detail }) => CliError::Refused { status, code, detail },
        Err(_) => CliError::Foreign {
            url: url.to_owned(),
            reason: format!("status {status} without a problem"),
        },
    }
}

impl Connection {
    /// A client that has a token.
    pub fn signed_in(&self) -> Result<Client, CliError> {
        Ok(Client::new(&self.url, &self.authorities()?, Some(self.token()?)))
    }

    /// The token that was given, or the kept one.
    pub fn token(&self) -> Result<String, CliError> {
        match &self.token {
            Some(token) => Ok(token.trim().to_owned()),
            None => match credentials::find(&self.url)? {
                Some(credential) => Ok(credential.token),
                None => Err(CliError::NoToken { url: self.url.clone() }),
            },
        }
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Result<Client, CliError> {
        Ok(Client::new(&self.url, &self.authorities()?, None))
    }

    /// Whom the server's certificate is held to.
    pub fn authorities(&self) -> Result<Authorities, CliError> {
        Authorities::of(self.ca_file.as_deref())
    }
}

impl Client {
    pub fn new(url: &str, authorities: &Authorities, token: Option<String>) -> Client {
        let config = Agent::config_builder()
            .tls_config(authorities.for_requests())
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("cosmictron/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: config.into(), url: url.trim_end_matches('/').to_owned(), token }
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = match self.authorization() {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.read(request.call())
    }

    pub fn delete(&self, path: &str) -> Result<(), CliError> {
        let request = self.agent.delete(format!("{}{path}", self.url));
        let request = match self.authorization() {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.check(request.call()).map(|_| ())
    }

    /// Sends a body; yields the answer's text, which is empty where there is no body.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Result<String, CliError> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("Content-Type", content_type);
        let request = match self.authorization() {
            Some(value) => request.header("Authorization", value),
            None => request,
        };
        self.check(request.send(body))
    }

    pub fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, CliError> {
        let text = self.post(path, "application/json", body.to_string().as_bytes())?;
        self.parse(&text)
    }

    fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, CliError> {
        let text = self.check(answer)?;
        self.parse(&text)
    }

    pub fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, CliError> {
        serde_json::from_str(text)
            .map_err(|error| CliError::Foreign { url: self.url.clone(), reason: error.to_string() })
    }

    /// The text of an answer that is a success.
    fn check(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<String, CliError> {
        let unreachable = |reason: String| CliError::Unreachable { url: self.url.clone(), reason };
        let answer = answer.map_err(|error| unreachable(error.to_string()))?;
        let status = answer.status();
        let mut text = String::new();
        let read =
            answer.into_body().into_reader().take(ANSWER_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| unreachable(error.to_string()))?;
        match status.is_success() {
            true => Ok(text),
            false => Err(refusal(&self.url, status.as_u16(), text.as_bytes())),
        }
    }
}
