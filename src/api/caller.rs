//! Who asks: the token in the `Authorization` header, or in a message.

use cosmictron_net::{Head, HeaderName, Problem, ProblemCode};

use super::{Api, Exchange};
use crate::auth::{Claims, InvalidToken, Role};

impl Api {
    /// What the token in a request's head says, if it is good and was not revoked.
    pub(super) fn caller(&self, head: &Head<'_>) -> Result<Claims, Problem<'static>> {
        let header = head.headers.find(HeaderName::Authorization);
        let header =
            header.ok_or_else(|| unauthenticated("the Authorization header is missing"))?;
        let token = bearer(header)
            .ok_or_else(|| unauthenticated("the Authorization header is not: Bearer <token>"))?;
        self.verify(token)
    }

    /// What a token says, if it is good and was not revoked.
    pub(super) fn verify(&self, token: &str) -> Result<Claims, Problem<'static>> {
        let verified = self.tokens.borrow_mut().verify(token, &self.common.keys, self.shard.now());
        let claims = verified.map_err(|error| match error {
            InvalidToken::Forged => unauthenticated("the token is not one of this server's"),
            InvalidToken::Expired => unauthenticated("the token has expired"),
        })?;
        match self.is_revoked(&claims) {
            true => Err(unauthenticated("the token was signed out")),
            false => Ok(claims),
        }
    }

    /// Whether a token was signed out.
    pub(super) fn is_revoked(&self, claims: &Claims) -> bool {
        self.shard.with(|shard| shard.directory().is_revoked(claims.session))
    }
}

pub(super) fn unauthenticated(detail: &'static str) -> Problem<'static> {
    Problem::new(ProblemCode::Unauthenticated, detail)
}

impl Exchange<'_> {
    /// What the caller's token says, if it is good and was not revoked.
    /// It is a request of that identity's.
    pub(super) fn caller(&self) -> Result<Claims, Problem<'static>> {
        let claims = self.api.caller(&self.request.head)?;
        let now = self.api.shard.now();
        self.api.limits.take_identity(self.client, claims.identity, now)?;
        Ok(claims)
    }

    /// The caller, who has to have a role.
    pub(super) fn caller_with(&self, role: Role) -> Result<Claims, Problem<'static>> {
        let claims = self.caller()?;
        let has_role =
            |role| self.api.shard.with(|shard| shard.directory().has_role(claims.identity, role));
        let anyone_deploys = self.api.common.config.auth.anyone_deploys;
        if has_role(role) || (role == Role::Deployer && anyone_deploys) {
            return Ok(claims);
        }
        let detail = format!("this needs the role {}", role.name());
        Err(Problem::new(ProblemCode::Forbidden, detail))
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter.
fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = header.split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    let token = str::from_utf8(token.trim_ascii()).ok()?;
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bearer_scheme_carries_a_token() {
        assert_eq!(bearer(b"Bearer abc"), Some("abc"));
        assert_eq!(bearer(b"bearer  abc "), Some("abc"));
        for header in [&b""[..], b"Bearer", b"Bearer ", b"Basic abc", b"Bearerabc", b"Bearer \xff"]
        {
            assert_eq!(bearer(header), None);
        }
    }
}
