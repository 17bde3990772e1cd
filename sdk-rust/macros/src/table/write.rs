//! Writes what a table's struct implements: its encoding, its description, and what the compiler checks of it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ItemStruct;
use syn::spanned::Spanned as _;

use super::functions;
use super::model::{Column, Index, Policy, Table};
use crate::json::Description;
use crate::shard_by::shard_key;
use crate::word::{conditions, hash, name_of, place};

pub(super) fn write(table: &Table, item: &ItemStruct) -> TokenStream {
    let parts = [
        row(table, item),
        table_trait(table, item),
        view_row(table, item),
        names(table, item),
        functions::write(table, item),
        checks(table),
        export(table, item),
    ];
    let conditions = conditions(&item.attrs);
    if conditions.is_empty() {
        return quote! { #(#parts)* };
    }
    // One block, so that one condition covers all.
    quote! { #(#conditions)* const _: () = { #(#parts)* }; }
}

fn row(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let fields: Vec<_> = table.columns.iter().map(|column| &column.ident).collect();
    let each = |code: fn(&Column) -> TokenStream| table.columns.iter().map(code);
    let slots = each(
        |Column { ident, ty, .. }| quote_spanned! {place(ty)=> __row.slot::<#ty>(&self.#ident); },
    );
    let tails = each(
        |Column { ident, ty, .. }| quote_spanned! {place(ty)=> __row.tail::<#ty>(&self.#ident); },
    );
    let reads = each(|Column { ty, .. }| quote_spanned! {place(ty)=> __row.column::<#ty>()? });
    let fixed_bytes = fixed_bytes(&table.columns);
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::__private::Row for #name {
            fn encode_row(&self, __out: &mut ::std::vec::Vec<u8>) {
                let mut __row = ::cosmictron_sdk::__private::RowWriter::new(__out);
                #(#slots)*
                #(#tails)*
            }

            fn decode_row(
                __bytes: &[u8],
            ) -> ::core::result::Result<Self, ::cosmictron_sdk::__private::DecodeError> {
                let mut __row =
                    ::cosmictron_sdk::__private::RowReader::new(__bytes, #fixed_bytes)?;
                let __value = Self { #(#fields: #reads),* };
                __row.finish()?;
                ::core::result::Result::Ok(__value)
            }
        }
    }
}

/// Bytes of the slots of columns, as a constant expression.
fn fixed_bytes(columns: &[Column]) -> TokenStream {
    let widths = columns.iter().map(|Column { ty, .. }| {
        quote_spanned! {place(ty)=> + ::cosmictron_sdk::__private::slot_width::<#ty>() }
    });
    quote! { 0 #(#widths)* }
}

fn table_trait(table: &Table, item: &ItemStruct) -> TokenStream {
    let (name, table_name) = (&item.ident, &table.name);
    let description = description(table);
    let numbered = table.columns.iter().enumerate().filter(|(_, column)| column.auto_inc);
    let take_generated = numbered.map(|(at, Column { ident, ty, .. })| {
        let before = fixed_bytes(&table.columns[..at]);
        quote_spanned! {place(ty)=>
            self.#ident = ::cosmictron_sdk::__private::number_at::<#ty>(__stored, #before);
        }
    });
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::Table for #name {
            const NAME: &'static str = #table_name;

            fn description() -> &'static ::cosmictron_sdk::__private::TableDescription {
                #description
            }

            fn take_generated(&mut self, __stored: &[u8]) {
                #(#take_generated)*
            }
        }
    }
}

/// What the SDK knows of the table without its row type.
fn description(table: &Table) -> TokenStream {
    let table_name = &table.name;
    let index_names = table.indexes.iter().map(|index| &index.name);
    let index_count = table.indexes.len();
    let describe = describe(table);
    let targets = table.columns.iter().filter_map(target);
    quote! {
        static INDEXES: [::cosmictron_sdk::__private::IndexDescription; #index_count] =
            [#(::cosmictron_sdk::__private::IndexDescription::new(#index_names)),*];
        static TABLE: ::cosmictron_sdk::__private::TableDescription =
            ::cosmictron_sdk::__private::TableDescription::new(
                #table_name, &INDEXES, __describe, __targets,
            );
        fn __targets() -> ::std::vec::Vec<
            &'static ::cosmictron_sdk::__private::TableDescription,
        > {
            ::std::vec![#(#targets),*]
        }
        fn __describe(__out: &mut ::std::string::String) {
            #describe
        }
        &TABLE
    }
}

/// The table's item of the schema.
fn describe(table: &Table) -> TokenStream {
    let mut item = Description::new(&format_ident!("__out"));
    item.raw("{\"table\":{\"name\":").string(&table.name);
    if table.public {
        item.raw(",\"public\":true");
    }
    if table.event {
        item.raw(",\"event\":true");
    }
    if let Some((column, _)) = &table.shard_by {
        item.raw(",\"shard_by\":").string(&table.columns[*column].name);
    }
    item.raw(",\"columns\":[").list(&table.columns, describe_column).raw("]");
    item.raw(",\"indexes\":[")
        .list(&table.indexes, |item, index| describe_index(item, table, index))
        .raw("]");
    if !table.policies.is_empty() {
        item.raw(",\"policies\":[").list(&table.policies, describe_policy).raw("]");
    }
    if table.forced.is_some() {
        item.raw(",\"force_policies\":true");
    }
    item.raw("}}");
    item.into_statements()
}

fn describe_column(item: &mut Description, column: &Column) {
    item.raw("{\"name\":").string(&column.name).raw(",\"type\":").ty(&column.ty);
    if column.auto_inc {
        item.raw(",\"auto_inc\":true");
    }
    if let Some(key) = &column.foreign_key {
        item.raw(",\"foreign_key\":{\"table\":").string(&name_of(&key.table));
        item.raw(",\"column\":").string(&name_of(&key.column)).raw("}");
    }
    if let Some(pii) = &column.pii {
        item.raw(",\"pii\":{");
        if let Some(context) = &pii.key_context {
            item.raw("\"key_context\":").string(&context.value());
        }
        item.raw("}");
    }
    item.raw("}");
}

fn describe_index(item: &mut Description, table: &Table, index: &Index) {
    item.raw("{\"name\":").string(&index.name).raw(",\"columns\":[");
    item.list(&index.columns, |item, &column| {
        item.string(&table.columns[column].name);
    });
    item.raw("]");
    if index.primary {
        item.raw(",\"primary\":true");
    } else if index.unique {
        item.raw(",\"unique\":true");
    }
    item.raw("}");
}

fn describe_policy(item: &mut Description, policy: &Policy) {
    let (word, predicate) = match policy {
        Policy::Read(predicate) => ("{\"read\":", predicate),
        Policy::Write(predicate) => ("{\"write\":", predicate),
    };
    item.raw(word).string(predicate).raw("}");
}

/// Lets views yield the table's rows.
fn view_row(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let mut columns = Description::new(&format_ident!("__out"));
    columns.list(&table.columns, |columns, column| {
        columns.field(&column.name, &column.ty);
    });
    let describe = columns.into_statements();
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::ViewRow for #name {
            fn describe_columns(__out: &mut ::std::string::String) {
                #describe
            }

            fn encode_columns(&self, __out: &mut ::std::vec::Vec<u8>) {
                ::cosmictron_sdk::__private::Row::encode_row(self, __out);
            }
        }
    }
}

/// Makes the table and its unique columns known to the type system by their names, for foreign keys.
fn names(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let table_hash = hash(&table.name);
    let unique = table.columns.iter().enumerate().filter(|&(at, _)| table.is_unique(at));
    let columns = unique.map(|(_, Column { name: column, ty, .. })| {
        let hash = hash(column);
        quote_spanned! {ty.span()=>
            #[automatically_derived]
            impl ::cosmictron_sdk::__private::UniqueColumn<#name>
                for ::cosmictron_sdk::__private::ColumnName<#hash> { type Value = #ty; }
        }
    });
    quote! {
        #[automatically_derived]
        impl ::cosmictron_sdk::__private::NamedTable<#name>
            for ::cosmictron_sdk::__private::TableName<#table_hash> {}
        #(#columns)*
    }
}

/// Has the compiler check what only types can show. (An index's column must be a key: the functions that look it up
/// say so.)
fn checks(table: &Table) -> TokenStream {
    let primary_key = table.indexes.first().filter(|index| index.primary);
    let is_primary_key = |at: usize| primary_key.is_some_and(|index| index.columns == [at]);
    let checks = table.columns.iter().enumerate().filter_map(|(at, column)| {
        let check = match column.auto_inc {
            true if table.shard_by.is_some() => format_ident!("spread_auto_inc"),
            true => format_ident!("auto_inc"),
            false if is_primary_key(at) => format_ident!("primary_key"),
            false if column.pii.is_some() => format_ident!("personal"),
            false => return None,
        };
        let ty = &column.ty;
        Some(quote_spanned! {place(ty)=> ::cosmictron_sdk::__private::#check::<#ty>(); })
    });
    let shard_key =
        table.shard_by.as_ref().map(|(at, word)| shard_key(&table.columns[*at].ty, word));
    quote! { const _: fn() = || { #(#checks)* #shard_key }; }
}

/// What a foreign key points at. The compiler checks that it exists, is unique and has the column's type.
fn target(column: &Column) -> Option<TokenStream> {
    let key = column.foreign_key.as_ref()?;
    let ty = &column.ty;
    let (table_hash, column_hash) = (hash(&name_of(&key.table)), hash(&name_of(&key.column)));
    let table = quote_spanned! {key.table.span()=>
        ::cosmictron_sdk::__private::TableName<#table_hash>
    };
    let column = quote_spanned! {key.column.span()=>
        ::cosmictron_sdk::__private::ColumnName<#column_hash>
    };
    let target = quote_spanned! {key.column.span()=>
        ::cosmictron_sdk::__private::target::<#table, #column, _>()
    };
    Some(quote_spanned! {ty.span()=> { let __target = #target; __target.of::<#ty>() } })
}

fn export(table: &Table, item: &ItemStruct) -> TokenStream {
    let name = &item.ident;
    let export = format!("cosm_describe_table_{}", table.name);
    quote! {
        const _: () = {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(dead_code, reason = "the server calls it by its export")]
            extern "C" fn __describe() {
                ::cosmictron_sdk::__private::describe(|__out| {
                    <#name as ::cosmictron_sdk::Table>::description().describe(__out);
                });
            }
        };
    }
}
