//! The exact sum of floating-point numbers, from which what was added can be taken away again.
//!
//! A sum that is rounded at each step depends on the order of its steps, and taking a number away does not undo its adding.
//! Here the sum is a fixed-point number as wide as its numbers need, and is rounded once, when it is asked for: to the nearest,
//! ties to even. So sums of parts add up to the sum of the whole. The idea is Kulisch's long accumulator; that digits overlap and
//! are seldom carried is Neal's: "Fast exact summation using small and large superaccumulators", arXiv:1505.05571, 2015.
//!
//! ```text
//!   digit     first      first + 1    …                        each 64 bits, its lowest 2^32 times that of the one before
//!   number       └─ low 32 ─┘└─ high 52 ─┘                     the mantissa, shifted to its place, in two of them
//! ```

use crate::value::datum::Datum;

/// Bits from one digit to the next.
const DIGIT_BITS: u32 = 32;
const LOW: u64 = (1 << DIGIT_BITS) - 1;
/// The value of the lowest bit of digit 0 is 2 to this.
const LOWEST: i32 = -1_074;
/// A carried digit is below 2^32, and what is added to it at once below 2^52: so many fit into 63 bits.
const ADDITIONS_MAX: u32 = (1 << 11) - 2;

/// A sum of floats, exact.
#[derive(Clone, Debug, Default)]
pub(crate) struct FloatSum {
    /// Little-endian, each with a sign of its own. As many as the numbers so far needed: about 70 at most.
    digits: Vec<i64>,
    /// The number of the lowest of them.
    first: u32,
    /// How often something may be added before digits have to be carried.
    room: u32,
    /// Numbers that were added and are no negative zeros: these make a negative zero when they are alone.
    others: i64,
    /// Those that are no finite numbers, when there were any.
    endless: Option<Box<Endless>>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Endless {
    nans: i64,
    infinities: i64,
    negative_infinities: i64,
}

impl FloatSum {
    /// Adds a number once. By how many bytes it has grown.
    #[inline]
    pub(crate) fn add(&mut self, number: f64) -> usize {
        let bits = number.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7ff;
        let (mantissa, place) = parts(bits, exponent);
        let (digit, shift) = (place / DIGIT_BITS, place % DIGIT_BITS);
        let at = digit.wrapping_sub(self.first) as usize;
        if self.room == 0 || exponent == 0x7ff {
            return self.add_times(number, 1);
        }
        let Some([low, high]) = self.digits.get_mut(at..).and_then(<[i64]>::first_chunk_mut) else {
            return self.add_times(number, 1);
        };
        let sign = 1 - 2 * (bits >> 63).cast_signed();
        *low += sign * (mantissa << shift & LOW).cast_signed();
        *high += sign * (mantissa >> (DIGIT_BITS - shift)).cast_signed();
        self.room -= 1;
        self.others += i64::from(bits != NEGATIVE_ZERO);
        0
    }

    /// Adds a number so many times, or takes it away. By how many bytes it has grown.
    #[cold]
    pub(crate) fn add_times(&mut self, number: f64, times: i64) -> usize {
        let before = self.bytes();
        let bits = number.to_bits();
        let exponent = (bits >> 52) as u32 & 0x7ff;
        if exponent == 0x7ff {
            let endless = self.endless.get_or_insert_default();
            match number {
                number if number.is_nan() => endless.nans += times,
                number if number > 0.0 => endless.infinities += times,
                _ => endless.negative_infinities += times,
            }
            return self.bytes() - before;
        }
        if bits != NEGATIVE_ZERO {
            self.others += times;
        }
        let (mantissa, place) = parts(bits, exponent);
        let (digit, shift) = (place / DIGIT_BITS, place % DIGIT_BITS);
        // 53 bits times 64: in 32 bits each they are four parts, and one more when they are shifted.
        let product = u128::from(mantissa) * u128::from(times.unsigned_abs());
        let is_negative = (times < 0) != number.is_sign_negative();
        let wide = [product as u64 & LOW, (product >> 32) as u64 & LOW, (product >> 64) as u64];
        let mut parts = [0u64; 5];
        for (at, part) in wide.into_iter().enumerate() {
            let part = u128::from(part) << shift;
            parts[at] += part as u64 & LOW;
            parts[at + 1] += (part >> 32) as u64 & LOW;
            parts[at + 2] += (part >> 64) as u64;
        }
        let used = 2.max(5 - parts.iter().rev().take_while(|part| **part == 0).count());
        let sign = if is_negative { -1 } else { 1 };
        let digits = self.digits_from(digit, used);
        for (digit, part) in digits.iter_mut().zip(parts) {
            *digit += sign * part.cast_signed();
        }
        self.bytes() - before
    }

    /// Adds all that was added to another.
    pub(crate) fn merge(&mut self, mut other: FloatSum) -> usize {
        let before = self.bytes();
        other.carry();
        self.others += other.others;
        if let Some(others) = other.endless {
            let endless = self.endless.get_or_insert_default();
            endless.nans += others.nans;
            endless.infinities += others.infinities;
            endless.negative_infinities += others.negative_infinities;
        }
        if !other.digits.is_empty() {
            let digits = self.digits_from(other.first, other.digits.len());
            digits.iter_mut().zip(&other.digits).for_each(|(digit, part)| *digit += part);
        }
        self.bytes() - before
    }

    /// The digits from this one on, at least so many, with room for one addition.
    fn digits_from(&mut self, digit: u32, count: usize) -> &mut [i64] {
        if self.room == 0 {
            self.carry();
        }
        self.room -= 1;
        if self.digits.is_empty() {
            self.first = digit;
        }
        let lower = self.first.saturating_sub(digit) as usize;
        if lower > 0 {
            self.digits.splice(..0, std::iter::repeat_n(0, lower));
            self.first = digit;
        }
        let at = (digit - self.first) as usize;
        if self.digits.len() < at + count {
            self.digits.resize(at + count, 0);
        }
        &mut self.digits[at..]
    }

    /// Makes all digits less than 2^32, and all but the highest one positive.
    fn carry(&mut self) {
        let mut carry = 0;
        let last = self.digits.len().saturating_sub(1);
        for (at, digit) in self.digits.iter_mut().enumerate() {
            *digit += carry;
            if at < last {
                carry = *digit >> DIGIT_BITS;
                *digit &= LOW.cast_signed();
            }
        }
        while let Some(top) = self.digits.last_mut()
            && top.unsigned_abs() > LOW
        {
            let carry = *top >> DIGIT_BITS;
            *top &= LOW.cast_signed();
            self.digits.push(carry);
        }
        self.room = ADDITIONS_MAX;
    }

    /// Memory beyond itself.
    pub(crate) fn bytes(&self) -> usize {
        let endless = if self.endless.is_some() { size_of::<Endless>() } else { 0 };
        self.digits.capacity() * size_of::<i64>() + endless
    }

    /// Whether something was added that is not finite, and is still there.
    pub(crate) fn has_endless(&self) -> bool {
        self.endless.as_deref().is_some_and(|endless| *endless != Endless::default())
    }

    /// The sum, rounded to the nearest.
    pub(crate) fn value(&self) -> f64 {
        if let Some(endless) = self.endless.as_deref().filter(|_| self.has_endless()) {
            return match (endless.infinities > 0, endless.negative_infinities > 0) {
                (true, false) if endless.nans == 0 => f64::INFINITY,
                (false, true) if endless.nans == 0 => f64::NEG_INFINITY,
                _ => f64::NAN,
            };
        }
        let mut sum = self.clone();
        sum.carry();
        let is_negative = sum.digits.last().is_some_and(|top| *top < 0);
        if is_negative {
            sum.digits.iter_mut().for_each(|digit| *digit = -*digit);
            sum.carry();
        }
        let value = rounded(&sum.digits, sum.first);
        match (value == 0.0, is_negative) {
            (true, _) if self.others == 0 => -0.0,
            (true, _) => 0.0,
            (false, true) => -value,
            (false, false) => value,
        }
    }

    /// All of it as a value, which [`FloatSum::of_state`] reads.
    pub(crate) fn into_state(mut self) -> Datum<'static> {
        self.carry();
        let Endless { nans, infinities, negative_infinities } =
            self.endless.map_or(Endless::default(), |endless| *endless);
        let head = [self.others, nans, infinities, negative_infinities, self.first.into()];
        let numbers = head.iter().chain(&self.digits);
        Datum::Bytes(numbers.flat_map(|number| number.to_le_bytes()).collect())
    }

    /// What [`FloatSum::into_state`] gave.
    pub(crate) fn of_state(bytes: &[u8]) -> Self {
        let (numbers, rest) = bytes.as_chunks();
        assert!(rest.is_empty(), "a state is made of whole numbers");
        let mut numbers = numbers.iter().map(|number| i64::from_le_bytes(*number));
        let mut next = || numbers.next().expect("a state has a head");
        let others = next();
        let endless = Endless { nans: next(), infinities: next(), negative_infinities: next() };
        let endless = (endless != Endless::default()).then(|| Box::new(endless));
        let first = u32::try_from(next()).expect("digits are counted from 0");
        Self { digits: numbers.collect(), first, room: 0, others, endless }
    }
}

const NEGATIVE_ZERO: u64 = 1 << 63;

/// A finite number's mantissa, and how many places it stands above the lowest bit.
#[inline]
fn parts(bits: u64, exponent: u32) -> (u64, u32) {
    let is_normal = u32::from(exponent != 0);
    (bits & ((1 << 52) - 1) | u64::from(is_normal) << 52, exponent - is_normal)
}

/// The float nearest to a fixed-point number, whose digits are all less than 2^32.
fn rounded(digits: &[i64], first: u32) -> f64 {
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
    // Three digits have 65 bits that count; of the others only matters whether there are any.
    let low = top.saturating_sub(2);
    let join = |head: u128, digit: &i64| head << DIGIT_BITS | u128::from(digit.cast_unsigned());
    let head = digits[low..=top].iter().rev().fold(0, join);
    let is_more = digits[..low].iter().any(|digit| *digit != 0);
    let excess = (u128::BITS - head.leading_zeros()).saturating_sub(f64::MANTISSA_DIGITS);
    let mut mantissa = (head >> excess) as u64;
    if excess > 0 {
        let (rest, half) = (head & ((1 << excess) - 1), 1 << (excess - 1));
        if rest > half || (rest == half && (is_more || mantissa & 1 == 1)) {
            mantissa += 1;
        }
    }
    let places = (first as usize + low) * DIGIT_BITS as usize + excess as usize;
    scale(mantissa, i32::try_from(places).expect("few") + LOWEST)
}

/// `mantissa`, of up to 54 bits of which one more than 53 is a zero, times 2 to the `exponent`; too great is infinite.
fn scale(mantissa: u64, exponent: i32) -> f64 {
    let mut value = mantissa as f64;
    let mut left = exponent;
    while left > 0 {
        let step = left.min(1_000);
        value *= 2f64.powi(step);
        left -= step;
    }
    while left < 0 {
        // No bit is lost: those of the mantissa end at or above the least number's.
        let step = left.max(-1_000);
        value *= 2f64.powi(step);
        left -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[f64]) -> FloatSum {
        let mut sum = FloatSum::default();
        numbers.iter().for_each(|number| {
            sum.add(*number);
        });
        sum
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        assert_eq!(sum(&[1e100, 1.0, -1e100]).value(), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum(&[f64::from_bits(1), -1.0, 1.0]).value(), f64::from_bits(1));
        assert_eq!(sum(&[0.1; 10]).value(), 1.0);
        assert!(sum(&[-0.0, -0.0]).value().is_sign_negative());
        assert!(sum(&[-0.0, 0.0]).value().is_sign_positive());
    }

    #[test]
    fn digits_are_carried_before_they_overflow() {
        let step = f64::from_bits(0x3fff_ffff_ffff_ffff);
        for count in [1_000, 5_000, 100_000] {
            let mut sum = FloatSum::default();
            (0..count).for_each(|_| {
                sum.add(-step);
            });
            assert_eq!(sum.value(), -step * f64::from(count), "{count}");
            sum.add_times(step, i64::from(count) - 1);
            assert_eq!(sum.value(), -step, "{count}");
            assert!(sum.bytes() < 100);
        }
        let mut least = FloatSum::default();
        (0..5_000).for_each(|_| {
            least.add(f64::MAX);
        });
        least.add_times(-f64::MAX, 4_999);
        assert_eq!(least.value(), f64::MAX);
    }

    #[test]
    fn what_is_no_number_counts_while_it_is_there() {
        let mut sum = sum(&[1.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        assert!(sum.value().is_nan());
        sum.add_times(f64::NAN, -1);
        assert!(sum.value().is_nan());
        sum.add_times(f64::INFINITY, -1);
        assert_eq!(sum.value(), f64::NEG_INFINITY);
        sum.add_times(f64::NEG_INFINITY, -1);
        assert_eq!(sum.value(), 1.5);
    }

    proptest! {
        #[test]
        fn the_sum_of_two_is_that_of_the_processor(a: f64, b: f64) {
            let expected = a + b;
            let found = sum(&[a, b]).value();
            prop_assert!(
                found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()),
                "{a:e} + {b:e} is {expected:e}, not {found:e}"
            );
        }

        #[test]
        fn what_is_taken_away_was_never_there(
            numbers: Vec<f64>,
            others in prop::collection::vec((any::<f64>(), -3i64..4), 0..8),
        ) {
            let mut all = sum(&numbers);
            others.iter().for_each(|(number, times)| {
            all.add_times(*number, *times);
        });
            others.iter().rev().for_each(|(number, times)| {
            all.add_times(*number, -times);
        });
            prop_assert_eq!(all.value().to_bits(), sum(&numbers).value().to_bits());
        }

        #[test]
        fn times_is_as_often_as_it_says(number: f64, times in 0i64..5_000) {
            let mut at_once = FloatSum::default();
            at_once.add_times(number, times);
            let mut one_by_one = FloatSum::default();
            (0..times).for_each(|_| {
            one_by_one.add(number);
        });
            prop_assert_eq!(at_once.value().to_bits(), one_by_one.value().to_bits());
            at_once.add_times(number, i64::MAX / 2);
            at_once.add_times(number, -(i64::MAX / 2));
            prop_assert_eq!(at_once.value().to_bits(), one_by_one.value().to_bits());
        }

        #[test]
        fn parts_add_up_to_the_whole(numbers: Vec<f64>, cuts in prop::collection::vec(0usize..8, 0..4)) {
            let mut whole = FloatSum::default();
            let mut rest = &numbers[..];
            for cut in cuts {
                let (part, others) = rest.split_at(cut.min(rest.len()));
                let Datum::Bytes(state) = sum(part).into_state() else { unreachable!() };
                whole.merge(FloatSum::of_state(&state));
                rest = others;
            }
            whole.merge(sum(rest));
            prop_assert_eq!(whole.value().to_bits(), sum(&numbers).value().to_bits());
        }

        #[test]
        fn the_order_makes_no_difference(mut numbers: Vec<f64>) {
            let forwards = sum(&numbers).value();
            numbers.reverse();
            let backwards = sum(&numbers).value();
            prop_assert_eq!(forwards.to_bits(), backwards.to_bits());
        }
    }
}
