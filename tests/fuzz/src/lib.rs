//! What the fuzz targets share: columns made of a few bytes, so that the fuzzer also chooses the types.

pub mod columns;
