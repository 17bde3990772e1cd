//! Encoded values as JSON.
