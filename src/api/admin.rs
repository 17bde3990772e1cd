//! `/v1/admin/…`: who may do what.

use cosmictron_net::{Problem, ProblemCode, Status};
use serde::{Deserialize, Serialize};

use super::account::{parse_email, to_json};
use super::envelope::Content;
use super::problem::bug;
use super::{Exchange, Handled};
use crate::auth::{Right, Rights, Role};
use crate::shard::{AccountAnswer, AccountRequest};

/// Accounts that are listed at once.
const LISTED_MAX: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    email: String,
    role: Option<String>,
    capability: Option<String>,
}

/// An account that may do more than every account may.
#[derive(Serialize)]
struct Privileged {
    identity: String,
    email: Option<String>,
    roles: Vec<&'static str>,
    capabilities: Vec<String>,
}

#[derive(Serialize)]
struct List {
    accounts: Vec<Privileged>,
    /// Whether there are more of them.
    truncated: bool,
}

impl Exchange<'_> {
    /// Gives a role or a capability to an account, or takes it.
    pub(super) fn grant(self, granted: bool) -> Handled {
        let by = self.caller_with(Role::Admin)?.identity;
        let Grant { email, role, capability } = self.body()?;
        let email = parse_email(&email)?;
        let right = match (role, capability) {
            (Some(role), None) => read_right("role", &role, |it| matches!(it, Right::Role(_)))?,
            (None, Some(capability)) => {
                read_right("capability", &capability, |it| matches!(it, Right::Capability(_)))?
            }
            _ => return Err(invalid("either role or capability is needed".to_owned())),
        };
        self.task(async move |api| {
            api.account(AccountRequest::Grant { email, right, granted, by }).await?;
            Ok(Content::Empty(Status::NoContent))
        })
    }

    /// Lists who may do more than every account may.
    pub(super) fn grants(self) -> Handled {
        self.caller_with(Role::Admin)?;
        self.task(async move |api| {
            let (mut privileged, truncated) = api.shard.with(|shard| {
                let all = shard.directory().privileged();
                let all = all.map(|(identity, rights)| (identity, rights.clone()));
                let mut some: Vec<(_, Rights)> = all.take(LISTED_MAX + 1).collect();
                let truncated = some.len() > LISTED_MAX;
                some.truncate(LISTED_MAX);
                (some, truncated)
            });
            let identities = privileged.iter().map(|(identity, _)| *identity).collect();
            let request = AccountRequest::Emails { identities };
            let AccountAnswer::Emails(emails) = api.account(request).await? else {
                return Err(bug());
            };
            let listed = privileged.drain(..).zip(emails);
            let accounts = listed.map(|((identity, rights), email)| Privileged {
                identity: identity.to_string(),
                email,
                roles: rights.roles().map(Role::name).collect(),
                capabilities: capability_names(&rights),
            });
            let list = List { accounts: accounts.collect(), truncated };
            Ok(Content::Json(Status::Ok, to_json(&list)))
        })
    }
}

pub(super) fn capability_names(rights: &Rights) -> Vec<String> {
    rights.capabilities().iter().map(ToString::to_string).collect()
}

fn read_right(
    field: &str,
    text: &str,
    is_of_kind: impl Fn(&Right) -> bool,
) -> Result<Right, Problem<'static>> {
    let right = Right::parse(text).map_err(|error| invalid(format!("{field}: {error}")))?;
    match is_of_kind(&right) {
        true => Ok(right),
        false => Err(invalid(format!("{field}: {} is none", right.name()))),
    }
}

fn invalid(detail: String) -> Problem<'static> {
    Problem::new(ProblemCode::InvalidRequest, detail)
}
