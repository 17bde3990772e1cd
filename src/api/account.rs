//! `/v1/auth/…`: signing up, in and out.
//!
//! Unknown addresses and wrong passwords are told apart by nobody: they take the same time and get the same answer.

use std::rc::Rc;

use cosmictron_net::{Problem, ProblemCode, Status};
use cosmictron_types::{Duration, Identity, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::admin::capability_names;
use super::envelope::Content;
use super::problem::{account_problem, bug, busy_problem, panic_problem, pool_problem};
use super::{Api, Exchange, Handled};
use crate::auth::{Claims, EmailAddress, Password, Role};
use crate::shard::{AccountAnswer, AccountRequest, Answer, AuditEvent, Opening, Request};
use crate::turnstile::Turnstile;

/// How long a magic link is good for.
const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Bytes of chance in a link's token.
const LINK_TOKEN_BYTES: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkRequest {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkToken {
    token: String,
}

/// What a client gets to sign in with.
#[derive(Serialize)]
struct Triple<'a> {
    token: &'a str,
    identity: String,
    /// Seconds since the Unix epoch.
    expires_at: i64,
}

#[derive(Serialize)]
struct Profile {
    identity: String,
    email: Option<String>,
    roles: Vec<&'static str>,
    capabilities: Vec<String>,
}

/// What a task ends in.
type Steps = Result<Content, Problem<'static>>;

impl Exchange<'_> {
    pub(super) fn sign_up(self) -> Handled {
        let Credentials { email, password } = self.body()?;
        let email = parse_email(&email)?;
        self.take_sign_in(Some(&email))?;
        let bytes_min = self.api.common.config.auth.password_bytes_min;
        let password = Password::choose(password, bytes_min).map_err(|refused| {
            Problem::new(ProblemCode::InvalidRequest, format!("password: {refused}"))
        })?;
        self.task(async move |api| {
            let password = hash_in_turn(&api, move || password.hash()).await?;
            let expires_at = api.expiry();
            let request = AccountRequest::SignUp { email, password, expires_at };
            api.open_session(request, expires_at, Status::Created).await
        })
    }

    pub(super) fn sign_in(self) -> Handled {
        let Credentials { email, password } = self.body()?;
        // An address or a password that cannot exist is as wrong as one that does not.
        let email = EmailAddress::parse(&email).ok();
        self.take_sign_in(email.as_ref())?;
        let password = Password::offer(password);
        self.task(async move |api| {
            let known = match &email {
                Some(email) => {
                    let request = AccountRequest::Credentials { email: email.clone() };
                    match api.account(request).await? {
                        AccountAnswer::Credentials(known) => known,
                        _ => return Err(bug()),
                    }
                }
                None => None,
            };
            let (identity, hash) = known.unzip();
            let matches = hash_in_turn(&api, move || {
                // The work is done for a password that is too long, too.
                let offered = password
                    .unwrap_or_else(|| Password::offer(String::new()).expect("it is short"));
                offered.matches(hash.as_ref())
            });
            match (matches.await?, identity) {
                (true, Some(identity)) => {
                    let expires_at = api.expiry();
                    let why = Opening::SignIn;
                    let request = AccountRequest::OpenSession { identity, expires_at, why };
                    api.open_session(request, expires_at, Status::Ok).await
                }
                (_, identity) => {
                    let detail = "the e-mail address or the password is wrong";
                    // An address that has no account is nobody's to write down.
                    let subject = identity.map(|it| it.to_string()).unwrap_or_default();
                    api.note_refusal(AuditEvent::SignInRefused, None, &subject, "password");
                    Err(Problem::new(ProblemCode::Unauthenticated, detail))
                }
            }
        })
    }

    pub(super) fn request_link(self) -> Handled {
        let LinkRequest { email } = self.body()?;
        let email = parse_email(&email)?;
        self.take_sign_in(Some(&email))?;
        self.task(async move |api| {
            let (token, hash) = new_link_token()?;
            let expires_at = api.shard.now() + LINK_LIFETIME;
            let request =
                AccountRequest::MakeLink { email: email.clone(), token: hash, expires_at };
            api.account(request).await?;
            let common = api.common.clone();
            let mail = common.postbox.compose_link(email, &token);
            // Nobody waits: how long sending takes would tell something of the address.
            let name =
                Uuid::from_bytes(*hash.as_bytes().first_chunk().expect("32 are more than 16"));
            let sent = api.shard.offload(move || match common.postbox.send(&mail, name) {
                Ok(None) => {}
                Ok(Some(file)) => {
                    tracing::info!(file = %file.display(), "a mail was written to the outbox")
                }
                Err(error) => tracing::error!(%error, "a mail was not sent"),
            });
            sent.map_err(pool_problem)?;
            Ok(Content::Json(Status::Accepted, b"{}".to_vec()))
        })
    }

    pub(super) fn verify_link(self) -> Handled {
        let LinkToken { token } = self.body()?;
        self.take_sign_in(None)?;
        self.task(async move |api| {
            let expires_at = api.expiry();
            let request = AccountRequest::UseLink { token: link_hash(&token), expires_at };
            let opened = api.open_session(request, expires_at, Status::Ok).await;
            if matches!(&opened, Err(it) if it.code == ProblemCode::Unauthenticated) {
                api.note_refusal(AuditEvent::SignInRefused, None, "", "magic link");
            }
            opened
        })
    }

    pub(super) fn refresh(self) -> Handled {
        let identity = self.caller()?.identity;
        self.task(async move |api| {
            let expires_at = api.expiry();
            let why = Opening::Refresh;
            let request = AccountRequest::OpenSession { identity, expires_at, why };
            api.open_session(request, expires_at, Status::Ok).await
        })
    }

    pub(super) fn sign_out(self) -> Handled {
        let session = self.caller()?.session;
        self.task(async move |api| {
            api.account(AccountRequest::CloseSession { session }).await?;
            api.tokens.borrow_mut().forget(session);
            Ok(Content::Empty(Status::NoContent))
        })
    }

    pub(super) fn me(self) -> Handled {
        let identity = self.caller()?.identity;
        self.task(async move |api| {
            let AccountAnswer::Profile { email } =
                api.account(AccountRequest::Profile { identity }).await?
            else {
                return Err(bug());
            };
            let (roles, capabilities) = api.shard.with(|shard| {
                let rights = shard.directory().rights(identity);
                (rights.roles().map(Role::name).collect(), capability_names(rights))
            });
            let profile = Profile { identity: identity.to_string(), email, roles, capabilities };
            Ok(Content::Json(Status::Ok, to_json(&profile)))
        })
    }

    /// One attempt to come in, as somebody whose address may be known.
    fn take_sign_in(&self, account: Option<&EmailAddress>) -> Result<(), Problem<'static>> {
        self.api.limits.take_sign_in(self.client, account, self.api.shard.now())
    }

    /// The body as JSON of a certain form.
    pub(super) fn body<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Problem<'static>> {
        self.is_json()?;
        serde_json::from_slice(self.request.body).map_err(|error| {
            Problem::new(ProblemCode::InvalidRequest, format!("the body: {error}"))
        })
    }
}

impl Api {
    /// When a token that is given out now expires.
    fn expiry(&self) -> Timestamp {
        let at = self.shard.now() + self.common.config.auth.token_lifetime.get();
        Timestamp::from_micros(at.as_secs() * 1_000_000)
    }

    /// Asks the first shard.
    pub(super) async fn account(
        &self,
        request: AccountRequest,
    ) -> Result<AccountAnswer, Problem<'static>> {
        match self.shard.request(Request::Account(request)).await {
            Answer::Account(answer) => answer.map_err(account_problem),
            _ => Err(bug()),
        }
    }

    async fn open_session(
        &self,
        request: AccountRequest,
        expires_at: Timestamp,
        status: Status,
    ) -> Steps {
        let AccountAnswer::Session { identity, session } = self.account(request).await? else {
            return Err(bug());
        };
        let claims = Claims { identity, session, expires_at };
        let token = claims.sign(&self.common.keys, self.shard.now());
        let triple = Triple {
            token: token.as_str(),
            identity: identity.to_string(),
            expires_at: expires_at.as_secs(),
        };
        Ok(Content::Json(status, to_json(&triple)))
    }
}

/// Runs slow work on the helper pool.
pub(super) async fn offload<T: Send + 'static>(
    api: &Rc<Api>,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem<'static>> {
    let result = api.shard.offload(job).map_err(pool_problem)?;
    result.await.map_err(|panicked| panic_problem(&panicked))
}

/// Hashes a password, when it is its turn on this core and nobody else wants a processor: a flood of attempts costs those
/// who call nothing.
async fn hash_in_turn<T: Send + 'static>(
    api: &Rc<Api>,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem<'static>> {
    let _inside = Turnstile::enter(&api.hashing).await.ok_or_else(busy_problem)?;
    let result = api.shard.offload_to_idle(job).map_err(pool_problem)?;
    result.await.map_err(|panicked| panic_problem(&panicked))
}

pub(super) fn parse_email(text: &str) -> Result<EmailAddress, Problem<'static>> {
    EmailAddress::parse(text)
        .map_err(|error| Problem::new(ProblemCode::InvalidRequest, format!("email: {error}")))
}

pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own structs have a JSON form")
}

/// A link's token, and what is kept of it.
fn new_link_token() -> Result<(String, Identity), Problem<'static>> {
    let mut bytes = [0; LINK_TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| bug())?;
    let token = Identity::from_bytes(bytes).to_string();
    let hash = link_hash(&token);
    Ok((token, hash))
}

fn link_hash(token: &str) -> Identity {
    Identity::from_bytes(Sha256::digest(token.as_bytes()).into())
}
