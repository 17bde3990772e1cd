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
//! Reading order: `word` judges names and words, `json` builds an item of the schema, `shard_by`, `table` (`model`,
//! `attribute`, `write`, `functions`), `column`, `signature` and `reducer`, `view`.

mod column;
mod json;
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
/// `#[rls(read = "…")]`, `#[rls(write = "…")]`.
///
/// On fields: `#[primary_key]`, `#[auto_inc]`, `#[unique]`, `#[index]`, `#[fk(table.column)]`, `#[pii]`,
/// `#[pii(key_context = "…")]`.
#[proc_macro_attribute]
pub fn table(words: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::Item);
    table::expand(words.into(), item).into()
}

/// An index over several columns of a table: `#[index(btree(columns = [a, b]))]`. On a field, which needs no words,
/// it belongs to `#[table]`.
#[proc_macro_attribute]
pub fn index(words: TokenStream, item: TokenStream) -> TokenStream {
    table::postpone("index", words.into(), item.into()).into()
}

/// A row-level security policy of a table: `#[rls(read = "owner = $identity")]`.
#[proc_macro_attribute]
pub fn rls(words: TokenStream, item: TokenStream) -> TokenStream {
    table::postpone("rls", words.into(), item.into()).into()
}

/// Makes a function a reducer, which clients call by its name.
///
/// Words: `init` (the server calls it once, at the module's first deployment), `client_connected` and
/// `client_disconnected` (for every WebSocket), or `shard_by = argument`, `shard_by = [argument, argument]` (runs where
/// the rows with those keys are).
///
/// Beside the function stands a type of the same name, with which the reducer is scheduled: `name::args(…)` takes its
/// arguments and makes a call that `ctx.schedule` takes. So no module or type beside it can have that name.
#[proc_macro_attribute]
pub fn reducer(words: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as syn::ItemFn);
    reducer::expand(words.into(), &function).into()
}

/// Makes a function a view: it yields rows, and is queried like a table.
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
