//! The accounts that transfers are made between.

use clap::Args;

use super::place::Place;
use crate::load::{Ids, Spread};

/// On each account, to begin with.
pub const BALANCE: u64 = 1_000_000;
/// Accounts that one call opens.
const OPENED_AT_ONCE: u64 = 10_000;

#[derive(Clone, Debug, Args)]
pub struct Bank {
    /// Accounts
    #[arg(long, default_value_t = 100_000)]
    pub accounts: u64,
    /// Which accounts take part
    #[arg(long, value_enum, default_value_t = Spread::Uniform)]
    spread: Spread,
    #[command(flatten)]
    pub place: Place,
}

impl Bank {
    /// The arguments of the calls that open all accounts.
    pub fn openings(&self) -> impl Iterator<Item = [u64; 3]> + use<> {
        let accounts = self.accounts;
        let firsts = (0..accounts).step_by(OPENED_AT_ONCE as usize);
        firsts.map(move |first| [first, OPENED_AT_ONCE.min(accounts - first), BALANCE])
    }

    pub fn ids(&self, seed: u64) -> Ids {
        Ids::new(self.accounts, self.spread, seed)
    }
}
