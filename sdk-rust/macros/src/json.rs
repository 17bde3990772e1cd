//! Builds the code that appends one item of the schema: text known now, and types that describe themselves.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use crate::word::place;

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
        self.code(quote_spanned! {place(ty)=>
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use syn::{Block, Expr, LitStr, Stmt, parse_quote};

    /// The text that statements append, with `<T>` where a type describes itself and `<…>` for other code.
    pub(crate) fn text_of(statements: TokenStream) -> String {
        let block: Block = parse_quote!({ #statements });
        block.stmts.iter().map(statement_text).collect()
    }

    fn statement_text(statement: &Stmt) -> String {
        match statement {
            Stmt::Expr(Expr::MethodCall(call), _) if call.method == "push_str" => {
                let text = &call.args;
                let literal: LitStr = parse_quote!(#text);
                literal.value()
            }
            Stmt::Expr(Expr::Call(call), _) => match &*call.func {
                Expr::Path(path) if path.qself.is_some() => {
                    let ty = &path.qself.as_ref().expect("it is some").ty;
                    format!("<{}>", quote!(#ty))
                }
                _ => "<…>".to_owned(),
            },
            other => panic!("{} appends nothing", quote!(#other)),
        }
    }

    #[test]
    fn strings_are_escaped_and_lists_have_commas() {
        let mut description = Description::new(&syn::parse_str("out").expect("an identifier"));
        description.raw("[").list(["a\"b", "\\", "\n\u{1}", "ä€"], |description, text| {
            description.string(text);
        });
        description.raw(",").field("n", &parse_quote!(Vec<u8>)).raw("]");
        let expected = r#"["a\"b","\\","\u000a\u0001","ä€",{"name":"n","type":<Vec < u8 >>}]"#;
        assert_eq!(text_of(description.into_statements()), expected);
    }
}
