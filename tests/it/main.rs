//! Black-box tests of the real binary.

mod calls;
mod crash;
mod documents;
mod layers;
mod main_job;
mod requests;
mod tokens;
