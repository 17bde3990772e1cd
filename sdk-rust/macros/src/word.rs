//! Judges the names and words that an author writes, and guesses what was meant by a wrong one.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Result};

/// Bytes of the longest name, as the server limits them.
const NAME_BYTES_MAX: usize = 63;

/// A name without the `r#` of a raw identifier.
pub(crate) fn name_of(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// A name goes into schema, SQL and the names of exports.
pub(crate) fn check_name(name: &str, span: Span) -> Result<()> {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if starts && is_plain && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let rule = "ASCII letters, digits and `_`, not starting with a digit";
    Err(Error::new(span, format!("a name is 1 to {NAME_BYTES_MAX} {rule}")))
}

/// The error for a word that does not exist, with the one that was probably meant.
pub(crate) fn unknown(word: &Ident, place: &str, known: &[&str]) -> Error {
    let name = name_of(word);
    let text = match nearest(&name, known) {
        Some(near) => format!("`{place}` has no word `{name}`; did you mean `{near}`?"),
        None => format!("`{place}` has no word `{name}`; it takes {}", list(known)),
    };
    Error::new(word.span(), text)
}

/// `` `a`, `b` and `c` ``
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The known word that an author who wrote `word` probably meant.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_part = |a: &str, b: &str| a.len() >= 4 && b.starts_with(a);
    let is_near = |known: &str| distance(word, known) <= (known.len() / 3).max(1);
    let near = |&&known: &&&str| is_near(known) || is_part(word, known) || is_part(known, word);
    known.iter().filter(near).min_by_key(|known| distance(word, known)).copied()
}

/// How many letters have to be added, dropped, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Gathers errors, so that an author sees all of them at once.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn add(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.push(error);
        }
    }

    pub(crate) fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The attributes by which an item exists or not; what is written beside the item needs them too.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// Where code stands that is written for some of the author's tokens: the compiler shows its mistakes at these tokens,
/// and knows that a macro wrote it, so that the author's lints leave it alone.
pub(crate) fn place(tokens: &impl Spanned) -> Span {
    Span::call_site().located_at(tokens.span())
}

/// A name as the type system knows it: FNV-1a.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, meant: Option<&str>) {
        let known = ["primary_key", "auto_inc", "index", "unique", "fk", "pii"];
        assert_eq!(nearest(word, &known), meant, "{word}");
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_left_alone() {
        check("primary", Some("primary_key"));
        check("primary_kye", Some("primary_key"));
        check("auto_increment", Some("auto_inc"));
        check("autoinc", Some("auto_inc"));
        check("indx", Some("index"));
        check("uniqeu", Some("unique"));
        check("fkk", Some("fk"));
        check("cfg", None);
        check("doc", None);
        check("serde", None);
        check("allow", None);
    }

    #[test]
    fn only_plain_names_pass() {
        let check = |name: &str| check_name(name, Span::call_site()).is_ok();
        assert!(check("a") && check("_a1") && check(&"a".repeat(63)));
        assert!(
            !check("") && !check("1a") && !check("ä") && !check("a-b") && !check(&"a".repeat(64))
        );
    }
}
