//! Turns the names of a schema into those of a language, and keeps them apart.
//!
//! A schema's names are ASCII letters, digits and `_` in whatever style their author likes. Two of them may become one when
//! they are written in another style, and one may become a word of the language: [`Names`] gives the later one a number.

use std::collections::BTreeSet;

/// The words of a name: `record_agentMessage` has three, `HTTPServer2` two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let characters: Vec<char> = name.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map_or('_', |at| characters[at]);
        let after = characters.get(at + 1).copied().unwrap_or('_');
        let begins = character.is_ascii_uppercase()
            && (!before.is_ascii_uppercase() || after.is_ascii_lowercase());
        if begins || words.is_empty() {
            words.push(String::new());
        }
        let lower = character.to_ascii_lowercase();
        words.last_mut().expect("there is a word").push(lower);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `record_agent_message` as `RecordAgentMessage`. Without a letter at its beginning it gets one.
pub(crate) fn pascal(name: &str) -> String {
    let capital = |word: &String| word[..1].to_ascii_uppercase() + &word[1..];
    begun(words(name).iter().map(capital).collect(), 'N')
}

/// The name of a type as its author has written it, where it is written as types are.
pub(crate) fn type_name(name: &str) -> String {
    let is_plain =
        name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('_');
    if is_plain { name.to_owned() } else { pascal(name) }
}

/// `record_agent_message` as `recordAgentMessage`.
pub(crate) fn camel(name: &str) -> String {
    let pascal = pascal(name);
    begun(pascal[..1].to_ascii_lowercase() + &pascal[1..], 'n')
}

/// `recordAgentMessage` as `record_agent_message`.
pub(crate) fn snake(name: &str) -> String {
    begun(words(name).join("_"), 'n')
}

/// A name that begins as one has to: `_` and `1` are no words, and `1st` begins with a digit.
fn begun(name: String, letter: char) -> String {
    match name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => name,
        false => format!("{letter}{name}"),
    }
}

/// The names of one place, such as a file or an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A place where some names mean something already.
    pub(crate) fn beside(words: &[&str]) -> Names {
        Names { taken: words.iter().map(|&word| word.to_owned()).collect() }
    }

    /// This name, or where it is taken the first free one of `name2`, `name3`, ….
    pub(crate) fn take(&mut self, name: &str) -> String {
        let numbered = (2..).map(|number: u32| format!("{name}{number}"));
        let free = std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !self.taken.contains(name))
            .expect("there are more numbers than names");
        self.taken.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_each_style() {
        let check = |name: &str, expected: [&str; 3]| {
            assert_eq!([pascal(name), camel(name), snake(name)], expected, "{name}");
        };
        check(
            "record_agent_message",
            ["RecordAgentMessage", "recordAgentMessage", "record_agent_message"],
        );
        check("HTTPServer2", ["HttpServer2", "httpServer2", "http_server2"]);
        check("userId", ["UserId", "userId", "user_id"]);
        check("__x__y_", ["XY", "xY", "x_y"]);
        check("_", ["N", "n", "n"]);
        check("_1st", ["N1st", "n1st", "n1st"]);
        assert_eq!([type_name("HTTPInfo"), type_name("a_b")], ["HTTPInfo", "AB"]);
    }

    #[test]
    fn what_would_be_one_name_stays_several() {
        let mut names = Names::beside(&["delete"]);
        let taken = ["delete", "a", "a", "a2", "a"].map(|name| names.take(name));
        assert_eq!(taken, ["delete2", "a", "a2", "a22", "a3"]);
    }
}
