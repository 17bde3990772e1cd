//! Writes that somebody has a say in, who looks at the rows first: at the one that is to be written, as it would be, and at
//! those that are there. Whoever judges sees the stores as they are before the write.

use cosmictron_types::{IndexId, ShardId};

use super::Stores;
use super::elsewhere::StoresError;
use super::placement::Placement;
use super::write::check_deletable;
use crate::key::Key;
use crate::store::write::WriteError;

impl Stores {
    /// As [`Stores::insert`], if `judge` lets it: it is shown the row with the numbers that it would get.
    ///
    /// # Errors
    ///
    /// Those of the judge, and of the write.
    pub fn insert_if<E: From<StoresError>>(
        &mut self,
        at: &Placement,
        here: ShardId,
        row: &mut [u8],
        judge: impl FnOnce(&Stores, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let shard = match at.site.is_placed_by_sequence(row) {
            true => here,
            false => at.site.shard_of(row, self.shards()).map_err(StoresError::from)?,
        };
        let store = self.store_mut(shard).map_err(StoresError::from)?;
        let filled = store.prepare(at.table(), row).map_err(StoresError::from)?;
        let judged = judge(self, row);
        let inserted = judged.and_then(|()| self.insert_filled(at, shard, row).map_err(E::from));
        if inserted.is_err() {
            self.held(shard).unfill(at.table(), &filled, row);
        }
        inserted
    }

    /// The row that an update would replace; `None` where it would find none. The new one is a row of the table, then.
    ///
    /// # Errors
    ///
    /// Why the update would be refused whatever is there, or where it has to be done.
    pub fn replaced(&self, at: &Placement, row: &[u8]) -> Result<Option<&[u8]>, StoresError> {
        let shard = at.site.shard_of(row, self.shards())?;
        let store = self.store(shard)?;
        match store.find_row(at.table(), row) {
            Ok(id) => Ok(Some(store.row(at.table(), id))),
            Err(WriteError::NoSuchRow { .. }) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    /// As [`Stores::delete`], of the rows that `choose` says; the others stay.
    ///
    /// # Errors
    ///
    /// Those of `choose`, and of the write.
    pub fn delete_if<E: From<StoresError>>(
        &mut self,
        at: &Placement,
        index: IndexId,
        key: &Key,
        mut choose: impl FnMut(&Stores, &[u8]) -> Result<bool, E>,
    ) -> Result<u64, E> {
        check_deletable(at).map_err(StoresError::from)?;
        let reach = self.reach(&at.site, index, key).map_err(StoresError::from)?;
        let mut found = Vec::new();
        for shard in self.within(reach).map_err(StoresError::from)? {
            let store = self.held(shard);
            let mut chosen = Vec::new();
            for row in store.matches(at.table(), index, key) {
                if choose(self, store.row(at.table(), row))? {
                    chosen.push(row);
                }
                // More are refused below.
                if chosen.len() as u64 > store.rows_left() {
                    break;
                }
            }
            chosen.sort_unstable();
            found.push((shard, chosen));
        }
        Ok(self.delete_found(at, index, found)?)
    }
}
