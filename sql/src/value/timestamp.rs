//! Instants as text: ISO 8601 in, PostgreSQL's form out, always UTC.
//!
//! Dates are those of the Gregorian calendar, also before it was made. Arithmetic on days is Howard Hinnant's
//! well-known one: years begin in March, so that the leap day is a year's last.

use core::fmt::Write as _;

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;

/// Reads `2026-01-31`, `2026-01-31 23:59:59.5`, `2026-01-31T23:59:59+02:00` and the like; without an offset it is UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut rest = text.trim_matches(' ');
    let days = parse_date(&mut rest)?;
    if rest.is_empty() {
        return days.checked_mul(MICROS_PER_DAY);
    }
    rest = rest.strip_prefix(['T', 't', ' '])?;
    let of_day = parse_time(&mut rest)?;
    let offset = parse_offset(rest.trim_start_matches(' '))?;
    days.checked_mul(MICROS_PER_DAY)?.checked_add(of_day)?.checked_sub(offset)
}

fn parse_date(rest: &mut &str) -> Option<i64> {
    let year = digits(rest, 4..=6)?;
    let month = after(rest, '-', 1..=2)?;
    let day = after(rest, '-', 1..=2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

fn parse_time(rest: &mut &str) -> Option<i64> {
    let hour = digits(rest, 1..=2)?;
    let minute = after(rest, ':', 2..=2)?;
    let second = if rest.starts_with(':') { after(rest, ':', 2..=2)? } else { 0 };
    let fraction = parse_fraction(rest)?;
    let micros = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + fraction;
    (hour <= 24 && minute < 60 && second < 60 && micros <= MICROS_PER_DAY).then_some(micros)
}

/// Microseconds after a point, rounded; more than six digits are read.
pub(super) fn parse_fraction(rest: &mut &str) -> Option<i64> {
    let Some(digits) = rest.strip_prefix('.') else { return Some(0) };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (fraction, after) = digits.split_at(end);
    if fraction.is_empty() || fraction.len() > 18 {
        return None;
    }
    *rest = after;
    let mut padded = fraction.bytes().chain(core::iter::repeat(b'0'));
    let micros = padded.by_ref().take(6).fold(0, |micros, b| micros * 10 + i64::from(b - b'0'));
    let round_up = padded.next().is_some_and(|digit| digit >= b'5');
    Some(micros + i64::from(round_up))
}

fn parse_offset(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut rest = text.strip_prefix(['+', '-'])?;
    let hours = digits(&mut rest, 2..=2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = if rest.is_empty() { 0 } else { rest.parse::<u8>().ok()?.into() };
    let fits = hours <= 15 && minutes < 60 && (rest.is_empty() || rest.len() == 2);
    fits.then_some(sign * (hours * 60 + minutes) * 60 * MICROS_PER_SECOND)
}

fn after(rest: &mut &str, sign: char, width: core::ops::RangeInclusive<usize>) -> Option<i64> {
    *rest = rest.strip_prefix(sign)?;
    digits(rest, width)
}

fn digits(rest: &mut &str, width: core::ops::RangeInclusive<usize>) -> Option<i64> {
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if !width.contains(&end) {
        return None;
    }
    let (number, after) = rest.split_at(end);
    *rest = after;
    number.parse().ok()
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A day of the calendar; the year before 1 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

impl Civil {
    /// The day so many days after the epoch.
    pub(crate) fn of_days(days: i64) -> Self {
        let (year, month, day) = civil_from_days(days);
        Self { year, month, day }
    }

    /// Days from the epoch.
    pub(crate) fn days(self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era - EPOCH_DAYS
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let era = days.div_euclid(ERA_DAYS);
    let day_of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// As PostgreSQL writes it: `2026-01-31 23:59:59.5`; years before 1 with `BC`.
pub(crate) fn format(micros: i64, out: &mut String) {
    let (year, month, day) = civil_from_days(micros.div_euclid(MICROS_PER_DAY));
    let (year, suffix) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    // Writing to a string cannot go wrong.
    let _ = write!(out, "{year:04}-{month:02}-{day:02} ");
    format_clock(micros.rem_euclid(MICROS_PER_DAY), out);
    out.push_str(suffix);
}

/// Hours (two digits or more), minutes, seconds, and as much of a fraction as there is.
pub(super) fn format_clock(micros: i64, out: &mut String) {
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, micros: i64, written: &str) {
        assert_eq!(parse(text), Some(micros), "{text}");
        let mut out = String::new();
        format(micros, &mut out);
        assert_eq!(out, written);
    }

    #[test]
    fn instants_are_read_and_written() {
        check("1970-01-01", 0, "1970-01-01 00:00:00");
        check("1969-12-31T23:59:59.999999Z", -1, "1969-12-31 23:59:59.999999");
        check("2026-01-01T00:00:00Z", 1_767_225_600_000_000, "2026-01-01 00:00:00");
        check("2026-01-01 01:30+01:30", 1_767_225_600_000_000, "2026-01-01 00:00:00");
        check("2000-02-29 24:00:00", 951_868_800_000_000, "2000-03-01 00:00:00");
        check(" 2026-01-01 00:00:00.1234565 ", 1_767_225_600_123_457, "2026-01-01 00:00:00.123457");
        check("0001-01-01", -62_135_596_800_000_000, "0001-01-01 00:00:00");
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "now",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-01-01T25:00",
            "2026-01-01 00:60",
            "2026-01-01x",
            "2026-01-01 00:00:00+99",
            "999999-01-01",
            "2026-01-01 00:00:00.",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_found_again() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
