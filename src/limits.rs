//! How much each client may ask for: buckets of tokens by address and by identity, and those for attempts to sign in.
//!
//! Every core keeps its own, of a fixed size, so that no lock is shared and nobody can make them grow. A connection stays
//! with its core, so a client of one connection has exactly its rate. One of many connections may have as many times that as
//! there are cores. Attempts to sign in are counted more strictly: each core grants its part of the rate, so that all
//! together grant the rate; only the burst may be had on each.
//!
//! Reading order: [`bucket`] is one bucket, [`buckets`] many of them in bounded memory; here is which are asked.

mod bucket;
mod buckets;

pub use bucket::{Rate, Window};

use std::cell::RefCell;
use std::net::IpAddr;

use cosmictron_net::forwarded::{ClientAddress, client_of};
use cosmictron_net::{Head, Problem, ProblemCode};
use cosmictron_types::{Duration, Identity, ShardCount, Timestamp};

use crate::auth::EmailAddress;
use crate::config::LimitsConfig;
use buckets::Buckets;

/// Who asks, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// On this machine: not limited unless `limits.loopback` says so.
    Exempt,
    Limited(ClientAddress),
}

/// One core's.
pub struct Limits {
    config: LimitsConfig,
    addresses: Policy<ClientAddress>,
    identities: Policy<Identity>,
    sign_in_addresses: Policy<ClientAddress>,
    sign_in_accounts: Policy<EmailAddress>,
}

/// A rate, and those who are held to it.
struct Policy<K> {
    name: &'static str,
    rate: Rate,
    /// As it is kept by one core.
    own_rate: Rate,
    buckets: RefCell<Buckets<K>>,
}

impl Limits {
    /// `seed` is chance: clients choose what buckets are found by.
    pub fn new(config: &LimitsConfig, shards: ShardCount, seed: [u64; 4]) -> Limits {
        Limits {
            addresses: Policy::whole("address", config.per_address, seed),
            identities: Policy::whole("identity", config.per_identity, seed),
            sign_in_addresses: Policy::shared(
                "sign-in-address",
                config.sign_in_per_address,
                shards,
                seed,
            ),
            sign_in_accounts: Policy::shared(
                "sign-in-account",
                config.sign_in_per_account,
                shards,
                seed,
            ),
            config: config.clone(),
        }
    }

    /// Who has sent a request over a connection from `peer`.
    pub fn client(&self, peer: IpAddr, head: &Head<'_>) -> Client {
        let address = match self.config.trusted_proxies.is_empty() {
            true => peer.to_canonical(),
            false => {
                // Few requests have more than one such field; they are in a list since they are read from its end.
                let fields: Vec<&[u8]> = head
                    .headers
                    .iter()
                    .filter(|(name, _)| name.eq_ignore_ascii_case(b"x-forwarded-for"))
                    .map(|(_, value)| value)
                    .collect();
                client_of(peer, &self.config.trusted_proxies, fields.into_iter())
            }
        };
        match address.is_loopback() && !self.config.loopback {
            true => Client::Exempt,
            false => Client::Limited(ClientAddress::of(address)),
        }
    }

    /// Whose a connection is, where those are counted: not on this machine, and not of proxies, which have many.
    pub fn connected_client(&self, peer: IpAddr) -> Option<ClientAddress> {
        let peer = peer.to_canonical();
        let is_proxy = self.config.trusted_proxies.iter().any(|network| network.contains(peer));
        let is_exempt = peer.is_loopback() && !self.config.loopback;
        (!is_proxy && !is_exempt).then(|| ClientAddress::of(peer))
    }

    /// One request of somebody who may be anyone.
    pub fn take_request(&self, client: Client, now: Timestamp) -> Result<(), Problem<'static>> {
        match client {
            Client::Exempt => Ok(()),
            Client::Limited(address) => self.addresses.take(address, now),
        }
    }

    /// One request of somebody who has said who it is.
    pub fn take_identity(
        &self,
        client: Client,
        identity: Identity,
        now: Timestamp,
    ) -> Result<(), Problem<'static>> {
        match client {
            Client::Exempt => Ok(()),
            Client::Limited(_) => self.identities.take(identity, now),
        }
    }

    /// One attempt to come in as somebody, where that is known.
    pub fn take_sign_in(
        &self,
        client: Client,
        account: Option<&EmailAddress>,
        now: Timestamp,
    ) -> Result<(), Problem<'static>> {
        let Client::Limited(address) = client else { return Ok(()) };
        self.sign_in_addresses.take(address, now)?;
        match account {
            Some(account) => self.sign_in_accounts.take(account.clone(), now),
            None => Ok(()),
        }
    }
}

impl<K: std::hash::Hash + Eq> Policy<K> {
    /// Each core grants the rate.
    fn whole(name: &'static str, rate: Rate, seed: [u64; 4]) -> Policy<K> {
        Policy { name, rate, own_rate: rate, buckets: Buckets::new(seed).into() }
    }

    /// All cores together grant the rate.
    fn shared(name: &'static str, rate: Rate, shards: ShardCount, seed: [u64; 4]) -> Policy<K> {
        let own_rate = rate.part(shards.get().into());
        Policy { name, rate, own_rate, buckets: Buckets::new(seed).into() }
    }

    fn take(&self, key: K, now: Timestamp) -> Result<(), Problem<'static>> {
        let taken = self.buckets.borrow_mut().take(key, self.own_rate, now);
        taken.map_err(|wait| self.problem(wait))
    }

    /// `RateLimit` and `RateLimit-Policy` as in draft-ietf-httpapi-ratelimit-headers-10.
    fn problem(&self, wait: Duration) -> Problem<'static> {
        let secs =
            u32::try_from(wait.as_micros().unsigned_abs().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        let detail =
            format!("more than {} of this {}: try again in {secs} s", self.rate, self.name);
        let (quota, window) = self.rate.quota();
        Problem::new(ProblemCode::RateLimited, detail)
            .retry_after(secs)
            .field("RateLimit-Policy", format!("\"{}\";q={quota};w={window}", self.name))
            .field("RateLimit", format!("\"{}\";r=0;t={secs}", self.name))
    }
}
