//! What a client has asked to be kept up to date about: its own names for it, and the core's.
//!
//! **Invariants**
//! 1. A number is given out once, so what is still on its way of a subscription that has ended is never taken for a later
//!    one of the same id.

use std::collections::BTreeMap;
use std::sync::Arc;

use cosmictron_net::wire::RequestId;
use cosmictron_net::{Problem, ProblemCode};
use cosmictron_sql::Plan;

use crate::shard::SubscriptionId;

/// The subscriptions of one connection.
pub struct Subscriptions {
    by_id: BTreeMap<RequestId, SubscriptionId>,
    by_number: BTreeMap<SubscriptionId, Subscription>,
    last_number: u64,
    count_max: u32,
}

struct Subscription {
    id: RequestId,
    /// Until its first answer is told, which says what its columns are.
    plan: Option<Arc<Plan>>,
}

impl Subscriptions {
    pub fn new(count_max: u32) -> Subscriptions {
        Subscriptions {
            by_id: BTreeMap::new(),
            by_number: BTreeMap::new(),
            last_number: 0,
            count_max,
        }
    }

    /// Whether there may be one more with this id.
    pub fn admit(&self, id: &RequestId) -> Result<(), Problem<'static>> {
        if self.by_id.contains_key(id) {
            let detail = "a subscription with this id is there already";
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
        if self.by_id.len() >= self.count_max as usize {
            let detail = format!("a connection has {} subscriptions at most", self.count_max);
            return Err(Problem::new(ProblemCode::TooLarge, detail));
        }
        Ok(())
    }

    /// Takes one in that was admitted.
    pub fn insert(&mut self, id: RequestId, plan: Arc<Plan>) -> SubscriptionId {
        self.last_number += 1;
        let number = SubscriptionId(self.last_number);
        self.by_id.insert(id.clone(), number);
        self.by_number.insert(number, Subscription { id, plan: Some(plan) });
        number
    }

    /// The client's name of one that goes on.
    pub fn id_of(&self, number: SubscriptionId) -> Option<&RequestId> {
        self.by_number.get(&number).map(|subscription| &subscription.id)
    }

    /// The client's name of one whose first answer is told now, and what is answered.
    pub fn begin(&mut self, number: SubscriptionId) -> Option<(&RequestId, Arc<Plan>)> {
        let subscription = self.by_number.get_mut(&number)?;
        let plan = subscription.plan.take()?;
        Some((&subscription.id, plan))
    }

    /// Ends one by its id; also says whether its first answer was told.
    pub fn remove(&mut self, id: &RequestId) -> Option<(SubscriptionId, bool)> {
        let number = self.by_id.remove(id)?;
        let subscription = self.by_number.remove(&number)?;
        Some((number, subscription.plan.is_none()))
    }

    /// Ends one by its number; says its id, and whether its first answer was told.
    pub fn end(&mut self, number: SubscriptionId) -> Option<(RequestId, bool)> {
        let Subscription { id, plan } = self.by_number.remove(&number)?;
        self.by_id.remove(&id);
        Some((id, plan.is_none()))
    }
}
