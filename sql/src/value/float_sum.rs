//! The exact sum of floating-point numbers, from which what was added can be taken away again.
//!
//! A sum that is rounded at each step depends on the order of its steps, and taking a number away does not undo its adding.
//! Here the sum is a fixed-point number wide enough for any float, and is rounded once, when it is asked for: to the nearest,
//! ties to even. The idea is Kulisch's long accumulator; see also Collange, Defour, Graillat, Iakymchuk: "Numerical
//! reproducibility for the parallel reduction on multi- and many-core architectures", Parallel Computing 49, 2015.

use super::super::delta::Weight;

/// Bits of one digit.
const DIGIT_BITS: u32 = 32;
/// The value of the lowest bit of the lowest digit is 2 to this.
const LOWEST: i32 = -1_074;
/// From the lowest bit of the least number to the highest of the greatest, and room for 2^64 of them.
const DIGITS: usize = (1_074 + 1_024 + 64usize).div_ceil(DIGIT_BITS as usize) + 1;

/// A sum of floats, exact.
#[derive(Clone, Debug)]
pub(crate) struct FloatSum {
    /// Little-endian; each within ±2^32 between calls, so it may be negative.
    digits: Box<[i64; DIGITS]>,
    nans: Weight,
    infinities: Weight,
    negative_infinities: Weight,
    /// Numbers that were added and are negative zeros: alone they make a negative zero.
    others: Weight,
}

impl FloatSum {
    pub(crate) fn new() -> Self {
        Self {
            digits: Box::new([0; DIGITS]),
            nans: 0,
            infinities: 0,
            negative_infinities: 0,
            others: 0,
        }
    }

    pub(crate) const BYTES: usize = size_of::<[i64; DIGITS]>();

    /// Adds a number so many times, or takes it away.
    pub(crate) fn add(&mut self, number: f64, times: Weight) {
        if number.is_nan() {
            self.nans += times;
        } else if number.is_infinite() {
            match number > 0.0 {
                true => self.infinities += times,
                false => self.negative_infinities += times,
            }
        } else {
            if number.to_bits() != (-0.0f64).to_bits() {
                self.others += times;
            }
            self.add_finite(number, times);
        }
    }

    fn add_finite(&mut self, number: f64, times: Weight) {
        let bits = number.to_bits();
        let exponent = i32::try_from(bits >> 52 & 0x7ff).expect("11 bits");
        let fraction = bits & ((1 << 52) - 1);
        // The number is `mantissa` times 2 to the `place`, counted from the lowest bit.
        let (mantissa, place) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | 1 << 52, exponent - 1),
        };
        let signed = if number.is_sign_negative() { -1 } else { 1 };
        let product = i128::from(mantissa) * i128::from(times) * signed;
        let place = u32::try_from(place).expect("it is not negative");
        let (first, shift) = ((place / DIGIT_BITS) as usize, place % DIGIT_BITS);
        // 53 bits times 64 bits, shifted by up to 31: in halves, so that nothing is lost.
        let mut carry = 0i128;
        let low = i128::from((product as u128 & 0xffff_ffff) as u32) << shift;
        let high = (product >> DIGIT_BITS) << shift;
        for (at, digit) in self.digits[first..].iter_mut().enumerate() {
            let part = match at {
                0 => low,
                1 => high,
                _ if carry == 0 => break,
                _ => 0,
            };
            let sum = i128::from(*digit) + carry + part;
            *digit = i64::from((sum as u128 & 0xffff_ffff) as u32);
            carry = sum >> DIGIT_BITS;
        }
        if carry != 0 {
            // Below zero: the top digit has the sign.
            let top = &mut self.digits[DIGITS - 1];
            *top += (carry << DIGIT_BITS) as i64;
        }
    }

    /// The sum, rounded to the nearest.
    pub(crate) fn value(&self) -> f64 {
        if self.nans > 0 || (self.infinities > 0 && self.negative_infinities > 0) {
            return f64::NAN;
        }
        if self.infinities > 0 {
            return f64::INFINITY;
        }
        if self.negative_infinities > 0 {
            return f64::NEG_INFINITY;
        }
        let (digits, is_negative) = self.magnitude();
        let value = rounded(&digits);
        match (value == 0.0, is_negative) {
            (true, _) => {
                if self.others == 0 {
                    -0.0
                } else {
                    0.0
                }
            }
            (false, true) => -value,
            (false, false) => value,
        }
    }

    /// The digits of the sum without its sign, each below 2^32.
    fn magnitude(&self) -> ([u32; DIGITS], bool) {
        let is_negative = self.digits[DIGITS - 1] < 0;
        let sign = if is_negative { -1 } else { 1 };
        let mut carry = 0i128;
        let mut out = [0u32; DIGITS];
        for (out, digit) in out.iter_mut().zip(self.digits.iter()) {
            let sum = i128::from(*digit) * sign + carry;
            *out = (sum as u128 & 0xffff_ffff) as u32;
            carry = sum >> DIGIT_BITS;
        }
        (out, is_negative)
    }
}

/// The float nearest to a fixed-point number.
fn rounded(digits: &[u32; DIGITS]) -> f64 {
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
    let bit = |at: u32| digits[(at / DIGIT_BITS) as usize] >> (at % DIGIT_BITS) & 1;
    let highest = u32::try_from(top).expect("few") * DIGIT_BITS + digits[top].ilog2();
    // The lowest bit that the result can have.
    let lowest = highest.saturating_sub(52);
    let mut mantissa: u64 = 0;
    for at in (lowest..=highest).rev() {
        mantissa = mantissa << 1 | u64::from(bit(at));
    }
    let half = lowest > 0 && bit(lowest - 1) == 1;
    let is_more = lowest > 1 && (0..lowest - 1).any(|at| bit(at) == 1);
    if half && (is_more || mantissa & 1 == 1) {
        mantissa += 1;
    }
    scale(mantissa, i32::try_from(lowest).expect("few") + LOWEST)
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
        let mut sum = FloatSum::new();
        numbers.iter().for_each(|number| sum.add(*number, 1));
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
    fn what_is_no_number_counts_while_it_is_there() {
        let mut sum = sum(&[1.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        assert!(sum.value().is_nan());
        sum.add(f64::NAN, -1);
        assert!(sum.value().is_nan());
        sum.add(f64::INFINITY, -1);
        assert_eq!(sum.value(), f64::NEG_INFINITY);
        sum.add(f64::NEG_INFINITY, -1);
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
            others.iter().for_each(|(number, times)| all.add(*number, *times));
            others.iter().rev().for_each(|(number, times)| all.add(*number, -times));
            prop_assert_eq!(all.value().to_bits(), sum(&numbers).value().to_bits());
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
