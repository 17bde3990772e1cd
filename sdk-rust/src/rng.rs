//! Chance that repeats: a reducer run again with the same seed draws the same numbers.
//!
//! The generator is xoroshiro128++, seeded by the server for every call. It is quick and well spread, and it is not
//! for secrets: who sees enough of its numbers can tell the next ones.
//!
//! Invariants:
//! 1. The state is never all zero, from which the generator would never leave.

use core::cell::Cell;

use cosmictron_types::Uuid;

/// A reducer's source of chance: [`ReducerContext::rng`](crate::ReducerContext::rng).
///
/// ```
/// use cosmictron_sdk::Rng;
///
/// let rng = Rng::from_seed([7; 16]);
/// let die = rng.below(6) + 1;
/// assert!((1..=6).contains(&die));
/// assert_eq!(Rng::from_seed([7; 16]).below(6) + 1, die);
/// ```
#[derive(Debug)]
pub struct Rng {
    state: Cell<[u64; 2]>,
}

impl Rng {
    /// The same seed gives the same numbers, for ever.
    pub fn from_seed(seed: [u8; 16]) -> Self {
        let seed = u128::from_le_bytes(seed);
        // Keeps I1, and keeps near seeds from drawing near numbers at first.
        let low = mix(seed as u64);
        let high = mix((seed >> 64) as u64 ^ low);
        Self { state: Cell::new([low, if low | high == 0 { 1 } else { high }]) }
    }

    /// Any number, each as likely.
    pub fn next_u64(&self) -> u64 {
        let [a, b] = self.state.get();
        let drawn = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
        let mixed = a ^ b;
        self.state.set([a.rotate_left(49) ^ mixed ^ (mixed << 21), mixed.rotate_left(28)]);
        drawn
    }

    /// A number from 0 to `bound` - 1, each as likely.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound != 0, "no number is below 0");
        // The product's high half is even over the range save for the first `2^64 mod bound` low halves.
        let uneven = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= uneven {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from 0 up to but not including 1.
    pub fn f64(&self) -> f64 {
        // As many bits as an f64 holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True or false, each as likely.
    pub fn bool(&self) -> bool {
        self.next_u64() >> 63 == 1
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// One of `items`, each as likely; `None` when there are none.
    pub fn choose<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(items.len()).ok().filter(|&count| count > 0)?;
        items.get(usize::try_from(self.below(count)).ok()?)
    }

    /// Puts `items` in any order, each as likely.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end as u64 + 1) as usize);
        }
    }

    /// A random (version 4) UUID.
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        // RFC 9562: the version in the high half of byte 6, the variant in the two high bits of byte 8.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid::from_bytes(bytes)
    }
}

/// Spreads every bit of a number over all of them, one to one (the finaliser of splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_for_ever() {
        let rng = Rng::from_seed([0; 16]);
        let drawn: [u64; 3] = core::array::from_fn(|_| rng.next_u64());
        // Modules may have stored what they drew: these numbers are part of the contract.
        assert_eq!(drawn, [17073771431845355518, 17778442568868038202, 6768669239941355679]);
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first numbers of xoroshiro128++ from the state 1, 2.
        let rng = Rng { state: Cell::new([1, 2]) };
        let drawn: [u64; 3] = core::array::from_fn(|_| rng.next_u64());
        assert_eq!(drawn, [393217, 669327710093319, 1732421326133921491]);
    }

    #[test]
    fn every_number_below_a_bound_is_about_as_likely() {
        let rng = Rng::from_seed([9; 16]);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let rng = Rng::from_seed([1; 16]);
        let mut items: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let rng = Rng::from_seed([3; 16]);
        assert_eq!(rng.uuid().get_version_num(), 4);
        assert_eq!(rng.choose::<u8>(&[]), None);
        assert!((0.0..1.0).contains(&rng.f64()));
    }
}
