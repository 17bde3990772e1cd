//! What is asked of a shard, and what it answers.
//!
//! A request may be made on any core: it carries what it needs and is sent on to the shard that owns the data. So
//! requests and answers own their bytes.

use std::fmt;
use std::sync::Arc;

use cosmictron_sql::{
    EncodedRows, ExecutionLimits, Params, PartialRows, Plan, RowFormat, SqlError,
};
use cosmictron_types::{ConnectionId, Duration, Identity, ShardId, Timestamp, TxId, Uuid};
use cosmictron_wasm_host::CompiledModule;

use super::audit::{AuditEntry, AuditNote, AuditRange};
use super::live::feed::FeedBatch;
use super::live::opening::Tap;
use super::live::{LiveRequest, Told};
use super::reach::Reach;
use super::report::ShardReport;
use super::view::{ViewRun, Viewed, Views};
use crate::auth::{EmailAddress, PasswordHash, Right};
use crate::directory::{Destination, Module};

/// Asked by a task on some core.
#[derive(Debug)]
pub enum Request {
    /// Answered once this shard knows what all others know and clients may come. Nothing else is asked before.
    Join,
    /// Of the first shard: lets clients come, on every core.
    Open {
        /// Whether every log has been begun since the start.
        have_all_begun: bool,
    },
    /// Answered once everything that a shard did is durable.
    Sync(ShardId),
    Call(Call),
    Query(Query),
    Deploy(Deploy),
    Undeploy(Undeploy),
    Account(AccountRequest),
    /// Tell a module of a connection.
    BeginVisit(BeginVisit),
    /// Tell a module that a connection has ended that it was told of.
    EndVisit(EndVisit),
    /// Figures of one shard.
    Report(ShardId),
    /// Of one shard: its part of the audit.
    Audit(ShardId, AuditRange),
    /// Of one shard: its part of a query that another one gathers.
    Part(Part),
    /// Of one shard: its newest transaction that is not after a time.
    LastBefore(Timestamp),
    /// About live queries of the core that is asked.
    Live(LiveRequest),
    /// Of one shard: what a live query of a core has to know from now on.
    Tap(Tap),
    /// Of one shard: up to which transaction it has told everything.
    Progress,
    /// Run the views of a live query.
    RunViews(ViewRun),
}

/// Run a reducer.
#[derive(Debug)]
pub struct Call {
    /// The version by whose schema `args` are encoded.
    pub module: Arc<Module>,
    /// The reducer's place in the schema.
    pub reducer: usize,
    /// The arguments' row, checked.
    pub args: Vec<u8>,
    pub sender: Identity,
    pub connection: ConnectionId,
    pub idempotency: Option<IdempotencyKey>,
    pub destination: Destination,
}

/// What makes a call exactly-once, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Of the caller and the key.
    pub key: Identity,
    /// Of what is called with which arguments.
    pub fingerprint: Identity,
}

/// Read by SQL.
#[derive(Clone)]
pub struct Query {
    pub plan: Arc<Plan>,
    pub params: Params,
    /// Where the rows of its tables are.
    pub reach: Reach,
    /// Its views, where it names some.
    pub views: Option<Views>,
    /// How the rows are to be encoded.
    pub format: RowFormat,
}

/// Read what is on one shard.
pub struct Part {
    pub plan: Arc<Plan>,
    pub params: Arc<Params>,
    /// As of this transaction.
    pub tx: TxId,
    pub limits: ExecutionLimits,
}

/// Make a compiled module the current version of a name.
#[derive(Debug)]
pub struct Deploy {
    pub name: Arc<str>,
    pub compiled: CompiledModule,
    pub deployer: Identity,
}

/// Take a module out of service.
#[derive(Debug)]
pub struct Undeploy {
    pub name: Arc<str>,
    pub data: DataFate,
    pub by: Identity,
}

/// What becomes of an undeployed module's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFate {
    Keep,
    Drop,
}

/// Tell a module of a connection, once.
#[derive(Clone, Debug)]
pub struct BeginVisit {
    pub module: Arc<str>,
    pub connection: ConnectionId,
    pub identity: Identity,
}

/// Tell a module that a connection has ended. Once it is asked for, it is done, if need be after the next start.
#[derive(Clone, Debug)]
pub struct EndVisit {
    pub module: Arc<str>,
    /// The transaction in which the module was told of the connection.
    pub visit: TxId,
}

/// About accounts and sessions: the first shard's.
#[derive(Debug)]
pub enum AccountRequest {
    /// Makes an account and opens a session.
    SignUp {
        email: EmailAddress,
        password: PasswordHash,
        expires_at: Timestamp,
    },
    /// What a password is to be compared with.
    Credentials {
        email: EmailAddress,
    },
    /// Opens another session of an existing account.
    OpenSession {
        identity: Identity,
        expires_at: Timestamp,
        why: Opening,
    },
    CloseSession {
        session: Uuid,
    },
    /// Keeps the hash of a link's token.
    MakeLink {
        email: EmailAddress,
        token: Identity,
        expires_at: Timestamp,
    },
    /// Uses a link up and opens a session, making the account where there is none.
    UseLink {
        token: Identity,
        expires_at: Timestamp,
    },
    Profile {
        identity: Identity,
    },
    /// The addresses of accounts, where they have one.
    Emails {
        identities: Vec<Identity>,
    },
    /// Gives or takes a role or a capability.
    Grant {
        email: EmailAddress,
        right: Right,
        granted: bool,
        by: Identity,
    },
    /// Writes something down.
    Note(AuditNote),
    /// Makes the account that owns `admin.token`, where there is none, and opens a session of it.
    Bootstrap {
        expires_at: Timestamp,
    },
}

/// Why a session of an existing account is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the account's password.
    SignIn,
    /// With a token that is still good.
    Refresh,
}

/// What came of a request, of the same kind.
#[derive(Debug)]
pub enum Answer {
    Joined,
    Called(Result<Called, CallError>),
    Rows(Result<Rows, QueryError>),
    Part(Result<Box<PartRows>, QueryError>),
    /// `None` when it is not known any more.
    LastBefore(Result<Option<TxId>, Unavailable>),
    Deployed(Result<Deployed, DeployError>),
    Undeployed(Result<(), UndeployError>),
    Account(Result<AccountAnswer, AccountError>),
    /// The visit that is to be ended, where there is one.
    Visit(Result<Option<TxId>, CallError>),
    Report(Box<ShardReport>),
    Audit(Result<Vec<AuditEntry>, Unavailable>),
    Synced(Result<(), Unavailable>),
    /// What a listener is told.
    Told(Told),
    Tapped(Result<(), QueryError>),
    Viewed(Result<Box<Viewed>, QueryError>),
    /// Everything up to this transaction.
    Progress(TxId),
    /// What a transaction changes for live queries of a core; not asked for.
    Fed(FeedBatch),
}

impl Request {
    /// The answer that says that nothing was done.
    pub fn refuse(&self, why: Unavailable) -> Answer {
        match self {
            Request::Join
            | Request::Open { .. }
            | Request::Sync(_)
            | Request::Report(_)
            | Request::Live(_)
            | Request::Progress => Answer::Synced(Err(why)),
            Request::Tap(_) => Answer::Tapped(Err(why.into())),
            Request::RunViews(_) => Answer::Viewed(Err(why.into())),
            Request::Call(_) => Answer::Called(Err(why.into())),
            Request::Query(_) => Answer::Rows(Err(why.into())),
            Request::Part(_) => Answer::Part(Err(why.into())),
            Request::LastBefore(_) => Answer::LastBefore(Err(why)),
            Request::Audit(..) => Answer::Audit(Err(why)),
            Request::Deploy(_) => Answer::Deployed(Err(why.into())),
            Request::Undeploy(_) => Answer::Undeployed(Err(why.into())),
            Request::Account(_) => Answer::Account(Err(why.into())),
            Request::BeginVisit(_) | Request::EndVisit(_) => Answer::Visit(Err(why.into())),
        }
    }
}

impl Answer {
    /// Whether it says no more than that the shard takes no such work now: nothing was done, and nothing is told of any
    /// transaction. (A sync that is refused still waits for what was done before.)
    pub fn is_turned_away(&self) -> bool {
        matches!(
            self,
            Answer::Called(Err(CallError::Unavailable(_)))
                | Answer::Rows(Err(QueryError::Unavailable(_)))
                | Answer::Part(Err(QueryError::Unavailable(_)))
                | Answer::LastBefore(Err(_))
                | Answer::Audit(Err(_))
                | Answer::Deployed(Err(DeployError::Unavailable(_)))
                | Answer::Undeployed(Err(UndeployError::Unavailable(_)))
                | Answer::Account(Err(AccountError::Unavailable(_)))
                | Answer::Visit(Err(CallError::Unavailable(_)))
                | Answer::Tapped(Err(QueryError::Unavailable(_)))
                | Answer::Viewed(Err(QueryError::Unavailable(_)))
        )
    }

    /// The answer of the same kind that says that the outcome is not known.
    pub fn refuse(&self, why: Unavailable) -> Answer {
        match self {
            Answer::Joined
            | Answer::Synced(_)
            | Answer::Report(_)
            | Answer::Told(_)
            | Answer::Progress(_)
            | Answer::Fed(_) => Answer::Synced(Err(why)),
            Answer::Tapped(_) => Answer::Tapped(Err(why.into())),
            Answer::Viewed(_) => Answer::Viewed(Err(why.into())),
            Answer::Called(_) => Answer::Called(Err(why.into())),
            Answer::Rows(_) => Answer::Rows(Err(why.into())),
            Answer::Part(_) => Answer::Part(Err(why.into())),
            Answer::LastBefore(_) => Answer::LastBefore(Err(why)),
            Answer::Audit(_) => Answer::Audit(Err(why)),
            Answer::Deployed(_) => Answer::Deployed(Err(why.into())),
            Answer::Undeployed(_) => Answer::Undeployed(Err(why.into())),
            Answer::Account(_) => Answer::Account(Err(why.into())),
            Answer::Visit(_) => Answer::Visit(Err(why.into())),
        }
    }
}

/// A committed call.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    pub tx: TxId,
    /// From its arrival at the shard until it was durable.
    pub duration: Duration,
    /// The result as JSON, when the reducer returns a value.
    pub result: Option<String>,
}

/// The rows of a query, and the transaction up to which they are exact.
pub struct Rows {
    pub tx: TxId,
    pub rows: EncodedRows,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({} of {:?})", self.plan.explain().escape_debug(), self.reach)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({} as of {})", self.plan.explain().escape_debug(), self.tx)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({} {})", self.tx, self.rows.told().escape_ascii())
    }
}

/// One shard's part of an answer.
#[derive(Debug)]
pub struct PartRows {
    /// The shard's newest transaction that it shows; or the moment that was asked for, when the shard has gone on since.
    pub newest: TxId,
    pub rows: PartialRows,
}

/// A deployed module, and whether its name was new.
#[derive(Debug)]
pub struct Deployed {
    pub module: Arc<Module>,
    pub is_new: bool,
}

/// What an account request yields.
#[derive(Debug, PartialEq)]
pub enum AccountAnswer {
    Session {
        identity: Identity,
        session: Uuid,
    },
    /// `None` when there is no such account, or it has no password.
    Credentials(Option<(Identity, PasswordHash)>),
    Profile {
        email: Option<String>,
    },
    /// As they were asked for; `None` for an account without an address.
    Emails(Vec<Option<String>>),
    Done,
}

/// Why a shard takes no work now. Nobody's fault but the machine's; whoever asked may try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("more is waiting for the disk or for another core than may wait")]
    Overloaded,
    /// Whether the call has happened is not known until the server was started again.
    #[error(
        "the write-ahead log has failed; the outcome of calls in flight is unknown until the server restarts"
    )]
    LogFailed,
    #[error("the disk is full")]
    OutOfSpace,
    #[error("the server's memory for rows is full")]
    StorageFull,
}

/// Why a call has no effect.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The reducer refused or broke, in its own words.
    #[error("{0}")]
    Reducer(String),
    #[error("the reducer ran for longer than it may")]
    DeadlineExceeded,
    #[error(
        "the module was replaced by one whose reducer takes other arguments; send the call again"
    )]
    Replaced,
    #[error("the module was undeployed")]
    Undeployed,
    #[error("the idempotency key was used for another call")]
    KeyReused,
    /// What it would have written is not the caller's to write. Says no more of the row than its table.
    #[error("a policy of table {table} forbids what the reducer writes")]
    Forbidden { table: Arc<str> },
    /// A reducer that only the server calls.
    #[error("the reducer is called by the server alone")]
    Lifecycle,
}

/// Why a query has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("view {view}: {why}")]
    View { view: Arc<str>, why: ViewError },
}

/// Why a view yields nothing. Its author's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// It refused or broke, in its own words.
    #[error("{0}")]
    Broken(String),
    #[error("it ran for longer than it may")]
    DeadlineExceeded,
}

/// Why a module was not deployed; what was there before goes on.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Rows that exist cannot follow the new schema: every difference in words.
    #[error("existing rows cannot follow the new schema: {}", .0.join("; "))]
    Incompatible(Vec<String>),
    #[error("init: {0}")]
    Init(String),
}

/// Why a module was not undeployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UndeployError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("there is no such module")]
    Unknown,
}

/// Why an account request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("an account with this address exists")]
    Exists,
    #[error("there is no such account")]
    Unknown,
    #[error("the link was used, has expired or was never made")]
    LinkSpent,
}
