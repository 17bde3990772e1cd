//! The attributes and the derive of `cosmictron-sdk`: they write the code between a module's own structs and
//! functions and the guest ABI.
//!
//! Each attribute is read into a model first (what the author said, with the tokens where it was said), then written
//! out. What the syntax shows to be wrong is an error at the author's token; what only types can show is left to the
//! compiler by way of the traits in the SDK's `relation.rs` and `key.rs`, written so that it, too, points there.
//!
//! Invariants:
//! 1. The item that an attribute stands on always comes out again, even beside errors, so that one mistake is not
//!    followed by a hundred unknown names.
//! 2. The only `unsafe` written into a module is the `export_name` of its exported functions.
//!
//! Reading order: `word` judges names and words, `json` builds an item of the schema, `postpone`, `shard_by`, `table` (`model`,
//! `attribute`, `write`, `functions`), `column`, `signature`, `capability` and `reducer`, `view`.

mod capability;
mod column;
mod json;
mod postpone;
mod reducer;
mod shard_by;
mod signature;
mod table;
mod view;
mod word;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Makes a struct a table: `#[table(name = "users", public)]`.
///
/// Words: `name = "…"` (needed), `public` (every caller may read it), `event` (append-only), `shard_by = column`
/// (spreads the rows over all cores by that column).
///
/// On the struct, above or below: `#[index(btree(columns = [a, b]))]`, with `unique` and `name = …` where wanted, and
/// `#[rls(read = "…")]`, `#[rls(write = "…")]`, `#[rls(force)]`.
///
/// On fields: `#[primary_key]`, `#[auto_inc]`, `#[unique]`, `#[index]`, `#[fk(table.column)]`, `#[pii]`,
/// `#[pii(key_context = "…")]`. Personal data is an `Option` in no index, of a table with a primary key; its context is a plain column
/// that is never absent.
///
/// # Spreading rows over cores
///
/// With `shard_by`, equal values of that column are on one core, in all such tables of the module. It is a bool, a number,
/// a `String`, a `Vec<u8>`, a time, an `Identity`, a `ConnectionId` or a `Uuid`, never an `Option`. It need not be a key, and
/// what is unique is so over all cores. `#[auto_inc]` then needs 32 bits or more.
///
/// ```
/// use cosmictron_sdk::prelude::*;
///
/// #[table(name = "accounts", public, shard_by = id)]
/// pub struct Account {
///     #[primary_key]
///     #[auto_inc]
///     pub id: u64,
///     #[unique]
///     pub owner: String,
///     pub balance: i64,
/// }
///
/// // Beside its account.
/// #[table(name = "entries", shard_by = account)]
/// pub struct Entry {
///     #[primary_key]
///     #[auto_inc]
///     pub id: u64,
///     #[index]
///     #[fk(accounts.id)]
///     pub account: u64,
///     pub amount: i64,
/// }
/// ```
///
/// The column keeps its value for the life of a row: an update that would change it is refused with
/// `UpdateError::ShardKeyChanged`. To move a row, delete it and insert another. Once a table has rows, its `shard_by` cannot
/// be changed by a deployment either.
///
/// What cannot place rows does not compile:
///
/// ```compile_fail,E0277
/// # use cosmictron_sdk::prelude::*;
/// #[table(name = "accounts", shard_by = owner)]
/// pub struct Account {
///     #[primary_key]
///     pub id: u64,
///     pub owner: Option<String>, // An account without an owner would be nowhere.
/// }
/// ```
#[proc_macro_attribute]
pub fn table(words: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::Item);
    table::expand(words.into(), item).into()
}

/// An index over several columns of a table: `#[index(btree(columns = [a, b]))]`. On a field, which needs no words,
/// it belongs to `#[table]`.
#[proc_macro_attribute]
pub fn index(words: TokenStream, item: TokenStream) -> TokenStream {
    postpone::INDEX.postpone(words.into(), item.into()).into()
}

/// A row-level security policy of a table: `#[rls(read = "owner = $identity")]`.
///
/// `read` is an SQL condition over a row that says who may read it by SQL; of several any admits. `write` says who may insert,
/// update and delete it: the row as it was and as it will be are judged by the caller's identity, whichever reducer writes. A
/// write that is refused undoes the whole call. `$identity` is the caller, also written `ctx.sender()`; sub-queries read all rows
/// of the module's tables. Reducers read all rows, unless the table says `#[rls(force)]`.
#[proc_macro_attribute]
pub fn rls(words: TokenStream, item: TokenStream) -> TokenStream {
    postpone::RLS.postpone(words.into(), item.into()).into()
}

/// Makes a function a reducer, which clients call by its name.
///
/// Words: `init` (the server calls it once, at the module's first deployment), `client_connected` and
/// `client_disconnected` (for every WebSocket), or `shard_by = argument`, `shard_by = [argument, argument]` (runs where
/// the rows with those keys are).
///
/// # Knowing of connections
///
/// `client_connected` runs before a client is welcomed on its WebSocket, so all of its calls come after; `client_disconnected`
/// when that has ended, whichever way, and after the next start if the server ended first. Each runs exactly once for a
/// connection, with its [`connection_id`](../cosmictron_sdk/struct.ReducerContext.html#structfield.connection_id) and the
/// client's identity as `sender`. A `client_connected` that fails is told to the client, whose connection goes on, and
/// there is no `client_disconnected` then. One that fails itself is not run again.
///
/// ```
/// use cosmictron_sdk::prelude::*;
///
/// #[table(name = "online", public)]
/// pub struct Online {
///     #[primary_key]
///     pub connection: ConnectionId,
///     pub who: Identity,
/// }
///
/// #[reducer(client_connected)]
/// pub fn came(ctx: &ReducerContext) -> Result<(), String> {
///     let connection = ctx.connection_id.ok_or("a WebSocket has an id")?;
///     let row = Online { connection, who: ctx.sender };
///     Online::insert(row).map(drop).map_err(|error| error.to_string())
/// }
///
/// #[reducer(client_disconnected)]
/// pub fn went(ctx: &ReducerContext) -> Result<(), String> {
///     let connection = ctx.connection_id.ok_or("a WebSocket has an id")?;
///     Online::delete(&connection).map(drop).map_err(|error| error.to_string())
/// }
/// ```
///
/// # Starting where the rows are
///
/// A reducer sees all rows wherever it runs; `shard_by` only says where to begin. With one argument a call starts on the core
/// that has the rows with this value; of several, it starts at the first and has the rows of the others at hand. Without
/// `shard_by` it starts on the module's home.
///
/// ```
/// use cosmictron_sdk::prelude::*;
///
/// #[table(name = "accounts", public, shard_by = id)]
/// pub struct Account {
///     #[primary_key]
///     pub id: u64,
///     pub balance: i64,
/// }
///
/// #[reducer(shard_by = id)]
/// pub fn open(id: u64) -> Result<(), InsertError> {
///     Account::insert(Account { id, balance: 0 }).map(drop)
/// }
///
/// #[reducer(shard_by = [from, to])]
/// pub fn transfer(from: u64, to: u64, amount: u32) -> Result<(), String> {
///     for (id, change) in [(from, -i64::from(amount)), (to, i64::from(amount))] {
///         let account = Account::filter_by_id(&id).ok_or("no such account")?;
///         let balance = account.balance + change;
///         Account::update(Account { balance, ..account }).map_err(|error| error.to_string())?;
///     }
///     Ok(())
/// }
/// ```
///
/// An argument has the very type of a column that places rows, or of a unique column of a table that is spread: the `u32` 7 and
/// the `u64` 7 are on different cores. The attribute does not see the tables, so this is checked when the module is
/// deployed. Where `#[auto_inc]` places the rows, arguments of any type but another integer may route: new rows stay where
/// the call runs, so that spreads them.
///
/// The reducers that the server calls take no arguments, and so have no `shard_by`.
///
/// # Scheduling
///
/// Beside the function stands a type of the same name, with which the reducer is scheduled: `name::args(…)` takes its
/// arguments and makes a call that `ctx.schedule` takes. So no module or type beside it can have that name.
#[proc_macro_attribute]
pub fn reducer(words: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    reducer::expand(words.into(), function).into()
}

/// What the callers of a reducer have to be allowed to do: `#[requires_capability("orders:refund")]`, above or below
/// `#[reducer]`, as often as wanted: then all of it.
///
/// A call by an account that was not granted the capability is refused with 403 before anything runs. Admins grant it:
/// `cosmictron grant ada@example.com orders:refund`. It is no role: admins have none that they were not granted.
/// Calls that the server makes, scheduled ones for example, run as the module and need none.
///
/// ```
/// use cosmictron_sdk::prelude::*;
///
/// #[reducer]
/// #[requires_capability("orders:refund")]
/// pub fn refund(ctx: &ReducerContext, order: u64) {
///     console::info!("{} refunds order {order}", ctx.sender);
/// }
/// ```
#[proc_macro_attribute]
pub fn requires_capability(words: TokenStream, item: TokenStream) -> TokenStream {
    postpone::REQUIRES_CAPABILITY.postpone(words.into(), item.into()).into()
}

/// Makes a function a view: it yields rows, and is queried like a table, by its name.
///
/// It takes nothing, or `&ViewContext`, which says who asks; it returns whatever can be iterated over (`impl Iterator`, `Vec`,
/// `Option`) of the rows of a table, or of a struct with `#[derive(Column)]` and named fields, which are its columns. It only
/// reads: a write ends the query. Whoever has an account may query a view, of private tables too: that is how an author shows
/// a part of them.
///
/// ```
/// use cosmictron_sdk::prelude::*;
///
/// #[table(name = "sessions")]
/// #[rls(read = "owner = $identity")]
/// pub struct Session {
///     #[primary_key]
///     pub id: u64,
///     #[index]
///     pub owner: Identity,
///     pub active: bool,
/// }
///
/// // `SELECT * FROM active_sessions`: the caller's own, for the policy of the table applies.
/// #[view]
/// pub fn active_sessions() -> impl Iterator<Item = Session> {
///     Session::filter(|session| session.active)
/// }
///
/// #[derive(Column)]
/// pub struct Load {
///     pub sessions: u64,
///     pub mine: u64,
/// }
///
/// // Of all rows, whoever asks.
/// #[view(definer)]
/// pub fn load(ctx: &ViewContext) -> Option<Load> {
///     let mine = Session::filter_by_owner(&ctx.sender).count() as u64;
///     Some(Load { sessions: Session::count(), mine })
/// }
/// ```
///
/// # What it sees
///
/// The rows that the read policies of the tables let the caller see; with `definer` all rows, as a reducer does. Admins see all
/// rows either way. A view is a function of the tables and of who asks: it knows neither time nor chance, and must keep nothing
/// in statics.
#[proc_macro_attribute]
pub fn view(words: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    view::expand(words.into(), &function).into()
}

/// Lets a struct or an enum be stored in columns and be passed to and returned from reducers.
///
/// Fields are encoded in their order, and a variant by its position: reordering either changes what stored rows mean.
#[proc_macro_derive(Column)]
pub fn derive_column(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::DeriveInput);
    column::expand(&item).unwrap_or_else(|error| error.into_compile_error()).into()
}
