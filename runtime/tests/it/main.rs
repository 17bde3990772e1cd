//! Runs small machines on the drivers, and checks what each driver promises.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod echo;
mod form;
mod real;
mod sim;
mod socket;
mod toy;
