//! `/v1/admin/…`: roles.

use cosmictron_net::{Problem, ProblemCode, Status};
use serde::Deserialize;

use super::account::parse_email;
use super::envelope::Content;
use super::{Exchange, Handled};
use crate::auth::Role;
use crate::shard::AccountRequest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    email: String,
    role: String,
}

impl Exchange<'_> {
    /// Gives a role to an account, or takes it.
    pub(super) fn grant(self, granted: bool) -> Handled {
        self.caller_with(Role::Admin)?;
        let Grant { email, role } = self.body()?;
        let email = parse_email(&email)?;
        let role = Role::parse(&role).ok_or_else(|| {
            let names = Role::ALL.map(Role::name).join(", ");
            Problem::new(ProblemCode::InvalidRequest, format!("role: one of {names}"))
        })?;
        self.task(async move |api| {
            api.account(AccountRequest::Grant { email, role, granted }).await?;
            Ok(Content::Empty(Status::NoContent))
        })
    }
}
