//! A schema survives its own JSON, and no text makes its door panic.

use cosmictron_types::Type;
use cosmictron_types::schema::ModuleSchema;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, proptest};
use proptest::sample::select;

use crate::random;

/// A table and a reducer over random types, as a module describes them.
fn items() -> impl Strategy<Value = Vec<String>> {
    (vec(random::ty(), 1..6), any::<[bool; 3]>()).prop_map(|(types, [public, event, unique])| {
        let columns: Vec<String> = types
            .iter()
            .enumerate()
            .map(|(at, ty)| format!(r#"{{"name":"c{at}","type":{}}}"#, json(ty)))
            .collect();
        let keys = types.iter().enumerate().filter(|(_, ty)| ty.required().is_key());
        let indexes: Vec<String> = keys
            .map(|(at, _)| format!(r#"{{"name":"i{at}","columns":["c{at}"],"unique":{unique}}}"#))
            .collect();
        let (columns, indexes) = (columns.join(","), indexes.join(","));
        vec![
            format!(
                r#"{{"reducer":{{"name":"r","params":[{columns}],"result":{}}}}}"#,
                json(&types[0])
            ),
            format!(
                r#"{{"table":{{"name":"t","public":{public},"event":{event},
                    "columns":[{columns}],"indexes":[{indexes}]}}}}"#
            ),
        ]
    })
}

fn json(ty: &Type) -> String {
    serde_json::to_string(ty).unwrap()
}

const PIECES: &[&str] = &[
    "{\"table\":",
    "{\"reducer\":",
    "{\"view\":",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"name\":",
    "\"columns\":",
    "\"indexes\":",
    "\"type\":",
    "\"u64\"",
    "{\"option\":",
    "{\"list\":",
    "{\"struct\":",
    "{\"enum\":",
    "\"fields\":",
    "\"variants\":",
    "\"t\"",
    "true",
    "null",
    "\"primary\":",
    "\"auto_inc\":",
    "\"kind\":",
    "\"init\"",
    "7",
];

proptest! {
    #[test]
    fn a_schema_survives_its_json(items in items()) {
        let schema = ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap();
        assert_eq!(ModuleSchema::parse(&schema.to_json()).unwrap(), schema);
        let table = schema.table("t").unwrap();
        assert_eq!(table.layout(), schema.reducer("r").unwrap().params_layout());
        // Both doors keep the same rules.
        let misnamed = schema.to_json().replace("\"c0\"", "\"0c\"");
        assert!(ModuleSchema::parse(&misnamed).is_err());
    }

    #[test]
    fn a_changed_schema_is_refused_or_keeps_the_rules(
        items in items(),
        at in any::<proptest::sample::Index>(),
        byte in 0x20u8..0x7f,
    ) {
        let schema = ModuleSchema::parse_items(items.iter().map(String::as_str)).unwrap();
        let mut text = schema.to_json().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(schema) = ModuleSchema::parse(std::str::from_utf8(&text).unwrap()) {
            assert_eq!(ModuleSchema::parse(&schema.to_json()).unwrap(), schema);
        }
    }

    #[test]
    fn arbitrary_text_is_no_schema(
        pieces in vec(select(PIECES), 0..40),
        text in any::<String>(),
    ) {
        let pieces = pieces.concat();
        for item in [pieces.as_str(), text.as_str()] {
            let _ = ModuleSchema::parse_items([item]);
            let _ = ModuleSchema::parse(item);
        }
    }
}
