//! Reads what an author sees when a module is wrong. `TRYBUILD=overwrite` rewrites the expected texts.

#[test]
fn mistakes_are_named_at_the_authors_own_words() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
