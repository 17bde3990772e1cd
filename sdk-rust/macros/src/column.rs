//! `#[derive(Column)]`: a struct's fields in order, an enum's variant by its position and then its fields.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, Result, TypePath};

use crate::json::Description;
use crate::word::{Errors, check_name, name_of, place};

/// Variants of one enum: their positions fit in a byte.
const VARIANTS_MAX: usize = 256;
/// Fields of one struct or variant, as the server limits them.
const FIELDS_MAX: usize = 256;

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    if let Some(parameter) = item.generics.params.first() {
        let text =
            "a type in a column has no generic parameters: the schema knows it by its name alone";
        return Err(Error::new(parameter.span(), text));
    }
    check_name(&name_of(&item.ident), item.ident.span())?;
    match &item.data {
        Data::Struct(data) => {
            check_fields(item, &data.fields)?;
            Ok(write_struct(&item.ident, &data.fields))
        }
        Data::Enum(data) => {
            check_enum(item, data)?;
            Ok(write_enum(&item.ident, data))
        }
        Data::Union(data) => {
            let text = "a union cannot be stored in a column: it does not say which field it holds";
            Err(Error::new(data.union_token.span, text))
        }
    }
}

fn check_enum(item: &DeriveInput, data: &DataEnum) -> Result<()> {
    if data.variants.is_empty() {
        return Err(Error::new(item.ident.span(), "an enum in a column has at least one variant"));
    }
    if let Some(surplus) = data.variants.iter().nth(VARIANTS_MAX) {
        let text = format!("an enum in a column has at most {VARIANTS_MAX} variants");
        return Err(Error::new(surplus.ident.span(), text));
    }
    let mut errors = Errors::default();
    for variant in &data.variants {
        errors.add(check_name(&name_of(&variant.ident), variant.ident.span()));
        errors.add(check_fields(item, &variant.fields));
    }
    errors.into_result()
}

fn check_fields(item: &DeriveInput, fields: &Fields) -> Result<()> {
    let mut errors = Errors::default();
    if let Some(surplus) = fields.iter().nth(FIELDS_MAX) {
        let text = format!("a type in a column has at most {FIELDS_MAX} fields");
        errors.push(Error::new(surplus.span(), text));
    }
    for field in fields {
        if let Some(ident) = &field.ident {
            errors.add(check_name(&name_of(ident), ident.span()));
        }
        let mut search = Mention { of: &item.ident, at: None };
        search.visit_type(&field.ty);
        if let Some(at) = search.at {
            let text = format!("`{}` contains itself; a type in a column cannot", item.ident);
            errors.push(Error::new(at.span(), text));
        }
    }
    errors.into_result()
}

/// Looks for a type's name in the types of its fields.
struct Mention<'a> {
    of: &'a Ident,
    at: Option<Ident>,
}

impl<'ast> Visit<'ast> for Mention<'_> {
    fn visit_type_path(&mut self, path: &'ast TypePath) {
        let ident = path.path.get_ident().filter(|ident| *ident == self.of || *ident == "Self");
        if let Some(ident) = ident {
            self.at = Some(ident.clone());
        }
        syn::visit::visit_type_path(self, path);
    }
}

fn write_struct(name: &Ident, fields: &Fields) -> TokenStream {
    let out = format_ident!("__out");
    let mut description = Description::new(&out);
    description.raw("{\"struct\":{\"name\":").string(&name_of(name)).raw(",\"fields\":[");
    describe_fields(&mut description, fields);
    description.raw("]}}");
    let bindings = bindings(fields);
    let pattern = pattern(&quote!(Self), fields, &bindings);
    let encode = encode_fields(fields, &bindings);
    let decode = decode_fields(&quote!(Self), fields, &bindings);
    let encode = quote! { let #pattern = self; #encode };
    let column =
        write_impl(name, description, encode, quote! { ::core::result::Result::Ok(#decode) });
    let view_row = write_view_row(name, fields);
    quote! { #column #view_row }
}

/// A struct with named fields can be the row of a view.
fn write_view_row(name: &Ident, fields: &Fields) -> TokenStream {
    let Fields::Named(_) = fields else { return TokenStream::new() };
    let out = format_ident!("__out");
    let mut columns = Description::new(&out);
    describe_fields(&mut columns, fields);
    let describe = columns.into_statements();
    let each = |pass: &str| {
        let pass = format_ident!("{pass}");
        let column = |field: &Field| {
            let (ident, ty) = (&field.ident, &field.ty);
            quote_spanned! {place(ty)=> __row.#pass::<#ty>(&self.#ident); }
        };
        fields.iter().map(column).collect::<TokenStream>()
    };
    let (slots, tails) = (each("slot"), each("tail"));
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::ViewRow for #name {
            fn describe_columns(__out: &mut ::std::string::String) {
                let _ = &__out;
                #describe
            }

            fn encode_columns(&self, __out: &mut ::std::vec::Vec<u8>) {
                let mut __row = ::cosmictron_sdk::__private::RowWriter::new(__out);
                let _ = &mut __row;
                #slots
                #tails
            }
        }
    }
}

fn write_enum(name: &Ident, data: &DataEnum) -> TokenStream {
    let out = format_ident!("__out");
    let mut description = Description::new(&out);
    description.raw("{\"enum\":{\"name\":").string(&name_of(name)).raw(",\"variants\":[");
    description.list(&data.variants, |description, variant| {
        description.raw("{\"name\":").string(&name_of(&variant.ident)).raw(",\"fields\":[");
        describe_fields(description, &variant.fields);
        description.raw("]}");
    });
    description.raw("]}}");
    let (mut encode, mut decode) = (TokenStream::new(), TokenStream::new());
    for (tag, variant) in (0u8..).zip(&data.variants) {
        let ident = &variant.ident;
        let bindings = bindings(&variant.fields);
        let pattern = pattern(&quote!(Self::#ident), &variant.fields, &bindings);
        let encode_fields = encode_fields(&variant.fields, &bindings);
        encode.extend(quote! { #pattern => { __out.push(#tag); #encode_fields } });
        let value = decode_fields(&quote!(Self::#ident), &variant.fields, &bindings);
        decode.extend(quote! { #tag => ::core::result::Result::Ok(#value), });
    }
    let variants = data.variants.len() as u16;
    let decode = quote! {
        match __reader.byte()? {
            #decode
            #[allow(unreachable_patterns, reason = "an enum of 256 variants uses every tag")]
            __tag => ::core::result::Result::Err(
                ::cosmictron_sdk::__private::DecodeError::InvalidTag { tag: __tag, variants: #variants },
            ),
        }
    };
    write_impl(name, description, quote! { match self { #encode } }, decode)
}

fn write_impl(
    name: &Ident,
    description: Description,
    encode: TokenStream,
    decode: TokenStream,
) -> TokenStream {
    let text = name_of(name);
    let describe = description.into_statements();
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::Column for #name {
            const WIDTH: ::core::option::Option<usize> = ::core::option::Option::None;

            fn describe(__out: &mut ::std::string::String) {
                let __depth = ::cosmictron_sdk::__private::TypeDepth::enter(#text);
                #describe
            }

            fn encode(&self, __out: &mut ::std::vec::Vec<u8>) {
                #encode
            }

            fn decode(
                __reader: &mut ::cosmictron_sdk::__private::Reader<'_>,
            ) -> ::core::result::Result<Self, ::cosmictron_sdk::__private::DecodeError> {
                #decode
            }
        }
    }
}

fn describe_fields(description: &mut Description, fields: &Fields) {
    description.list(fields.iter().enumerate(), |description, (at, field)| {
        let name = field.ident.as_ref().map_or_else(|| at.to_string(), name_of);
        description.field(&name, &field.ty);
    });
}

/// One name for each field, of no name that the author could have used.
fn bindings(fields: &Fields) -> Vec<Ident> {
    (0..fields.len()).map(|at| format_ident!("__field_{at}")).collect()
}

fn pattern(path: &TokenStream, fields: &Fields, bindings: &[Ident]) -> TokenStream {
    match fields {
        Fields::Named(_) => {
            let names = fields.iter().map(|field| &field.ident);
            quote! { #path { #(#names: #bindings),* } }
        }
        Fields::Unnamed(_) => quote! { #path(#(#bindings),*) },
        Fields::Unit => quote! { #path },
    }
}

fn encode_fields(fields: &Fields, bindings: &[Ident]) -> TokenStream {
    let encode = fields.iter().zip(bindings).map(|(field, binding)| {
        let ty = &field.ty;
        quote_spanned! {place(ty)=> <#ty as ::cosmictron_sdk::Column>::encode(#binding, __out); }
    });
    quote! { #(#encode)* }
}

fn decode_fields(path: &TokenStream, fields: &Fields, bindings: &[Ident]) -> TokenStream {
    let value = pattern(path, fields, bindings);
    let read = fields.iter().zip(bindings).map(|(field, binding)| {
        let ty = &field.ty;
        quote_spanned! {place(ty)=>
            let #binding = <#ty as ::cosmictron_sdk::Column>::decode(__reader)?;
        }
    });
    quote! { { #(#read)* #value } }
}
