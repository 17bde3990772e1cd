//! `cosmictron dev`: builds a module, serves it, and deploys it again when its source changes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use clap::Args;
use serde::Deserialize;

use super::authorities::Authorities;
use super::client::Client;
use super::deploy::{Summary, upload};
use super::module_project::{self, Built};
use super::output::CliError;
use super::sign::ensure_account;
use super::watch::Watch;
use crate::config::{ByteCount, Config, Durability, Io};
use crate::server;

/// The account that the printed lines use.
const EMAIL: &str = "you@example.com";
const PASSWORD: &str = "secret";

#[derive(Debug, Args)]
pub struct DevFlags {
    /// The module's project
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Address of the API
    #[arg(long, default_value = "127.0.0.1:3000", env = "COSMICTRON_LISTEN")]
    listen: SocketAddr,
    /// Address of the metrics
    #[arg(long, default_value = "127.0.0.1:9090", env = "COSMICTRON_METRICS_LISTEN")]
    metrics_listen: SocketAddr,
    /// Where everything is kept [default: .cosmictron in the project]
    #[arg(long, env = "COSMICTRON_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Shards to run [default: the cores that this process may use]
    #[arg(long, env = "COSMICTRON_SHARDS")]
    shards: Option<u16>,
    /// When a call counts as committed
    #[arg(long, default_value = "always", env = "COSMICTRON_DURABILITY")]
    durability: Durability,
    /// What carries sockets and log: io_uring where the kernel grants it, or epoll
    #[arg(long, value_name = "DRIVER", default_value = "auto", env = "COSMICTRON_IO")]
    io: Io,
}

/// A module's description, as far as examples are made from it.
#[derive(Deserialize)]
struct Description {
    tables: Vec<Table>,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    public: bool,
}

#[derive(Deserialize)]
struct Signature {
    name: String,
    arguments: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    #[serde(rename = "type")]
    ty: serde_json::Value,
}

pub fn run(flags: &DevFlags) -> Result<(), CliError> {
    crate::telemetry::start();
    // Before the first build: what is saved from here on is built.
    let watch = Watch::begin(&flags.path).map_err(CliError::file(&flags.path))?;
    // What does not build is not worth a server.
    let built = module_project::build(&flags.path)?;
    let config = flags.config();
    let (opened, opening) = channel();
    let project = Project {
        folder: flags.path.clone(),
        admin_token: config.data_dir.join("admin.token"),
        url: String::new(),
    };
    // It ends with the process: the server is what keeps that alive.
    thread::spawn(move || project.follow(&opening, built, &watch));
    server::run(config, move |site| {
        // The receiver is gone only when the first deployment has failed, which was said.
        let _ = opened.send(site.address);
    })?;
    Ok(())
}

impl DevFlags {
    fn config(&self) -> Config {
        let mut config = Config {
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            data_dir: self.data_dir.clone().unwrap_or_else(|| self.path.join(".cosmictron")),
            shards: self.shards,
            durability: self.durability,
            io: self.io,
            ..Config::default()
        };
        config.auth.anyone_deploys = true;
        config.storage.segment_bytes = ByteCount::mebibytes(16);
        config.modules.transaction_bytes_max = ByteCount::mebibytes(2);
        config
    }
}

/// The project that is served.
struct Project {
    folder: PathBuf,
    admin_token: PathBuf,
    url: String,
}

impl Project {
    /// Deploys once the server is open, and again whenever the source has changed.
    fn follow(mut self, opening: &Receiver<SocketAddr>, built: Built, watch: &Watch) {
        let Ok(address) = opening.recv() else { return };
        self.url = format!("http://{address}");
        let mut version = String::new();
        match self.deploy(&built) {
            Ok(summary) => {
                self.introduce(&summary);
                version = summary.version;
            }
            Err(error) => eprintln!("error: {error}"),
        }
        loop {
            if let Err(error) = watch.wait() {
                eprintln!("error: changes are not noticed any more: {error}");
                return;
            }
            match module_project::build(&self.folder).and_then(|built| self.deploy(&built)) {
                Ok(summary) if summary.version == version => {}
                Ok(summary) => {
                    println!("Deployed {} ({}).", summary.name, summary.version);
                    version = summary.version;
                }
                Err(error) => eprintln!("error: {error}"),
            }
        }
    }

    fn deploy(&self, built: &Built) -> Result<Summary, CliError> {
        let client = self.client()?;
        let text = upload(&client, built)?;
        client.parse(&text)
    }

    fn client(&self) -> Result<Client, CliError> {
        let token = std::fs::read_to_string(&self.admin_token);
        let token = token.map_err(CliError::file(&self.admin_token))?;
        Ok(Client::new(&self.url, &Authorities::BuiltIn, Some(token.trim().to_owned())))
    }

    /// Prints what to try.
    fn introduce(&self, module: &Summary) {
        let described = self.client().and_then(|client| {
            ensure_account(&Client::new(&self.url, &Authorities::BuiltIn, None), EMAIL, PASSWORD)?;
            client.get::<Description>(&format!("/v1/modules/{}", module.name))
        });
        match described {
            Ok(description) => print!("{}", examples(&self.url, &module.name, &description)),
            Err(error) => eprintln!("error: {error}"),
        }
        println!(
            "\n{} is deployed and is deployed again when its source changes. Ctrl-C ends the server.",
            module.name
        );
        println!("Data: {}", self.admin_token.parent().unwrap_or(Path::new("")).display());
    }
}

/// Lines for a shell that sign in, call a reducer and read a table.
fn examples(url: &str, module: &str, description: &Description) -> String {
    let mut text = format!(
        "\n# {module} is served at {url}. Try:\n\n\
         TOKEN=$(curl -s -X POST {url}/v1/auth/sign-in -H 'Content-Type: application/json' \\\n  \
         -d '{{\"email\": \"{EMAIL}\", \"password\": \"{PASSWORD}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')\n"
    );
    let post = |path: String, body: String| {
        format!(
            "\ncurl -s -X POST {url}{path} -H \"Authorization: Bearer $TOKEN\" \\\n  \
             -H 'Content-Type: application/json' -d '{body}'\n"
        )
    };
    if let Some(reducer) = best_example(&description.signatures) {
        // In the order of the declaration, which a map would not keep.
        let arguments = reducer.arguments.iter();
        let arguments: Vec<String> =
            arguments.map(|arg| format!("\"{}\": {}", arg.name, sample(&arg.ty))).collect();
        let body = format!("{{{}}}", arguments.join(", "));
        text += &post(format!("/v1/reducers/{}", reducer.name), body);
    }
    if let Some(table) = description.tables.iter().find(|table| table.public) {
        let query = format!("SELECT * FROM {} LIMIT 10", table.name);
        text += &post("/v1/sql".to_owned(), format!("{{\"query\": \"{query}\"}}"));
    }
    text
}

/// One that takes arguments and most likely makes something.
fn best_example(signatures: &[Signature]) -> Option<&Signature> {
    let makes = |signature: &&Signature| {
        ["record", "create", "add", "insert", "send", "new"]
            .iter()
            .any(|verb| signature.name.starts_with(verb))
    };
    signatures.iter().find(makes).or_else(|| signatures.first())
}

/// A value of a type that a person would begin with.
fn sample(ty: &serde_json::Value) -> serde_json::Value {
    use serde_json::json;
    match ty {
        serde_json::Value::String(name) => match name.as_str() {
            "bool" => json!(true),
            "string" => json!("hello"),
            "bytes" => json!("\\x00"),
            "identity" => json!("0".repeat(64)),
            "connection_id" => json!("0".repeat(32)),
            "uuid" => json!("00000000-0000-0000-0000-000000000000"),
            "f32" | "f64" => json!(1.5),
            _ => json!(1),
        },
        serde_json::Value::Object(parts) => {
            if parts.contains_key("option") {
                return json!(null);
            }
            if parts.contains_key("list") {
                return json!([]);
            }
            if let Some(fields) = parts.get("struct").and_then(|ty| ty["fields"].as_array()) {
                let field = |field: &serde_json::Value| {
                    Some((field["name"].as_str()?.to_owned(), sample(&field["type"])))
                };
                return serde_json::Value::Object(fields.iter().filter_map(field).collect());
            }
            let first = parts.get("enum").map(|ty| &ty["variants"][0]["name"]);
            first.cloned().unwrap_or_default()
        }
        _ => json!(null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_hold_a_value_for_each_argument() {
        let description: Description = serde_json::from_str(
            r#"{"tables":[{"name":"hidden","public":false},{"name":"note","public":true}],
                "signatures":[{"name":"forget","arguments":[]},{"name":"add_note","arguments":[
                    {"name":"text","type":"string"},{"name":"tag","type":{"option":"u8"}}]}]}"#,
        )
        .unwrap();
        let text = examples("http://a", "notes", &description);
        assert!(text.contains(r#"/v1/reducers/add_note"#), "{text}");
        assert!(text.contains(r#"{"text": "hello", "tag": null}"#), "{text}");
        assert!(text.contains("SELECT * FROM note LIMIT 10"), "{text}");
    }
}
