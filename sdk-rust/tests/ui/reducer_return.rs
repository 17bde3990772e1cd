use cosmictron_sdk::prelude::*;

pub struct Silent;

#[reducer]
pub fn returns_size() -> usize {
    7
}

#[reducer]
pub fn fails_silently() -> Result<(), Silent> {
    Err(Silent)
}

#[reducer]
pub fn returns_reference() -> Result<&'static str, String> {
    Ok("")
}

fn main() {}
