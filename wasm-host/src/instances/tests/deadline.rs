//! Deadlines on a clock that only the test moves: the host's own tick comes once a day.

use std::time::Duration;

use cosmictron_types::Timestamp;
use wasmtime::Engine;

use super::CONTEXT;
use crate::call::CallOutcome;
use crate::data::{Data, DataError, GuestKey, GuestRange, ScanHandle};
use crate::host::{Host, HostOptions};
use crate::instances::Instances;
use crate::limits::Limits;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The deadline in ticks. One more may pass, as the first may come at once.
const DEADLINE_DAYS: u32 = 3;

/// A shard on which asking for a count makes days pass.
struct Days {
    engine: Engine,
    each: u32,
}

impl Days {
    fn pass(&self) {
        (0..self.each).for_each(|_| self.engine.increment_epoch());
    }
}

impl Data for Days {
    fn count(&mut self, _: u32) -> Result<u64, DataError> {
        self.pass();
        Ok(0)
    }

    fn insert(&mut self, _: u32, _: &mut [u8]) -> Result<(), DataError> {
        Ok(())
    }

    fn update(&mut self, _: u32, _: &[u8]) -> Result<(), DataError> {
        Ok(())
    }

    fn delete(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<u64, DataError> {
        Ok(0)
    }

    fn find(&mut self, _: u32, _: u32, _: GuestKey<'_>) -> Result<Option<&[u8]>, DataError> {
        Ok(None)
    }

    fn scan(&mut self, _: u32, _: GuestRange<'_>) -> Result<ScanHandle, DataError> {
        Ok(ScanHandle(0))
    }

    fn next(&mut self, _: ScanHandle, _: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, DataError> {
        Ok(false)
    }

    fn close(&mut self, _: ScanHandle) {}

    fn take_row(&mut self, _: &mut [u8]) -> Result<(), DataError> {
        Ok(())
    }

    fn schedule(&mut self, _: Timestamp, _: u32, _: &[u8]) -> Result<(), DataError> {
        Ok(())
    }
}

/// Asks for a count twice and then goes round once.
const MODULE: &str = r#"(module
    (import "cosm" "describe" (func $describe (param i32 i32)))
    (import "datastore" "count" (func $count (param i32) (result i64)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{\"table\":{\"name\":\"t\",\"columns\":[{\"name\":\"id\",\"type\":\"u64\"}]}}")
    (data (i32.const 256) "{\"reducer\":{\"name\":\"r\"}}")
    (func (export "cosm_abi_1"))
    (func (export "cosm_buffer") (param i32) (result i32) (i32.const 1024))
    (func (export "cosm_describe_all")
        (call $describe (i32.const 0) (i32.const 61))
        (call $describe (i32.const 256) (i32.const 24)))
    (func (export "cosm_reducer_r") (param i32 i32) (result i32)
        (local $round i32)
        (loop $rounds
            (drop (call $count (i32.const 0)))
            (local.set $round (i32.add (local.get $round) (i32.const 1)))
            (br_if $rounds (i32.lt_u (local.get $round) (i32.const 2))))
        (i32.const 0)))"#;

fn days() -> (Host, Instances<Days>) {
    let limits = Limits { deadline: DAY * DEADLINE_DAYS, ..Limits::default() };
    let options = HostOptions { limits, tick: DAY, instances_max: 4, ..HostOptions::default() };
    let host = Host::new(options).unwrap();
    let module = host.compile(&wat::parse_str(MODULE).unwrap()).unwrap();
    let instances = Instances::new(&module);
    (host, instances)
}

#[test]
fn a_call_is_ended_when_its_days_are_over_and_not_before() {
    let (host, mut instances) = days();
    let engine = &host.engine;
    for (each, is_over) in [(0, false), (DEADLINE_DAYS, false), (DEADLINE_DAYS + 1, true)] {
        let (_, outcome) = instances.call(0, &CONTEXT, &[], Days { engine: engine.clone(), each });
        assert_eq!(
            matches!(outcome, CallOutcome::DeadlineExceeded),
            is_over,
            "{each} days a count"
        );
    }
}

#[test]
fn each_call_has_the_whole_time() {
    let (host, mut instances) = days();
    let mut days = Days { engine: host.engine.clone(), each: 1 };
    for _ in 0..10 {
        days.pass();
        let (after, outcome) = instances.call(0, &CONTEXT, &[], days);
        assert!(matches!(outcome, CallOutcome::Returned { .. }), "{outcome}");
        days = after;
    }
}
