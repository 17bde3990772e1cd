//! What is measured.

pub mod runtimes;
pub mod transfer;
