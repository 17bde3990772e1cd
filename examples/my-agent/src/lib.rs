//! Remembers what an AI agent says and does, for apps that show it live.
//!
//! An agent's runs are *sessions*, named by the app. Two tables hold them: what was said ([`AgentState`]), and which
//! tools were called and how that ended ([`ToolCall`]). Agents retry when a connection breaks, so a tool call is known
//! by an id that the agent chooses, and recording the same thing again changes nothing.

use cosmictron_sdk::prelude::*;

/// One message of a session, by the user, the assistant or a tool.
#[table(name = "agent_state", public)]
pub struct AgentState {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index]
    pub session_id: String,
    pub role: String,
    pub content: String,
    pub created_at: Timestamp,
}

/// One use of a tool.
#[table(name = "tool_calls", public)]
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    #[primary_key]
    pub call_id: String,
    #[index]
    pub session_id: String,
    /// The tool's name.
    pub name: String,
    /// What the tool was given, as JSON.
    pub arguments: String,
    pub status: ToolStatus,
    /// What the tool answered, once it is completed.
    pub result: Option<String>,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// How far a tool call has come.
#[derive(Column, Clone, Copy, Debug, PartialEq)]
pub enum ToolStatus {
    Running,
    Completed,
}

/// Adds a message to a session; returns its id.
#[reducer]
pub fn record_agent_message(
    ctx: &ReducerContext,
    session_id: String,
    role: String,
    content: String,
) -> Result<u64, InsertError> {
    let created_at = ctx.timestamp;
    let message = AgentState::insert(AgentState { id: 0, session_id, role, content, created_at })?;
    Ok(message.id)
}

/// Notes that a tool is being called. The same call again changes nothing; another call with the same id is refused.
#[reducer]
pub fn record_tool_call(
    ctx: &ReducerContext,
    call_id: String,
    session_id: String,
    name: String,
    arguments: String,
) -> Result<(), String> {
    if let Some(known) = ToolCall::filter_by_call_id(&call_id) {
        let is_same =
            (known.session_id, known.name, known.arguments) == (session_id, name, arguments);
        return if is_same { Ok(()) } else { Err(format!("call {call_id} was another call")) };
    }
    let call = ToolCall {
        call_id,
        session_id,
        name,
        arguments,
        status: ToolStatus::Running,
        result: None,
        started_at: ctx.timestamp,
        completed_at: None,
    };
    ToolCall::insert(call).map_err(|error| error.to_string())?;
    Ok(())
}

/// Notes what a tool answered. The same answer again changes nothing; another one is refused.
#[reducer]
pub fn complete_tool_call(
    ctx: &ReducerContext,
    call_id: String,
    result: String,
) -> Result<(), String> {
    let Some(mut call) = ToolCall::filter_by_call_id(&call_id) else {
        return Err(format!("there is no call {call_id}"));
    };
    match &call.result {
        Some(known) if *known == result => return Ok(()),
        Some(_) => return Err(format!("call {call_id} was completed with another result")),
        None => {}
    }
    call.status = ToolStatus::Completed;
    call.result = Some(result);
    call.completed_at = Some(ctx.timestamp);
    ToolCall::update(call).map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests;
