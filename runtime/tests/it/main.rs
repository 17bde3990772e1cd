//! Runs small machines on the drivers, and checks what each driver promises.

mod echo;
mod form;
mod real;
mod socket;
mod toy;
