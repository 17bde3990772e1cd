//! Changes of multisets.

use super::tuple::Tuple;

/// How often a tuple is there, or how much more often than before.
pub(crate) type Weight = i64;

/// A change of a multiset: what comes has a positive weight, what goes a negative one. The same tuple may occur more than
/// once; what counts is the sum.
pub(crate) type Delta = Vec<(Tuple, Weight)>;

/// Adds up the weights of equal tuples and drops those that come to nothing. In the order of the tuples, whatever the order
/// was before.
pub(crate) fn consolidate(delta: &mut Delta) {
    if delta.len() == 1 {
        delta.retain(|(_, weight)| *weight != 0);
        return;
    }
    delta.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    delta.dedup_by(|(tuple, weight), (kept, sum)| {
        let is_same = tuple == kept;
        if is_same {
            *sum += *weight;
        }
        is_same
    });
    delta.retain(|(_, weight)| *weight != 0);
}

#[cfg(test)]
mod tests {
    use super::super::tuple::KeptPart;
    use super::*;
    use crate::value::Datum;

    fn tuple(number: i128) -> Tuple {
        Tuple::of(KeptPart::of_values(&[Datum::Int(number)]).unwrap())
    }

    #[test]
    fn equal_tuples_are_one_and_nothing_is_none() {
        let mut delta = vec![
            (tuple(2), 1),
            (tuple(1), 3),
            (tuple(2), -1),
            (tuple(3), -2),
            (tuple(1), 1),
            (tuple(4), 0),
        ];
        consolidate(&mut delta);
        assert_eq!(delta.len(), 2);
        assert!(delta.contains(&(tuple(1), 4)) && delta.contains(&(tuple(3), -2)));
        let mut nothing = vec![(tuple(1), 0)];
        consolidate(&mut nothing);
        assert!(nothing.is_empty());
    }
}
