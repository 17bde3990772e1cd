//! A tape of numbers that everything random is read from.
//!
//! What a generator makes follows from the tape alone, so shrinking a tape shrinks what was made of it: the first of each list
//! of alternatives is the simplest, and behind its end a tape goes on with zeros.

pub(crate) struct Choices<'t> {
    numbers: &'t [u16],
    next: usize,
}

impl<'t> Choices<'t> {
    pub(crate) fn new(numbers: &'t [u16]) -> Self {
        Self { numbers, next: 0 }
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        // Grows with the number, so that a smaller one is a simpler choice.
        (usize::from(number) * end) >> 16
    }

    /// True once in so many times; never behind the end.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times.max(2)
    }

    pub(crate) fn pick<'p, T>(&mut self, from: &'p [T]) -> &'p T {
        &from[self.below(from.len())]
    }

    /// One by its weight.
    pub(crate) fn weighed<T: Copy>(&mut self, from: &[(usize, T)]) -> T {
        let mut at = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in from {
            match at.checked_sub(*weight) {
                None => return *choice,
                Some(rest) => at = rest,
            }
        }
        unreachable!("the number is below the sum of all weights")
    }
}
