//! `#[table]`: a struct's values become rows.

mod attribute;
mod functions;
mod model;
mod personal;
mod write;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Error, Fields, Item, ItemStruct};

use crate::word::nearest;
use model::Table;

/// Attributes that belong on a table's struct.
const STRUCT_WORDS: [&str; 2] = ["index", "rls"];
/// Attributes that belong on a table's fields.
const FIELD_WORDS: [&str; 6] = ["primary_key", "auto_inc", "index", "unique", "fk", "pii"];

pub(crate) fn expand(words: TokenStream, item: Item) -> TokenStream {
    let mut item = match item {
        Item::Struct(item) => item,
        other => {
            let text = "`#[table]` belongs on a struct, whose fields are the table's columns";
            let error = Error::new(keyword(&other), text).into_compile_error();
            return quote! { #other #error };
        }
    };
    let attributes = take_attributes(&mut item);
    match Table::read(words, &item, &attributes) {
        Ok(table) => {
            let code = write::write(&table, &item);
            quote! { #item #code }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #item #error }
        }
    }
}

/// The word that says what an item is.
fn keyword(item: &Item) -> Span {
    match item {
        Item::Enum(item) => item.enum_token.span,
        Item::Union(item) => item.union_token.span,
        Item::Fn(item) => item.sig.fn_token.span,
        _ => Span::call_site(),
    }
}

/// What was said about a struct and its fields by our attributes, taken off them.
pub(crate) struct OwnAttributes {
    on_struct: Vec<Attribute>,
    /// One list for each field, in order.
    on_fields: Vec<Vec<Attribute>>,
}

fn take_attributes(item: &mut ItemStruct) -> OwnAttributes {
    let on_struct = take_own(&mut item.attrs, &STRUCT_WORDS);
    let on_fields = match &mut item.fields {
        Fields::Named(fields) => &mut fields.named,
        Fields::Unnamed(fields) => &mut fields.unnamed,
        Fields::Unit => return OwnAttributes { on_struct, on_fields: Vec::new() },
    };
    let on_fields =
        on_fields.iter_mut().map(|field| take_own(&mut field.attrs, &FIELD_WORDS)).collect();
    OwnAttributes { on_struct, on_fields }
}

/// Takes the attributes that are ours, that stand in the wrong place, or that were probably meant to be ours.
fn take_own(attributes: &mut Vec<Attribute>, known: &[&str]) -> Vec<Attribute> {
    let is_own = |attribute: &mut Attribute| {
        attribute.path().get_ident().is_some_and(|ident| {
            let word = ident.to_string();
            nearest(&word, known).is_some() || FIELD_WORDS.contains(&word.as_str())
        })
    };
    attributes.extract_if(.., is_own).collect()
}
