//! Sockets that do nothing: what they keep, and that they take no processor time.

use std::time::Duration;

use anyhow::Result;

use super::{Options, Scene};
use crate::cpu::Seats;
use crate::report::{Figure, Target};
use crate::sockets::Sockets;

const ASKED_BYTES: f64 = 8192.0;
/// Looked at for so long, once all are there. Pings come later.
const REST: Duration = Duration::from_secs(10);

pub fn figures(options: &Options, seats: Seats) -> Result<Vec<Figure>> {
    let settings = format!("[http]\nconnections_max = {}\n", options.idle + 100);
    let scene = Scene::set(options, seats, &settings)?;
    let before = scene.server.resident_bytes()?;
    let sockets = Sockets::open(scene.server.address, Some(&scene.token), options.idle)?;
    std::thread::sleep(Duration::from_secs(1));
    let held = scene.server.resident_bytes()?.saturating_sub(before) as f64 / options.idle as f64;
    let ticks = scene.server.cpu_ticks()?;
    std::thread::sleep(REST);
    let seconds = (scene.server.cpu_ticks()? - ticks) as f64 / 100.0;
    drop(sockets);
    let figure = |name: &str, unit, round, target| Figure {
        name: format!("{name} of {} idle sockets", options.idle),
        unit,
        floor: "asked for".to_owned(),
        rounds: vec![round],
        target,
    };
    let share = 100.0 * seconds / REST.as_secs_f64();
    Ok(vec![
        figure("memory of each", "B", (held, ASKED_BYTES), Target::AtMost(1.0)),
        figure("processor time", "%", (share, 1.0), Target::AtMost(1.0)),
    ])
}
