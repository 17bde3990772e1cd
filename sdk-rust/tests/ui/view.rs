use cosmictron_sdk::prelude::*;

#[table(name = "notes")]
pub struct Note {
    pub id: u64,
}

#[view]
pub fn numbers() -> impl Iterator<Item = u64> {
    Note::iter().map(|note| note.id)
}

#[view]
pub fn count() -> u64 {
    Note::count()
}

#[view]
pub fn nothing() {}

#[view]
pub fn of_author(author: u64) -> impl Iterator<Item = Note> {
    Note::filter(move |note| note.id == author)
}

#[view(public)]
pub fn all() -> impl Iterator<Item = Note> {
    Note::iter()
}

fn main() {}
