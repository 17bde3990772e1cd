//! Black-box tests of the real binary.

mod bank;
mod calls;
mod cli;
mod counter;
mod crash;
mod crash_sharded;
mod damage;
mod dev;
mod documents;
mod durability;
mod failing_disk;
mod fallback;
mod full_disk;
mod guest;
mod hostile_modules;
mod layers;
mod main_job;
mod memory;
mod redeploy;
mod requests;
mod schedules;
mod sdk_checks;
mod slow;
mod smuggling;
mod time_travel;
mod tokens;
