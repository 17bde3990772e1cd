//! Keeps answers up to date: from what transactions change in tables to what that changes in the answer of a query.
//!
//! ```text
//!   old and new rows of a table ──▶ leaf: filter, cut to the columns that are used        where the rows are
//!                                     │ tuples with weights
//!                                     ▼
//!                       filter, project, join, aggregate, distinct, union, window         at one place
//!                                     │
//!                                     ▼
//!                                 rows that come and rows that go
//! ```
//!
//! A multiset is a map of tuples to weights, and so is a change of one, with negative weights for what goes (a *Z-set*). Each
//! operator of the logical tree has a counterpart that takes the changes of its inputs to the change of its output. The
//! linear ones need no memory; the others keep of their inputs what the next change can meet: a join both inputs by its key,
//! an aggregate its groups, a window its order. So what a transaction costs depends on what it changes and on the rows that
//! this joins with, not on the size of the answer. This is the calculus of Budiu, Chajed, McSherry, Ryzhyk, Tannen: "DBSP:
//! Automatic Incremental View Maintenance for Rich Query Languages", VLDB 2023.
//!
//! A [`LivePlan`] is made of a [`Plan`](crate::Plan), once for a text; a [`Dataflow`] is one with parameters and what is kept.
//! Expressions are those of one-off queries, so both give the same answers.
//!
//! What depends on the time is kept up to date by it as well: a comparison with `now()` is an operator that knows when each
//! tuple comes and goes ([`temporal`]).
//!
//! Reading order: [`tuple`] and [`delta`], [`compile`], [`leaf`], [`flow`], [`operator`]; [`initial`], [`pieces`], [`output`], [`held`]; [`explain`].

mod compile;
mod delta;
pub(crate) mod explain;
mod flow;
mod held;
mod initial;
mod leaf;
mod operator;
mod output;
mod pieces;
mod temporal;
mod tuple;

pub use compile::LivePlan;
pub use flow::{Dataflow, LeafChanges};
pub use held::HeldAnswer;
pub use leaf::{Leaf, LeafKey, LeafRow};
pub use output::{AnswerChanges, RowChanges};
pub use pieces::InitialRows;
