use cosmictron_sdk::prelude::*;

#[reducer]
pub fn remind(note: u64, text: String) {
    drop((note, text));
}

#[reducer(init)]
pub fn start() {}

pub fn no_reducer() {}

#[reducer]
pub fn plan(ctx: &ReducerContext) {
    let _ = ctx.schedule(Duration::from_secs(1), remind::args("7", String::new()));
    let _ = ctx.schedule(Duration::from_secs(1), remind::args(7));
    let _ = ctx.schedule(Duration::from_secs(1), start::args());
    let _ = ctx.schedule(Duration::from_secs(1), no_reducer::args());
    let _ = ctx.schedule(5, remind::args(7, String::new()));
    remind::args(7, String::new());
}

fn main() {}
