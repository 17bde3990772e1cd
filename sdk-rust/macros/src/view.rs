//! `#[view]`: a function that yields rows is described, so that it can be queried like a table.
//!
//! What a view yields is often `impl Iterator`, a type without a name; the compiler takes it from the function.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, ItemFn, Result, ReturnType};

use crate::signature::check_function;
use crate::word::{conditions, name_of, place};

pub(crate) fn expand(words: TokenStream, function: &ItemFn) -> TokenStream {
    match check(words, function) {
        Ok(()) => {
            let export = export(function);
            quote! { #function #export }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

fn check(words: TokenStream, function: &ItemFn) -> Result<()> {
    if !words.is_empty() {
        return Err(Error::new_spanned(words, "`#[view]` takes no words"));
    }
    check_function(function, "a view")?;
    if let Some(input) = function.sig.inputs.first() {
        return Err(Error::new_spanned(input, "a view takes no arguments"));
    }
    if matches!(function.sig.output, ReturnType::Default) {
        let text = "a view yields rows: let it return `impl Iterator<Item = Row>`";
        return Err(Error::new(function.sig.ident.span(), text));
    }
    Ok(())
}

fn export(function: &ItemFn) -> TokenStream {
    let conditions = conditions(&function.attrs);
    let ident = &function.sig.ident;
    let name = name_of(ident);
    let export = format!("cosm_describe_view_{name}");
    let describe = quote_spanned! {place(&function.sig.output)=>
        ::cosmictron_sdk::__private::describe_view(__out, #name, #ident);
    };
    quote! {
        #(#conditions)*
        const _: () = {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(dead_code, reason = "the server calls it by its export")]
            extern "C" fn __describe() {
                ::cosmictron_sdk::__private::describe(|__out| { #describe });
            }
        };
    }
}
