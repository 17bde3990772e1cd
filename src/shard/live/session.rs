//! Ends connections whose token was signed out, or whose account may now read something else, at once and on every core.
//!
//! A connection says which session its token belongs to, and whose. When that is revoked, or the account's rights change so
//! that its queries may show something else, which every core is told, the connection is told so in place of all that waits
//! for it: nothing more is for whoever holds that token, or nothing as it was planned.

use super::ListenerId;
use super::listener::End;
use crate::auth::Claims;
use crate::directory::Notice;
use crate::shard::Shard;

impl Shard {
    /// A connection has shown a token. It may have been revoked since that was looked at.
    pub(super) fn identify(&mut self, listener: ListenerId, claims: Claims) {
        self.live.listeners.entry(listener).or_default().claims = Some(claims);
        if self.directory.is_revoked(claims.session) {
            self.end_listener(listener, End::SignedOut);
        }
    }

    /// Ends the connections that a notice is against. To be called before the directory takes it in.
    pub(in crate::shard) fn end_affected(&mut self, notice: &Notice) {
        match notice {
            Notice::Revoked { session, .. } => {
                self.end_listeners(End::SignedOut, |claims| claims.session == *session);
            }
            Notice::Rights(identity, rights)
                if !rights.reads_as(self.directory.rights(*identity)) =>
            {
                self.end_listeners(End::RightsChanged, |claims| claims.identity == *identity);
            }
            _ => {}
        }
    }

    fn end_listeners(&mut self, end: End, is_affected: impl Fn(&Claims) -> bool) {
        let parties = self.live.listeners.iter();
        let ended = parties.filter(|(_, party)| party.claims.as_ref().is_some_and(&is_affected));
        let ended: Vec<ListenerId> = ended.map(|(listener, _)| *listener).collect();
        ended.into_iter().for_each(|listener| self.end_listener(listener, end));
    }

    fn end_listener(&mut self, listener: ListenerId, end: End) {
        if let Some(party) = self.live.listeners.get_mut(&listener) {
            party.listener.end(end);
        }
        self.tell_listener(listener);
    }
}
