//! Many subscriptions that differ in one parameter: what they cost those who write, and in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::{Options, Scene, is_subscribed, subscribe};
use crate::cpu::Seats;
use crate::load::{self, Ids, Load, Pace, Say, Spread, Until};
use crate::report::{Figure, Target};
use crate::scenario::WARM_UP;
use crate::sockets::Sockets;

const SOCKETS: usize = 20;
/// Subscriptions of one socket that are being begun at once.
const BEGUN_AT_ONCE: u64 = 16;
const CONNECTIONS: usize = 64;
const ASKED_BYTES: f64 = 1024.0;

const QUERY: &str = "SELECT id, room, text FROM messages WHERE room = $1";

pub fn figures(options: &Options, seats: Seats) -> Result<Vec<Figure>> {
    let alone = Scene::set(options, seats, "")?;
    let scene = Scene::set(options, seats, "")?;
    let rooms = options.subscriptions;
    let mut sockets = Sockets::open(scene.server.address, Some(&scene.token), SOCKETS)?;
    let before = scene.server.resident_bytes()?;
    subscribe_all(&mut sockets, rooms)?;
    let held = scene.server.resident_bytes()?.saturating_sub(before) as f64 / rooms as f64;
    let is_over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let listening = scope.spawn(|| sockets.drain(&is_over));
        let rounds = measure(options, &scene, &alone);
        is_over.store(true, Ordering::SeqCst);
        listening.join().map_err(|_| anyhow!("who listens has panicked"))??;
        rounds
    })?;
    let of = |first: fn(&Round) -> f64| -> Vec<(f64, f64)> {
        rounds.iter().map(|round| (first(round), round.alone)).collect()
    };
    let figure = |name: &str, rounds| Figure {
        name: format!("calls, {name} of {rooms} subscriptions"),
        unit: "/s",
        floor: "no subscription".to_owned(),
        rounds,
        target: Target::AtLeast(0.9),
    };
    Ok(vec![
        figure("beside the rooms", of(|round| round.beside)),
        figure("in the rooms", of(|round| round.within)),
        Figure {
            name: "memory of a subscription".to_owned(),
            unit: "B",
            floor: "asked for".to_owned(),
            rounds: vec![(held, ASKED_BYTES)],
            target: Target::AtMost(1.0),
        },
    ])
}

/// Calls a second.
struct Round {
    /// To a server without subscriptions.
    alone: f64,
    /// In rooms that nobody watches.
    beside: f64,
    /// In rooms that are watched: each call is also told to someone.
    within: f64,
}

fn measure(options: &Options, scene: &Scene, alone: &Scene) -> Result<Vec<Round>> {
    let rooms = options.subscriptions;
    let rate = |scene: &Scene, first, seed| {
        let load = Load {
            address: scene.server.address,
            connections: CONNECTIONS,
            pace: Pace::Closed { depth: 1 },
            warm_up: WARM_UP,
            until: Until::Passed(options.effort.span()),
        };
        let rooms = Ids::new(rooms, Spread::Uniform, seed);
        let mut say = Say::new(rooms, first, "perf", &scene.token);
        anyhow::Ok(load::run(&load, &mut say)?.all_good()?.per_second())
    };
    let round = |seed| {
        Ok(Round {
            alone: rate(alone, 0, seed)?,
            beside: rate(scene, rooms, seed)?,
            within: rate(scene, 0, seed)?,
        })
    };
    (1..=u64::from(options.effort.rounds)).map(round).collect()
}

/// Subscribes to each room, on each socket to its share of them.
fn subscribe_all(sockets: &mut Sockets, rooms: u64) -> Result<()> {
    // The rooms of socket s are those with room % SOCKETS == s.
    let mut next: Vec<u64> = (0..SOCKETS as u64).collect();
    let mut begin = |sockets: &mut Sockets, number: usize| {
        let room = next[number];
        next[number] += SOCKETS as u64;
        match room < rooms {
            true => sockets.send(number, &subscribe(room, QUERY, &[room])),
            false => Ok(()),
        }
    };
    for number in 0..SOCKETS {
        for _ in 0..BEGUN_AT_ONCE {
            begin(sockets, number)?;
        }
    }
    let mut subscribed = 0;
    while subscribed < rooms {
        let mut heard = Vec::new();
        let has_heard = sockets.receive(Duration::from_secs(10), |number, text| {
            if is_subscribed(text) {
                heard.push(number);
            }
        })?;
        has_heard.then_some(()).context("no subscription was begun for ten seconds")?;
        subscribed += heard.len() as u64;
        heard.into_iter().try_for_each(|number| begin(sockets, number))?;
    }
    Ok(())
}
