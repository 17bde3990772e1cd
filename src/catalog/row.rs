//! The rows of the server's own tables.

use cosmictron_types::{ConnectionId, Identity, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

use super::system_table::system_table;

system_table! {
    /// A deployed module, on its home shard.
    ModuleRow = 1 "modules" {
        [primary] name: String,
        /// `sha256:` and the hash of the WebAssembly in hex.
        version: String,
        /// Whether calls are taken. An undeployed module's row stays while its data is kept.
        active: bool,
        /// Whether `init` has run. It runs once in the life of the module's data.
        initialized: bool,
        deployed_at: Timestamp,
        deployed_by: Identity,
        /// Routes that deployments have changed, as JSON.
        former_routes: String,
    }
}

/// How a reducer's calls were routed before a deployment changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormerRoute {
    pub reducer: String,
    pub shard_by: Vec<String>,
    /// Microseconds since the Unix epoch: until then an answer that was given there may be kept.
    until: i64,
}

impl FormerRoute {
    pub fn new(reducer: String, shard_by: Vec<String>, until: Timestamp) -> Self {
        Self { reducer, shard_by, until: until.as_micros() }
    }

    pub fn until(&self) -> Timestamp {
        Timestamp::from_micros(self.until)
    }
}

/// What a module's row says of it to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleStatus {
    Active,
    Inactive,
}

impl ModuleRow {
    pub fn status(&self) -> ModuleStatus {
        if self.active { ModuleStatus::Active } else { ModuleStatus::Inactive }
    }

    /// Routes that deployments have changed. What is not known any more is not looked for.
    pub fn former_routes(&self) -> Vec<FormerRoute> {
        serde_json::from_str(&self.former_routes).unwrap_or_default()
    }

    /// As the row keeps them.
    pub fn write_routes(routes: &[FormerRoute]) -> String {
        serde_json::to_string(routes).expect("our own structs have a JSON form")
    }
}

system_table! {
    /// A table of a module, on every shard that has the module's tables. Its changes create, alter and drop the table
    /// itself.
    TableRow = 2 "tables" {
        [primary] id: u32,
        [index] module: String,
        name: String,
        /// The table's schema as JSON.
        schema: String,
    }
}

system_table! {
    /// A call that a reducer has asked for.
    ScheduledCall = 3 "schedules" {
        [primary_auto_inc] id: u64,
        [index] module: String,
        reducer: String,
        /// The arguments' row, by the schema that the module had then.
        args: Vec<u8>,
        /// Not before this time.
        [index] at: Timestamp,
    }
}

system_table! {
    /// The answer to a call that came with an idempotency key.
    IdempotentAnswer = 4 "idempotency" {
        /// Hash of the caller and the key.
        [primary] key: Identity,
        /// Hash of what was called with which arguments.
        fingerprint: Identity,
        tx_id: u64,
        /// Whether the reducer succeeded; `body` is then its result as JSON, else its message.
        succeeded: bool,
        body: String,
        /// The partition that the call started on: the row is kept on its shard.
        partition: u16,
        [index] expires_at: Timestamp,
    }
}

system_table! {
    /// Who may sign in.
    Account = 5 "accounts" {
        [primary] identity: Identity,
        /// In lower case. Absent for the account that owns `admin.token`.
        [unique] email: Option<String>,
        /// An argon2id hash in PHC form; absent for those who only use links.
        password: Option<String>,
        roles: Vec<String>,
        created_at: Timestamp,
    }
}

system_table! {
    /// What an account is allowed to do beyond its roles.
    Grant = 9 "grants" {
        [primary_auto_inc] id: u64,
        [index] identity: Identity,
        capability: String,
        granted_by: Identity,
        granted_at: Timestamp,
    }
}

system_table! {
    /// A token that was given out and has not expired.
    Session = 6 "sessions" {
        [primary] id: Uuid,
        [index] identity: Identity,
        revoked: bool,
        [index] expires_at: Timestamp,
    }
}

system_table! {
    /// A link that was mailed and not used yet.
    MagicLink = 7 "magic_links" {
        /// Hash of the link's token: who reads the log cannot sign in.
        [primary] token: Identity,
        email: String,
        [index] expires_at: Timestamp,
    }
}

system_table! {
    /// A connection that a module was told of, and of whose end it is still to be told.
    Visit = 8 "visits" {
        /// The transaction in which the module was told of it.
        [primary] tx_id: u64,
        [index] module: String,
        connection: ConnectionId,
        identity: Identity,
    }
}
