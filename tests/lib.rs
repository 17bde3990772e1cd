//! Shared fixtures of the black-box tests.
