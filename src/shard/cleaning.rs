//! Removes what has expired: answers kept for idempotency, sessions, links. In slices, so that nobody waits for it.

use cosmictron_storage::Store;
use cosmictron_types::{Duration, Timestamp};

use super::{Seam, Shard};
use crate::catalog::{IdempotentAnswer, MagicLink, Session, SystemTable};

/// Rows removed at once.
const SLICE_ROWS: usize = 256;
/// Between two looks when nothing more had expired.
const REST: Duration = Duration::from_secs(10);
/// Between two slices.
const PAUSE: Duration = Duration::from_millis(20);

impl Shard {
    pub(super) fn clean(&mut self, seam: &mut Seam<'_>) {
        let now = seam.now();
        if now < self.next_cleaning {
            return;
        }
        self.journal.retry_space(seam);
        self.directory.forget_expired(now);
        let expired = Expired::at(self.store(), now);
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
}

impl Expired {
    fn at(store: &Store, now: Timestamp) -> Self {
        fn oldest<T: SystemTable>(store: &Store, is_over: impl Fn(&T) -> bool) -> Vec<T> {
            let mut rows = T::first(store, "expires_at", SLICE_ROWS);
            rows.retain(is_over);
            rows
        }
        Self {
            answers: oldest(store, |answer: &IdempotentAnswer| answer.expires_at <= now),
            sessions: oldest(store, |session: &Session| session.expires_at <= now),
            links: oldest(store, |link: &MagicLink| link.expires_at <= now),
        }
    }

    fn count(&self) -> usize {
        self.answers.len() + self.sessions.len() + self.links.len()
    }
}
