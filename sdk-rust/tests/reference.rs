//! The Rust of the reference page, as printed there, compiles and works.

use cosmictron_sdk::prelude::*;
use cosmictron_sdk::testing;

#[table(name = "users", public)]
#[rls(read = "owner_id = $identity")]
pub struct User {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    pub username: String,
}

#[table(name = "agent_sessions")]
#[rls(read = "author_id = $identity OR is_public = true")]
#[rls(write = "author_id = $identity")]
pub struct AgentSession {
    #[primary_key]
    pub id: u64,
    pub author_id: Identity,
    pub is_public: bool,
    pub status: String,
}

#[reducer]
pub fn create_user(ctx: &ReducerContext, username: String) {
    let _ = ctx;
    User::insert(User { id: 0, username }).expect("a user's id is new");
}

#[reducer(init)]
pub fn begin() {}

#[reducer(client_connected)]
pub fn welcome(ctx: &ReducerContext) {
    console::info!("{} is here", ctx.sender());
}

#[reducer(client_disconnected)]
pub fn part(_ctx: &ReducerContext) {}

#[view]
pub fn active_sessions() -> impl Iterator<Item = AgentSession> {
    AgentSession::filter(|s| s.status == "active")
}

#[test]
fn the_reference_page_works() {
    let ctx = testing::context();
    create_user(&ctx, "alice".into());
    create_user(&ctx, "bob".into());
    assert_eq!(User::filter_by_id(&2).map(|user| user.username).as_deref(), Some("bob"));
    begin();
    welcome(&ctx);
    part(&ctx);
    for (id, status) in [(1, "active"), (2, "closed"), (3, "active")] {
        let status = status.to_owned();
        AgentSession::insert(AgentSession { id, author_id: ctx.sender, is_public: false, status })
            .unwrap();
    }
    assert_eq!(active_sessions().map(|session| session.id).collect::<Vec<_>>(), [1, 3]);
}
