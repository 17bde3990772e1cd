//! A dashboard of ten aggregates over a join of three tables: kept up to date, beside asked again after each change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use super::{Options, Scene, is_subscribed, subscribe};
use crate::cpu::Seats;
use crate::load::{self, ChangeOrder, Ids, Load, Pace, Spread, Until};
use crate::report::{Figure, Target};
use crate::scenario::WARM_UP;
use crate::sockets::Sockets;

const CUSTOMERS: u64 = 10_000;
const PRODUCTS: u64 = 1_000;
const PLACED_AT_ONCE: u64 = 20_000;
const CONNECTIONS: usize = 16;
/// Each query keeps about 400 bytes for each order.
const SETTINGS: &str = "[storage]\nlive_bytes_max = \"8GiB\"\n";

/// What each is about, and by what it is grouped.
const AGGREGATES: [(&str, &str); 10] = [
    ("c.region, sum(o.amount)", "GROUP BY c.region"),
    ("p.category, sum(o.amount)", "GROUP BY p.category"),
    ("c.region, p.category, count(*)", "GROUP BY c.region, p.category"),
    ("count(*), sum(o.amount)", ""),
    ("p.category, avg(o.amount)", "GROUP BY p.category"),
    ("c.region, max(o.amount)", "GROUP BY c.region"),
    ("p.category, min(o.amount), max(o.amount)", "GROUP BY p.category"),
    ("c.region, count(*)", "GROUP BY c.region HAVING count(*) > 10"),
    ("c.region, sum(o.amount) FILTER (WHERE p.category = 3)", "GROUP BY c.region"),
    ("p.category, count(DISTINCT c.region)", "GROUP BY p.category"),
];

fn queries() -> impl Iterator<Item = String> {
    AGGREGATES.into_iter().map(|(what, by)| {
        format!(
            "SELECT {what} FROM orders o JOIN customers c ON o.customer = c.id \
             JOIN products p ON o.product = p.id {by}"
        )
    })
}

pub fn figures(options: &Options, seats: Seats) -> Result<Vec<Figure>> {
    let scene = Scene::set(options, seats, SETTINGS)?;
    fill(&scene, options.orders)?;
    let asked = ask_again(&scene)?;
    let before = scene.server.resident_bytes()?;
    let mut sockets = Sockets::open(scene.server.address, Some(&scene.token), 1)?;
    for (id, query) in queries().enumerate() {
        sockets.send(0, &subscribe(id as u64, &query, &[]))?;
        let mut refused = false;
        sockets.receive_until(|_, text| {
            refused |= text.starts_with("{\"type\":\"error\"");
            refused || is_subscribed(text)
        })?;
        ensure!(!refused, "{query} is refused");
    }
    let held = scene.server.resident_bytes()?.saturating_sub(before);
    eprintln!("the dashboard keeps {} MiB", held >> 20);
    let is_over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let listening = scope.spawn(|| sockets.drain(&is_over));
        let rounds = (1..=options.effort.rounds).map(|seed| {
            let orders = Ids::new(options.orders, Spread::Uniform, u64::from(seed));
            let load = Load {
                address: scene.server.address,
                connections: CONNECTIONS,
                pace: Pace::Closed { depth: 1 },
                warm_up: WARM_UP,
                until: Until::Passed(options.effort.span()),
            };
            let mut change = ChangeOrder::new(orders, "perf", &scene.token);
            Ok((load::run(&load, &mut change)?.all_good()?.per_second(), asked))
        });
        let rounds = rounds.collect::<Result<Vec<_>>>();
        is_over.store(true, Ordering::SeqCst);
        listening.join().map_err(|_| anyhow!("who listens has panicked"))??;
        rounds
    })?;
    Ok(vec![Figure {
        name: format!("changes under a dashboard over {} rows", options.orders),
        unit: "/s",
        floor: "asking again".to_owned(),
        rounds,
        target: Target::AtLeast(100.0),
    }])
}

fn fill(scene: &Scene, orders: u64) -> Result<()> {
    scene.call("open_shop", &format!("[{CUSTOMERS},{PRODUCTS}]"))?;
    for first in (0..orders).step_by(PLACED_AT_ONCE as usize) {
        let count = PLACED_AT_ONCE.min(orders - first);
        scene.call("place_orders", &format!("[{first},{count},{CUSTOMERS},{PRODUCTS}]"))?;
    }
    Ok(())
}

/// How often a second all queries can be asked: the better of two times.
fn ask_again(scene: &Scene) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..2 {
        let start = Instant::now();
        for query in queries() {
            scene.server.command(&["sql", &query])?;
        }
        best = best.min(start.elapsed());
    }
    Ok(1.0 / best.as_secs_f64())
}
