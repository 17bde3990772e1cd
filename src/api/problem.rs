//! Which problem each refusal is to a client.

use std::borrow::Cow;
use std::io::ErrorKind;

use cosmictron_net::{Member, Problem, ProblemCode};
use cosmictron_runtime::real::{JobPanicked, PoolFull};
use cosmictron_sql::SqlError;
use cosmictron_types::json::JsonError;

use super::route::RouteError;
use super::{Exchange, Handled, Outcome};
use crate::directory::LookupError;
use crate::module_files::StoreError;
use crate::shard::{
    AccountError, CallError, DeployError, QueryError, Unavailable, UndeployError, ViewError,
};

/// When whoever met a full queue may try again, in seconds.
const RETRY_SECS: u32 = 1;
/// When whoever met a server that goes away may try again, in seconds.
const RESTART_SECS: u32 = 5;

impl Exchange<'_> {
    /// Answers a request that names no route.
    pub(super) fn refuse_route(self, refused: &RouteError, out: &mut Vec<u8>) -> Handled {
        let api = self.api;
        match refused {
            RouteError::Unknown => {
                let detail = format!("there is nothing at {}", shown(self.request.head.path));
                return Err(Problem::new(ProblemCode::NotFound, detail));
            }
            RouteError::Malformed(detail) => {
                return Err(Problem::new(ProblemCode::InvalidRequest, *detail));
            }
            RouteError::Method { allowed } => {
                let detail = format!("the methods here are {allowed}");
                let problem = Problem::new(ProblemCode::MethodNotAllowed, detail);
                self.envelope.problem_allowing(api, out, &problem, allowed);
            }
            RouteError::Options { allowed } => {
                self.envelope.options(api, out, &self.request.head, allowed);
            }
        }
        Ok(Outcome::Written)
    }
}

/// A client's own words, cut to a length fit for an answer.
pub(super) fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(128)]
}

pub(super) fn unavailable_problem(error: Unavailable) -> Problem<'static> {
    let (code, secs) = match error {
        Unavailable::ShuttingDown => (ProblemCode::ShuttingDown, RESTART_SECS),
        Unavailable::Overloaded => (ProblemCode::Overloaded, RETRY_SECS),
        Unavailable::LogFailed => (ProblemCode::Unavailable, RESTART_SECS),
        Unavailable::OutOfSpace | Unavailable::StorageFull => {
            return Problem::new(ProblemCode::OutOfSpace, error.to_string());
        }
    };
    Problem::new(code, error.to_string()).retry_after(secs)
}

pub(super) fn call_problem(error: CallError) -> Problem<'static> {
    let code = match &error {
        CallError::Unavailable(why) => return unavailable_problem(*why),
        CallError::Reducer(_) => ProblemCode::ReducerFailed,
        CallError::DeadlineExceeded => ProblemCode::DeadlineExceeded,
        CallError::Replaced | CallError::KeyReused => ProblemCode::Conflict,
        CallError::Undeployed => ProblemCode::NotFound,
        CallError::Forbidden { .. } | CallError::Lifecycle => ProblemCode::Forbidden,
    };
    Problem::new(code, error.to_string())
}

pub(super) fn query_problem(error: &QueryError) -> Problem<'static> {
    match error {
        QueryError::Unavailable(why) => unavailable_problem(*why),
        QueryError::Sql(error) => sql_problem(error),
        QueryError::View { why: ViewError::DeadlineExceeded, .. } => {
            Problem::new(ProblemCode::DeadlineExceeded, error.to_string())
        }
        QueryError::View { .. } => Problem::new(ProblemCode::ReducerFailed, error.to_string()),
    }
}

pub(super) fn sql_problem(error: &SqlError) -> Problem<'static> {
    let code = match error {
        SqlError::Ambiguous { candidates, .. } => {
            let candidates = candidates.iter().map(|name| Cow::Owned(name.clone())).collect();
            return Problem::new(ProblemCode::AmbiguousName, error.to_string())
                .with("candidates", Member::Texts(candidates));
        }
        SqlError::NotPublic { .. } | SqlError::Policy { .. } => ProblemCode::Forbidden,
        SqlError::HistoryExpired { oldest, .. } => {
            return Problem::new(ProblemCode::HistoryExpired, error.to_string())
                .with("oldest_tx_id", Member::Number(oldest.get()));
        }
        SqlError::StalePlan { .. } => ProblemCode::Conflict,
        SqlError::Exhausted { .. } | SqlError::TextTooLong { .. } => ProblemCode::TooLarge,
        _ => ProblemCode::InvalidRequest,
    };
    Problem::new(code, error.to_string())
}

pub(super) fn json_problem(error: &JsonError) -> Problem<'static> {
    Problem::new(ProblemCode::InvalidRequest, error.to_string())
}

pub(super) fn lookup_problem(
    error: &LookupError,
    kind: &'static str,
    name: &str,
) -> Problem<'static> {
    let name = shown(name);
    match error {
        LookupError::Unknown => {
            Problem::new(ProblemCode::NotFound, format!("there is no {kind} {name}"))
        }
        LookupError::Ambiguous(modules) => {
            let candidates: Vec<Cow<'static, str>> =
                modules.iter().map(|module| Cow::Owned(format!("{module}/{name}"))).collect();
            let detail = format!("several modules have a {kind} {name}: name one");
            Problem::new(ProblemCode::AmbiguousName, detail)
                .with("candidates", Member::Texts(candidates))
        }
    }
}

pub(super) fn account_problem(error: AccountError) -> Problem<'static> {
    let code = match error {
        AccountError::Unavailable(why) => return unavailable_problem(why),
        AccountError::Exists => ProblemCode::Conflict,
        AccountError::Unknown => ProblemCode::NotFound,
        AccountError::LinkSpent => ProblemCode::Unauthenticated,
    };
    Problem::new(code, error.to_string())
}

pub(super) fn deploy_problem(error: &DeployError) -> Problem<'static> {
    match error {
        DeployError::Unavailable(why) => unavailable_problem(*why),
        DeployError::Incompatible(differences) => {
            let differences = differences.iter().map(|text| Cow::Owned(text.clone())).collect();
            Problem::new(ProblemCode::Conflict, error.to_string())
                .with("differences", Member::Texts(differences))
        }
        DeployError::Init(_) => Problem::new(ProblemCode::ReducerFailed, error.to_string()),
    }
}

pub(super) fn store_problem(error: &StoreError) -> Problem<'static> {
    match error {
        StoreError::Compile(error) => {
            Problem::new(ProblemCode::InvalidRequest, format!("module: {error}"))
        }
        StoreError::Io(error) => {
            tracing::error!(%error, "a module could not be kept");
            let code = match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ProblemCode::OutOfSpace,
                _ => ProblemCode::Unavailable,
            };
            Problem::new(code, "the module could not be kept on the disk")
        }
    }
}

pub(super) fn undeploy_problem(error: UndeployError, name: &str) -> Problem<'static> {
    match error {
        UndeployError::Unavailable(why) => unavailable_problem(why),
        UndeployError::Unknown => lookup_problem(&LookupError::Unknown, "module", name),
    }
}

pub(super) fn pool_problem(_: PoolFull) -> Problem<'static> {
    busy_problem()
}

/// There is slow work enough.
pub(super) fn busy_problem() -> Problem<'static> {
    Problem::new(ProblemCode::Overloaded, "more slow work waits than may wait")
        .retry_after(RETRY_SECS)
}

pub(super) fn panic_problem(panicked: &JobPanicked) -> Problem<'static> {
    tracing::error!(message = panicked.message, "a job on the helper pool has panicked");
    Problem::new(ProblemCode::Internal, "the server has made a mistake")
}

/// A shard answered something else than was asked.
pub(super) fn bug() -> Problem<'static> {
    Problem::new(ProblemCode::Internal, "the server has made a mistake")
}
