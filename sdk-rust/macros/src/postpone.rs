//! Attributes that belong to another one: one that stands above its owner is expanded before it, so it moves below, where
//! the owner finds it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::Parser as _;
use syn::{Attribute, Error, Item, Result};

/// An attribute that only means something beside another.
pub(crate) struct Belonging {
    pub(crate) word: &'static str,
    /// The attribute that reads it.
    pub(crate) owner: &'static str,
    /// Where it belongs, as an author is told who put it elsewhere.
    pub(crate) place: &'static str,
}

pub(crate) const INDEX: Belonging = of_table("index");
pub(crate) const RLS: Belonging = of_table("rls");
pub(crate) const REQUIRES_CAPABILITY: Belonging = Belonging {
    word: "requires_capability",
    owner: "reducer",
    place: "a function with `#[reducer]`",
};

const fn of_table(word: &'static str) -> Belonging {
    Belonging { word, owner: "table", place: "a struct with `#[table(name = \"…\")]`" }
}

impl Belonging {
    pub(crate) fn postpone(&self, words: TokenStream, item: TokenStream) -> TokenStream {
        self.move_below_owner(words, item.clone()).unwrap_or_else(|error| {
            let error = error.into_compile_error();
            quote! { #item #error }
        })
    }

    fn move_below_owner(&self, words: TokenStream, item: TokenStream) -> Result<TokenStream> {
        let misplaced = || {
            let text = format!("`#[{}]` belongs on {}", self.word, self.place);
            Error::new(Span::call_site(), text)
        };
        let mut item: Item = syn::parse2(item).map_err(|_| misplaced())?;
        let attributes = match &mut item {
            Item::Struct(item) => &mut item.attrs,
            Item::Fn(item) => &mut item.attrs,
            _ => return Err(misplaced()),
        };
        let is_owner = |attribute: &Attribute| {
            attribute.path().segments.last().is_some_and(|last| last.ident == self.owner)
        };
        let owner = attributes.iter().position(is_owner).ok_or_else(misplaced)?;
        let owner = attributes.remove(owner);
        let word = syn::Ident::new(self.word, Span::call_site());
        let postponed = Attribute::parse_outer.parse2(quote! { #[#word(#words)] })?;
        attributes.splice(0..0, core::iter::once(owner).chain(postponed));
        Ok(item.into_token_stream())
    }
}
