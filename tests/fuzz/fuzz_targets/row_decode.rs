//! Arbitrary bytes as a row of arbitrary columns: refused, or a row that is found, written and read back whole.

#![no_main]

use cosmictron_fuzz::columns::Columns;
use cosmictron_types::ColumnIndex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((columns, row)) = Columns::split(input) else { return };
    for field in &columns.fields {
        // One value of every type, from the same bytes.
        if field.ty.check_tail(row).is_ok() {
            cosmictron_types::json::write_value(&field.ty, row, &mut Vec::new());
        }
    }
    if columns.layout.check(row).is_err() {
        return;
    }
    let count = u16::try_from(columns.fields.len()).expect("there are few columns");
    let tails = (0..count).map(|at| columns.layout.column(row, ColumnIndex::new(at)));
    let mut again = Vec::new();
    columns.layout.assemble(tails, &mut again);
    assert_eq!(again, row);

    for text in [columns.write_array(row), columns.write_object(row)] {
        let again = columns.decode(text.as_bytes()).expect("what was written can be read");
        // JSON does not tell one NaN from another.
        if !text.contains("\"NaN\"") {
            assert_eq!(again, row, "{text}");
        }
    }
});
