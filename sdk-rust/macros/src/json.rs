//! Builds the code that appends one item of the schema: text known now, and types that describe themselves.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

/// JSON text with gaps, as statements that append to a `String` named `out`.
pub(crate) struct Description {
    out: Ident,
    statements: TokenStream,
    /// What comes after the statements.
    text: String,
}

impl Description {
    pub(crate) fn new(out: &Ident) -> Self {
        Self { out: out.clone(), statements: TokenStream::new(), text: String::new() }
    }

    /// Appends JSON as it is.
    pub(crate) fn raw(&mut self, json: &str) -> &mut Self {
        self.text.push_str(json);
        self
    }

    /// Appends a string.
    pub(crate) fn string(&mut self, text: &str) -> &mut Self {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                control if control < ' ' => {
                    self.text.push_str(&format!("\\u{:04x}", u32::from(control)));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
        self
    }

    /// Appends what each element appends, with commas between.
    pub(crate) fn list<T>(
        &mut self,
        elements: impl IntoIterator<Item = T>,
        mut append: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (at, element) in elements.into_iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            append(self, element);
        }
        self
    }

    /// Appends what a column type says of itself.
    pub(crate) fn ty(&mut self, ty: &Type) -> &mut Self {
        let out = self.out.clone();
        self.code(quote_spanned! {ty.span()=>
            <#ty as ::cosmictron_sdk::Column>::describe(#out);
        })
    }

    /// `{"name":…,"type":…}`
    pub(crate) fn field(&mut self, name: &str, ty: &Type) -> &mut Self {
        self.raw("{\"name\":").string(name).raw(",\"type\":").ty(ty).raw("}")
    }

    /// Appends what the statements append.
    pub(crate) fn code(&mut self, statements: TokenStream) -> &mut Self {
        self.flush();
        self.statements.extend(statements);
        self
    }

    pub(crate) fn into_statements(mut self) -> TokenStream {
        self.flush();
        self.statements
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let (out, text) = (&self.out, core::mem::take(&mut self.text));
            self.statements.extend(quote! { #out.push_str(#text); });
        }
    }
}
