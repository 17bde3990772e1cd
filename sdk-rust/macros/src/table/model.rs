//! What an author said about a table.
//!
//! Invariants:
//! 1. Columns are named by their position, and every position exists.
//! 2. The primary key is the first index, where there is one; no two indexes have the same name.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Error, Fields, ItemStruct, LitStr, Result, Type};

use super::OwnAttributes;
use super::attribute::{self, FieldWord, StructWord, TableWords};
use super::personal;
use crate::word::{Errors, check_name, name_of};

/// Columns of one table, indexes of one table, columns of one index, as the server limits them.
const COLUMNS_MAX: usize = 256;
const INDEXES_MAX: usize = 32;
const INDEX_COLUMNS_MAX: usize = 8;

pub(super) struct Table {
    pub(super) name: String,
    pub(super) public: bool,
    pub(super) event: bool,
    /// The column that places rows, and where that is said.
    pub(super) shard_by: Option<(usize, Ident)>,
    pub(super) columns: Vec<Column>,
    pub(super) indexes: Vec<Index>,
    pub(super) policies: Vec<Policy>,
    /// Where it is said that reducers, too, see only what the read policies admit.
    pub(super) forced: Option<Span>,
}

pub(super) struct Column {
    pub(super) ident: Ident,
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) auto_inc: bool,
    pub(super) foreign_key: Option<ForeignKey>,
    pub(super) pii: Option<Pii>,
}

pub(super) struct ForeignKey {
    pub(super) table: Ident,
    pub(super) column: Ident,
}

/// That a column holds personal data, and where that is said.
pub(super) struct Pii {
    pub(super) span: Span,
    /// The column that says whose key encrypts it.
    pub(super) key_context: Option<LitStr>,
}

pub(super) struct Index {
    pub(super) name: String,
    pub(super) columns: Vec<usize>,
    pub(super) unique: bool,
    pub(super) primary: bool,
}

pub(super) enum Policy {
    Read(String),
    Write(String),
}

impl Table {
    pub(super) fn read(
        words: TokenStream,
        item: &ItemStruct,
        attributes: &OwnAttributes,
    ) -> Result<Table> {
        check_struct(item)?;
        let words = TableWords::parse(words, &item.ident)?;
        let mut table = Table {
            name: words.name.value(),
            public: words.public,
            event: words.event,
            shard_by: None,
            columns: Vec::new(),
            indexes: Vec::new(),
            policies: Vec::new(),
            forced: None,
        };
        let mut errors = Errors::default();
        errors.add(check_name(&table.name, words.name.span()));
        table.read_fields(item, attributes, &mut errors);
        if let Some(word) = words.shard_by {
            errors.add(table.column(&word).map(|at| table.shard_by = Some((at, word))));
        }
        for attribute in &attributes.on_struct {
            errors
                .add(StructWord::parse(attribute).and_then(|words| table.read_struct_words(words)));
        }
        errors.into_result()?;
        table.check_forced()?;
        personal::check(&table)?;
        Ok(table)
    }

    /// Without a policy for reading there is nothing that reducers could keep to.
    fn check_forced(&self) -> Result<()> {
        let reads = self.policies.iter().any(|policy| matches!(policy, Policy::Read(_)));
        match self.forced {
            Some(span) if !reads => {
                let text = "`force` makes reducers keep to read policies, and the table has none: \
                     add `#[rls(read = \"…\")]`";
                Err(Error::new(span, text))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_primary_key(&self) -> bool {
        self.indexes.first().is_some_and(|index| index.primary)
    }

    /// Whether a column's values are unique by themselves.
    pub(super) fn is_unique(&self, column: usize) -> bool {
        self.indexes.iter().any(|index| index.unique && index.columns == [column])
    }

    fn read_fields(&mut self, item: &ItemStruct, attributes: &OwnAttributes, errors: &mut Errors) {
        let mut primary_key: Option<Span> = None;
        for (field, attributes) in item.fields.iter().zip(&attributes.on_fields) {
            let Some(ident) = &field.ident else { continue };
            errors.add(check_name(&name_of(ident), ident.span()));
            errors.add(check_field(field));
            let at = self.columns.len();
            self.columns.push(Column::new(ident, &field.ty));
            match FieldWord::parse_all(attributes) {
                Ok(words) => errors.add(self.read_field_words(at, words, &mut primary_key)),
                Err(error) => errors.push(error),
            }
        }
        if let Some(surplus) = self.columns.get(COLUMNS_MAX) {
            let text = format!("a table has at most {COLUMNS_MAX} columns");
            errors.push(Error::new(surplus.ident.span(), text));
        }
    }

    fn read_field_words(
        &mut self,
        at: usize,
        words: Vec<(Span, FieldWord)>,
        primary_key: &mut Option<Span>,
    ) -> Result<()> {
        let is_key = |word: &FieldWord| matches!(word, FieldWord::PrimaryKey | FieldWord::Unique);
        let is_unique = words.iter().any(|(_, word)| is_key(word));
        for (span, word) in words {
            let column = &mut self.columns[at];
            match word {
                FieldWord::PrimaryKey => {
                    if primary_key.replace(span).is_some() {
                        let text = "a table has one primary key, and there is one above; `#[unique]` makes a further key";
                        return Err(Error::new(span, text));
                    }
                    self.add_index(span, Index::primary(at, &self.columns))?;
                }
                FieldWord::AutoInc if is_unique => column.auto_inc = true,
                FieldWord::AutoInc => {
                    let text =
                        "`#[auto_inc]` belongs on a column with `#[primary_key]` or `#[unique]`";
                    return Err(Error::new(span, text));
                }
                FieldWord::Index | FieldWord::Unique => {
                    let index = Index::single(at, is_key(&word), &self.columns);
                    self.add_index(span, index)?;
                }
                FieldWord::ForeignKey { table, column: target } => {
                    column.foreign_key = Some(ForeignKey { table, column: target });
                }
                FieldWord::Pii { key_context } => column.pii = Some(Pii { span, key_context }),
            }
        }
        Ok(())
    }

    fn read_struct_words(&mut self, words: StructWord) -> Result<()> {
        match words {
            StructWord::Index { span, name, unique, columns } => {
                let surplus = columns.get(INDEX_COLUMNS_MAX);
                if let Some(surplus) = surplus {
                    let text = format!("an index has at most {INDEX_COLUMNS_MAX} columns");
                    return Err(Error::new(surplus.span(), text));
                }
                let mut positions = Vec::new();
                for ident in &columns {
                    let at = self.column(ident)?;
                    if positions.contains(&at) {
                        let text = format!("column `{ident}` is in this index already");
                        return Err(Error::new(ident.span(), text));
                    }
                    positions.push(at);
                }
                let names: Vec<String> = columns.iter().map(name_of).collect();
                let (span, name) = match name {
                    Some(name) => (name.span(), name.value()),
                    None => (span, names.join("_and_")),
                };
                check_name(&name, span)?;
                self.add_index(span, Index { name, columns: positions, unique, primary: false })
            }
            StructWord::Rls { read, write, force } => {
                self.policies.extend(read.map(|predicate| Policy::Read(predicate.value())));
                self.policies.extend(write.map(|predicate| Policy::Write(predicate.value())));
                self.forced = self.forced.or(force);
                Ok(())
            }
        }
    }

    fn add_index(&mut self, span: Span, index: Index) -> Result<()> {
        if self.indexes.iter().any(|known| known.name == index.name) {
            let text = format!("the table has an index `{}` already", index.name);
            return Err(Error::new(span, text));
        }
        if self.indexes.len() == INDEXES_MAX {
            return Err(Error::new(span, format!("a table has at most {INDEXES_MAX} indexes")));
        }
        let at = if index.primary { 0 } else { self.indexes.len() };
        self.indexes.insert(at, index);
        Ok(())
    }

    fn column(&self, ident: &Ident) -> Result<usize> {
        let name = name_of(ident);
        let found = self.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            let text = match crate::word::nearest(&name, &names) {
                Some(near) => {
                    format!("the table has no column `{name}`; did you mean `{near}`?")
                }
                None => format!("the table has no column `{name}`"),
            };
            Error::new(ident.span(), text)
        })
    }
}

impl Column {
    fn new(ident: &Ident, ty: &Type) -> Self {
        Self {
            ident: ident.clone(),
            name: name_of(ident),
            ty: ty.clone(),
            auto_inc: false,
            foreign_key: None,
            pii: None,
        }
    }
}

impl Index {
    fn primary(column: usize, columns: &[Column]) -> Self {
        let name = columns[column].name.clone();
        Self { name, columns: vec![column], unique: true, primary: true }
    }

    fn single(column: usize, unique: bool, columns: &[Column]) -> Self {
        let name = columns[column].name.clone();
        Self { name, columns: vec![column], unique, primary: false }
    }
}

fn check_struct(item: &ItemStruct) -> Result<()> {
    if let Some(parameter) = item.generics.params.first() {
        let text = "a table's rows have one fixed type, so its struct has no generic parameters or lifetimes";
        return Err(Error::new_spanned(parameter, text));
    }
    match &item.fields {
        Fields::Named(fields) if !fields.named.is_empty() => Ok(()),
        _ => {
            let text = "a table has at least one column: give the struct named fields";
            Err(Error::new(item.ident.span(), text))
        }
    }
}

fn check_field(field: &syn::Field) -> Result<()> {
    if let Some(condition) = attribute::condition_of(&field.attrs) {
        let text = "a table has the same columns in every build, so a field has no `#[cfg]`";
        return Err(Error::new_spanned(condition, text));
    }
    if let Type::Reference(reference) = &field.ty {
        let text = "a row owns its values: write `String` for `&str`, `Vec<T>` for `&[T]`";
        return Err(Error::new_spanned(reference, text));
    }
    Ok(())
}

/// The name that a table probably wants: `ChatRoom` becomes `chat_room`.
pub(super) fn suggest_name(ident: &Ident) -> LitStr {
    let mut name = String::new();
    for character in name_of(ident).chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    LitStr::new(&name, ident.span())
}
