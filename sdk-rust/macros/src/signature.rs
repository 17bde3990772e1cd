//! Reads the signature of a function that the server calls.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, ItemFn, Pat, PatType, Result, ReturnType, Safety, Type};

use crate::word::{Errors, check_name, name_of};

/// Arguments of one reducer, as the server limits them.
const ARGUMENTS_MAX: usize = 256;

/// An argument that a caller sends.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// What a reducer takes and returns.
pub(crate) struct Signature {
    pub(crate) name: String,
    /// Whether the first parameter is the context.
    pub(crate) takes_context: bool,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: TokenStream,
}

impl Signature {
    pub(crate) fn read(function: &ItemFn) -> Result<Self> {
        check_function(function, "a reducer")?;
        let mut signature = Signature {
            name: name_of(&function.sig.ident),
            takes_context: false,
            arguments: Vec::new(),
            output: output(function),
        };
        let mut errors = Errors::default();
        for (at, input) in function.sig.inputs.iter().enumerate() {
            match input {
                FnArg::Typed(input) => errors.add(signature.read_parameter(at, input)),
                FnArg::Receiver(receiver) => {
                    let text = "a reducer is a function of its own, not a method: it has no `self`";
                    errors.push(Error::new_spanned(receiver, text));
                }
            }
        }
        if let Some(surplus) = signature.arguments.get(ARGUMENTS_MAX) {
            let text = format!("a reducer has at most {ARGUMENTS_MAX} arguments");
            errors.push(Error::new(surplus.ident.span(), text));
        }
        errors.into_result()?;
        Ok(signature)
    }

    fn read_parameter(&mut self, at: usize, input: &PatType) -> Result<()> {
        match context_of(&input.ty) {
            Some(Context::Shared) if at == 0 => {
                self.takes_context = true;
                return Ok(());
            }
            Some(Context::Shared) => {
                let text = "the context is a reducer's first parameter";
                return Err(Error::new(input.ty.span(), text));
            }
            Some(Context::Other) => {
                let text = "a reducer takes its context as `&ReducerContext`";
                return Err(Error::new_spanned(&input.ty, text));
            }
            None => {}
        }
        if let Type::Reference(reference) = &*input.ty {
            let text =
                "a reducer owns its arguments: write `String` for `&str`, `Vec<T>` for `&[T]`";
            return Err(Error::new_spanned(reference, text));
        }
        if let Type::ImplTrait(ty) = &*input.ty {
            let text =
                "a reducer's arguments have one type each, which callers know: not `impl Trait`";
            return Err(Error::new_spanned(ty, text));
        }
        let Pat::Ident(pattern) = &*input.pat else {
            let text = "an argument needs a name: callers send it by its name";
            return Err(Error::new_spanned(&input.pat, text));
        };
        let name = name_of(&pattern.ident);
        check_name(&name, pattern.ident.span())?;
        let ty = (*input.ty).clone();
        self.arguments.push(Argument { ident: pattern.ident.clone(), name, ty });
        Ok(())
    }
}

/// A parameter that is, or was meant to be, the context.
enum Context {
    Shared,
    Other,
}

fn context_of(ty: &Type) -> Option<Context> {
    let is_context = |ty: &Type| match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| last.ident == "ReducerContext")
        }
        _ => false,
    };
    match ty {
        Type::Reference(reference) if is_context(&reference.elem) => {
            Some(if reference.mutability.is_none() { Context::Shared } else { Context::Other })
        }
        other => is_context(other).then_some(Context::Other),
    }
}

fn output(function: &ItemFn) -> TokenStream {
    match &function.sig.output {
        ReturnType::Default => quote! { () },
        ReturnType::Type(_, ty) => quote! { #ty },
    }
}

/// What holds for every function that the server calls.
pub(crate) fn check_function(function: &ItemFn, what: &str) -> Result<()> {
    let sig = &function.sig;
    check_name(&name_of(&sig.ident), sig.ident.span())?;
    if let Some(token) = &sig.asyncness {
        let text = format!("{what} runs from start to end without waiting: it is not `async`");
        return Err(Error::new(token.span, text));
    }
    if let Some(parameter) = sig.generics.params.first() {
        let text = format!(
            "{what} is called by its name alone: it has no generic parameters or lifetimes"
        );
        return Err(Error::new_spanned(parameter, text));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        return Err(Error::new(
            token.span,
            format!("{what} can be called by anyone: it is not `unsafe`"),
        ));
    }
    if let Some(abi) = &sig.abi {
        return Err(Error::new_spanned(
            abi,
            format!("{what} is exported by its attribute: it has no ABI of its own"),
        ));
    }
    if let Some(variadic) = &sig.variadic {
        return Err(Error::new_spanned(variadic, format!("{what} has named arguments only")));
    }
    Ok(())
}
