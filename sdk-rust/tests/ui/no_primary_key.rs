use cosmictron_sdk::prelude::*;

#[table(name = "notes")]
pub struct Note {
    #[index]
    pub author: u64,
}

#[table(name = "entries", event)]
pub struct Entry {
    #[primary_key]
    pub id: u64,
}

pub fn change(note: Note, entry: Entry) {
    let _ = Note::update(note);
    let _ = Note::delete(&7);
    let _ = Entry::update(entry);
    let _ = Entry::delete(&7);
    let _ = Entry::delete_by_id(&7);
}

fn main() {}
