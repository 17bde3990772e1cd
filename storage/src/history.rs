//! What the rows of one table were before, for as long as it is kept.
//!
//! Rows that are there are as they are, and reading them costs nothing more. A commit appends what its updates and deletes
//! found to a ring, in the order of transactions, and each row remembers where its newest old version is; that one knows
//! the one before it, and so on. A deleted row is found by its primary key in a tree of *graves*. An insert adds nothing.
//!
//! ```text
//!   row (created 9) ──▶ [4, 9) ──▶ [2, 4)        as of 3:  the version with created <= 3 < until
//!   grave           ──▶ [5, 8) ──▶ [1, 5)
//! ```
//!
//! What is forgotten goes from the ring's front, a block at a time, and links to it stay behind. They are never followed:
//! `oldest` is the last `until` that was forgotten, the past is read as of `oldest` or later, and a link is followed only
//! from what was written after the moment that is read. A version and the one before it share a moment, the `created` of
//! the one and the `until` of the other, so what the link names ended after `oldest`.
//!
//! An old version costs 28 bytes beside its row, up to 7 to the next multiple of 8, and about 17 more in the tree of
//! graves when a delete ended it. Of 100 bytes it takes 128.6 bytes of resident memory, 146 when deleted. An update at
//! random among a million rows takes 1.0 to 1.3 µs without history and 0.15 µs more with it; reads of the present take the
//! same. As of a past in which every row has changed twice since, a row is found and read in 0.95 µs in place of 0.79, and a
//! scan takes 65 ns a row in place of 20: three times as much is read (`examples/measure_history.rs`).
//!
//! A *pin* holds what is needed to read the table as of one transaction: no block with a version that ended later goes, and
//! what ends is added even where no history is kept. Only a ring that has as many blocks as it can have forgets all the
//! same. A pin is given back by dropping it, wherever that happens.
//!
//! Invariants:
//! 1. Every version that ended after `oldest` is in the ring. So every `tx_id` from `oldest` on can be read.
//! 2. `graves` holds exactly the versions in the ring that a delete ended, where the table has a primary key.

mod pin;
mod ring;
mod version;

#[cfg(test)]
mod tests;

use core::cmp::Ordering;

use cosmictron_types::{RowLayout, TxId};

use crate::definition::{IndexDef, TableDef};
use crate::heap::RowId;
use crate::key::Key;
use crate::tree::Tree;
use pin::Pins;
use ring::{Ring, low};

pub(crate) use pin::Pin;
pub(crate) use ring::Position;
pub(crate) use version::{Link, Version};

/// The old versions of one table's rows.
#[derive(Debug)]
pub(crate) struct History {
    ring: Ring,
    /// By primary key. A version goes by its link, as a row goes by its number.
    graves: Tree,
    /// The oldest transaction that can be read.
    oldest: TxId,
    is_kept: bool,
    pins: Pins,
}

impl History {
    /// Of a table that begins to be readable with `oldest`.
    pub(crate) fn new(oldest: TxId) -> Self {
        Self {
            ring: Ring::new(),
            graves: Tree::new(),
            oldest,
            is_kept: true,
            pins: Pins::default(),
        }
    }

    /// A history that begins with `oldest`, and is kept if this one was. Nothing is pinned in it.
    pub(crate) fn restarted(self, oldest: TxId) -> Self {
        Self { is_kept: self.is_kept, ..Self::new(oldest) }
    }

    pub(crate) fn oldest(&self) -> TxId {
        self.oldest
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.ring.bytes() + self.graves.bytes()
    }

    pub(crate) fn versions(&self) -> u64 {
        self.ring.versions()
    }

    /// From here on nothing is kept.
    pub(crate) fn give_up(&mut self) {
        self.is_kept = false;
    }

    /// Whether a version that ends now is to be added, where the store keeps history or does not.
    pub(crate) fn takes(&self, is_kept: bool) -> bool {
        (is_kept && self.is_kept) || self.pins.oldest().is_some()
    }

    /// Holds what is needed to read the table as of `tx`, which must not be forgotten.
    pub(crate) fn pin(&mut self, tx: TxId) -> Pin {
        assert!(self.oldest <= tx, "{tx} is forgotten");
        self.pins.add(tx)
    }

    /// Adds a version that has just ended.
    pub(crate) fn append(&mut self, def: &TableDef, version: &Version<'_>) -> Link {
        while self.ring.is_full(version.row.len()) {
            self.forget_front(def);
        }
        let link = self.ring.append(version);
        if version.is_deleted
            && let Some(primary) = def.primary()
        {
            let key = primary.key_of(&def.layout, version.row);
            let Self { graves, ring, .. } = self;
            graves.insert(key.as_bytes(), RowId(link.0), &keys(primary, &def.layout, ring));
        }
        link
    }

    /// Forgets everything up to and with `tx`, in which a version ended that is not added.
    pub(crate) fn skip(&mut self, tx: TxId) {
        if self.ring.versions() > 0 {
            (self.ring, self.graves) = (Ring::new(), Tree::new());
        }
        self.oldest = tx;
    }

    /// The newest transaction that would be forgotten with the oldest block; `None` when there is none to forget.
    pub(crate) fn front_until(&self) -> Option<TxId> {
        let pinned = self.pins.oldest();
        self.ring.front_until().filter(|until| pinned.is_none_or(|tx| *until <= tx))
    }

    /// Lets a block that began at or before `horizon` end, so that it can be forgotten in time.
    pub(crate) fn seal(&mut self, horizon: TxId) {
        self.ring.seal(horizon);
    }

    /// Forgets the oldest block. How much work it was: one, and one for each grave.
    pub(crate) fn forget_front(&mut self, def: &TableDef) -> usize {
        let Some(until) = self.ring.front_until() else { return 0 };
        let Self { graves, ring, .. } = self;
        let mut work = 1;
        if let Some(primary) = def.primary() {
            for (link, version) in ring.front_deleted() {
                let key = primary.key_of(&def.layout, version.row);
                graves.remove(key.as_bytes(), RowId(link.0), &keys(primary, &def.layout, ring));
                work += 1;
            }
        }
        self.ring.drop_front();
        self.oldest = self.oldest.max(until);
        work
    }

    /// All versions that ended after `tx`, among others that ended before.
    pub(crate) fn since(&self, tx: TxId) -> impl Iterator<Item = Version<'_>> + use<'_> {
        self.ring.since(tx)
    }

    /// Where to begin with [`History::next`] to meet all versions that ended after `tx`, and few others.
    pub(crate) fn position_after(&self, tx: TxId) -> Position {
        self.ring.position_after(tx)
    }

    /// The version behind a position, which moves behind it. `None` until there is another.
    pub(crate) fn next(&self, at: &mut Position) -> Option<(Link, Version<'_>)> {
        self.ring.next(at)
    }

    /// The version that a link names. It must be there still.
    pub(crate) fn at(&self, link: Link) -> Version<'_> {
        self.ring.at(link)
    }

    /// Follows the links from a version, or a row, that was written by `created`, to the one that was there as of `tx`.
    pub(crate) fn follow(&self, created: TxId, link: Link, tx: TxId) -> Followed<'_> {
        assert!(self.oldest <= tx, "{tx} is forgotten");
        let (mut created, mut link, mut versions) = (created, link, 0);
        while created > tx && link != Link::NONE {
            let version = self.ring.at(link);
            assert!(version.until == created, "a version ends when the next one begins");
            versions += 1;
            if version.created <= tx {
                return Followed { row: Some(version.row), versions };
            }
            (created, link) = (version.created, version.link);
        }
        Followed { row: None, versions }
    }

    /// The row of this primary key that was there as of `tx` and is deleted now.
    pub(crate) fn find_deleted(&self, def: &TableDef, key: &Key, tx: TxId) -> Followed<'_> {
        let mut place = self.ring.start_after(tx);
        let mut versions = 0;
        while let Some(grave) = self.grave(def, key, place) {
            versions += 1;
            let version = self.ring.at(low(grave));
            if version.until > tx {
                // Of all lives of the key the one that ended first is the only one that can have begun before.
                if version.created <= tx {
                    return Followed { row: Some(version.row), versions };
                }
                let followed = self.follow(version.created, version.link, tx);
                return Followed { versions: versions + followed.versions, ..followed };
            }
            place = grave + 1;
        }
        Followed { row: None, versions }
    }

    /// The first grave of a key at or behind a place.
    fn grave(&self, def: &TableDef, key: &Key, place: u64) -> Option<u64> {
        let primary = def.primary()?;
        let keys = keys(primary, &def.layout, &self.ring);
        // The tree orders by links. They begin anew once in 2^32, so what lies behind may be ordered before.
        [low(place).0, 0].into_iter().find_map(|from| {
            let row = self.graves.find_from(key.as_bytes(), RowId(from), &keys)?;
            Some(self.ring.place(Link(row.0))).filter(|found| *found >= place)
        })
    }
}

/// Where links have led.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed<'h> {
    pub(crate) row: Option<&'h [u8]>,
    /// How many versions were looked at.
    pub(crate) versions: u64,
}

/// Compares the primary keys of old versions, as the tree of graves asks for it.
fn keys<'h>(
    primary: &'h IndexDef,
    layout: &'h RowLayout,
    ring: &'h Ring,
) -> impl Fn(RowId, &[u8]) -> Ordering + use<'h> {
    move |row, key| primary.compare(layout, ring.at(Link(row.0)).row, key)
}
