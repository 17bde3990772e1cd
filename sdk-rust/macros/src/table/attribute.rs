//! Reads the words of a table's attributes.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitStr, Result, Token, bracketed};

use super::model::suggest_name;
use super::{FIELD_WORDS, STRUCT_WORDS};
use crate::shard_by;
use crate::word::{name_of, unknown};

/// The words of `#[table(…)]`.
pub(super) struct TableWords {
    pub(super) name: LitStr,
    pub(super) public: bool,
    pub(super) event: bool,
    pub(super) shard_by: Option<Ident>,
}

impl TableWords {
    pub(super) fn parse(words: TokenStream, table: &Ident) -> Result<Self> {
        let (mut name, mut public, mut event, mut column) = (None, false, false, None);
        let parser = syn::meta::parser(|meta| match word_of(&meta)?.as_str() {
            "name" => once(&mut name, &meta, |meta| text(meta, "the table's name")),
            "public" => flag(&mut public, &meta),
            "event" => flag(&mut event, &meta),
            "shard_by" => once(&mut column, &meta, shard_by::column),
            _ => Err(unknown_word(&meta, "table", &["name", "public", "event", "shard_by"])),
        });
        parser.parse2(words)?;
        let Some(name) = name else {
            let suggestion = suggest_name(table).value();
            let text = format!("a table needs a name: `#[table(name = \"{suggestion}\")]`");
            return Err(Error::new(Span::call_site(), text));
        };
        Ok(Self { name, public, event, shard_by: column })
    }
}

/// What an attribute on a table's struct says.
pub(super) enum StructWord {
    Index { span: Span, name: Option<LitStr>, unique: bool, columns: Vec<Ident> },
    Rls { read: Option<LitStr>, write: Option<LitStr>, force: Option<Span> },
}

impl StructWord {
    pub(super) fn parse(attribute: &Attribute) -> Result<Self> {
        let Some(ident) = attribute.path().get_ident() else {
            return Err(Error::new(attribute.span(), "not an attribute of a table"));
        };
        match name_of(ident).as_str() {
            "index" => parse_index(ident, attribute),
            "rls" => parse_rls(ident, attribute),
            other if FIELD_WORDS.contains(&other) => {
                let text = format!("`#[{other}]` belongs on a field of the table");
                Err(Error::new(ident.span(), text))
            }
            _ => Err(unknown(ident, "#[table]", &STRUCT_WORDS)),
        }
    }
}

fn parse_index(ident: &Ident, attribute: &Attribute) -> Result<StructWord> {
    let form = "write `#[index(btree(columns = [first, second]))]`; for one column, `#[index]` on its field";
    attribute.meta.require_list().map_err(|_| Error::new(ident.span(), form))?;
    let (mut name, mut unique, mut columns) = (None, false, None);
    attribute.parse_nested_meta(|meta| match word_of(&meta)?.as_str() {
        "name" => once(&mut name, &meta, index_name),
        "unique" => flag(&mut unique, &meta),
        "btree" => meta.parse_nested_meta(|meta| match word_of(&meta)?.as_str() {
            "columns" => once(&mut columns, &meta, |meta| idents(meta.value()?)),
            _ => Err(unknown_word(&meta, "btree", &["columns"])),
        }),
        _ => Err(unknown_word(&meta, "index", &["btree", "unique", "name"])),
    })?;
    match columns {
        Some(columns) if !columns.is_empty() => {
            Ok(StructWord::Index { span: ident.span(), name, unique, columns })
        }
        _ => Err(Error::new(ident.span(), form)),
    }
}

/// An index's name may stand with or without quotes: no rule of Rust reads it.
fn index_name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let value = meta.value()?;
    if value.peek(LitStr) {
        return value.parse();
    }
    let ident = value.call(Ident::parse_any)?;
    Ok(LitStr::new(&name_of(&ident), ident.span()))
}

fn parse_rls(ident: &Ident, attribute: &Attribute) -> Result<StructWord> {
    let form = "write `#[rls(read = \"…\")]` or `#[rls(write = \"…\")]`, with an SQL predicate, or `#[rls(force)]`";
    attribute.meta.require_list().map_err(|_| Error::new(ident.span(), form))?;
    let (mut read, mut write, mut force) = (None, None, false);
    let mut force_span = None;
    attribute.parse_nested_meta(|meta| match word_of(&meta)?.as_str() {
        "read" => once(&mut read, &meta, predicate),
        "write" => once(&mut write, &meta, predicate),
        "force" => {
            force_span = Some(meta.path.span());
            flag(&mut force, &meta)
        }
        _ => Err(unknown_word(&meta, "rls", &["read", "write", "force"])),
    })?;
    if read.is_none() && write.is_none() && !force {
        return Err(Error::new(ident.span(), form));
    }
    Ok(StructWord::Rls { read, write, force: force_span })
}

fn predicate(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let predicate = text(meta, "an SQL predicate")?;
    if predicate.value().trim().is_empty() {
        let text = "a policy without a predicate says nothing; `true` admits every row";
        return Err(Error::new(predicate.span(), text));
    }
    Ok(predicate)
}

/// What an attribute on a field says.
pub(super) enum FieldWord {
    PrimaryKey,
    AutoInc,
    Index,
    Unique,
    ForeignKey { table: Ident, column: Ident },
    Pii { key_context: Option<LitStr> },
}

impl FieldWord {
    pub(super) fn parse_all(attributes: &[Attribute]) -> Result<Vec<(Span, FieldWord)>> {
        let mut words: Vec<(Span, FieldWord)> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for attribute in attributes {
            let Some(ident) = attribute.path().get_ident() else { continue };
            let name = name_of(ident);
            if seen.contains(&name) {
                let text = format!("`#[{name}]` stands here twice");
                return Err(Error::new(ident.span(), text));
            }
            let is_key = |word: &str| seen.iter().any(|seen| seen == word);
            if matches!(name.as_str(), "index" | "unique" | "primary_key")
                && let Some(key) =
                    ["primary_key", "unique", "index"].into_iter().find(|k| is_key(k))
            {
                let text = format!("`#[{key}]` and `#[{name}]`: one index on a column is enough");
                return Err(Error::new(ident.span(), text));
            }
            words.push((ident.span(), Self::parse(ident, &name, attribute)?));
            seen.push(name);
        }
        Ok(words)
    }

    fn parse(ident: &Ident, name: &str, attribute: &Attribute) -> Result<FieldWord> {
        let word = match name {
            "primary_key" => FieldWord::PrimaryKey,
            "auto_inc" => FieldWord::AutoInc,
            "index" => FieldWord::Index,
            "unique" => FieldWord::Unique,
            "fk" => return parse_foreign_key(ident, attribute),
            "pii" => return parse_pii(attribute),
            _ => return Err(unknown_attribute(ident)),
        };
        attribute.meta.require_path_only().map_err(|_| {
            let text = match word {
                FieldWord::Index => "on a field, `#[index]` takes no words; an index over several columns, `#[index(btree(columns = [a, b]))]`, belongs on the struct".to_owned(),
                _ => format!("`#[{name}]` takes no words"),
            };
            Error::new(ident.span(), text)
        })?;
        Ok(word)
    }
}

fn unknown_attribute(ident: &Ident) -> Error {
    let text = match crate::word::nearest(&name_of(ident), &FIELD_WORDS) {
        Some(near) => format!("a table's field has no attribute `{ident}`; did you mean `{near}`?"),
        None => format!("a table's field has no attribute `{ident}`"),
    };
    Error::new(ident.span(), text)
}

fn parse_foreign_key(ident: &Ident, attribute: &Attribute) -> Result<FieldWord> {
    let form =
        "write `#[fk(table.column)]`, with the name of a table of this module and of its key";
    let parser = |input: ParseStream<'_>| {
        let table = input.call(Ident::parse_any)?;
        input.parse::<Token![.]>()?;
        let column = input.call(Ident::parse_any)?;
        if !input.is_empty() {
            return Err(input.error(form));
        }
        Ok(FieldWord::ForeignKey { table, column })
    };
    attribute.parse_args_with(parser).map_err(|_| Error::new(ident.span(), form))
}

fn parse_pii(attribute: &Attribute) -> Result<FieldWord> {
    let mut key_context = None;
    if attribute.meta.require_path_only().is_err() {
        attribute.parse_nested_meta(|meta| match word_of(&meta)?.as_str() {
            "key_context" => {
                once(&mut key_context, &meta, |meta| text(meta, "the name of a column"))
            }
            _ => Err(unknown_word(&meta, "pii", &["key_context"])),
        })?;
    }
    Ok(FieldWord::Pii { key_context })
}

/// A `#[cfg]` among attributes.
pub(super) fn condition_of(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident("cfg"))
}

fn word_of(meta: &ParseNestedMeta<'_>) -> Result<String> {
    meta.path.get_ident().map(name_of).ok_or_else(|| meta.error("expected a word"))
}

fn unknown_word(meta: &ParseNestedMeta<'_>, place: &str, known: &[&str]) -> Error {
    match meta.path.get_ident() {
        Some(ident) => unknown(ident, place, known),
        None => meta.error("expected a word"),
    }
}

fn flag(flag: &mut bool, meta: &ParseNestedMeta<'_>) -> Result<()> {
    if core::mem::replace(flag, true) {
        return Err(meta.error("this word stands here twice"));
    }
    if meta.input.peek(Token![=]) {
        return Err(meta.error("this word takes no value"));
    }
    Ok(())
}

fn once<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    parse: impl FnOnce(&ParseNestedMeta<'_>) -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        return Err(meta.error("this word stands here twice"));
    }
    *slot = Some(parse(meta)?);
    Ok(())
}

fn text(meta: &ParseNestedMeta<'_>, what: &str) -> Result<LitStr> {
    let value = meta.value()?;
    let span = value.span();
    value.parse().map_err(|_| Error::new(span, format!("{what} stands in quotes")))
}

/// `[a, b]`
fn idents(input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let list;
    bracketed!(list in input);
    let idents = list.parse_terminated(Ident::parse_any, Token![,])?;
    Ok(idents.into_iter().collect())
}
