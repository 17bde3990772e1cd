//! What an account is allowed to do: roles, which say what it is to the server, and capabilities, which modules ask for.

use cosmictron_types::Capability;

use super::Role;

/// What one account may do beyond what every account may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    roles: Vec<Role>,
    /// Sorted.
    capabilities: Vec<Capability>,
}

/// Something that an admin gives to an account, or takes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    Role(Role),
    Capability(Capability),
}

impl Rights {
    /// Those of an account that was given nothing.
    pub fn none() -> &'static Rights {
        static NONE: Rights = Rights { roles: Vec::new(), capabilities: Vec::new() };
        &NONE
    }

    /// Roles and capabilities by their names. What is no such name, which a later version may have written, is left out: it
    /// allows nothing here.
    pub fn new<'a>(
        roles: impl IntoIterator<Item = &'a str>,
        capabilities: impl IntoIterator<Item = &'a str>,
    ) -> Rights {
        let roles = roles.into_iter().filter_map(Role::parse).filter(|role| *role != Role::User);
        let capabilities = capabilities.into_iter().filter_map(|it| Capability::parse(it).ok());
        let mut rights = Rights { roles: roles.collect(), capabilities: capabilities.collect() };
        rights.capabilities.sort_unstable();
        rights.capabilities.dedup();
        rights
    }

    /// Whether they are no more than what every account has.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.capabilities.is_empty()
    }

    pub fn has_role(&self, role: Role) -> bool {
        // An admin may do whatever a deployer may.
        role == Role::User || self.roles.contains(&role) || self.roles.contains(&Role::Admin)
    }

    /// Whether the capability was granted. No role brings one with it: who reads personal data was allowed to by name.
    pub fn has_capability(&self, capability: &Capability) -> bool {
        self.capabilities.binary_search(capability).is_ok()
    }

    /// The roles, that of every account first.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        [Role::User].into_iter().chain(self.roles.iter().copied())
    }

    pub fn capabilities(&self) -> &[Capability] {
        &self.capabilities
    }

    /// Whether somebody with these and somebody with those rights may be shown different rows by the same query.
    pub fn reads_as(&self, other: &Rights) -> bool {
        let reads = |rights: &Rights| {
            let admin = rights.roles.contains(&Role::Admin);
            (admin, rights.capabilities.iter().any(|it| it.as_str() == READ_PERSONAL_DATA))
        };
        reads(self) == reads(other)
    }
}

/// The capability of those who are shown the columns of personal data.
pub const READ_PERSONAL_DATA: &str = "pii:read";

impl Right {
    /// Reads a role or a capability.
    ///
    /// # Errors
    /// When it is neither: what there is.
    pub fn parse(text: &str) -> Result<Right, String> {
        if let Some(role) = Role::parse(text) {
            return Ok(Right::Role(role));
        }
        let capability = Capability::parse(text).map(Right::Capability);
        capability.map_err(|error| {
            let names = Role::ALL.map(Role::name).join(", ");
            format!("one of the roles {names}, or a capability; {error}")
        })
    }

    pub fn name(&self) -> &str {
        match self {
            Right::Role(role) => role.name(),
            Right::Capability(capability) => capability.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(text: &str) -> Capability {
        Capability::parse(text).unwrap()
    }

    #[test]
    fn an_admin_may_deploy_and_has_no_capability_that_was_not_granted() {
        let admin = Rights::new(["admin"], ["orders:refund", "a:b"]);
        assert!(admin.has_role(Role::Deployer) && admin.has_role(Role::User));
        assert!(admin.has_capability(&capability("orders:refund")));
        assert!(!admin.has_capability(&capability(READ_PERSONAL_DATA)));
    }

    #[test]
    fn names_from_a_later_version_allow_nothing() {
        assert!(Rights::new(["emperor", "user"], ["everything"]).is_empty());
    }

    #[test]
    fn only_some_rights_change_what_is_read() {
        let plain = Rights::default();
        assert!(plain.reads_as(&Rights::new(["deployer"], ["orders:refund"])));
        assert!(!plain.reads_as(&Rights::new(["admin"], [])));
        assert!(!plain.reads_as(&Rights::new([], [READ_PERSONAL_DATA])));
    }

    #[test]
    fn a_slip_in_a_role_is_no_capability() {
        assert_eq!(Right::parse("deployer"), Ok(Right::Role(Role::Deployer)));
        assert_eq!(Right::parse("pii:read"), Ok(Right::Capability(capability("pii:read"))));
        assert!(Right::parse("deploier").unwrap_err().contains("deployer"));
    }
}
