//! The module my-agent, version sha256:00, as `cosmictron generate` has written it.
//! It is written anew when the module changes: what is changed here is lost.

#![allow(
    dead_code, unused_imports, non_snake_case, non_camel_case_types, clippy::all,
    reason = "a program needs a part of it, and the names are the module's"
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use cosmictron_client::{Bytes, Called, Client, ConnectionId, Duration, Error, Identity, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToolStatus {
    Running,
    Completed,
}

/// A row of the table `agent_state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentStateRow {
    /// Primary key. A 0 is replaced by the next number.
    pub id: u64,
    pub session_id: String,
    pub role: String,
    pub content: String,
    pub created_at: Timestamp,
}

impl AgentStateRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "id", "session_id", "role", "content", "created_at" FROM "agent_state""#;
}

/// A row of the table `tool_calls`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCallsRow {
    /// Primary key.
    pub call_id: String,
    pub session_id: String,
    pub name: String,
    pub arguments: String,
    pub status: ToolStatus,
    pub result: Option<String>,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

impl ToolCallsRow {
    /// Asks for all rows; conditions and an order may follow it.
    pub const SELECT: &'static str = r#"SELECT "call_id", "session_id", "name", "arguments", "status", "result", "started_at", "completed_at" FROM "tool_calls""#;
}

/// The arguments of the reducer `complete_tool_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompleteToolCallArgs {
    pub call_id: String,
    pub result: String,
}

/// The arguments of the reducer `record_agent_message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordAgentMessageArgs {
    pub session_id: String,
    pub role: String,
    pub content: String,
}

/// The arguments of the reducer `record_tool_call`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordToolCallArgs {
    pub call_id: String,
    pub session_id: String,
    pub name: String,
    pub arguments: String,
}

/// The module's reducers, as a client calls them.
#[derive(Clone, Copy, Debug)]
pub struct Reducers<'c> {
    client: &'c Client,
}

impl<'c> Reducers<'c> {
    pub fn of(client: &'c Client) -> Self {
        Self { client }
    }
    /// Calls the reducer `complete_tool_call`.
    pub async fn complete_tool_call(&self, args: &CompleteToolCallArgs) -> Result<Called<()>, Error> {
        self.client.call("complete_tool_call", args).await
    }
    /// Calls the reducer `record_agent_message`.
    pub async fn record_agent_message(&self, args: &RecordAgentMessageArgs) -> Result<Called<u64>, Error> {
        self.client.call("record_agent_message", args).await
    }
    /// Calls the reducer `record_tool_call`.
    pub async fn record_tool_call(&self, args: &RecordToolCallArgs) -> Result<Called<()>, Error> {
        self.client.call("record_tool_call", args).await
    }
}
