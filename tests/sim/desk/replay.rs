//! Does all calls of a desk one after the other, and holds what was seen to what that comes to.

use std::collections::BTreeMap;

use cosmictron_types::TxId;

use super::workload::{DEED, Model};
use super::{Asked, Deed, Desk, Sighting, Told, Work, Workload, lists};
use crate::history::{self, Extent, Fate, Operation, Step};

/// How much was held to the model.
#[derive(Debug)]
pub struct Held {
    pub sightings: usize,
    /// The reducers of refusals that had a reason.
    pub refused: Vec<&'static str>,
    /// Of the lists.
    pub history: Extent,
}

/// A call that was refused: there was a reason at some moment between the transactions that were told before it was asked
/// for and those that were asked for when it had been answered.
struct Refusal<'d> {
    mark: u64,
    work: &'d Work,
    text: &'d str,
    until: Option<TxId>,
}

impl Desk {
    /// Panics where something was seen that the calls one by one do not come to.
    pub fn hold(&self) -> Held {
        let mut deeds: Vec<(u64, &Deed)> =
            self.deeds.iter().map(|(mark, deed)| (*mark, deed)).collect();
        deeds.sort_by_key(|(_, deed)| deed.tx);
        for pair in deeds.windows(2) {
            assert!(pair[0].1.tx < pair[1].1.tx, "{pair:?} are one transaction");
        }
        let history = match self.workload {
            Workload::Lists => self.check_history(),
            Workload::Names | Workload::Kin | Workload::Tickets => Extent::default(),
        };
        let refused = self.replay(&deeds);
        Held { sightings: self.sightings.len(), refused, history }
    }

    /// What was refused.
    fn replay(&self, deeds: &[(u64, &Deed)]) -> Vec<&'static str> {
        let (mut unexplained, moments) = (self.refusals(), self.moments());
        let refused = unexplained.iter().map(|refusal| refusal.work.errand.reducer).collect();
        let mut model = self.workload.model();
        for at in 0..=deeds.len() {
            let begin = at.checked_sub(1).map_or(TxId::ZERO, |last| deeds[last].1.tx);
            let end = deeds.get(at).map(|(_, deed)| deed.tx);
            let shown = match end {
                Some(end) => moments.range(begin..end),
                None => moments.range(begin..),
            };
            for sighting in shown.flat_map(|(_, sightings)| sightings) {
                self.hold_sighting(sighting, &deeds[..at], model.as_ref());
            }
            unexplained.retain(|refusal| !refusal.has_reason(begin, end, model.as_ref()));
            if let Some((mark, deed)) = deeds.get(at) {
                self.do_again(*mark, deed, model.as_mut());
            }
        }
        if let Some(Refusal { mark, work, text, until }) = unexplained.first() {
            let Work { errand, asked: Asked { after, .. }, .. } = work;
            panic!(
                "{mark}, {errand:?}, is refused without a reason between {after} and {until:?}: {text}"
            );
        }
        refused
    }

    fn refusals(&self) -> Vec<Refusal<'_>> {
        let refused = self.works.iter().filter_map(|(mark, work)| match (&work.told, work.over) {
            (Some(Told::Refused(text)), Some(over)) => Some((*mark, work, text, over)),
            _ => None,
        });
        let until = |over| {
            let later = self.deeds.iter().filter(|(mark, _)| self.works[*mark].asked.at > over);
            later.map(|(_, deed)| deed.tx).min()
        };
        refused
            .map(|(mark, work, text, over)| Refusal { mark, work, text, until: until(over) })
            .collect()
    }

    /// By the transactions as of which they show what they show.
    fn moments(&self) -> BTreeMap<TxId, Vec<&Sighting>> {
        let mut moments: BTreeMap<TxId, Vec<&Sighting>> = BTreeMap::new();
        for sighting in &self.sightings {
            moments.entry(sighting.tx).or_default().push(sighting);
            let after = sighting.asked.after;
            if !sighting.is_past && sighting.tx < after {
                moments.entry(after).or_default().push(sighting);
            }
        }
        moments
    }

    fn do_again(&self, mark: u64, deed: &Deed, model: &mut dyn Model) {
        let errand = &self.works[&mark].errand;
        let what = format!("{mark}, {errand:?}, at {}", deed.tx);
        let refusal = model.refusal(errand);
        assert_eq!(refusal, None, "{what}, was done and not refused");
        for (told, expected) in deed.told.iter().zip(model.expected(errand)) {
            let expected = expected.unwrap_or(*told);
            assert_eq!(*told, expected, "{what}, told what it cannot have found");
        }
        model.apply(mark, errand, deed.told);
    }

    fn hold_sighting(&self, sighting: &Sighting, deeds: &[(u64, &Deed)], model: &dyn Model) {
        let Sighting { table, key, tx, rows, is_past, asked, .. } = sighting;
        let of_deed = |(mark, deed): &(u64, &Deed)| {
            let [first, second] = deed.told;
            vec![deed.id.cast_unsigned(), *mark, deed.tx.get(), first, second]
        };
        let mut expected = match std::ptr::eq(*table, &DEED) {
            true => deeds.iter().map(of_deed).collect(),
            false => model.rows(table),
        };
        if let Some(key) = key {
            expected.retain(|row| row[table.placing()] == *key);
        }
        expected.sort();
        let unsigned = |row: &Vec<i64>| row.iter().map(|value| value.cast_unsigned()).collect();
        let mut shown: Vec<Vec<u64>> = rows.iter().map(unsigned).collect();
        shown.sort();
        if shown == expected {
            return;
        }
        let missing: Vec<_> = expected.iter().filter(|row| !shown.contains(row)).collect();
        let surplus: Vec<_> = shown.iter().filter(|row| !expected.contains(row)).collect();
        let (name, when) = (table.name, if *is_past { "the past" } else { "the present" });
        panic!(
            "{name} of {}, read as {when} at {tx}, asked after {}: lacks {missing:?} and has {surplus:?}",
            self.workload.name(),
            asked.after
        );
    }

    /// The lists that calls and queries have seen, by what they have seen alone.
    fn check_history(&self) -> Extent {
        let calls = self.works.iter().map(|(mark, work)| self.call(*mark, work));
        let reads = self.sightings.iter().filter(|sighting| sighting.table.name == "item");
        let reads = reads.enumerate().flat_map(|(at, sighting)| sighting.operations(at));
        let operations: Vec<Operation> = calls.chain(reads).collect();
        match history::check(&operations) {
            Ok(extent) => extent,
            Err(anomaly) => panic!("{}", anomaly.tell(&operations)),
        }
    }

    fn call(&self, mark: u64, work: &Work) -> Operation {
        let (fate, told) = match (&work.told, self.deeds.get(&mark)) {
            (Some(Told::Done { tx, numbers }), _) => (Fate::Transaction(*tx), Some(&numbers[..])),
            (None, Some(deed)) => (Fate::Transaction(deed.tx), None),
            // What has left no deed when nothing was under way never happens.
            (Some(Told::Refused(_)), _) | (None, None) => (Fate::Refused, None),
        };
        Operation {
            name: format!("call {mark}"),
            shard: work.asked.shard,
            asked: work.asked.at,
            answered: work.over,
            fate,
            steps: lists::steps(mark, &work.errand, told),
        }
    }
}

impl Refusal<'_> {
    /// Whether the state between two transactions is one in which it has to be refused.
    fn has_reason(&self, begin: TxId, end: Option<TxId>, model: &dyn Model) -> bool {
        let is_early = end.is_some_and(|end| end <= self.work.asked.after);
        let is_late = self.until.is_some_and(|until| until <= begin);
        if is_early || is_late {
            return false;
        }
        let reason = model.refusal(&self.work.errand);
        reason.is_some_and(|reason| self.text.starts_with(&reason))
    }
}

impl Sighting {
    /// A read of the present is two operations: one that shows what had been answered, and one that is exact.
    fn operations(&self, number: usize) -> Vec<Operation> {
        let exact = Fate::AsOf(self.tx);
        let fates = if self.is_past { vec![exact] } else { vec![Fate::Live(self.tx), exact] };
        let lists = match self.key {
            Some(list) => list..=list,
            None => 1..=lists::LISTS,
        };
        let mut rows = self.rows.clone();
        rows.sort();
        let read = |list: u64| {
            let of_list = rows.iter().filter(|row| row[0].cast_unsigned() == list);
            Step::Read { list, values: of_list.map(|row| row[2].cast_unsigned()).collect() }
        };
        let steps: Vec<Step> = lists.map(read).collect();
        let operation = |fate| Operation {
            name: format!("query {number}"),
            shard: self.asked.shard,
            asked: self.asked.at,
            answered: Some(self.answered),
            fate,
            steps: steps.clone(),
        };
        fates.into_iter().map(operation).collect()
    }
}
