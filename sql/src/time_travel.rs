//! `AS OF`: which moment a query reads.

use core::fmt;

use cosmictron_storage::Store;
use cosmictron_types::{Timestamp, TxId};

use crate::error::SqlError;
use crate::expr::Expr;
use crate::value::timestamp;

/// The moment that a query names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    Tx(TxId),
    Timestamp(Timestamp),
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AsOf::Tx(tx) => write!(f, "tx {tx}"),
            AsOf::Timestamp(at) => {
                let mut text = String::new();
                timestamp::format(at.as_micros(), &mut text);
                f.write_str(&text)
            }
        }
    }
}

/// How far time has come, as the owner of the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The newest transaction that may be read: the store will never hold another one of its number or a lower one.
    pub tx: TxId,
    pub now: Timestamp,
}

impl Present {
    /// What a store knows by itself.
    pub fn of(store: &Store) -> Self {
        Self { tx: store.committed(), now: Timestamp::from_micros(i64::MAX) }
    }
}

impl AsOf {
    /// The transaction as of which the store is read. `None` when the store does not know any more which one it was.
    pub fn tx(self, store: &Store, present: Present) -> Result<Option<TxId>, SqlError> {
        match self {
            AsOf::Tx(tx) if tx > present.tx => Err(SqlError::NotYet { asked: self }),
            AsOf::Tx(tx) => Ok(Some(tx)),
            AsOf::Timestamp(at) if at > present.now => Err(SqlError::NotYet { asked: self }),
            AsOf::Timestamp(at) => Ok(store.tx_at(at)),
        }
    }
}

/// `AS OF` as a plan holds it: the moment may be a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Moment {
    Tx(Expr),
    Timestamp(Expr),
}
