//! Writes the functions of a table: what the author of a module calls.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ItemStruct;

use super::model::{Index, Table};
use crate::word::place;

/// One way to ask a table by the leading columns of an index.
struct Access<'a> {
    table: &'a Table,
    /// Where the index stands in the table's list.
    position: usize,
    index: &'a Index,
    columns: &'a [usize],
}

pub(super) fn write(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let general = general();
    let by_primary_key = by_primary_key(table);
    let by_index = accesses(table).into_iter().map(|access| access.write());
    let capabilities = capabilities(table, item);
    quote! {
        #[allow(dead_code, reason = "a module uses what it needs")]
        impl #name {
            #general
            #by_primary_key
            #(#by_index)*
        }
        #capabilities
    }
}

/// What the conditions of [`by_primary_key`] ask for.
fn capabilities(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let has_primary_key = table.has_primary_key().then(|| {
        quote! {
            #[automatically_derived]
            impl ::cosmictron_sdk::__private::HasPrimaryKey for #name {}
        }
    });
    let changeable = (!table.event).then(|| {
        quote! {
            #[automatically_derived]
            impl ::cosmictron_sdk::__private::Changeable for #name {}
        }
    });
    quote! { #has_primary_key #changeable }
}

fn general() -> TokenStream {
    quote! {
        /// Inserts a row; returns it as it is stored, with the numbers that the server gave it.
        pub fn insert(row: Self) -> ::core::result::Result<Self, ::cosmictron_sdk::InsertError> {
            ::cosmictron_sdk::__private::insert(row)
        }

        /// Inserts rows with few host calls; returns them as they are stored. Rows before a refused one stay.
        pub fn insert_many(
            rows: impl ::core::iter::IntoIterator<Item = Self>,
        ) -> ::core::result::Result<::std::vec::Vec<Self>, ::cosmictron_sdk::InsertError> {
            ::cosmictron_sdk::__private::insert_many(rows)
        }

        /// Every row.
        pub fn iter() -> ::cosmictron_sdk::Rows<Self> {
            ::cosmictron_sdk::__private::iter()
        }

        /// Every row for which `keep` holds. Reads the whole table; an index is quicker where there is one.
        pub fn filter<F: ::core::ops::FnMut(&Self) -> bool>(
            keep: F,
        ) -> ::core::iter::Filter<::cosmictron_sdk::Rows<Self>, F> {
            ::core::iter::Iterator::filter(Self::iter(), keep)
        }

        /// How many rows there are.
        pub fn count() -> u64 {
            ::cosmictron_sdk::__private::count::<Self>()
        }
    }
}

/// A condition that never holds is written so that it fails where the function is called, with its reason, and not
/// here: an unused lifetime makes the compiler wait.
fn by_primary_key(table: &Table) -> TokenStream {
    let changeable = changeable(table);
    let keyed = (!table.has_primary_key()).then(|| {
        quote! { for<'a> Self: ::cosmictron_sdk::__private::HasPrimaryKey, }
    });
    let delete = delete_by_primary_key(table);
    quote! {
        /// Replaces the row that has this row's primary key; returns it.
        pub fn update(row: Self) -> ::core::result::Result<Self, ::cosmictron_sdk::UpdateError>
        where #changeable #keyed
        {
            ::cosmictron_sdk::__private::update(row)
        }

        #delete
    }
}

fn changeable(table: &Table) -> Option<TokenStream> {
    table.event.then(|| quote! { for<'a> Self: ::cosmictron_sdk::__private::Changeable, })
}

fn delete_by_primary_key(table: &Table) -> TokenStream {
    let changeable = changeable(table);
    let Some(key) = table.indexes.first().filter(|index| index.primary) else {
        return quote! {
            /// Cannot be called: the table has no primary key.
            pub fn delete<K: ?::core::marker::Sized>(
                _key: &K,
            ) -> ::core::result::Result<bool, ::cosmictron_sdk::DeleteError>
            where #changeable for<'a> Self: ::cosmictron_sdk::__private::HasPrimaryKey,
            {
                ::core::result::Result::Ok(false)
            }
        };
    };
    let ty = &table.columns[key.columns[0]].ty;
    let key_ty = quote_spanned! {place(ty)=> <#ty as ::cosmictron_sdk::KeyColumn>::Key };
    quote! {
        /// Deletes the row with this primary key; whether there was one.
        pub fn delete(
            key: &#key_ty,
        ) -> ::core::result::Result<bool, ::cosmictron_sdk::DeleteError>
        where #changeable
        {
            let deleted = ::cosmictron_sdk::__private::delete::<Self>(0, 1, |__key| {
                __key.slot::<#ty>(key);
                __key.tail::<#ty>(key);
            })?;
            ::core::result::Result::Ok(deleted > 0)
        }
    }
}

/// Every way to ask, each once: an index over one column comes before one that merely begins with it, and a unique
/// one before others.
fn accesses(table: &Table) -> Vec<Access<'_>> {
    let mut accesses: Vec<Access<'_>> = Vec::new();
    let mut indexes: Vec<(usize, &Index)> = table.indexes.iter().enumerate().collect();
    indexes.sort_by_key(|(_, index)| (index.columns.len(), !index.unique));
    for (position, index) in indexes {
        for count in 1..=index.columns.len() {
            let columns = &index.columns[..count];
            if !accesses.iter().any(|access| access.columns == columns) {
                accesses.push(Access { table, position, index, columns });
            }
        }
    }
    accesses
}

impl Access<'_> {
    fn write(&self) -> TokenStream {
        let filter = self.filter();
        let range = self.range();
        let delete = self.delete();
        quote! { #filter #range #delete }
    }

    fn name(&self, verb: &str) -> Ident {
        let names: Vec<&str> =
            self.columns.iter().map(|&at| self.table.columns[at].name.as_str()).collect();
        let last = &self.table.columns[self.columns[self.columns.len() - 1]];
        format_ident!("{verb}_by_{}", names.join("_and_"), span = last.ident.span())
    }

    /// Where the function stands for the compiler, which complains of the whole of it when a type is no key.
    fn place(&self) -> Span {
        let last = self.columns[self.columns.len() - 1];
        place(&self.table.columns[last].ty)
    }

    /// What the documentation calls the columns.
    fn columns_text(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|&at| format!("`{}`", self.table.columns[at].name)).collect();
        names.join(" and ")
    }

    fn count(&self) -> u8 {
        u8::try_from(self.columns.len()).expect("INDEX_COLUMNS_MAX is 8")
    }

    /// The parameters of leading columns, each by reference.
    fn parameters(&self, columns: &[usize]) -> Vec<TokenStream> {
        let parameter = |&at: &usize| {
            let column = &self.table.columns[at];
            let (ident, ty) = (&column.ident, &column.ty);
            quote_spanned! {place(ty)=> #ident: &<#ty as ::cosmictron_sdk::KeyColumn>::Key }
        };
        columns.iter().map(parameter).collect()
    }

    /// Statements that write the parameters into a key.
    fn write_key(&self) -> TokenStream {
        let pass = |step: &str| {
            let step = format_ident!("{step}");
            let columns = self.columns.iter().map(|&at| &self.table.columns[at]);
            let statements = columns.map(|column| {
                let (ident, ty) = (&column.ident, &column.ty);
                quote_spanned! {place(ty)=> __key.#step::<#ty>(#ident); }
            });
            quote! { #(#statements)* }
        };
        let (slots, tails) = (pass("slot"), pass("tail"));
        quote! { #slots #tails }
    }

    fn filter(&self) -> TokenStream {
        let (name, position, count) = (self.name("filter"), self.position, self.count());
        let parameters = self.parameters(self.columns);
        let write = self.write_key();
        let is_one = self.index.unique && self.columns.len() == self.index.columns.len();
        let (result, function, text) = if is_one {
            let result = quote! { ::core::option::Option<Self> };
            (result, format_ident!("find"), format!("The row with this {}.", self.columns_text()))
        } else {
            let result = quote! { ::cosmictron_sdk::IndexRows<Self> };
            (result, format_ident!("equal"), format!("The rows with this {}.", self.columns_text()))
        };
        quote_spanned! {self.place()=>
            #[doc = #text]
            pub fn #name(#(#parameters),*) -> #result {
                ::cosmictron_sdk::__private::#function::<Self>(#position, #count, |__key| { #write })
            }
        }
    }

    fn range(&self) -> TokenStream {
        let (name, position) = (self.name("range"), self.position);
        let (last, prefix) = self.columns.split_last().expect("an access has a column");
        let prefix_count = self.count() - 1;
        let parameters = self.parameters(prefix);
        let (last, write) = (&self.table.columns[*last], self.write_range_key(prefix, *last));
        let (ident, ty) = (&last.ident, &last.ty);
        let text = format!(
            "The rows within a range, in the order of the index over {}.",
            self.columns_text()
        );
        let range = quote_spanned! {place(ty)=>
            #ident: impl ::cosmictron_sdk::KeyRange<<#ty as ::cosmictron_sdk::KeyColumn>::Key>
        };
        let (prefix_comma, key_ty) = (
            (!prefix.is_empty()).then(|| quote! { , }),
            quote_spanned! {place(ty)=> <#ty as ::cosmictron_sdk::KeyColumn>::Key },
        );
        quote_spanned! {self.place()=>
            #[doc = #text]
            pub fn #name(
                #(#parameters),* #prefix_comma #range
            ) -> ::cosmictron_sdk::IndexRows<Self> {
                ::cosmictron_sdk::__private::between::<Self, #key_ty>(
                    #position,
                    #prefix_count,
                    ::cosmictron_sdk::KeyRange::bounds(&#ident),
                    |__key, __bound| { #write },
                )
            }
        }
    }

    /// Statements that write the leading parameters, then the bound where there is one.
    fn write_range_key(&self, prefix: &[usize], last: usize) -> TokenStream {
        let pass = |step: &str| {
            let step = format_ident!("{step}");
            let columns = prefix.iter().map(|&at| &self.table.columns[at]);
            let statements = columns.map(|column| {
                let (ident, ty) = (&column.ident, &column.ty);
                quote_spanned! {place(ty)=> __key.#step::<#ty>(#ident); }
            });
            let ty = &self.table.columns[last].ty;
            quote_spanned! {place(ty)=>
                #(#statements)*
                if let ::core::option::Option::Some(__bound) = __bound {
                    __key.#step::<#ty>(__bound);
                }
            }
        };
        let (slots, tails) = (pass("slot"), pass("tail"));
        quote! { #slots #tails }
    }

    fn delete(&self) -> TokenStream {
        let (name, position, count) = (self.name("delete"), self.position, self.count());
        let parameters = self.parameters(self.columns);
        let write = self.write_key();
        let changeable = changeable(self.table);
        let text = format!("Deletes the rows with this {}; how many.", self.columns_text());
        quote_spanned! {self.place()=>
            #[doc = #text]
            pub fn #name(
                #(#parameters),*
            ) -> ::core::result::Result<u64, ::cosmictron_sdk::DeleteError>
            where #changeable
            {
                ::cosmictron_sdk::__private::delete::<Self>(#position, #count, |__key| { #write })
            }
        }
    }
}
