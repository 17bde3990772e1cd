//! Hands a module's schema to the server, one item at a time.

use core::cell::Cell;

use crate::host;
use crate::panic_hook;

/// Levels of types within types, as the server limits them.
const TYPE_DEPTH_MAX: u32 = 16;

/// Describes one item: `write` appends it.
pub fn describe(write: fn(&mut String)) {
    panic_hook::install();
    let mut item = String::new();
    write(&mut item);
    host::describe(&item);
}

thread_local! {
    static TYPE_DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Held while a user's type describes itself, so that one that contains itself ends in words and not in an
/// overflowed stack.
#[derive(Debug)]
pub struct TypeDepth(());

impl TypeDepth {
    /// Panics when the type `name` lies too deep.
    pub fn enter(name: &str) -> Self {
        let depth = TYPE_DEPTH.get() + 1;
        assert!(
            depth <= TYPE_DEPTH_MAX,
            "type {name} lies deeper than {TYPE_DEPTH_MAX} levels; does it contain itself?"
        );
        TYPE_DEPTH.set(depth);
        Self(())
    }
}

impl Drop for TypeDepth {
    fn drop(&mut self) {
        TYPE_DEPTH.set(TYPE_DEPTH.get() - 1);
    }
}
