//! What the fuzz targets share: columns made of a few bytes, so that the fuzzer also chooses the
//! types, and connections cut into reads.

pub mod columns;
pub mod reads;
