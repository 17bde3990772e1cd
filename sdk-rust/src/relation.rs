//! Lets the compiler check what a module says about its own tables: names, keys, what may be changed.
//!
//! A table or a column is known to the type system by the hash of its name, wherever in the crate it is declared: a
//! foreign key asks for *the* table that implements [`NamedTable`] for a name, and the compiler finds it or says that
//! there is none. Two names with the same 64-bit hash would be reported as ambiguous, never taken for one another.
//!
//! Nothing here runs on a server.

use core::marker::PhantomData;

use crate::key::PrimaryKeyColumn;
use crate::table::{Table, TableDescription};

/// The table name with this hash.
#[derive(Debug)]
pub struct TableName<const HASH: u64>;

/// The column name with this hash.
#[derive(Debug)]
pub struct ColumnName<const HASH: u64>;

/// `T` is the table of this name.
#[diagnostic::on_unimplemented(
    message = "a foreign key refers to a table that this module does not have",
    label = "no table of this name",
    note = "a foreign key is written `#[fk(table.column)]`, with the table's name as `#[table(name = \"…\")]` gives it"
)]
pub trait NamedTable<T> {}

/// `T` has a column of this name whose values are unique.
#[diagnostic::on_unimplemented(
    message = "a foreign key refers to a column of `{T}` that does not exist or is not unique",
    label = "no unique column of this name in `{T}`",
    note = "a foreign key points at a column with `#[primary_key]` or `#[unique]`"
)]
pub trait UniqueColumn<T> {
    /// The column's type.
    type Value;
}

/// A column of this type can point at a unique column of type `V`.
#[diagnostic::on_unimplemented(
    message = "a foreign key of type `{Self}` refers to a column of type `{V}`",
    label = "differs from `{V}`, the type of the column that it refers to",
    note = "a foreign key has the type of the column that it refers to, or an `Option` of that type"
)]
pub trait ForeignKeyColumn<V> {}

impl<V: PrimaryKeyColumn> ForeignKeyColumn<V> for V {}
impl<V: PrimaryKeyColumn> ForeignKeyColumn<V> for Option<V> {}

/// What a foreign key refers to.
#[derive(Debug)]
pub struct Target<T, V>(PhantomData<fn() -> (T, V)>);

/// The table and the column must exist, and the column must be unique.
pub fn target<N: NamedTable<T>, C: UniqueColumn<T>, T: Table>() -> Target<T, C::Value> {
    Target(PhantomData)
}

impl<T: Table, V> Target<T, V> {
    /// The types must agree. A method, so that the compiler knows `V` before it looks at `F`.
    pub fn of<F: ForeignKeyColumn<V>>(self) -> &'static TableDescription {
        T::description()
    }
}

/// A primary key must be a key that is never absent.
pub fn primary_key<T: PrimaryKeyColumn>() {}

/// An `auto_inc` column must be an integer.
pub fn auto_inc<T: crate::key::AutoIncColumn>() {}

/// A `#[pii]` column must be able to be absent.
pub fn personal<T: PersonalColumn>() {}

/// A column type that can be absent, as a value is whose key was destroyed.
#[diagnostic::on_unimplemented(
    message = "personal data of type `{Self}` could not be absent",
    label = "`#[pii]` needs an `Option`",
    note = "once the key of personal data is destroyed, it reads as `None`: write `Option<{Self}>`"
)]
pub trait PersonalColumn {}

impl<T> PersonalColumn for Option<T> {}

/// Tables whose rows can be told apart by a primary key.
#[diagnostic::on_unimplemented(
    message = "table `{Self}` has no primary key",
    label = "needs a primary key",
    note = "rows are updated and deleted by their primary key: mark a field of `{Self}` with `#[primary_key]`"
)]
pub trait HasPrimaryKey {}

/// Tables whose rows may be changed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is an event table, which is only ever appended to",
    label = "an event table's rows are never changed or deleted",
    note = "leave out `event` in the `#[table]` of `{Self}` to change its rows"
)]
pub trait Changeable {}
