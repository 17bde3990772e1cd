//! A fact that its owner tells every other shard.

use std::sync::Arc;

use cosmictron_types::{Identity, ShardId, Timestamp, TxId, Uuid};

use super::Module;
use crate::auth::Rights;

/// What has changed. Taking the same notice twice changes nothing.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Clients may come.
    Open {
        /// Whether every log has been begun since the start.
        have_all_begun: bool,
    },
    /// A module was deployed, or its status changed.
    Module(Arc<Module>),
    /// A module is gone, data and all, since a transaction.
    ModuleGone { name: Arc<str>, since: TxId },
    /// What an account may do beyond what every account may.
    Rights(Identity, Rights),
    /// A token is not to be taken any more.
    Revoked { session: Uuid, expires_at: Timestamp },
    /// A shard's log failed for good.
    LogFailed(ShardId),
}
