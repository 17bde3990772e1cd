//! Renders instants as HTTP dates (RFC 9110 section 5.6.7).
//!
//! Nothing here reads a clock: whoever has one renders the date once a second and hands it to every
//! answer.

use cosmictron_types::Timestamp;

const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const SECS_PER_DAY: i64 = 86_400;
/// The last second that has a four-digit year: 9999-12-31 23:59:59.
const SECS_MAX: i64 = 253_402_300_799;

/// A date in the form `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate([u8; 29]);

impl HttpDate {
    /// The date of `at`, to the second; instants before 1970 or after 9999 become the nearest of
    /// those.
    pub fn new(at: Timestamp) -> HttpDate {
        let secs = at.as_secs().clamp(0, SECS_MAX);
        let (days, second) = (secs / SECS_PER_DAY, secs % SECS_PER_DAY);
        let (year, month, day) = civil(days);
        let mut text = *b"Thu, 00 Jan 0000 00:00:00 GMT";
        text[..3].copy_from_slice(name(WEEKDAYS, days % 7));
        two_digits(&mut text[5..7], day);
        text[8..11].copy_from_slice(name(MONTHS, month - 1));
        two_digits(&mut text[12..14], year / 100);
        two_digits(&mut text[14..16], year % 100);
        two_digits(&mut text[17..19], second / 3600);
        two_digits(&mut text[20..22], second / 60 % 60);
        two_digits(&mut text[23..25], second % 60);
        HttpDate(text)
    }

    /// As ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn name(names: &[u8], index: i64) -> &[u8] {
    let at = usize::try_from(index * 3).expect("weekdays and months are not negative");
    &names[at..at + 3]
}

fn two_digits(text: &mut [u8], value: i64) {
    let value = u8::try_from(value).expect("parts of a date are below 100");
    text[0] = b'0' + value / 10;
    text[1] = b'0' + value % 10;
}

/// Year, month and day of the day that is `days` after 1970-01-01. Years begin in March here, so
/// that the leap day is the last of its year and month lengths repeat every five months.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097; // 400 years: 400 x 365 + 97 leap days.
    const DAYS_TO_EPOCH: i64 = 719_468; // From 0000-03-01 to 1970-01-01.
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secs: i64, expected: &str) {
        let date = HttpDate::new(Timestamp::from_micros(secs * 1_000_000));
        assert_eq!(str::from_utf8(date.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
        check(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT");
        check(951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT");
        check(1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT");
        check(1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT");
        check(4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT");
        check(4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT");
        check(SECS_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn instants_beyond_the_calendar_become_its_ends() {
        check(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
        check(SECS_MAX + 1, "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn days_follow_each_other() {
        let mut expected = (1970, 1, 1);
        for day in 0..60_000 {
            assert_eq!(civil(day), expected);
            let (year, month, date) = expected;
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + i64::from(is_leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (date == last, month) {
                (false, _) => (year, month, date + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
    }
}
