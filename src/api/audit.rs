//! `GET /v1/admin/audit`, and the writing down of refusals, which no transaction does.

use std::cell::Cell;

use cosmictron_net::{Problem, ProblemCode, Query, Status};
use cosmictron_types::{Duration, Identity, Timestamp, Uuid};
use serde::Serialize;

use super::account::to_json;
use super::envelope::Content;
use super::problem::{bug, unavailable_problem};
use super::{Api, Exchange, Handled};
use crate::auth::Role;
use crate::shard::{
    AccountRequest, Answer, AuditEntry, AuditEvent, AuditNote, AuditRange, Request,
};

/// Entries of one answer, when nothing else is asked for, and at most.
const ENTRIES: usize = 100;
const ENTRIES_MAX: usize = 10_000;
/// Refusals that one core writes down at once, and how soon it may write another one: whoever is refused all the time
/// fills neither the log nor the memory.
const REFUSALS_AT_ONCE: u32 = 100;
const REFUSAL_PERIOD: Duration = Duration::from_millis(100);

/// How many refusals one core may write down now.
#[derive(Default)]
pub(super) struct RefusalAllowance {
    spent: Cell<u32>,
    /// Since when what was spent comes back.
    since: Cell<Timestamp>,
    /// Refusals that were not written down since the last one that was.
    passed_over: Cell<u64>,
}

#[derive(Serialize)]
struct List {
    entries: Vec<AuditEntry>,
    /// Whether there are more behind the last one.
    truncated: bool,
}

impl RefusalAllowance {
    /// Whether one more may be written down, and how many were not before it.
    fn take(&self, now: Timestamp) -> Option<u64> {
        let elapsed = (now - self.since.get()).as_micros().max(0);
        let back = u32::try_from(elapsed / REFUSAL_PERIOD.as_micros()).unwrap_or(u32::MAX);
        if back > 0 {
            self.since.set(now);
        }
        let spent = self.spent.get().saturating_sub(back);
        let is_granted = spent < REFUSALS_AT_ONCE;
        self.spent.set(spent + u32::from(is_granted));
        if !is_granted {
            self.passed_over.set(self.passed_over.get() + 1);
            return None;
        }
        Some(self.passed_over.take())
    }
}

impl Api {
    /// Writes down that somebody was refused. Nobody waits for it; of very many not all are.
    pub(super) fn note_refusal(
        &self,
        event: AuditEvent,
        actor: Option<Identity>,
        subject: &str,
        detail: &str,
    ) {
        let Some(passed_over) = self.refusals.take(self.shard.now()) else { return };
        let note = match passed_over {
            0 => AuditNote::new(event, actor, subject, detail),
            more => {
                let detail = format!("{detail} (and {more} refusals before that are not here)");
                AuditNote::new(event, actor, subject, detail)
            }
        };
        drop(self.shard.request(Request::Account(AccountRequest::Note(note))));
    }

    /// Writes a refusal down, if this is one of somebody who asks for what they may not.
    pub(super) fn note_forbidden(
        &self,
        problem: &Problem<'_>,
        actor: Option<Identity>,
        subject: &str,
    ) {
        if problem.code == ProblemCode::Forbidden {
            self.note_refusal(AuditEvent::Refused, actor, subject, &problem.detail);
        }
    }
}

impl Exchange<'_> {
    /// Lists what was done to the server, oldest first.
    pub(super) fn audit(self) -> Handled {
        self.caller_with(Role::Admin)?;
        let range = read_range(&Query::new(self.request.head.query))?;
        self.task(async move |api| {
            let shards: Vec<_> = api.shard.count().shards().collect();
            // One more than is shown tells whether there are more.
            let part = AuditRange { count_max: range.count_max + 1, ..range };
            let asked = shards.into_iter().map(|it| api.shard.request(Request::Audit(it, part)));
            let asked: Vec<_> = asked.collect();
            let mut entries: Vec<AuditEntry> = Vec::new();
            for pending in asked {
                match pending.await {
                    Answer::Audit(part) => entries.extend(part.map_err(unavailable_problem)?),
                    _ => return Err(bug()),
                }
            }
            // Ids begin with the time, and sort as texts as they do as bytes.
            entries.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            let truncated = entries.len() > range.count_max;
            entries.truncate(range.count_max);
            Ok(Content::Json(Status::Ok, to_json(&List { entries, truncated })))
        })
    }
}

fn read_range(query: &Query<'_>) -> Result<AuditRange, Problem<'static>> {
    let invalid = |detail: String| Problem::new(ProblemCode::InvalidRequest, detail);
    let find =
        |name: &'static str| query.find(name).map_err(|error| invalid(format!("{name}: {error}")));
    let after = find("after")?.map(|text| Uuid::parse_str(&text));
    let after = after.transpose().map_err(|_| invalid("after: the id of an entry".to_owned()))?;
    let limit = find("limit")?.map(|text| text.parse().ok());
    let count_max = match limit {
        None => ENTRIES,
        Some(Some(limit)) if (1..=ENTRIES_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid(format!("limit: 1 to {ENTRIES_MAX}"))),
    };
    Ok(AuditRange { after, count_max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_written() {
        let allowance = RefusalAllowance::default();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let granted = (0..500).filter(|_| allowance.take(now).is_some()).count();
        assert_eq!(granted, REFUSALS_AT_ONCE as usize);
        assert_eq!(allowance.take(now), None);
        assert_eq!(allowance.take(now + REFUSAL_PERIOD), Some(401));
        assert_eq!(allowance.take(now + REFUSAL_PERIOD), None);
        assert_eq!(allowance.take(now + Duration::from_secs(60)), Some(1));
    }
}
