//! What the fuzz targets share: columns made of a few bytes, so that the fuzzer also chooses the
//! types, connections cut into reads, logs that are forged or damaged, and a table to ask about.

pub mod columns;
pub mod program;
pub mod reads;
pub mod segments;
pub mod table;
