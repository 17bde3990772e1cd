//! All who subscribed to one live query: one for most queries, very many for some.

use std::collections::BTreeMap;

use super::subscriber::Subscriber;
use super::{ListenerId, SubscriptionId};

/// Whose subscription it is.
pub type Member = (ListenerId, SubscriptionId);

/// See the module. There may be a hundred thousand queries with one subscriber each, and a map's first node has room for
/// eleven.
#[derive(Debug)]
pub enum Audience {
    One(Member, Subscriber),
    Many(BTreeMap<Member, Subscriber>),
}

impl Audience {
    /// Takes in one more.
    pub fn insert(&mut self, member: Member, subscriber: Subscriber) {
        let members = match std::mem::replace(self, Audience::Many(BTreeMap::new())) {
            Audience::One(first, other) => BTreeMap::from([(first, other)]),
            Audience::Many(members) => members,
        };
        *self = Audience::Many(members);
        let Audience::Many(members) = self else { unreachable!("it was made so") };
        members.insert(member, subscriber);
    }

    /// Lets one go. Whether anybody is left.
    pub fn remove(&mut self, member: Member) -> bool {
        match self {
            Audience::One(only, _) if *only == member => *self = Audience::Many(BTreeMap::new()),
            Audience::One(..) => {}
            Audience::Many(members) => drop(members.remove(&member)),
        }
        !matches!(self, Audience::Many(members) if members.is_empty())
    }

    pub fn get(&self, member: Member) -> Option<&Subscriber> {
        match self {
            Audience::One(only, subscriber) => (*only == member).then_some(subscriber),
            Audience::Many(members) => members.get(&member),
        }
    }

    pub fn get_mut(&mut self, member: Member) -> Option<&mut Subscriber> {
        match self {
            Audience::One(only, subscriber) => (*only == member).then_some(subscriber),
            Audience::Many(members) => members.get_mut(&member),
        }
    }

    /// Everybody, in order.
    pub fn members(&self) -> Vec<Member> {
        match self {
            Audience::One(only, _) => vec![*only],
            Audience::Many(members) => members.keys().copied().collect(),
        }
    }

    /// Does something with everybody, in order.
    pub fn for_each(&mut self, mut act: impl FnMut(Member, &mut Subscriber)) {
        match self {
            Audience::One(only, subscriber) => act(*only, subscriber),
            Audience::Many(members) => {
                members.iter_mut().for_each(|(member, subscriber)| act(*member, subscriber));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cosmictron_sql::RowFormat;
    use cosmictron_types::TxId;

    use super::*;

    fn member(number: u64) -> Member {
        (ListenerId(number), SubscriptionId(1))
    }

    fn told(tx: u64) -> Subscriber {
        Subscriber::Told { tx: TxId::new(tx), format: RowFormat::Json }
    }

    #[test]
    fn who_comes_and_goes_is_there_meanwhile() {
        let mut audience = Audience::One(member(2), told(1));
        assert!(audience.remove(member(1)), "who is not there does not leave");
        audience.insert(member(1), told(2));
        assert_eq!(audience.members(), [member(1), member(2)]);
        assert!(
            matches!(audience.get(member(1)), Some(Subscriber::Told { tx, .. }) if tx.get() == 2)
        );
        assert!(audience.get(member(3)).is_none() && audience.get_mut(member(3)).is_none());
        let mut seen = Vec::new();
        audience.for_each(|member, _| seen.push(member));
        assert_eq!(seen, audience.members());
        assert!(audience.remove(member(2)));
        assert!(!audience.remove(member(1)));
        assert!(!Audience::One(member(2), told(1)).remove(member(2)));
    }
}
