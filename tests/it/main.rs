//! Black-box tests of the real binary.

mod calls;
mod crash;
mod layers;
mod main_job;
mod requests;
mod tokens;
