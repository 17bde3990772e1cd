//! Tries to break the log: every crash of a simulated disk, damage at every byte, full and failing disks.

mod crash;
mod damage;
mod disk;
mod evidence;
mod state;
