//! `#[reducer]`: a function becomes what clients call.
//!
//! The function itself stays as it is, and can be called from Rust. Beside it stand a type of the same name, whose
//! `args` function makes a call of it that can be scheduled, and two exports: one describes it, one runs it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parser as _;
use syn::{Error, ItemFn, LitStr, Result, Token};

use crate::capability;
use crate::json::Description;
use crate::shard_by::{self, shard_key};
use crate::signature::{Argument, Signature};
use crate::word::{Errors, conditions, name_of, nearest, place, unknown};

/// Who calls a reducer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Init,
    ClientConnected,
    ClientDisconnected,
}

/// What stands in `#[reducer(…)]`, and in the attributes that belong to it.
struct Words {
    kind: Kind,
    shard_by: Vec<Ident>,
    /// What callers have to be allowed to do.
    requires: Vec<LitStr>,
}

pub(crate) fn expand(words: TokenStream, mut function: ItemFn) -> TokenStream {
    let requires = capability::take(&mut function);
    let function = &function;
    let read = || {
        let words = Words { requires: requires?, ..Words::parse(words)? };
        let signature = Signature::read(function)?;
        words.check(&signature)?;
        Ok((words, signature))
    };
    match read() {
        Ok((words, signature)) => {
            let parts = [
                (words.kind == Kind::Call).then(|| args(function, &signature)),
                Some(exports(&words, function, &signature)),
            ];
            quote! { #function #(#parts)* }
        }
        Err(error) => {
            let error = Error::into_compile_error(error);
            quote! { #function #error }
        }
    }
}

impl Words {
    fn parse(words: TokenStream) -> Result<Self> {
        const KNOWN: [&str; 4] = ["init", "client_connected", "client_disconnected", "shard_by"];
        let mut kind: Option<Kind> = None;
        let mut routed: Option<(Ident, Vec<Ident>)> = None;
        let parser = syn::meta::parser(|meta| {
            let Some(word) = meta.path.get_ident() else {
                return Err(meta.error("expected a word"));
            };
            let found = match name_of(word).as_str() {
                "init" => Kind::Init,
                "client_connected" => Kind::ClientConnected,
                "client_disconnected" => Kind::ClientDisconnected,
                "shard_by" if routed.is_none() => {
                    routed = Some((word.clone(), shard_by::arguments(&meta)?));
                    return Ok(());
                }
                "shard_by" => return Err(meta.error("this word stands here twice")),
                _ => return Err(unknown(word, "reducer", &KNOWN)),
            };
            if meta.input.peek(Token![=]) {
                return Err(meta.error("this word takes no value"));
            }
            if kind.replace(found).is_some() {
                return Err(meta.error("a reducer is called on one occasion"));
            }
            Ok(())
        });
        parser.parse2(words)?;
        if let (Some(_), Some((word, _))) = (kind, &routed) {
            let text = "the server calls this reducer, and sends no arguments to route it by";
            return Err(Error::new(word.span(), text));
        }
        let shard_by = routed.map(|(_, arguments)| arguments).unwrap_or_default();
        Ok(Self { kind: kind.unwrap_or(Kind::Call), shard_by, requires: Vec::new() })
    }

    fn check(&self, signature: &Signature) -> Result<()> {
        if self.kind != Kind::Call
            && let Some(argument) = signature.arguments.first()
        {
            let text = "the server calls this reducer, and sends no arguments";
            return Err(Error::new(argument.ident.span(), text));
        }
        if self.kind != Kind::Call
            && let Some(capability) = self.requires.first()
        {
            let text = "the server calls this reducer, and needs no capability";
            return Err(Error::new(capability.span(), text));
        }
        let names: Vec<&str> = signature.arguments.iter().map(|a| a.name.as_str()).collect();
        let mut errors = Errors::default();
        for (at, ident) in self.shard_by.iter().enumerate() {
            let name = name_of(ident);
            let is_known = names.contains(&name.as_str());
            let text = match nearest(&name, &names) {
                _ if is_known && !self.shard_by[..at].contains(ident) => continue,
                _ if is_known => format!("argument `{name}` is in this list already"),
                Some(near) => {
                    format!("the reducer has no argument `{name}`; did you mean `{near}`?")
                }
                None => format!("the reducer has no argument `{name}`"),
            };
            errors.push(Error::new(ident.span(), text));
        }
        errors.into_result()
    }

    /// Has the compiler check the types of the arguments that route calls.
    fn checks(&self, signature: &Signature) -> TokenStream {
        let checks = self.shard_by.iter().filter_map(|word| {
            let name = name_of(word);
            let argument = signature.arguments.iter().find(|argument| argument.name == name)?;
            Some(shard_key(&argument.ty, word))
        });
        quote! { const _: fn() = || { #(#checks)* }; }
    }
}

/// The type by which the reducer is scheduled.
fn args(function: &ItemFn, signature: &Signature) -> TokenStream {
    let (vis, ident, name) = (&function.vis, &function.sig.ident, &signature.name);
    let conditions = conditions(&function.attrs);
    let idents: Vec<&Ident> = signature.arguments.iter().map(|argument| &argument.ident).collect();
    let types: Vec<_> = signature.arguments.iter().map(|argument| &argument.ty).collect();
    let text =
        format!("The reducer `{name}`, to be scheduled: `ctx.schedule(when, {name}::args(…))`.");
    quote! {
        #(#conditions)*
        #[doc = #text]
        #[allow(non_camel_case_types, dead_code, reason = "it has the name of its reducer")]
        #vis enum #ident {}

        #(#conditions)*
        #[allow(dead_code, clippy::too_many_arguments, reason = "it has the arguments of its reducer")]
        impl #ident {
            /// A call of the reducer with these arguments.
            #vis fn args(#(#idents: #types),*) -> ::cosmictron_sdk::Call {
                ::cosmictron_sdk::Call::new(#name, |__out| {
                    let mut __row = ::cosmictron_sdk::__private::RowWriter::new(__out);
                    #(__row.slot::<#types>(&#idents);)*
                    #(__row.tail::<#types>(&#idents);)*
                })
            }
        }
    }
}

fn exports(words: &Words, function: &ItemFn, signature: &Signature) -> TokenStream {
    let conditions = conditions(&function.attrs);
    let describe = describe(words, signature);
    let describe_export = format!("cosm_describe_reducer_{}", signature.name);
    let call_export = format!("cosm_reducer_{}", signature.name);
    let widths = signature.arguments.iter().map(|Argument { ty, .. }| {
        quote_spanned! {place(ty)=> + ::cosmictron_sdk::__private::slot_width::<#ty>() }
    });
    let run = run(function, signature);
    let checks = (!words.shard_by.is_empty()).then(|| words.checks(signature));
    quote! {
        #(#conditions)*
        const _: () = {
            #checks

            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #describe_export))]
            #[allow(dead_code, reason = "the server calls it by its export")]
            extern "C" fn __describe() {
                ::cosmictron_sdk::__private::describe(|__out| { #describe });
            }

            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #call_export))]
            #[allow(dead_code, reason = "the server calls it by its export")]
            extern "C" fn __call(_input: usize, __length: usize) -> i32 {
                ::cosmictron_sdk::__private::call(
                    __length,
                    0 #(#widths)*,
                    |__ctx, __arguments| { #run },
                )
            }
        };
    }
}

/// Statements that read the arguments, call the function and report what it returns.
fn run(function: &ItemFn, signature: &Signature) -> TokenStream {
    let ident = &function.sig.ident;
    let locals: Vec<Ident> =
        (0..signature.arguments.len()).map(|at| format_ident!("__argument_{at}")).collect();
    let reads =
        signature.arguments.iter().zip(&locals).map(|(Argument { name, ty, .. }, local)| {
            quote_spanned! {place(ty)=> let #local = __arguments.next::<#ty>(#name); }
        });
    let context = signature.takes_context.then(|| quote! { __ctx, });
    let output = &signature.output;
    let report = quote_spanned! {place(output)=>
        ::cosmictron_sdk::__private::report::<#output, _>(__returned)
    };
    quote! {
        #(#reads)*
        let __returned = #ident(#context #(#locals),*);
        #report
    }
}

/// The reducer's item of the schema.
fn describe(words: &Words, signature: &Signature) -> TokenStream {
    let mut item = Description::new(&format_ident!("__out"));
    item.raw("{\"reducer\":{\"name\":").string(&signature.name);
    item.raw(match words.kind {
        Kind::Call => "",
        Kind::Init => ",\"kind\":\"init\"",
        Kind::ClientConnected => ",\"kind\":\"client_connected\"",
        Kind::ClientDisconnected => ",\"kind\":\"client_disconnected\"",
    });
    item.raw(",\"params\":[");
    item.list(&signature.arguments, |item, argument| {
        item.field(&argument.name, &argument.ty);
    });
    item.raw("]");
    let output = &signature.output;
    item.code(quote_spanned! {place(output)=>
        ::cosmictron_sdk::__private::describe_result::<#output, _>(__out);
    });
    if !words.shard_by.is_empty() {
        item.raw(",\"shard_by\":[");
        item.list(&words.shard_by, |item, ident| {
            item.string(&name_of(ident));
        });
        item.raw("]");
    }
    if !words.requires.is_empty() {
        item.raw(",\"requires\":[");
        item.list(&words.requires, |item, capability| {
            item.string(&capability.value());
        });
        item.raw("]");
    }
    item.raw("}}");
    item.into_statements()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::tests::text_of;

    #[track_caller]
    fn check(words: &str, function: &str, expected: &str) {
        let mut function: ItemFn = syn::parse_str(function).expect("a function");
        let requires = capability::take(&mut function).expect("capabilities");
        let words = Words::parse(words.parse().expect("tokens")).expect("words");
        let words = Words { requires, ..words };
        let signature = Signature::read(&function).expect("a signature");
        words.check(&signature).expect("words that suit the function");
        assert_eq!(text_of(describe(&words, &signature)), expected);
    }

    #[test]
    fn a_reducer_says_what_it_takes_and_where_it_runs() {
        check("", "fn tick() {}", r#"{"reducer":{"name":"tick","params":[]<…>}}"#);
        check(
            "",
            "pub fn r#move(_ctx: &sdk::ReducerContext, r#type: u8, mut to: Vec<i64>) -> u8 { 0 }",
            r#"{"reducer":{"name":"move","params":[{"name":"type","type":<u8>},{"name":"to","type":<Vec < i64 >>}]<…>}}"#,
        );
        check(
            "shard_by = from",
            "fn pay(from: u64, to: u64) {}",
            r#"{"reducer":{"name":"pay","params":[{"name":"from","type":<u64>},{"name":"to","type":<u64>}]<…>,"shard_by":["from"]}}"#,
        );
        check(
            "shard_by = [from, to]",
            "fn pay(from: u64, to: u64) {}",
            r#"{"reducer":{"name":"pay","params":[{"name":"from","type":<u64>},{"name":"to","type":<u64>}]<…>,"shard_by":["from","to"]}}"#,
        );
    }

    #[test]
    fn a_reducer_says_what_its_callers_have_to_be_allowed() {
        check(
            "",
            "#[requires_capability(\"a:b\")] #[requires_capability(\"c:d\")] fn tick() {}",
            r#"{"reducer":{"name":"tick","params":[]<…>,"requires":["a:b","c:d"]}}"#,
        );
    }

    #[test]
    fn a_reducer_that_the_server_calls_says_when() {
        for kind in ["init", "client_connected", "client_disconnected"] {
            let expected =
                format!(r#"{{"reducer":{{"name":"f","kind":"{kind}","params":[]<…>}}}}"#);
            check(kind, "fn f(ctx: &ReducerContext) {}", &expected);
        }
    }
}
