//! The audit: an append-only table of what was done to the server itself, and by whom.
//!
//! ```text
//! sign-ins, sign-outs, grants     the first shard     with the row of the account or session, in one transaction
//! deployments                     the module's home   with the module's row, in one transaction
//! refusals                        the first shard     on their own: they change nothing else
//! ```
//!
//! An entry is in the transaction of what it tells of, so neither is there without the other. Entries are removed when they
//! have grown old, and never changed. Whoever reads the audit reads every shard's part and puts them together by time.
//!
//! Invariants:
//! 1. No entry holds a secret, or a value of a user's row.

use std::fmt;
use std::ops::Bound;

use cosmictron_storage::{Key, KeyBuilder, Store};
use cosmictron_types::{Identity, IndexId, Timestamp, Uuid};
use serde::Serialize;

use super::{Seam, Shard};
use crate::catalog::{AuditRow, SystemTable};
use crate::shard::outbox::ReplyTo;
use crate::shard::request::{Answer, Unavailable};

/// Bytes of the longest subject or detail that is kept.
const TEXT_BYTES_MAX: usize = 256;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    SignUp,
    SignIn,
    /// A wrong password, or a link that was used or has expired.
    SignInRefused,
    SignOut,
    Deploy,
    Undeploy,
    Grant,
    Revoke,
    /// Somebody asked for what they may not.
    Refused,
}

/// Something to be written down.
#[derive(Clone, Debug)]
pub struct AuditNote {
    pub event: AuditEvent,
    /// Whose doing it is, where that is known.
    pub actor: Option<Identity>,
    /// What it was done to: an account, a module, a route.
    pub subject: String,
    pub detail: String,
}

/// What was written down, as clients are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    pub id: String,
    /// Microseconds since the Unix epoch.
    pub at: i64,
    pub event: String,
    pub actor: Option<String>,
    pub subject: String,
    pub detail: String,
}

/// Which entries of one shard.
#[derive(Clone, Copy, Debug)]
pub struct AuditRange {
    /// Only those behind this one.
    pub after: Option<Uuid>,
    pub count_max: usize,
}

impl AuditEvent {
    pub const fn name(self) -> &'static str {
        match self {
            AuditEvent::SignUp => "sign_up",
            AuditEvent::SignIn => "sign_in",
            AuditEvent::SignInRefused => "sign_in_refused",
            AuditEvent::SignOut => "sign_out",
            AuditEvent::Deploy => "deploy",
            AuditEvent::Undeploy => "undeploy",
            AuditEvent::Grant => "grant",
            AuditEvent::Revoke => "revoke",
            AuditEvent::Refused => "refused",
        }
    }
}

impl AuditNote {
    pub fn new(
        event: AuditEvent,
        actor: impl Into<Option<Identity>>,
        subject: impl fmt::Display,
        detail: impl fmt::Display,
    ) -> AuditNote {
        let (subject, detail) = (shorten(subject.to_string()), shorten(detail.to_string()));
        AuditNote { event, actor: actor.into(), subject, detail }
    }

    /// The row to insert into the open transaction. Rows sort by time; of one microsecond's, by chance.
    pub(super) fn into_row(self, now: Timestamp, seam: &mut Seam<'_>) -> AuditRow {
        let micros = u64::try_from(now.as_micros()).unwrap_or(0);
        AuditRow {
            id: Uuid::from_u64_pair(micros, seam.random()),
            at: now,
            event: self.event.name().to_owned(),
            actor: self.actor,
            subject: self.subject,
            detail: self.detail,
        }
    }
}

impl AuditEntry {
    fn new(row: AuditRow) -> AuditEntry {
        AuditEntry {
            id: row.id.to_string(),
            at: row.at.as_micros(),
            event: row.event,
            actor: row.actor.map(|actor| actor.to_string()),
            subject: row.subject,
            detail: row.detail,
        }
    }
}

impl Shard {
    /// Writes down what belongs to no other transaction. Nobody waits for it.
    pub(super) fn note(
        &mut self,
        note: AuditNote,
        now: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<(), Unavailable> {
        let row = note.into_row(now, seam);
        self.transact(now, seam, |store| row.insert(store))
    }

    /// Answers with this shard's part of the audit, once it is durable.
    pub(super) fn read_audit(&mut self, range: AuditRange, reply: ReplyTo, seam: &mut Seam<'_>) {
        let answer = self.admit_read(seam).map(|()| entries(self.store(), range));
        self.hold(Some(reply), Answer::Audit(answer), seam.now(), Vec::new(), seam);
    }
}

fn entries(store: &Store, range: AuditRange) -> Vec<AuditEntry> {
    let table = AuditRow::table(store);
    let key = |id: Uuid| -> Key {
        let mut key = KeyBuilder::new(table.def().index(IndexId::new(0)));
        key.value(&id).expect("a value of the column's type makes a key");
        key.finish()
    };
    let after = range.after.map(key);
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let rows = table.range(IndexId::new(0), from, Bound::Unbounded).take(range.count_max);
    rows.map(|row| AuditEntry::new(AuditRow::read(table, row))).collect()
}

/// Cuts a text that a client may have chosen.
fn shorten(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8()));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let note = AuditNote::new(AuditEvent::Refused, None, "ä".repeat(500), "short");
        assert!(note.subject.len() <= TEXT_BYTES_MAX && note.subject.ends_with('…'));
        assert_eq!(note.detail, "short");
    }
}
