//! One client that calls and waits until it is told what its call did, beside the same call alone.

use std::time::Instant;

use anyhow::Result;

use super::{Options, Scene, is_subscribed, is_update, subscribe};
use crate::cpu::Seats;
use crate::report::{Figure, Target};
use crate::sockets::Sockets;

/// Of each kind, in turn.
const CALLS: usize = 500;

pub fn figures(options: &Options, seats: Seats) -> Result<Vec<Figure>> {
    let scene = Scene::set(options, seats, "")?;
    // The first one is told of room 1, the second of nothing.
    let mut sockets = Sockets::open(scene.server.address, Some(&scene.token), 2)?;
    let query = "SELECT id, room, text FROM messages WHERE room = $1";
    sockets.send(0, &subscribe(1, query, &[1]))?;
    sockets.receive_until(|_, text| is_subscribed(text))?;
    let mut rounds = Vec::new();
    for _ in 0..options.effort.rounds {
        let (mut told, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            told.push(micros(&mut sockets, 0, true)?);
            alone.push(micros(&mut sockets, 1, false)?);
        }
        rounds.push((median(told), median(alone)));
    }
    Ok(vec![Figure {
        name: "call to own update, p50".to_owned(),
        unit: "us",
        floor: "the call alone".to_owned(),
        rounds,
        target: Target::AtMost(1.3),
    }])
}

/// How long a call takes: until it is answered, and is told of if it should be.
fn micros(sockets: &mut Sockets, number: usize, is_told: bool) -> Result<f64> {
    let room = number + 1;
    let say = format!(r#"{{"type":"call","id":1,"reducer":"say","args":[{room},"what is said"]}}"#);
    let start = Instant::now();
    sockets.send(number, &say)?;
    let (mut has_answer, mut is_missing, mut told_after) = (false, is_told, start);
    sockets.receive_until(|_, text| {
        match is_update(text) {
            true => (is_missing, told_after) = (false, Instant::now()),
            false => has_answer = true,
        }
        has_answer && !is_missing
    })?;
    let end = if is_told { told_after } else { Instant::now() };
    Ok((end - start).as_secs_f64() * 1e6)
}

fn median(mut micros: Vec<f64>) -> f64 {
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}
