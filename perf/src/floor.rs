//! What the machine can do without the server: the figures that its own are put beside.

pub mod append;
pub mod broadcast;
pub mod flush;
