//! Asks policies about rows, one by one, while a reducer reads and writes them.
//!
//! A policy with sub-queries may need rows of other shards: it is then said which stores have to be in hand as well, as for any
//! other read of a reducer.
//!
//! Invariants:
//! 1. A row is judged as it is, or would be, by the state of the transaction before it is written: a new row does not admit
//!    itself.
//! 2. What is read for the policies of one call is bounded: beyond [`JUDGED_ROWS_MAX`] the call has taken too long.

use std::cell::Cell;
use std::sync::Arc;

use cosmictron_sql::{ExecutionLimits, Params, Plan, RowPolicy};
use cosmictron_storage::{Elsewhere, Snapshot, Stores, StoresError, WriteError};
use cosmictron_types::{Identity, TableId, Timestamp};

use super::reach::RowsAt;
use crate::directory::{JudgedReading, Module};

/// Whose doing a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The module's own: `init`, and what it has scheduled. No policy is asked.
    Module,
    Client(Identity),
}

/// Which rows a guest may read of tables that have read policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// All, but of tables that force their policies on reducers.
    AsReducer,
    /// Those that the caller may.
    AsCaller,
}

/// Judges what one call, or one run of a view, does.
pub struct Judge {
    module: Arc<Module>,
    by: By,
    reads: Reads,
    now: Timestamp,
    /// Rows that were read for it, or judged.
    rows: Cell<u64>,
}

/// Why a reducer does not get what it asks for.
pub enum Barred {
    /// It has to be asked again with other stores in hand.
    Elsewhere(Elsewhere),
    Refused(WriteError),
    /// No write policy of the table admits the row.
    Forbidden,
    /// The policies of this call have read too much.
    Overrun,
}

impl From<Elsewhere> for Barred {
    fn from(elsewhere: Elsewhere) -> Self {
        Barred::Elsewhere(elsewhere)
    }
}

impl From<StoresError> for Barred {
    fn from(error: StoresError) -> Self {
        match error {
            StoresError::Elsewhere(elsewhere) => Barred::Elsewhere(elsewhere),
            StoresError::Refused(error) => Barred::Refused(error),
        }
    }
}

/// Rows that one call's policies may judge, and read for that: about a second's work.
const JUDGED_ROWS_MAX: u64 = 4_000_000;
/// What a query costs beyond the rows that it reads, in rows.
const QUERY_ROWS: u64 = 8;

impl Judge {
    pub fn new(module: Arc<Module>, by: By, now: Timestamp) -> Self {
        Self { module, by, reads: Reads::AsReducer, now, rows: Cell::new(0) }
    }

    /// Of a view that is to see what its caller may see.
    pub fn of_view(module: Arc<Module>, by: By, now: Timestamp) -> Self {
        Self { reads: Reads::AsCaller, ..Self::new(module, by, now) }
    }

    /// Who is judged by the write policies of a table; nobody where it has none.
    pub fn writing(&self, table: u32) -> Option<&RowPolicy> {
        match self.by {
            By::Module => None,
            By::Client(_) => self.module.policies[table as usize].write.as_ref(),
        }
    }

    /// What keeps a guest from rows of a table; nothing where it may see all.
    pub fn reading(&self, table: u32) -> Option<&JudgedReading> {
        let policies = &self.module.policies[table as usize];
        match (self.by, self.reads) {
            (By::Client(_), Reads::AsCaller) => policies.read.as_ref(),
            (By::Client(_), Reads::AsReducer) if policies.is_forced => policies.read.as_ref(),
            _ => None,
        }
    }

    /// Refuses a row that is not to be written, or not to be changed.
    pub fn check_write(&self, table: u32, row: &[u8], stores: &Stores) -> Result<(), Barred> {
        match self.writing(table) {
            Some(policy) if !self.admits(policy, row, stores)? => Err(Barred::Forbidden),
            _ => Ok(()),
        }
    }

    /// Whether a reducer may see a row.
    pub fn sees(&self, table: u32, row: &[u8], stores: &Stores) -> Result<bool, Barred> {
        match self.reading(table) {
            Some(JudgedReading { rows, .. }) => self.admits(rows, row, stores),
            None => Ok(true),
        }
    }

    /// How many rows a reducer may see, by the query that counts them.
    pub fn count(&self, reading: &JudgedReading, stores: &Stores) -> Result<u64, Barred> {
        let (Some(plan), By::Client(identity)) = (&reading.count, self.by) else { return Ok(0) };
        let params = Params::default().at(self.now);
        let params = if plan.asks_identity() { params.by(identity) } else { params };
        let held = self.held(plan, &params, stores)?;
        let counted = plan.first_number(held.into_iter(), &params, &self.limits()?);
        let (number, scanned) = counted.map_err(|_| Barred::Overrun)?;
        self.spend(scanned)?;
        Ok(number.unwrap_or(0))
    }

    fn admits(&self, policy: &RowPolicy, row: &[u8], stores: &Stores) -> Result<bool, Barred> {
        let By::Client(identity) = self.by else { return Ok(true) };
        self.spend(1)?;
        policy.admits(row, identity, self.now, &mut |plan, params| {
            let held = self.held(plan, params, stores)?;
            match plan.has_row(held.into_iter(), params, &self.limits()?) {
                Ok((has_row, scanned)) => self.spend(QUERY_ROWS + scanned).map(|()| has_row),
                Err(error) => {
                    tracing::warn!(module = &*self.module.name, %error, "a policy could not be asked: it admits nothing");
                    self.spend(QUERY_ROWS).map(|()| false)
                }
            }
        })
    }

    /// The tables that are asked which rows of a table a guest may read.
    pub fn asked(&self, table: u32) -> impl Iterator<Item = TableId> {
        let queries = self.reading(table).into_iter().flat_map(|reading| reading.rows.queries());
        queries.flat_map(Plan::tables).copied()
    }

    /// The stores with the rows of a plan.
    fn held<'s>(
        &self,
        plan: &Plan,
        params: &Params,
        stores: &'s Stores,
    ) -> Result<Vec<Snapshot<'s>>, Elsewhere> {
        let mut rows = RowsAt::default();
        let tables = self.module.tables.iter().filter(|table| plan.tables().contains(&table.id));
        tables.for_each(|table| rows.add(&self.module, table));
        let reach = rows.reach(plan, params, stores.shards());
        let missing = reach.shards(stores.shards()).filter(|shard| !stores.holds(*shard));
        match Elsewhere::new(missing.collect()) {
            Some(elsewhere) => Err(elsewhere),
            None => {
                let held = stores.iter().filter(|store| reach.has(store.seat().shard));
                Ok(held.map(|store| stores.snapshot_of(store)).collect())
            }
        }
    }

    fn spend(&self, rows: u64) -> Result<(), Barred> {
        self.rows.set(self.rows.get().saturating_add(rows));
        if self.rows.get() > JUDGED_ROWS_MAX { Err(Barred::Overrun) } else { Ok(()) }
    }

    fn limits(&self) -> Result<ExecutionLimits, Barred> {
        self.spend(0)?;
        let scanned_max = JUDGED_ROWS_MAX - self.rows.get();
        Ok(ExecutionLimits { scanned_max, ..ExecutionLimits::default() })
    }
}
