use cosmictron_sdk::prelude::*;

#[derive(Column)]
pub struct Pair<T> {
    pub a: T,
}

#[derive(Column)]
pub enum Nothing {}

#[derive(Column)]
pub enum Tree {
    Leaf(u64),
    Node(Vec<Tree>),
}

#[derive(Column)]
pub union Either {
    a: u64,
    b: f64,
}

#[derive(Column)]
pub enum Shape {
    Circle { radius: f64 },
    Polygon(Vec<(f64, f64)>),
}

fn main() {}
