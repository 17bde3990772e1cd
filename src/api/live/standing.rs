//! Who the client is, and until when.

use cosmictron_net::wire::ServerMessage;
use cosmictron_net::{Problem, ProblemCode};
use cosmictron_types::{Duration, Identity, Timestamp};

use super::{Conversation, Ending, Introduced, Introduction, Outlet, Visits};
use crate::api::Api;
use crate::auth::Claims;
use crate::shard::LiveRequest;

/// How long before its token ends a client is told so.
const WARNING: Duration = Duration::from_secs(60);

/// What is known of the client.
pub enum Standing {
    /// It has to say who it is by then.
    Unknown { until: Timestamp },
    /// Modules are being told of it. It is welcomed, and heard, when they have been.
    BeingIntroduced { claims: Claims },
    Known {
        claims: Claims,
        /// It was told that its token ends.
        is_warned: bool,
    },
}

impl Standing {
    pub fn new(api: &Api, claims: Option<Claims>) -> Standing {
        match claims {
            Some(claims) => Standing::Known { claims, is_warned: false },
            None => {
                let patience = api.common.config.websocket.authentication_timeout.get();
                Standing::Unknown { until: api.shard.now() + patience }
            }
        }
    }

    /// Who the client is, once that is known.
    pub fn identity(&self) -> Option<Identity> {
        match self {
            Standing::Unknown { .. } => None,
            Standing::BeingIntroduced { claims } | Standing::Known { claims, .. } => {
                Some(claims.identity)
            }
        }
    }

    /// When something is due.
    fn due(&self) -> Timestamp {
        match self {
            Standing::Unknown { until } => *until,
            Standing::BeingIntroduced { claims } | Standing::Known { claims, is_warned: true } => {
                claims.expires_at
            }
            Standing::Known { claims, is_warned: false } => warned_at(claims),
        }
    }
}

/// Tells a client why it is told nothing more, and closes.
pub(super) fn dismiss(ending: Ending, outlet: &mut Outlet<'_>) {
    outlet.problem(None, &ending.problem());
    outlet.close(ending);
}

fn warned_at(claims: &Claims) -> Timestamp {
    Timestamp::from_micros(claims.expires_at.as_micros().saturating_sub(WARNING.as_micros()))
}

impl Conversation {
    /// Takes a client in that has said who it is in its handshake.
    pub fn greet(&mut self, outlet: &mut Outlet<'_>) {
        if let Standing::Known { claims, .. } = self.standing {
            self.introduce(claims, outlet);
        }
    }

    /// Welcomes a client, once modules have been told of it that want to know.
    fn introduce(&mut self, claims: Claims, outlet: &mut Outlet<'_>) {
        self.introduction = Introduction::begin(&self.api, claims.identity, self.connection);
        if self.introduction.is_some() {
            self.standing = Standing::BeingIntroduced { claims };
        } else {
            self.standing = Standing::Known { claims, is_warned: false };
            self.welcome(&claims, outlet);
        }
    }

    /// What has to be waited for before more is heard.
    pub fn take_introduction(&mut self) -> Option<Introduction> {
        self.introduction.take()
    }

    /// Modules have been told of the client, or could not be.
    pub fn note_introduced(&mut self, introduced: Introduced, outlet: &mut Outlet<'_>) {
        let Introduced { visits, problems, unavailable } = introduced;
        self.visits = visits;
        let Standing::BeingIntroduced { claims } = self.standing else {
            unreachable!("a client is introduced once")
        };
        self.standing = Standing::Known { claims, is_warned: false };
        match unavailable {
            Some(why) => {
                tracing::warn!(error = %why, "a client is sent away: a module cannot be told of it");
                outlet.close(Ending::NotIntroduced);
            }
            None => {
                self.welcome(&claims, outlet);
                problems.iter().for_each(|problem| outlet.problem(None, problem));
            }
        }
    }

    pub(super) fn is_being_introduced(&self) -> bool {
        matches!(self.standing, Standing::BeingIntroduced { .. })
    }

    /// What has to be ended with the connection.
    pub fn take_visits(&mut self) -> Visits {
        std::mem::take(&mut self.visits)
    }

    /// When [`Conversation::ring`] is to be called next.
    pub fn due(&self) -> Timestamp {
        self.standing.due()
    }

    /// Warns, or closes, where that is due.
    pub fn ring(&mut self, now: Timestamp, outlet: &mut Outlet<'_>) {
        match &mut self.standing {
            Standing::Unknown { until } if *until <= now => outlet.close(Ending::Unauthenticated),
            Standing::Unknown { .. } => {}
            Standing::BeingIntroduced { claims } | Standing::Known { claims, .. }
                if claims.expires_at <= now =>
            {
                outlet.close(Ending::Expired);
            }
            Standing::BeingIntroduced { .. } => {}
            Standing::Known { claims, is_warned } => {
                if !*is_warned && warned_at(claims) <= now {
                    *is_warned = true;
                    let detail = "the token ends soon: send authenticate with another one";
                    outlet.message(&ServerMessage::TokenExpiring { detail });
                }
            }
        }
    }

    /// Takes a token: the client's first, or a fresh one of the same account.
    pub(super) fn authenticate(&mut self, token: &str, outlet: &mut Outlet<'_>) {
        let verified = self.api.verify(token);
        let claims = match (verified, &self.standing) {
            (_, Standing::BeingIntroduced { .. }) => unreachable!("nothing is heard meanwhile"),
            (Ok(claims), Standing::Unknown { .. }) => return self.introduce(claims, outlet),
            (Ok(claims), Standing::Known { claims: before, .. })
                if claims.identity != before.identity =>
            {
                let detail = "the token is another account's: a connection has one";
                return outlet.problem(None, &Problem::new(ProblemCode::Conflict, detail));
            }
            (Ok(claims), _) => claims,
            (Err(problem), Standing::Known { .. }) => return outlet.problem(None, &problem),
            (Err(problem), Standing::Unknown { .. }) => {
                outlet.problem(None, &problem);
                return outlet.close(Ending::Unauthenticated);
            }
        };
        self.standing = Standing::Known { claims, is_warned: false };
        self.welcome(&claims, outlet);
    }

    fn welcome(&self, claims: &Claims, outlet: &mut Outlet<'_>) {
        self.ask(LiveRequest::Identify { listener: self.listener, claims: *claims });
        outlet.message(&ServerMessage::Welcome {
            identity: claims.identity,
            connection_id: self.connection,
            expires_at: u64::try_from(claims.expires_at.as_secs()).unwrap_or(0),
        });
    }
}
