//! Ends connections whose token was signed out, at once and on every core.
//!
//! A connection says which session its token belongs to. When that is revoked, which every core is told, the connection is
//! told so in place of all that waits for it: nothing more is for whoever holds that token.

use cosmictron_types::Uuid;

use super::ListenerId;
use super::listener::End;
use crate::directory::Notice;
use crate::shard::Shard;

impl Shard {
    /// A connection has shown a token of a session. It may have been revoked since that was looked at.
    pub(super) fn identify(&mut self, listener: ListenerId, session: Uuid) {
        self.live.listeners.entry(listener).or_default().session = Some(session);
        if self.directory.is_revoked(session) {
            self.end_listener(listener);
        }
    }

    /// Ends the connections of a session that was revoked.
    pub(in crate::shard) fn note_revocation(&mut self, notice: &Notice) {
        let Notice::Revoked { session, .. } = notice else { return };
        let parties = self.live.listeners.iter();
        let ended = parties.filter(|(_, party)| party.session == Some(*session));
        let ended: Vec<ListenerId> = ended.map(|(listener, _)| *listener).collect();
        ended.into_iter().for_each(|listener| self.end_listener(listener));
    }

    fn end_listener(&mut self, listener: ListenerId) {
        if let Some(party) = self.live.listeners.get_mut(&listener) {
            party.listener.end(End::SignedOut);
        }
        self.tell_listener(listener);
    }
}
