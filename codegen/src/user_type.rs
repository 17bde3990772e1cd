//! Finds the structs and enums that the columns, arguments and results are made of which clients see.
//!
//! A schema has them in place, wherever they are used. Two of one name may be different, from different files of a module: each
//! is one of its own then.

use cosmictron_types::schema::ModuleSchema;
use cosmictron_types::ty::{EnumType, StructType, Type};

/// A struct or an enum, and what it is called in the code.
#[derive(Clone, Debug)]
pub(crate) struct UserType<'s> {
    pub(crate) ty: &'s Type,
    pub(crate) name: String,
}

/// All of a module, those that others are made of first.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserTypes<'s> {
    all: Vec<UserType<'s>>,
}

impl<'s> UserTypes<'s> {
    /// Finds them; `name` says what one is to be called.
    pub(crate) fn of(schema: &'s ModuleSchema, name: &mut dyn FnMut(&str) -> String) -> Self {
        let mut types = UserTypes::default();
        for table in crate::tables(schema) {
            table.columns.iter().for_each(|column| types.find(&column.ty, name));
        }
        for view in &schema.views {
            view.columns.iter().for_each(|column| types.find(&column.ty, name));
        }
        for reducer in crate::reducers(schema) {
            reducer.params.iter().for_each(|param| types.find(&param.ty, name));
            reducer.result.iter().for_each(|result| types.find(result, name));
        }
        types
    }

    fn find(&mut self, ty: &'s Type, name: &mut dyn FnMut(&str) -> String) {
        match ty {
            Type::Option(inner) | Type::List(inner) => self.find(inner, name),
            Type::Struct(StructType { name: own, fields }) => {
                fields.iter().for_each(|field| self.find(&field.ty, name));
                self.add(ty, own, name);
            }
            Type::Enum(EnumType { name: own, variants }) => {
                let fields = variants.iter().flat_map(|variant| &variant.fields);
                fields.for_each(|field| self.find(&field.ty, name));
                self.add(ty, own, name);
            }
            _ => {}
        }
    }

    fn add(&mut self, ty: &'s Type, own: &str, name: &mut dyn FnMut(&str) -> String) {
        if !self.all.iter().any(|known| known.ty == ty) {
            self.all.push(UserType { ty, name: name(own) });
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &UserType<'s>> {
        self.all.iter()
    }

    /// What the code calls a struct or an enum of the schema.
    pub(crate) fn name_of(&self, ty: &Type) -> &str {
        let known = self.all.iter().find(|known| known.ty == ty);
        &known.expect("every type of the schema was found").name
    }
}
