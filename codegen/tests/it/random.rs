//! Schemas at random, of names that get in each other's way.

use std::collections::BTreeSet;

use cosmictron_codegen::typescript::{Integers, Options};
use cosmictron_codegen::{Module, rust, typescript};
use cosmictron_types::schema::ModuleSchema;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that become one another, or words of a language.
const NAMES: [&str; 28] = [
    "a",
    "A",
    "a_b",
    "aB",
    "AB",
    "ab",
    "_",
    "__",
    "_1",
    "a2",
    "type",
    "delete",
    "class",
    "self",
    "Self",
    "crate",
    "String",
    "Schema",
    "Table",
    "Option",
    "constructor",
    "__proto__",
    "row",
    "a_row",
    "args",
    "Reducers",
    "None",
    "of",
];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

/// Different names.
fn names(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::btree_set(name(), count).prop_map(|names| names.into_iter().collect())
}

fn fields(ty: impl Strategy<Value = Value> + Clone, least: usize) -> impl Strategy<Value = Value> {
    names(least..4).prop_flat_map(move |names| {
        prop::collection::vec(ty.clone(), names.len()).prop_map(move |types| {
            let fields = names.iter().zip(types);
            fields.map(|(name, ty)| json!({"name": name, "type": ty})).collect()
        })
    })
}

fn positional(ty: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(ty, 1..3).prop_map(|types| {
        let fields = types.into_iter().enumerate();
        fields.map(|(at, ty)| json!({"name": at.to_string(), "type": ty})).collect()
    })
}

fn ty() -> impl Strategy<Value = Value> + Clone {
    let plain = prop::sample::select(
        &[
            "bool",
            "u8",
            "i64",
            "u128",
            "f32",
            "f64",
            "string",
            "bytes",
            "timestamp",
            "identity",
            "uuid",
        ][..],
    );
    let plain = plain.prop_map(|name| json!(name)).boxed();
    plain
        .prop_recursive(3, 12, 3, |inner| {
            let inner = inner.boxed();
            let members = prop_oneof![fields(inner.clone(), 1), positional(inner.clone())].boxed();
            let variants = prop::collection::vec(prop_oneof![Just(json!([])), members.clone()], 4);
            let an_enum = (name(), names(1..4), variants).prop_map(|(name, names, fields)| {
                let variants = names.iter().zip(fields);
                let variants: Value = variants
                    .map(|(name, fields)| json!({"name": name, "fields": fields}))
                    .collect();
                json!({"enum": {"name": name, "variants": variants}})
            });
            prop_oneof![
                inner.clone().prop_map(|inner| json!({"option": inner})),
                inner.prop_map(|inner| json!({"list": inner})),
                (name(), members).prop_map(|(name, fields)| {
                    json!({"struct": {"name": name, "fields": fields}})
                }),
                an_enum,
            ]
        })
        .boxed()
}

fn schema() -> impl Strategy<Value = ModuleSchema> {
    let table = (fields(ty(), 1), prop::bool::weighted(0.9));
    let relations = (names(1..6), prop::collection::vec(table, 6), 0usize..6);
    let reducers =
        (names(0..5), prop::collection::vec((fields(ty(), 0), prop::option::of(ty())), 5));
    (relations, reducers).prop_map(|((names, tables, views), (reducers, signatures))| {
        let relations = names.into_iter().zip(tables).enumerate();
        let items = relations.map(|(at, (name, (columns, public)))| match at < views {
            true => json!({"view": {"name": name, "columns": columns}}),
            false => json!({"table": {"name": name, "columns": columns, "public": public}}),
        });
        let reducers = reducers.into_iter().zip(signatures).map(|(name, (params, result))| {
            json!({"reducer": {"name": name, "params": params, "result": result}})
        });
        let items: Vec<String> = items.chain(reducers).map(|item| item.to_string()).collect();
        ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap()
    })
}

/// What a line declares to the world.
fn exported(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("export ")?;
    let rest = ["type ", "interface ", "class ", "const ", "function "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))?;
    rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()
}

/// Whether brackets match, outside of texts and comments.
fn is_balanced(code: &str) -> bool {
    let mut open = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with(['/', '*'])) {
        for character in line.chars() {
            match character {
                '{' | '[' | '(' => open.push(character),
                '}' if open.pop() != Some('{') => return false,
                ']' if open.pop() != Some('[') => return false,
                ')' if open.pop() != Some('(') => return false,
                _ => {}
            }
        }
    }
    open.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_becomes_code_in_which_each_name_is_one_thing(schema in schema()) {
        let module = Module::new("any", "v", schema).unwrap();
        let options = Options { integers: Integers::Number, has_hooks: true };
        let files = typescript::generate(&module, options);
        prop_assert_eq!(&files, &typescript::generate(&module, options));
        let mut names = BTreeSet::new();
        for file in &files {
            prop_assert!(is_balanced(&file.text), "{}\n{}", file.name, file.text);
            for name in file.text.lines().filter_map(exported) {
                prop_assert!(names.insert(name.to_owned()), "{} is declared twice", name);
            }
        }
        let file = &rust::generate(&module)[0];
        let parsed = syn::parse_file(&file.text);
        let parsed = parsed.unwrap_or_else(|error| panic!("{error}\n{}", file.text));
        let mut names = BTreeSet::new();
        for item in parsed.items {
            let name = match item {
                syn::Item::Struct(item) => item.ident,
                syn::Item::Enum(item) => item.ident,
                _ => continue,
            };
            prop_assert!(names.insert(name.to_string()), "{} is declared twice", name);
        }
    }
}
