//! Tells the other shards what has changed, and knows when all of them have heard.

use std::collections::BTreeMap;

use cosmictron_types::{ShardCount, Timestamp};

use super::outbox::ReplyTo;
use super::request::Answer;

/// One shard's notices that others have not confirmed yet.
#[derive(Default)]
pub struct Announcements {
    pending: BTreeMap<AnnouncementId, Pending>,
    last: u64,
}

/// A shard's own number for something it announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnouncementId(u64);

/// What waits for the confirmations.
struct Pending {
    missing: u32,
    then: Conclusion,
}

/// An answer that leaves once everybody has heard.
pub struct Conclusion {
    pub reply: Option<ReplyTo>,
    pub answer: Answer,
    pub arrived: Timestamp,
}

impl Announcements {
    /// Starts one that needs `notices` confirmations from each of the other shards. Not for a server of one shard.
    pub fn start(
        &mut self,
        shards: ShardCount,
        notices: usize,
        then: Conclusion,
    ) -> AnnouncementId {
        assert!(shards > ShardCount::ONE && notices > 0, "there is somebody to tell something");
        self.last += 1;
        let id = AnnouncementId(self.last);
        let notices = u32::try_from(notices).expect("a step announces few things");
        let missing = notices * u32::from(shards.get() - 1);
        self.pending.insert(id, Pending { missing, then });
        id
    }

    /// Notes one confirmation; yields what waited when it was the last.
    pub fn confirm(&mut self, id: AnnouncementId) -> Option<Conclusion> {
        let pending = self.pending.get_mut(&id).expect("a notice is confirmed once by each shard");
        pending.missing -= 1;
        (pending.missing == 0).then(|| self.pending.remove(&id).map(|pending| pending.then))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_confirmation_concludes() {
        let mut announcements = Announcements::default();
        let conclusion =
            Conclusion { reply: None, answer: Answer::Joined, arrived: Timestamp::EPOCH };
        let id = announcements.start(ShardCount::new(3).unwrap(), 2, conclusion);
        assert!((0..3).all(|_| announcements.confirm(id).is_none()));
        assert!(announcements.confirm(id).is_some());
    }
}
