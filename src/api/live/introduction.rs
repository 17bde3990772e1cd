//! Has modules told that a client has come, before it is welcomed, and that it has gone.

use std::sync::Arc;

use cosmictron_net::Problem;
use cosmictron_runtime::real::Pending;
use cosmictron_types::{ConnectionId, Duration, Identity};

use crate::api::problem::call_problem;
use crate::api::{Api, ShardHandle};
use crate::shard::{Answer, BeginVisit, CallError, EndVisit, Request, Unavailable};

/// Before a shard is asked again that had no room for it.
const PAUSE: Duration = Duration::from_millis(20);
/// How long shards may have no room before a client is sent away: a wave of clients that come back after a start has passed
/// by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Modules that are being told of a connection.
pub struct Introduction(Vec<Asked>);

struct Asked {
    begin: BeginVisit,
    pending: Pending<Answer>,
}

/// What came of telling them.
#[derive(Default)]
pub struct Introduced {
    pub visits: Visits,
    /// What reducers had against the client, which leaves no visit.
    pub problems: Vec<Problem<'static>>,
    /// Why some module could not be told.
    pub unavailable: Option<Unavailable>,
}

/// What has to be ended with a connection.
#[derive(Default)]
pub struct Visits(Vec<EndVisit>);

impl Introduction {
    /// `None` where no module wants to know.
    pub fn begin(api: &Api, identity: Identity, connection: ConnectionId) -> Option<Introduction> {
        let modules: Vec<Arc<str>> = api
            .shard
            .with(|shard| shard.directory().visited().map(|module| module.name.clone()).collect());
        let ask = |module| Asked::new(BeginVisit { module, connection, identity }, &api.shard);
        (!modules.is_empty()).then(|| Introduction(modules.into_iter().map(ask).collect()))
    }

    /// Waits until all have been told, and that is durable.
    pub async fn settle(self, shard: &ShardHandle) -> Introduced {
        let (mut introduced, mut asked) = (Introduced::default(), self.0);
        let end = shard.now() + PATIENCE;
        while !asked.is_empty() {
            let mut again = Vec::new();
            for Asked { begin, pending } in asked {
                let may_ask_again = shard.now() < end && !shard.is_shutting_down();
                match pending.await {
                    // Nothing was done.
                    Answer::Visit(Err(CallError::Unavailable(Unavailable::Overloaded)))
                        if may_ask_again =>
                    {
                        again.push(begin);
                    }
                    answer => introduced.note(begin.module, answer),
                }
            }
            if !again.is_empty() {
                shard.sleep(PAUSE).await;
            }
            asked = again.into_iter().map(|begin| Asked::new(begin, shard)).collect();
        }
        introduced
    }
}

impl Asked {
    fn new(begin: BeginVisit, shard: &ShardHandle) -> Asked {
        let pending = shard.request(Request::BeginVisit(begin.clone()));
        Asked { begin, pending }
    }
}

impl Introduced {
    fn note(&mut self, module: Arc<str>, answer: Answer) {
        match answer {
            Answer::Visit(Ok(None)) => {}
            Answer::Visit(Ok(Some(visit))) => self.visits.0.push(EndVisit { module, visit }),
            Answer::Visit(Err(CallError::Unavailable(why))) => self.unavailable = Some(why),
            Answer::Visit(Err(error)) => self.problems.push(refused(&module, error)),
            other => unreachable!("not what was asked for: {other:?}"),
        }
    }
}

/// A module's `client_connected` has refused or broken.
fn refused(module: &str, error: CallError) -> Problem<'static> {
    let problem = call_problem(error);
    Problem::new(problem.code, format!("client_connected of module {module}: {}", problem.detail))
}

impl Visits {
    /// Has all modules told that the connection has ended, and waits until they have been. What cannot be done now is owed:
    /// the modules' shards see to it, or the next start does.
    pub async fn end(self, shard: &ShardHandle) {
        let mut ends = self.0;
        while !ends.is_empty() {
            let ask = |end: EndVisit| (shard.request(Request::EndVisit(end.clone())), end);
            let asked: Vec<_> = std::mem::take(&mut ends).into_iter().map(ask).collect();
            for (pending, end) in asked {
                if let Answer::Visit(Err(CallError::Unavailable(Unavailable::Overloaded))) =
                    pending.await
                {
                    ends.push(end);
                }
            }
            if !ends.is_empty() {
                shard.sleep(PAUSE).await;
            }
        }
    }
}
