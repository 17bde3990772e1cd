//! Accounts and sessions: what the first shard does for everybody.
//!
//! Invariants:
//! 1. An account has an identity for ever, and an address that no other account has.
//! 2. A link's row goes in the transaction that opens the session it was good for: it works once.

use cosmictron_storage::Store;
use cosmictron_types::{Capability, Identity, Timestamp, Uuid};
use sha2::{Digest, Sha256};

use super::Seam;
use super::outbox::ReplyTo;
use super::request::{AccountAnswer, AccountError, AccountRequest, Answer};
use super::{Shard, Step};
use crate::auth::{EmailAddress, PasswordHash, Right, Rights, Role};
use crate::catalog::{Account, Grant, MagicLink, Session, SystemTable};
use crate::directory::Notice;

impl Shard {
    /// Does an account request and holds its answer. Only on the first shard.
    pub(super) fn account(&mut self, request: AccountRequest, reply: ReplyTo, seam: &mut Seam<'_>) {
        assert_eq!(
            seam.shard(),
            cosmictron_types::ShardId::FIRST,
            "accounts are the first shard's"
        );
        let now = seam.now();
        let mut notices = Vec::new();
        // What writes asks the log itself.
        let answer = self.admit_read(seam).map_err(AccountError::from).and_then(|()| {
            let mut step = Step { shard: self, now, notices: &mut notices };
            step.account(request, seam)
        });
        if answer.is_err() {
            notices.clear();
        }
        self.hold(Some(reply), Answer::Account(answer), now, notices, seam);
    }
}

impl Step<'_> {
    fn account(
        &mut self,
        request: AccountRequest,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        match request {
            AccountRequest::SignUp { email, password, expires_at } => {
                self.sign_up(&email, password, expires_at, seam)
            }
            AccountRequest::Credentials { email } => Ok(self.credentials(&email)),
            AccountRequest::OpenSession { identity, expires_at } => {
                self.find_account(identity)?;
                self.open_session(identity, expires_at, seam)
            }
            AccountRequest::CloseSession { session } => self.close_session(session, seam),
            AccountRequest::MakeLink { email, token, expires_at } => {
                let link = MagicLink { token, email: email.to_string(), expires_at };
                self.write(seam, |store| link.insert(store))?;
                Ok(AccountAnswer::Done)
            }
            AccountRequest::UseLink { token, expires_at } => self.use_link(token, expires_at, seam),
            AccountRequest::Profile { identity } => {
                Ok(AccountAnswer::Profile { email: self.find_account(identity)?.email })
            }
            AccountRequest::Emails { identities } => {
                let email = |identity| self.find_account(identity).ok()?.email;
                Ok(AccountAnswer::Emails(identities.into_iter().map(email).collect()))
            }
            AccountRequest::Grant { email, right, granted, by } => {
                let account = self.account_of(&email).ok_or(AccountError::Unknown)?;
                match right {
                    Right::Role(role) => self.grant_role(account, role, granted, seam),
                    Right::Capability(it) => {
                        self.grant_capability(&account, &it, granted, by, seam)
                    }
                }
            }
            AccountRequest::Bootstrap { expires_at } => self.bootstrap(expires_at, seam),
        }
    }

    fn sign_up(
        &mut self,
        email: &EmailAddress,
        password: PasswordHash,
        expires_at: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        if self.account_of(email).is_some() {
            return Err(AccountError::Exists);
        }
        let account = self.new_account(Some(email), Some(password), Vec::new(), seam);
        let session = new_session(account.identity, expires_at, seam);
        self.write(seam, |store| account.insert(store).and_then(|()| session.insert(store)))?;
        Ok(AccountAnswer::Session { identity: account.identity, session: session.id })
    }

    fn credentials(&self, email: &EmailAddress) -> AccountAnswer {
        let known = self.account_of(email).and_then(|account| {
            Some((account.identity, PasswordHash::from_row(account.password?)))
        });
        AccountAnswer::Credentials(known)
    }

    fn open_session(
        &mut self,
        identity: Identity,
        expires_at: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        let session = new_session(identity, expires_at, seam);
        self.write(seam, |store| session.insert(store))?;
        Ok(AccountAnswer::Session { identity, session: session.id })
    }

    fn close_session(
        &mut self,
        session: Uuid,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        // A session whose row has been cleaned up has expired: its token is refused anyway.
        let Some(mut row) = Session::find(self.shard.store(), "id", &session) else {
            return Ok(AccountAnswer::Done);
        };
        row.revoked = true;
        self.write(seam, |store| row.update(store))?;
        self.notices.push(Notice::Revoked { session, expires_at: row.expires_at });
        Ok(AccountAnswer::Done)
    }

    fn use_link(
        &mut self,
        token: Identity,
        expires_at: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        let link = MagicLink::find(self.shard.store(), "token", &token)
            .filter(|link| self.now < link.expires_at)
            .ok_or(AccountError::LinkSpent)?;
        let email = EmailAddress::parse(&link.email).map_err(|_| AccountError::LinkSpent)?;
        let known = self.account_of(&email);
        let account = match &known {
            Some(account) => account.clone(),
            None => self.new_account(Some(&email), None, Vec::new(), seam),
        };
        let session = new_session(account.identity, expires_at, seam);
        self.write(seam, |store| {
            MagicLink::delete(store, "token", &token)?;
            if known.is_none() {
                account.insert(store)?;
            }
            session.insert(store)
        })?;
        Ok(AccountAnswer::Session { identity: account.identity, session: session.id })
    }

    fn grant_role(
        &mut self,
        mut account: Account,
        role: Role,
        granted: bool,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        account.roles.retain(|name| name != role.name());
        if granted && role != Role::User {
            account.roles.push(role.name().to_owned());
        }
        self.write(seam, |store| account.update(store))?;
        self.notices.push(rights_notice(self.shard.store(), &account));
        Ok(AccountAnswer::Done)
    }

    fn grant_capability(
        &mut self,
        account: &Account,
        capability: &Capability,
        granted: bool,
        by: Identity,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        let (identity, name) = (account.identity, capability.as_str());
        let held = Grant::find_all(self.shard.store(), "identity", &identity);
        let held = held.into_iter().find(|grant| grant.capability == name);
        let (capability, granted_by, granted_at) = (name.to_owned(), by, self.now);
        self.write(seam, |store| match (held, granted) {
            (None, true) => {
                Grant { id: 0, identity, capability, granted_by, granted_at }.insert(store)
            }
            (Some(grant), false) => Grant::delete(store, "id", &grant.id).map(drop),
            _ => Ok(()),
        })?;
        self.notices.push(rights_notice(self.shard.store(), account));
        Ok(AccountAnswer::Done)
    }

    fn bootstrap(
        &mut self,
        expires_at: Timestamp,
        seam: &mut Seam<'_>,
    ) -> Result<AccountAnswer, AccountError> {
        let owner = Account::find(self.shard.store(), "email", &None::<String>);
        let account = match &owner {
            Some(account) => account.clone(),
            None => self.new_account(None, None, vec![Role::Admin.name().to_owned()], seam),
        };
        let session = new_session(account.identity, expires_at, seam);
        self.write(seam, |store| {
            if owner.is_none() {
                account.insert(store)?;
            }
            session.insert(store)
        })?;
        self.notices.push(rights_notice(self.shard.store(), &account));
        Ok(AccountAnswer::Session { identity: account.identity, session: session.id })
    }

    fn account_of(&self, email: &EmailAddress) -> Option<Account> {
        Account::find(self.shard.store(), "email", &Some(email.to_string()))
    }

    fn find_account(&self, identity: Identity) -> Result<Account, AccountError> {
        Account::find(self.shard.store(), "identity", &identity).ok_or(AccountError::Unknown)
    }

    fn new_account(
        &self,
        email: Option<&EmailAddress>,
        password: Option<PasswordHash>,
        roles: Vec<String>,
        seam: &mut Seam<'_>,
    ) -> Account {
        Account {
            identity: new_identity(seam),
            email: email.map(EmailAddress::to_string),
            password: password.map(PasswordHash::into_row),
            roles,
            created_at: self.now,
        }
    }
}

/// What the other shards have to know of an account.
pub(super) fn rights_notice(store: &Store, account: &Account) -> Notice {
    let grants = Grant::find_all(store, "identity", &account.identity);
    let capabilities = grants.iter().map(|grant| grant.capability.as_str());
    let roles = account.roles.iter().map(String::as_str);
    Notice::Rights(account.identity, Rights::new(roles, capabilities))
}

/// A hash of chance: it says nothing about the account, and no two are equal.
fn new_identity(seam: &mut Seam<'_>) -> Identity {
    let mut hash = Sha256::new_with_prefix("cosmictron identity");
    for _ in 0..4 {
        hash.update(seam.random().to_le_bytes());
    }
    Identity::from_bytes(hash.finalize().into())
}

fn new_session(identity: Identity, expires_at: Timestamp, seam: &mut Seam<'_>) -> Session {
    let id = Uuid::from_u64_pair(seam.random(), seam.random());
    Session { id, identity, revoked: false, expires_at }
}
