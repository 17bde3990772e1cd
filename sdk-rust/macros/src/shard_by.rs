//! Reads `shard_by`: the column that places a table's rows, the arguments that route a reducer's calls.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::token::Bracket;
use syn::{Error, LitStr, Result, Token, Type, bracketed};

use crate::word::place;

const COLUMN: &str = "write `shard_by = column`, with one of the table's columns";
const ARGUMENTS: &str = "write `shard_by = argument` or `shard_by = [argument, argument]`, with arguments of the reducer";

/// `shard_by = column`
pub(crate) fn column(meta: &ParseNestedMeta<'_>) -> Result<Ident> {
    let value = value(meta, COLUMN)?;
    if value.peek(Bracket) {
        return Err(value.error("a table is spread by one column: `shard_by = column`"));
    }
    name(value, COLUMN)
}

/// `shard_by = argument` or `shard_by = [argument, argument]`
pub(crate) fn arguments(meta: &ParseNestedMeta<'_>) -> Result<Vec<Ident>> {
    let value = value(meta, ARGUMENTS)?;
    if !value.peek(Bracket) {
        return Ok(vec![name(value, ARGUMENTS)?]);
    }
    let list;
    let bracket = bracketed!(list in value);
    let arguments = list.parse_terminated(|list| name(list, ARGUMENTS), Token![,])?;
    if arguments.is_empty() {
        let text = "an empty list routes nothing: leave out `shard_by`, and calls start on the module's home";
        return Err(Error::new(bracket.span.join(), text));
    }
    Ok(arguments.into_iter().collect())
}

/// Has the compiler check the type of a column or an argument that `word` names, and show `word` when it does not suit.
pub(crate) fn shard_key(ty: &Type, word: &Ident) -> TokenStream {
    // Were the type itself written there, the compiler would show that.
    let name = Ident::new("__ShardKey", place(word));
    let check = quote_spanned! {place(word)=> ::cosmictron_sdk::__private::shard_key::<#name>(); };
    quote! { { type #name = #ty; #check } }
}

/// What stands behind `=`.
fn value<'a>(meta: &ParseNestedMeta<'a>, form: &str) -> Result<ParseStream<'a>> {
    let missing = || Error::new(meta.path.span(), form);
    if !meta.input.peek(Token![=]) {
        return Err(missing());
    }
    let value = meta.value()?;
    if value.is_empty() { Err(missing()) } else { Ok(value) }
}

/// A name with nothing behind it.
fn name(input: ParseStream<'_>, form: &str) -> Result<Ident> {
    if input.peek(LitStr) {
        return Err(input.error("a name stands here without quotes"));
    }
    if !input.peek(Ident::peek_any) {
        return Err(input.error(form));
    }
    let name = input.call(Ident::parse_any)?;
    if !input.is_empty() && !input.peek(Token![,]) {
        return Err(input.error(form));
    }
    Ok(name)
}
