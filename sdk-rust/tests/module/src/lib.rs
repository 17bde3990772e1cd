//! A module that uses everything the SDK has and checks itself: what `tests/table.rs` runs natively, a server runs as
//! reducers.
//!
//! A reducer named after a rule expects to find the tables empty, and panics when the rule does not hold. The others
//! answer with what they were given.

pub mod answers;
pub mod checks;
pub mod presence;
pub mod tables;
