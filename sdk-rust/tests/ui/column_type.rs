use cosmictron_sdk::prelude::*;

#[table(name = "notes")]
pub struct Note {
    #[primary_key]
    pub id: u64,
    pub tags: std::collections::BTreeMap<String, String>,
    pub size: usize,
}

#[derive(Column)]
pub struct Place {
    pub name: &'static str,
}

#[reducer]
pub fn add(path: std::path::PathBuf, lengths: Vec<usize>) {
    drop((path, lengths));
}

fn main() {}
