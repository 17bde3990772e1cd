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

#[view]
pub fn of_reducer(ctx: &ReducerContext) -> impl Iterator<Item = Note> {
    let newest = ctx.tx_id.get();
    Note::filter(move |note| note.id == newest)
}

#[view]
pub fn above(ctx: &ViewContext, least: u64) -> impl Iterator<Item = Note> {
    let _ = ctx;
    Note::filter(move |note| note.id >= least)
}

#[view(definer, definer)]
pub fn twice() -> impl Iterator<Item = Note> {
    Note::iter()
}

#[view(public)]
pub fn all() -> impl Iterator<Item = Note> {
    Note::iter()
}

fn main() {}
