//! `AS OF`: which moment a query reads.

use core::fmt;

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

/// What the store holds now, as its owner knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The last transaction that is in the store.
    pub tx: TxId,
    /// When it was committed.
    pub committed_at: Timestamp,
}

impl AsOf {
    /// Refuses every moment but the present one, whose rows are the only ones that a store without history holds.
    pub fn check_present(self, present: Present) -> Result<(), SqlError> {
        match self {
            AsOf::Tx(tx) if tx > present.tx => Err(SqlError::NotYet { asked: self }),
            AsOf::Tx(tx) if tx == present.tx => Ok(()),
            AsOf::Timestamp(at) if at >= present.committed_at => Ok(()),
            _ => Err(SqlError::HistoryNotKept { asked: self }),
        }
    }
}

/// `AS OF` as a plan holds it: the moment may be a parameter.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    Tx(Expr),
    Timestamp(Expr),
}
