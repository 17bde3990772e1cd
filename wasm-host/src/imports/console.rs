//! `console.log`: lines for whoever watches the module.

use wasmtime::Linker;

use crate::console::LogLevel;
use crate::data::Data;
use crate::guest::Guest;
use crate::memory::Span;
use crate::misuse::{BrokenRule, Halt};

pub(super) fn define<D: Data>(linker: &mut Linker<Guest<D>>) -> wasmtime::Result<()> {
    import!(linker, "console", "log", (level: u32, text: u32, length: u32), |memory, guest| {
        log(memory, guest, level, Span::new(text, length))
    });
    Ok(())
}

fn log<D>(memory: &[u8], guest: &mut Guest<D>, level: u32, text: Span) -> Result<(), Halt> {
    let level = LogLevel::from_number(level).ok_or(BrokenRule::UnknownLevel { level })?;
    let text = text.read(memory)?;
    let limits = guest.limits.console();
    guest.console.write(level, text, limits);
    Ok(())
}
