//! Runs the reducers natively, on tables in memory.

use cosmictron_sdk::testing;

use super::*;

fn record(ctx: &ReducerContext, call_id: &str, arguments: &str) -> Result<(), String> {
    let [call_id, session, name, arguments] =
        [call_id, "session-abc", "search", arguments].map(String::from);
    testing::call(|| record_tool_call(ctx, call_id, session, name, arguments))
}

fn complete(ctx: &ReducerContext, call_id: &str, result: &str) -> Result<(), String> {
    testing::call(|| complete_tool_call(ctx, call_id.into(), result.into()))
}

#[test]
fn messages_are_numbered_and_found_by_their_session() {
    let ctx = testing::context();
    for (session, content) in [("a", "Hello"), ("b", "Hi"), ("a", "How are you?")] {
        record_agent_message(&ctx, session.into(), "user".into(), content.into()).unwrap();
    }
    let said: Vec<_> = AgentState::filter_by_session_id("a")
        .map(|message| (message.id, message.content))
        .collect();
    assert_eq!(said, [(1, "Hello".into()), (3, "How are you?".into())]);
    assert!(AgentState::iter().all(|message| message.created_at == ctx.timestamp));
}

#[test]
fn recording_a_call_again_changes_nothing() {
    let mut ctx = testing::context();
    record(&ctx, "call-1", "{}").unwrap();
    let first = ToolCall::filter_by_call_id("call-1");
    ctx.timestamp = ctx.timestamp + Duration::from_secs(1);
    record(&ctx, "call-1", "{}").unwrap();
    assert_eq!(ToolCall::filter_by_call_id("call-1"), first);
    assert_eq!(ToolCall::count(), 1);
    assert_eq!(record(&ctx, "call-1", "[]").unwrap_err(), "call call-1 was another call");
}

#[test]
fn a_call_is_completed_once() {
    let mut ctx = testing::context();
    assert_eq!(complete(&ctx, "call-1", "42").unwrap_err(), "there is no call call-1");
    record(&ctx, "call-1", "{}").unwrap();
    complete(&ctx, "call-1", "42").unwrap();
    let completed = ToolCall::filter_by_call_id("call-1").unwrap();
    assert_eq!(completed.status, ToolStatus::Completed);
    assert_eq!(completed.completed_at, Some(ctx.timestamp));

    ctx.timestamp = ctx.timestamp + Duration::from_secs(1);
    complete(&ctx, "call-1", "42").unwrap();
    let refused = complete(&ctx, "call-1", "43").unwrap_err();
    assert_eq!(refused, "call call-1 was completed with another result");
    assert_eq!(ToolCall::filter_by_call_id("call-1"), Some(completed));
}

#[test]
fn a_call_recorded_again_after_its_completion_stays_completed() {
    let ctx = testing::context();
    record(&ctx, "call-1", "{}").unwrap();
    complete(&ctx, "call-1", "42").unwrap();
    record(&ctx, "call-1", "{}").unwrap();
    assert_eq!(
        ToolCall::filter_by_session_id("session-abc").next().unwrap().status,
        ToolStatus::Completed
    );
}
