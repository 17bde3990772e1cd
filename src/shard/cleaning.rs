//! Removes what has expired: answers kept for idempotency, sessions, links, old entries of the audit, and what rows were before. In slices, so that
//! nobody waits for it.

use cosmictron_storage::Store;
use cosmictron_types::{Duration, Timestamp};

use super::{Seam, Shard};
use crate::catalog::{AuditRow, IdempotentAnswer, MagicLink, Session, SystemTable};

/// Rows removed at once.
const SLICE_ROWS: usize = 256;
/// Between two looks when nothing more had expired.
const REST: Duration = Duration::from_secs(10);
/// Between two slices.
const PAUSE: Duration = Duration::from_millis(20);

/// Blocks of old versions, and deleted rows in them, forgotten at once: about 0.2 ms.
const SLICE_STEPS: usize = 512;
/// Between two slices of forgetting.
const FORGETTING_PAUSE: Duration = Duration::from_millis(2);
/// Between two looks for what has become too old, at least.
const FORGETTING_REST_MIN: Duration = Duration::from_millis(500);

impl Shard {
    /// Forgets what rows were before the time that is kept.
    pub(super) fn forget(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        if now < self.next_forgetting {
            return;
        }
        let kept = self.options.history_time;
        let is_unfinished = self.store_mut().forget(now - kept, SLICE_STEPS);
        // Late by an eighth at most: then little is kept longer than it has to be.
        let rest = Duration::from_micros(kept.as_micros() / 8);
        self.next_forgetting = now
            + match is_unfinished {
                true => FORGETTING_PAUSE,
                false => rest.clamp(FORGETTING_REST_MIN, REST),
            };
    }

    pub(super) fn clean(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        if now < self.next_cleaning {
            return;
        }
        self.journal.retry_space(seam);
        self.directory.forget_expired(now);
        let expired = Expired::at(self.store(), now, now - self.options.audit_kept);
        self.next_cleaning = now + if expired.count() < SLICE_ROWS { REST } else { PAUSE };
        if expired.count() == 0 || self.admit_write(seam).is_err() {
            return;
        }
        let removed = self.transact(now, seam, |store| {
            for answer in &expired.answers {
                IdempotentAnswer::delete(store, "key", &answer.key)?;
            }
            for session in &expired.sessions {
                Session::delete(store, "id", &session.id)?;
            }
            for link in &expired.links {
                MagicLink::delete(store, "token", &link.token)?;
            }
            for entry in &expired.audit {
                AuditRow::delete(store, "id", &entry.id)?;
            }
            Ok(())
        });
        if let Err(error) = removed {
            tracing::debug!(%error, "what has expired stays a little longer");
        }
    }
}

/// Rows whose time is over.
struct Expired {
    answers: Vec<IdempotentAnswer>,
    sessions: Vec<Session>,
    links: Vec<MagicLink>,
    audit: Vec<AuditRow>,
}

impl Expired {
    /// `audited` is the time before which entries of the audit are old.
    fn at(store: &Store, now: Timestamp, audited: Timestamp) -> Self {
        fn oldest<T: SystemTable>(
            store: &Store,
            column: &str,
            is_over: impl Fn(&T) -> bool,
        ) -> Vec<T> {
            let mut rows = T::first(store, column, SLICE_ROWS);
            rows.retain(is_over);
            rows
        }
        Self {
            answers: oldest(store, "expires_at", |answer: &IdempotentAnswer| {
                answer.expires_at <= now
            }),
            sessions: oldest(store, "expires_at", |session: &Session| session.expires_at <= now),
            links: oldest(store, "expires_at", |link: &MagicLink| link.expires_at <= now),
            audit: oldest(store, "at", |entry: &AuditRow| entry.at < audited),
        }
    }

    fn count(&self) -> usize {
        self.answers.len() + self.sessions.len() + self.links.len() + self.audit.len()
    }
}
