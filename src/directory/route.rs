//! Where calls of a reducer start: on the shard of its first routing argument, or else on its module's home.
//!
//! The shards of further routing arguments are known to be needed, so their stores are there at the first try.

use std::sync::Arc;

use cosmictron_storage::IndexDef;
use cosmictron_types::schema::ReducerSchema;
use cosmictron_types::{ColumnIndex, Partition, RowLayout, ShardCount, ShardId, Timestamp, TxId};

use crate::catalog::FormerRoute;

/// What of a reducer's arguments names its shards.
pub struct Route {
    /// The routing arguments, as keys of their own.
    arguments: Vec<IndexDef>,
}

/// A route that a reducer had before a deployment changed it. An answer that an idempotency key was given there is
/// looked for there, for as long as it is kept.
pub(super) struct Former {
    reducer: usize,
    route: Route,
    until: Timestamp,
}

/// Where one call goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Destination {
    /// It starts on the shard of this partition, which keeps the answer of its idempotency key.
    pub start: Partition,
    /// Further shards whose stores it is known to need.
    pub also: Vec<ShardId>,
    /// The version of the module that says so, by the transaction since which it is in service.
    pub by: TxId,
}

impl Destination {
    /// All shards that it names.
    pub fn shards(&self, shards: ShardCount) -> impl Iterator<Item = ShardId> {
        [shards.owner_of(self.start)].into_iter().chain(self.also.iter().copied())
    }
}

impl Route {
    pub(super) fn new(reducer: &ReducerSchema, shard_by: &[String], params: &RowLayout) -> Self {
        let place = |name: &String| reducer.params.iter().position(|param| param.name == *name);
        let column =
            |at: usize| ColumnIndex::new(u16::try_from(at).expect("a schema's parameters are few"));
        let arguments = shard_by.iter().filter_map(place);
        Self { arguments: arguments.map(|at| IndexDef::of_column(column(at), params)).collect() }
    }

    /// The partitions of the routing arguments in checked arguments.
    pub(super) fn partitions<'a>(
        &'a self,
        params: &'a RowLayout,
        args: &'a [u8],
    ) -> impl Iterator<Item = Partition> + 'a {
        self.arguments.iter().map(|argument| argument.partition_of(params, args))
    }
}

impl Former {
    /// `None` when the module has no such reducer any more.
    pub(super) fn new(
        former: &FormerRoute,
        reducers: &[ReducerSchema],
        params: &[RowLayout],
    ) -> Option<Self> {
        let reducer = reducers.iter().position(|reducer| reducer.name == former.reducer)?;
        let route = Route::new(&reducers[reducer], &former.shard_by, &params[reducer]);
        Some(Self { reducer, route, until: former.until() })
    }
}

impl super::Module {
    /// Where a call goes. With `now`, the time, it may have an answer already.
    pub fn destination(
        &self,
        reducer: usize,
        args: &[u8],
        now: Option<Timestamp>,
        shards: ShardCount,
    ) -> Destination {
        let params = &self.params[reducer];
        let mut partitions = self.routes[reducer].partitions(params, args);
        let start = partitions.next().unwrap_or(self.home_partition);
        let mut also = Vec::new();
        if shards > ShardCount::ONE {
            also.extend(partitions.map(|partition| shards.owner_of(partition)));
            let applies = |former: &&Former| {
                former.reducer == reducer && now.is_some_and(|now| now < former.until)
            };
            also.extend(self.former_routes.iter().filter(applies).map(|former| {
                let first = former.route.partitions(params, args).next();
                shards.owner_of(first.unwrap_or(self.home_partition))
            }));
        }
        Destination { start, also, by: self.since }
    }
}

/// What is to be remembered of the routes of `before` once `after` is the current version.
pub fn former_routes(
    before: &super::Module,
    after: &[ReducerSchema],
    known: &[FormerRoute],
    now: Timestamp,
    until: Timestamp,
) -> Vec<FormerRoute> {
    let mut former: Vec<FormerRoute> =
        known.iter().filter(|route| now < route.until()).cloned().collect();
    for old in &before.compiled.schema().reducers {
        let new = after.iter().find(|reducer| reducer.name == old.name);
        if new.is_some_and(|new| new.shard_by != old.shard_by) {
            former.push(FormerRoute::new(old.name.clone(), old.shard_by.clone(), until));
        }
    }
    former
}

/// Kept with the module that it belongs to.
pub(super) fn resolve(
    known: &[FormerRoute],
    reducers: &[ReducerSchema],
    params: &[RowLayout],
) -> Arc<[Former]> {
    known.iter().filter_map(|former| Former::new(former, reducers, params)).collect()
}
