//! One row into a room that many watch, each on a socket of its own, beside a bare broadcast of the same bytes.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Options, Scene, is_subscribed, is_update, subscribe};
use crate::cpu::Seats;
use crate::process::Peer;
use crate::report::{Figure, Target};
use crate::scenario::WARM_UP;
use crate::sockets::Sockets;

/// Rows that are on their way to the watchers at once.
const UNDER_WAY: u64 = 4;

const QUERY: &str = "SELECT id, room, text FROM messages WHERE room = $1";

pub fn figures(options: &Options, seats: Seats) -> Result<Vec<Figure>> {
    let scene = Scene::set(options, seats, "")?;
    let own = std::env::current_exe()?;
    let floor = Peer::start(seats, Command::new(own).arg("broadcast-floor"))?;
    // The last one speaks.
    let count = options.watchers + 1;
    let mut sockets = Sockets::open(scene.server.address, Some(&scene.token), count)?;
    let mut bare = Sockets::open(floor.address, None, count)?;
    let subscribe = subscribe(1, QUERY, &[1]);
    (0..options.watchers).try_for_each(|number| sockets.send(number, &subscribe))?;
    let mut subscribed = 0;
    sockets.receive_until(|_, text| {
        subscribed += usize::from(is_subscribed(text));
        subscribed == options.watchers
    })?;
    let text = "what is said in a room ".repeat(5);
    let say = format!(r#"{{"type":"call","id":1,"reducer":"say","args":[1,"{text}"]}}"#);
    let update = an_update(&mut sockets, options.watchers, &say)?;
    let mut rounds = Vec::new();
    for _ in 0..options.effort.rounds {
        let span = options.effort.span();
        let rate = |sockets: &mut Sockets, say: &str| {
            deliveries(sockets, options.watchers, say, WARM_UP)?;
            deliveries(sockets, options.watchers, say, span)
        };
        rounds.push((rate(&mut sockets, &say)?, rate(&mut bare, &update)?));
    }
    Ok(vec![Figure {
        name: format!("deliveries of one row to {} sockets", options.watchers),
        unit: "/s",
        floor: "broadcast".to_owned(),
        rounds,
        target: Target::AtLeast(0.7),
    }])
}

/// What each watcher is told of one row.
fn an_update(sockets: &mut Sockets, watchers: usize, say: &str) -> Result<String> {
    sockets.send(watchers, say)?;
    let (mut delivered, mut update) = (0, String::new());
    sockets.receive_until(|_, text| {
        if is_update(text) {
            delivered += 1;
            text.clone_into(&mut update);
        }
        delivered == watchers
    })?;
    Ok(update)
}

/// Deliveries a second to all watchers, when the socket behind them speaks.
fn deliveries(sockets: &mut Sockets, watchers: usize, say: &str, span: Duration) -> Result<f64> {
    let start = Instant::now();
    let (mut said, mut delivered) = (0_u64, 0_u64);
    loop {
        while start.elapsed() < span && said < delivered / watchers as u64 + UNDER_WAY {
            sockets.send(watchers, say)?;
            said += 1;
        }
        if delivered == said * watchers as u64 {
            return Ok(delivered as f64 / start.elapsed().as_secs_f64());
        }
        sockets.receive(Duration::from_secs(1), |_, text| {
            delivered += u64::from(is_update(text));
        })?;
    }
}
