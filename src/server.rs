//! Starts the whole server, serves on every core, and ends it in order.
//!
//! ```text
//!  main:      data directory ─▶ keys, mail, WebAssembly engine ─▶ runtime::run
//!  a shard:   boot (recover the log) ─▶ join (know what the others know) ─▶ listen … shutdown ─▶ sync ─▶ end
//!  the first: between join and listen: sync all logs, mark the directory as begun, write admin.token, open
//! ```

mod connection;
mod data_directory;
mod event_stream;
mod gate;
mod metrics;
mod redistribution;
mod stream;
mod tls;
pub mod verification;
mod websocket;

pub use data_directory::{DataDirectory, DataDirectoryError};
pub use redistribution::RedistributionError;
pub use tls::CertificateFilesError;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use cosmictron_net::Cors;
use cosmictron_net::tls::Acceptor;
use cosmictron_runtime::real::{self, FileWatch, Listening, ReservedAddress, RunError, TcpStream};
use cosmictron_storage::log::LogOptions;
use cosmictron_storage::{StoreLimits, TransactionLimits};
use cosmictron_types::{Duration, ShardCount, ShardId};
use cosmictron_wasm_host::{CacheError, Host, HostError, HostOptions};

use crate::api::{Api, Common, ShardHandle};
use crate::auth::{Claims, KeyRing, KeyRingError, MailError, Postbox};
use crate::config::{ByteCount, Config, ConfigError, Io};
use crate::module_files::ModuleFiles;
use crate::shard::{
    AccountAnswer, AccountRequest, Answer, BootError, BootPlan, LiveLimits, PIECE_ROWS, Request,
    ShardOptions,
};
use gate::Gate;
use stream::Stream;
use tls::{CertificateFiles, Front};

/// How long the token in `admin.token` is good for: ten years.
const ADMIN_TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// Bytes that a record has beyond what a transaction may write: keys, framing, the server's own rows.
const RECORD_OVERHEAD_BYTES: usize = 4 << 20;

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Directory(#[from] DataDirectoryError),
    #[error(transparent)]
    Redistribution(#[from] RedistributionError),
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Certificate(#[from] CertificateFilesError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Modules(#[from] CacheError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Run(#[from] RunError<BootError>),
    /// Said in the log, where it happened.
    #[error("the server could not be opened")]
    NotOpened,
}

/// Where a server can be reached, once it can.
#[derive(Clone, Debug)]
pub struct Opened {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
}

/// Serves until told to stop. `on_open` hears when clients may come, on one of the shards' threads.
pub fn run(
    config: Config,
    on_open: impl Fn(&Opened) + Send + Sync + 'static,
) -> Result<(), ServeError> {
    config.check()?;
    if let Err(error) = real::raise_descriptor_limit() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let (acceptor, _watch) = open_certificate(&config)?.unzip();
    let asked = config.shards.and_then(ShardCount::new);
    let mut directory =
        DataDirectory::open(&config.data_dir, asked.unwrap_or_else(real::default_shards))?;
    // Who names no number goes on with the one that there is.
    let shards = asked.unwrap_or(directory.shards());
    if shards != directory.shards() {
        redistribution::redistribute(&mut directory, shards, log_options(&config))?;
    }
    let host = Host::new(host_options(&config))?;
    let modules = ModuleFiles::open(&directory.modules(), host)?;
    let plan = boot_plan(&config, &directory, &modules, shards);
    let listen = reserve(config.listen)?;
    let metrics = reserve(config.metrics_listen)?;
    let mut options = real::Options::new(directory.log());
    options.shards = Some(shards);
    options.io = match config.io {
        Io::Auto => real::IoDriver::Auto,
        Io::Epoll => real::IoDriver::Epoll,
    };
    let site = Arc::new(Site {
        common: Arc::new(Common {
            cors: cors(&config.http.allowed_origins),
            secure_for_secs: config
                .tls
                .hsts
                .map(|span| u32::try_from(span.get().as_secs()).unwrap_or(u32::MAX)),
            keys: KeyRing::open(&directory.keys())?,
            postbox: Postbox::open(&config.mail, directory.outbox())?,
            modules: modules.clone(),
            config,
        }),
        opened: Opened { address: listen.address(), metrics: metrics.address() },
        directory,
        acceptor,
        on_open: Box::new(on_open),
    });
    real::run(&options, plan, |shard| serve(shard, site.clone()))?;
    match site.directory.is_begun() {
        true => Ok(()),
        false => Err(ServeError::NotOpened),
    }
}

/// What all cores need to serve.
struct Site {
    common: Arc<Common>,
    opened: Opened,
    directory: DataDirectory,
    /// Where TLS is spoken.
    acceptor: Option<Acceptor>,
    on_open: Box<dyn Fn(&Opened) + Send + Sync>,
}

/// One core's part, from the first request to the last.
async fn serve(shard: ShardHandle, site: Arc<Site>) {
    let Answer::Joined = shard.request(Request::Join).await else { return shard.stop() };
    if shard.id() == ShardId::FIRST && !open(&shard, &site).await {
        return shard.stop();
    }
    let api = Rc::new(Api::new(shard.clone(), site.common.clone(), seed()));
    let config = &site.common.config;
    let of_client_max = config.limits.connections_per_address_max;
    let gate = Rc::new(Gate::new(config.http.connections_max, of_client_max));
    let listening = listen(&api, &site, &gate);
    let listening = match listening {
        Ok(listening) => listening,
        Err(error) => {
            tracing::error!(%error, address = %site.opened.address, "cannot listen");
            return shard.stop();
        }
    };
    let metrics =
        (shard.id() == ShardId::FIRST).then(|| metrics::listen(&api, site.opened.metrics));
    if shard.id() == ShardId::FIRST {
        tracing::info!(address = %site.opened.address, metrics = %site.opened.metrics, "ready");
        (site.on_open)(&site.opened);
    }
    shard.shutdown().await;
    listening.close();
    if let Some(Ok(metrics)) = metrics {
        metrics.close();
    }
    let patience = site.common.config.shutdown_timeout.get();
    if shard.within(patience, leave(&shard, &gate)).await.is_none() {
        tracing::warn!(shard = shard.id().get(), "not everything has ended in time");
    }
}

/// Takes connections in, as many as may be.
fn listen(api: &Rc<Api>, site: &Site, gate: &Rc<Gate>) -> std::io::Result<Listening> {
    let (api, gate) = (api.clone(), gate.clone());
    let shard = api.shard.clone();
    let front = site.acceptor.clone().map(|acceptor| Rc::new(Front::new(api.clone(), acceptor)));
    shard.listen(site.opened.address, move |stream: TcpStream| {
        let client = api.connected_client(stream.peer().ip());
        let Some(pass) = Gate::enter(&gate, client) else { return };
        match &front {
            Some(front) => api.shard.spawn(front.clone().serve(stream, pass)),
            None => api.shard.spawn(connection::serve(api.clone(), Stream::Plain(stream), pass)),
        }
    })
}

/// Finishes what runs, and has all of it on the device.
async fn leave(shard: &ShardHandle, gate: &Rc<Gate>) {
    shard.end_idle_connections();
    gate.is_empty().await;
    if let Answer::Synced(Err(error)) = shard.request(Request::Sync(shard.id())).await {
        tracing::warn!(shard = shard.id().get(), %error, "the log's end is not marked");
    }
}

/// The first shard's work before clients may come. Whether they may.
async fn open(shard: &ShardHandle, site: &Arc<Site>) -> bool {
    let mut have_all_begun = true;
    for each in shard.count().shards() {
        match shard.request(Request::Sync(each)).await {
            Answer::Synced(Ok(())) => {}
            // A directory that was served before can still be read.
            Answer::Synced(Err(error)) if site.directory.is_begun() => {
                tracing::warn!(shard = each.get(), %error, "the log takes no records");
                have_all_begun = false;
            }
            _ => {
                tracing::error!(
                    shard = each.get(),
                    "the log of a new data directory cannot be written"
                );
                return false;
            }
        }
    }
    if let Err(error) = begin(shard, site).await {
        tracing::error!(error, "the data directory cannot be prepared");
        return false;
    }
    matches!(shard.request(Request::Open { have_all_begun }).await, Answer::Joined)
}

/// Marks the directory as begun and writes `admin.token`, where that was not done before.
async fn begin(shard: &ShardHandle, site: &Arc<Site>) -> Result<(), String> {
    let token = match site.directory.has_admin_token() {
        true => None,
        false => Some(bootstrap(shard, site).await?),
    };
    let site = site.clone();
    let written = shard.offload(move || {
        if let Some(token) = token {
            site.directory.write_admin_token(&token)?;
        }
        site.directory.begin()
    });
    let written = written.map_err(|error| error.to_string())?.await;
    written.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// A token of the account that every data directory has.
async fn bootstrap(shard: &ShardHandle, site: &Site) -> Result<String, String> {
    let expires_at = shard.now() + ADMIN_TOKEN_LIFETIME;
    let request = Request::Account(AccountRequest::Bootstrap { expires_at });
    match shard.request(request).await {
        Answer::Account(Ok(AccountAnswer::Session { identity, session })) => {
            let claims = Claims { identity, session, expires_at };
            Ok(claims.sign(&site.common.keys, shard.now()).as_str().to_owned())
        }
        Answer::Account(Err(error)) => Err(error.to_string()),
        _ => Err("the first shard answered another question".to_owned()),
    }
}

/// What TLS is spoken with, where there is a certificate, for as long as its files are watched.
fn open_certificate(config: &Config) -> Result<Option<(Acceptor, FileWatch)>, ServeError> {
    let Some((certificate, key)) = config.tls.files() else { return Ok(None) };
    let files = CertificateFiles { certificate: certificate.to_owned(), key: key.to_owned() };
    Ok(Some(files.open()?))
}

fn reserve(address: SocketAddr) -> Result<ReservedAddress, ServeError> {
    ReservedAddress::reserve(address).map_err(|source| ServeError::Listen { address, source })
}

fn cors(origins: &[String]) -> Cors {
    match origins {
        [] => Cors::Off,
        [any] if any == "*" => Cors::Any,
        some => Cors::Origins(some.to_vec()),
    }
}

fn host_options(config: &Config) -> HostOptions {
    let mut options = HostOptions::default();
    options.limits.module_bytes = config.http.module_bytes_max.as_usize();
    options.limits.memory_bytes = config.modules.memory_bytes_max.as_usize();
    options.limits.deadline = config.modules.call_timeout.to_std();
    options
}

fn boot_plan(
    config: &Config,
    directory: &DataDirectory,
    modules: &ModuleFiles,
    shards: ShardCount,
) -> BootPlan {
    let transaction_bytes = config.modules.transaction_bytes_max;
    let query = cosmictron_sql::ExecutionLimits {
        scanned_max: config.storage.query_rows_scanned_max,
        bytes_max: config.storage.query_bytes_max.get(),
        ..cosmictron_sql::ExecutionLimits::default()
    };
    let memory = config.storage.memory_bytes_max.map_or_else(default_memory, |bytes| bytes.get());
    BootPlan {
        options: Arc::new(ShardOptions {
            transaction: TransactionLimits {
                rows_max: config.modules.transaction_rows_max.into(),
                bytes_max: transaction_bytes.get(),
            },
            idempotency_kept: config.modules.idempotency_kept.get(),
            audit_kept: config.audit.kept.get(),
            history_time: config.storage.history_time.get(),
            query,
            slice_rows: cosmictron_sql::SLICE_ROWS,
            live: LiveLimits {
                query_bytes_max: config.storage.live_query_bytes_max.get(),
                bytes_max: live_bytes(config, memory) / u64::from(shards.get()),
                piece_rows: PIECE_ROWS,
            },
        }),
        store: StoreLimits {
            bytes_max: memory / u64::from(shards.get()),
            history_bytes_max: history_bytes(config, memory) / u64::from(shards.get()),
            ..StoreLimits::default()
        },
        log: log_options(config),
        durability: config.durability,
        is_chained: config.audit.chain,
        data: directory.data(),
        is_begun: directory.is_begun(),
        modules: modules.clone(),
    }
}

fn log_options(config: &Config) -> LogOptions {
    let defaults = LogOptions::default();
    let segment_bytes = config.storage.segment_bytes.get() / 4096 * 4096;
    // A small segment bounds what a transaction may be.
    let room = usize::try_from(segment_bytes).unwrap_or(usize::MAX) / 4;
    let wanted =
        config.modules.transaction_bytes_max.as_usize().saturating_add(RECORD_OVERHEAD_BYTES);
    LogOptions {
        segment_bytes,
        record_bytes_max: wanted.min(room),
        backlog_bytes_max: defaults.backlog_bytes_max.max(2 * wanted).min(2 * room),
        ..defaults
    }
}

/// Memory for what rows were before, of a server with so much for rows.
fn history_bytes(config: &Config, memory: u64) -> u64 {
    if config.storage.history_time.get() == Duration::ZERO {
        return 0;
    }
    config.storage.history_bytes_max.map_or(memory / 8, ByteCount::get)
}

/// Memory for live queries, of a server with so much for rows.
fn live_bytes(config: &Config, memory: u64) -> u64 {
    config.storage.live_bytes_max.map_or(memory / 8, ByteCount::get)
}

/// Three quarters of the machine's memory.
fn default_memory() -> u64 {
    real::memory_bytes() / 4 * 3
}

fn seed() -> [u64; 4] {
    let mut seed = [0; 4];
    for word in &mut seed {
        *word = getrandom::u64().expect("the system gives random numbers: keys were made of them");
    }
    seed
}
