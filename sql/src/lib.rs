//! SQL over the store: parse, bind, plan, execute. PostgreSQL's spelling and semantics, read-only.
//!
//! ```text
//!  text ─▶ syntax ─▶ bind ─▶ logical ─▶ physical ─▶ execute ─▶ rowset
//!          (tree)    (names,  (tree of   (paths,     (pushes    (cells,
//!                     types)  operators)  operators)  tuples)    JSON,
//!                                                                batch)
//! ```
//!
//! A [`Plan`] holds everything up to `physical`; it is made once for a text and executed with [`Params`] over a `Store`.
//! Whatever else evaluates queries (joins, answers that are kept up to date) builds on `expr` and `logical`: there is
//! one set of expression semantics.
//!
//! Reading order: [`error`], [`limits`], [`catalog`]; `value` and `expr` are what queries compute with; `syntax`, `bind`,
//! `logical`, `physical` and `execute` are the way of a text to its rows, `answer_key` says what tells these apart; [`plan`](mod@plan) is the door, [`rowset`] the
//! exit, `batch` the columnar form of what leaves there. [`partial`] is a query over several stores, [`part_run`] one in slices. Where the place of
//! policies is: `logical`; [`policy`](mod@policy) is for whoever holds rows in its hand.
//!
//! It does no I/O, reads no clock, and knows neither callers nor how shards talk: a [`Catalog`] says which tables may be named.

pub mod catalog;
pub mod error;
pub mod limits;
pub mod live;
pub mod params;
pub mod part_run;
pub mod partial;
pub mod plan;
pub mod policy;
pub mod rowset;
pub mod shown_order;
pub mod time_travel;

mod answer_key;
mod batch;
mod bind;
mod execute;
mod explain;
mod expr;
mod logical;
mod physical;
mod syntax;
mod value;

pub use catalog::{Catalog, NameError, Sight};
pub use error::{ErrorClass, EvalError, NameKind, Position, Resource, SqlError};
pub use limits::{ExecutionLimits, PlanLimits};
pub use live::{
    AnswerChanges, Dataflow, HeldAnswer, InitialRows, Leaf, LeafChanges, LeafKey, LeafRow,
    LivePlan, RowChanges,
};
pub use params::Params;
pub use part_run::{PartRun, SLICE_ROWS, Step};
pub use partial::PartialRows;
pub use physical::fixed::FixedKey;
pub use plan::{Plan, plan};
pub use policy::{PolicyError, RowPolicy, check_policies};
pub use rowset::{BinaryRows, EncodedRows, OutputColumn, RowFormat, RowSet};
pub use shown_order::{ShownKey, shown_order};
pub use time_travel::{AsOf, Present};
pub use value::{Datum, Integer, SqlType};
