//! The rows of the server's own tables.

use cosmictron_types::{Identity, Timestamp, Uuid};

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
}

system_table! {
    /// A table of a module, on the module's home shard. Its changes create, alter and drop the table itself.
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
