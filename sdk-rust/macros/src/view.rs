//! `#[view]`: a function that yields rows can be queried like a table.
//!
//! What a view yields is often `impl Iterator`, a type without a name; the compiler takes it from the function. Beside the
//! function stand two exports: one describes it, one runs it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::Parser as _;
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Type};

use crate::signature::check_function;
use crate::word::{conditions, name_of, place, unknown};

/// What an author said of a view.
struct View {
    /// Whether it is told who asks.
    takes_context: bool,
    /// Whether it reads all rows, whatever the caller may read.
    is_definer: bool,
}

pub(crate) fn expand(words: TokenStream, function: &ItemFn) -> TokenStream {
    match View::read(words, function) {
        Ok(view) => {
            let exports = view.exports(function);
            quote! { #function #exports }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

impl View {
    fn read(words: TokenStream, function: &ItemFn) -> Result<Self> {
        let is_definer = is_definer(words)?;
        check_function(function, "a view")?;
        let takes_context = takes_context(function)?;
        if matches!(function.sig.output, ReturnType::Default) {
            let text = "a view yields rows: let it return `impl Iterator<Item = Row>`";
            return Err(Error::new(function.sig.ident.span(), text));
        }
        Ok(Self { takes_context, is_definer })
    }

    fn exports(&self, function: &ItemFn) -> TokenStream {
        let conditions = conditions(&function.attrs);
        let ident = &function.sig.ident;
        let name = name_of(ident);
        let (describe_export, export) =
            (format!("cosm_describe_view_{name}"), format!("cosm_view_{name}"));
        let at = place(&function.sig.output);
        let (view, rows, context) = match self.takes_context {
            true => {
                (quote! { #ident }, quote_spanned! {at=> #ident(&__context) }, quote! { __context })
            }
            false => {
                (quote_spanned! {at=> |_| #ident() }, quote_spanned! {at=> #ident() }, quote! { _ })
            }
        };
        let mut members = String::new();
        for (member, is_said) in [("caller", self.takes_context), ("definer", self.is_definer)] {
            if is_said {
                members += &format!(",\"{member}\":true");
            }
        }
        let describe = quote_spanned! {at=>
            ::cosmictron_sdk::__private::describe_view(__out, #name, #members, #view);
        };
        let run = quote_spanned! {at=> ::cosmictron_sdk::__private::yield_rows(#rows) };
        quote! {
            #(#conditions)*
            const _: () = {
                #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #describe_export))]
                #[allow(dead_code, reason = "the server calls it by its export")]
                extern "C" fn __describe() {
                    ::cosmictron_sdk::__private::describe(|__out| { #describe });
                }

                #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
                #[allow(dead_code, reason = "the server calls it by its export")]
                extern "C" fn __view(_input: usize, __length: usize) -> i32 {
                    let #context = ::cosmictron_sdk::__private::view_context(__length);
                    #run
                }
            };
        }
    }
}

fn is_definer(words: TokenStream) -> Result<bool> {
    let mut is_definer = false;
    let parser = syn::meta::parser(|meta| {
        let Some(word) = meta.path.get_ident() else {
            return Err(meta.error("expected a word"));
        };
        match name_of(word).as_str() {
            "definer" if is_definer => Err(meta.error("this word stands here twice")),
            "definer" => {
                is_definer = true;
                Ok(())
            }
            _ => Err(unknown(word, "view", &["definer"])),
        }
    });
    parser.parse2(words)?;
    Ok(is_definer)
}

/// Whether the function takes the context; refuses whatever else it takes.
fn takes_context(function: &ItemFn) -> Result<bool> {
    let mut inputs = function.sig.inputs.iter();
    let Some(first) = inputs.next() else { return Ok(false) };
    let text = "a view takes no arguments but `&ViewContext`, which says who asks";
    if !is_context(first) {
        return Err(Error::new_spanned(first, text));
    }
    match inputs.next() {
        Some(second) => Err(Error::new_spanned(second, text)),
        None => Ok(true),
    }
}

fn is_context(input: &FnArg) -> bool {
    let FnArg::Typed(input) = input else { return false };
    let Type::Reference(reference) = &*input.ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    let last = path.path.segments.last();
    reference.mutability.is_none() && last.is_some_and(|last| last.ident == "ViewContext")
}
