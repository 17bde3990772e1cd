//! Describes and runs views: functions that yield rows.
//!
//! What a view yields is often `impl Iterator`, a type without a name, which may borrow from the context; so the functions
//! here take it from the author's function rather than by name.

use cosmictron_types::Identity;
use cosmictron_types::read::Reader;

use crate::buffer::Buffer;
use crate::host;
use crate::panic_hook;
use crate::table::append_encoded;

/// Bytes of encoded rows that are gathered before they are handed to the host.
const BLOCK_BYTES: usize = 32 * 1024;
/// What the host takes for a view that has yielded its rows.
const DONE: i32 = 0;

/// What a view may know of the query that it runs for: who asks. A view takes it by reference as its only parameter, or
/// leaves it out.
///
/// There is neither time nor chance in it: the rows of a view depend on the tables and on who asks, and on nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewContext {
    /// Who asks.
    pub sender: Identity,
}

impl ViewContext {
    /// Who asks.
    pub fn sender(&self) -> Identity {
        self.sender
    }

    pub(crate) fn of(sender: Identity) -> Self {
        Self { sender }
    }
}

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

    /// Appends the row's encoding.
    #[doc(hidden)]
    fn encode_columns(&self, out: &mut Vec<u8>);
}

/// Appends the item of a view; `members` are those beside its name and its columns.
pub fn describe_view<'c, I>(
    out: &mut String,
    name: &str,
    members: &str,
    _view: impl FnOnce(&'c ViewContext) -> I,
) where
    I: IntoIterator,
    I::Item: ViewRow,
{
    out.push_str("{\"view\":{\"name\":\"");
    out.push_str(name);
    out.push_str("\",\"columns\":[");
    <I::Item as ViewRow>::describe_columns(out);
    out.push(']');
    out.push_str(members);
    out.push_str("}}");
}

/// Reads the input of `length` bytes that the host wrote.
pub fn view_context(length: usize) -> ViewContext {
    panic_hook::install();
    let input = host::take_input(length);
    let sender = Reader::new(&input).array();
    let sender = sender.unwrap_or_else(|error| panic!("the caller of a view: {error}"));
    host::return_input(input);
    ViewContext::of(Identity::from_bytes(sender))
}

/// Hands all rows to the host, a block at a time; what the view answers.
pub fn yield_rows<I>(rows: I) -> i32
where
    I: IntoIterator,
    I::Item: ViewRow,
{
    let mut block = Buffer::take();
    for row in rows {
        append_encoded(&mut block, |block| row.encode_columns(block));
        if block.len() >= BLOCK_BYTES {
            host::rows(&mut block);
            block.clear();
        }
    }
    if !block.is_empty() {
        host::rows(&mut block);
    }
    DONE
}
