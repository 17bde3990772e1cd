//! The public contract over HTTP: routes, who may use them, and what they answer.
//!
//! ```text
//!  request ──▶ Route ──▶ caller (token) ──▶ handler ──▶ Outcome
//!                                                        ├─ Written    the answer stands in the output
//!                                                        ├─ Waiting    a shard's answer, written when it comes
//!                                                        ├─ Task       several steps: hashing, compiling, mail
//!                                                        └─ Events     a live query, for as long as the client stays
//! ```
//!
//! Everything here runs on the core that accepted the connection. Calls and queries, the hot routes, allocate little
//! and take no task of their own.
//!
//! Reading order: [`route`] and [`caller`]; [`envelope`] and [`problem`] for how answers are written; then a file for
//! each group of routes; [`upgrade`], [`live`] and [`events`] for those who stay.

mod account;
mod admin;
mod audit;
mod call;
mod caller;
mod envelope;
mod events;
mod health;
mod live;
mod module;
mod plan_cache;
mod problem;
mod route;
mod sql;
mod upgrade;

pub use envelope::Envelope;
pub use events::Events;
pub use health::metrics_text;
pub use live::{Conversation, Ending, Outlet};
pub use upgrade::{Upgrade, Upgraded};

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use cosmictron_net::forwarded::ClientAddress;
use cosmictron_net::ws::{Deflater, Inflater};
use cosmictron_net::{Compressor, Cors, Head, HttpDate, Problem, ProblemCode, Request};
use cosmictron_runtime::real::Pending;
use cosmictron_sql::Plan;
use cosmictron_types::json::Scratch;
use cosmictron_types::{Identity, Timestamp};

use crate::auth::{KeyRing, Postbox, TokenCache};
use crate::config::Config;
use crate::limits::{Client, Limits};
use crate::module_files::ModuleFiles;
use crate::shard::{Answer, Shard, Unavailable};
use crate::turnstile::Turnstile;
use audit::RefusalAllowance;
use plan_cache::PlanCache;
use route::Route;

/// One core's shard, as its tasks hold it.
pub type ShardHandle = cosmictron_runtime::real::Shard<Shard>;

/// What all cores share. Read only.
pub struct Common {
    pub config: Config,
    pub cors: Cors,
    /// How long browsers are told to speak TLS alone with this host, in seconds.
    pub secure_for_secs: Option<u32>,
    pub keys: KeyRing,
    pub postbox: Postbox,
    pub modules: ModuleFiles,
}

/// One core's side of the contract.
pub struct Api {
    pub shard: ShardHandle,
    pub common: Arc<Common>,
    tokens: RefCell<TokenCache>,
    plans: RefCell<PlanCache>,
    limits: Limits,
    /// Passwords of this core that are hashed: one at a time, so that the helper pool has room for others.
    hashing: Rc<Turnstile>,
    scratch: RefCell<Scratch>,
    compressor: RefCell<Compressor>,
    /// Of all WebSockets of this core.
    pub deflater: RefCell<Deflater>,
    pub inflater: RefCell<Inflater>,
    /// The last number that a WebSocket was given.
    last_listener: Cell<u64>,
    date: RefCell<(i64, HttpDate)>,
    refusals: RefusalAllowance,
    started_at: Timestamp,
}

/// What became of a request.
pub enum Outcome {
    /// The answer stands in the output.
    Written,
    /// The answer follows a shard's.
    Waiting(Waiting),
    /// The answer takes several steps; these are its bytes.
    Task(Pin<Box<dyn Future<Output = Vec<u8>>>>),
    /// The answer goes on until the connection ends.
    Events(Box<Events>),
}

/// A shard's answer that is not there yet.
pub struct Waiting {
    pub pending: Pending<Answer>,
    pub envelope: Envelope,
    pub caller: Identity,
    /// Of a query: what its columns are.
    pub plan: Option<Arc<Plan>>,
}

/// What a handler works on.
struct Exchange<'a> {
    api: &'a Rc<Api>,
    request: &'a Request<'a>,
    client: Client,
    envelope: Envelope,
}

/// A handler's way out: an answer of some kind, or a problem.
type Handled = Result<Outcome, Problem<'static>>;

impl Api {
    /// `seed` is chance, for tables keyed by what clients send.
    pub fn new(shard: ShardHandle, common: Arc<Common>, seed: [u64; 4]) -> Api {
        let now = shard.now();
        Api {
            tokens: RefCell::new(TokenCache::new(seed)),
            plans: RefCell::new(PlanCache::new(seed)),
            limits: Limits::new(&common.config.limits, shard.count(), seed),
            hashing: Rc::new(Turnstile::new(1, HASHES_WAITING_MAX)),
            scratch: RefCell::default(),
            compressor: RefCell::new(Compressor::new()),
            deflater: RefCell::default(),
            inflater: RefCell::default(),
            last_listener: Cell::new(0),
            date: RefCell::new((now.as_secs(), HttpDate::new(now))),
            refusals: RefusalAllowance::default(),
            started_at: now,
            shard,
            common,
        }
    }

    /// Whose connection one from `peer` is counted as; a proxy's is nobody's.
    pub fn connected_client(&self, peer: IpAddr) -> Option<ClientAddress> {
        self.limits.connected_client(peer)
    }

    /// How large a request's body may be.
    pub fn body_bytes_max(&self, head: &Head<'_>) -> usize {
        match Route::parse(head) {
            Ok(Route::Deploy) => {
                // The module, and a little for the form around it.
                self.common.config.http.module_bytes_max.as_usize() + FORM_BYTES
            }
            _ => self.common.config.http.body_bytes_max.as_usize(),
        }
    }

    /// Answers a request that came over a connection from `peer`, or begins to. `out` is the connection's output.
    pub fn handle(
        self: &Rc<Self>,
        request: &Request<'_>,
        peer: IpAddr,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let envelope = Envelope::of(&request.head, self);
        let client = self.limits.client(peer, &request.head);
        let exchange = Exchange { api: self, request, client, envelope };
        let handled = match Route::parse(&request.head) {
            Ok(route) => exchange.handle(route, out),
            Err(refused) => exchange.refuse_route(&refused, out),
        };
        handled.unwrap_or_else(|problem| {
            if problem.code == ProblemCode::Forbidden {
                let caller = self.caller(&request.head).ok().map(|claims| claims.identity);
                self.note_forbidden(&problem, caller, request.head.path);
            }
            Envelope::of(&request.head, self).problem(self, out, &problem);
            Outcome::Written
        })
    }

    /// Waits for a shard's answer and writes it.
    pub async fn write(&self, waiting: Waiting, out: &mut Vec<u8>) {
        let Waiting { pending, envelope, caller, plan } = waiting;
        match (pending.await, plan) {
            (Answer::Called(called), _) => call::write(self, &envelope, caller, called, out),
            (Answer::Rows(rows), Some(plan)) => sql::write(self, &envelope, &plan, rows, out),
            _ => envelope.problem(self, out, &problem::bug()),
        }
    }

    /// The `Date` of answers written now.
    fn date(&self) -> HttpDate {
        let now = self.shard.now();
        let mut cached = self.date.borrow_mut();
        if cached.0 != now.as_secs() {
            *cached = (now.as_secs(), HttpDate::new(now));
        }
        cached.1
    }
}

/// Passwords of one core that may wait to be hashed: at 20 ms each, the last one waits half a second.
const HASHES_WAITING_MAX: usize = 24;
/// Bytes of a form around a module.
const FORM_BYTES: usize = 16 << 10;

impl Exchange<'_> {
    fn handle(self, route: Route<'_>, out: &mut Vec<u8>) -> Handled {
        if self.api.shard.is_shutting_down() && route.is_work() {
            return Err(problem::unavailable_problem(Unavailable::ShuttingDown));
        }
        // Whether the server lives may be asked at any time.
        if route.is_work() {
            self.api.limits.take_request(self.client, self.api.shard.now())?;
        }
        match route {
            Route::Health => self.health(out),
            Route::Call { module, reducer } => self.call(module.as_deref(), &reducer),
            Route::Sql => self.sql(),
            Route::Ready => self.ready(out),
            Route::Diagnostics => self.diagnostics(),
            Route::SignUp => self.sign_up(),
            Route::SignIn => self.sign_in(),
            Route::RequestLink => self.request_link(),
            Route::VerifyLink => self.verify_link(),
            Route::Refresh => self.refresh(),
            Route::SignOut => self.sign_out(),
            Route::Me => self.me(),
            Route::Deploy => self.deploy(),
            Route::Modules => self.modules(out),
            Route::Module { name } => self.module(&name, out),
            Route::Schema { name } => self.schema(&name, out),
            Route::Undeploy { name } => self.undeploy(&name),
            Route::Grants => self.grants(),
            Route::Audit => self.audit(),
            Route::Grant => self.grant(true),
            Route::Revoke => self.grant(false),
            Route::OpenApi => self.openapi(out),
            Route::Subscribe => self.subscribe(),
            Route::Socket => self.refuse_socket(out),
            Route::Welcome => self.welcome(out),
        }
    }

    /// A task whose result is the answer's bytes.
    fn task<F>(self, steps: impl FnOnce(Rc<Api>) -> F) -> Handled
    where
        F: Future<Output = Result<envelope::Content, Problem<'static>>> + 'static,
    {
        let (api, envelope) = (Rc::clone(self.api), self.envelope);
        let steps = steps(Rc::clone(self.api));
        Ok(Outcome::Task(Box::pin(async move {
            let mut out = Vec::new();
            match steps.await {
                Ok(content) => content.write(&api, &envelope, &mut out),
                Err(problem) => envelope.problem(&api, &mut out, &problem),
            }
            out
        })))
    }
}
