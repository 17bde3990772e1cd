//! Hands a module's schema to the server, one item at a time.

use core::cell::Cell;

use crate::host;
use crate::panic_hook;

/// Levels of types within types, as the server limits them.
const TYPE_DEPTH_MAX: u32 = 16;

/// What a view's rows can be: the rows of a table, or a struct with `#[derive(Column)]`. Its fields are the view's
/// columns.
#[diagnostic::on_unimplemented(
    message = "a view cannot yield `{Self}`",
    label = "not a row",
    note = "a view yields the rows of a table, or a struct with named fields and `#[derive(Column)]`"
)]
pub trait ViewRow {
    /// Appends the columns, `{"name":…,"type":…}` each, with commas between them.
    #[doc(hidden)]
    fn describe_columns(out: &mut String);
}

/// Describes one item: `write` appends it.
pub fn describe(write: fn(&mut String)) {
    panic_hook::install();
    let mut item = String::new();
    write(&mut item);
    host::describe(&item);
}

/// Appends the item of a view, whose rows' type the compiler takes from its function.
pub fn describe_view<I>(out: &mut String, name: &str, _view: fn() -> I)
where
    I: IntoIterator,
    I::Item: ViewRow,
{
    out.push_str("{\"view\":{\"name\":\"");
    out.push_str(name);
    out.push_str("\",\"columns\":[");
    <I::Item as ViewRow>::describe_columns(out);
    out.push_str("]}}");
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
