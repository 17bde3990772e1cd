//! Spans as text: the part of PostgreSQL's intervals that has a fixed length.

use super::timestamp::{format_clock, parse_fraction};

/// Reads `90 minutes`, `1 day 02:30`, `-1.5 hours`, `00:00:00.25` and sums of such parts. Months and years have no
/// fixed length and are not read.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut words = text.split_ascii_whitespace().peekable();
    words.peek()?;
    let mut total: i64 = 0;
    while let Some(word) = words.next() {
        let part = if word.contains(':') {
            parse_clock(word)?
        } else {
            let split = word.bytes().position(|byte| byte.is_ascii_alphabetic());
            match split {
                Some(at) => parse_part(&word[..at], &word[at..])?,
                None => parse_part(word, words.next()?)?,
            }
        };
        total = total.checked_add(part)?;
    }
    Some(total)
}

fn parse_part(number: &str, unit: &str) -> Option<i64> {
    let unit_micros = unit_micros(unit)?;
    let (negative, number) = sign(number);
    let end = number.find('.').unwrap_or(number.len());
    let (whole, mut fraction) = number.split_at(end);
    if number.is_empty() {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { digits(whole)? };
    let millionths = parse_fraction(&mut fraction)?;
    if !fraction.is_empty() {
        return None;
    }
    let fraction = i128::from(unit_micros) * i128::from(millionths) / 1_000_000;
    let micros = whole.checked_mul(unit_micros)?.checked_add(i64::try_from(fraction).ok()?)?;
    Some(if negative { -micros } else { micros })
}

/// The whole number that `text` is, digits alone.
fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn unit_micros(unit: &str) -> Option<i64> {
    const SECOND: i64 = 1_000_000;
    Some(match unit.to_ascii_lowercase().as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => 1,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1_000,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600 * SECOND,
        "d" | "day" | "days" => 86_400 * SECOND,
        "w" | "week" | "weeks" => 7 * 86_400 * SECOND,
        _ => return None,
    })
}

/// `hours:minutes` or `hours:minutes:seconds`, with a sign.
fn parse_clock(text: &str) -> Option<i64> {
    let (negative, text) = sign(text);
    let (hours, rest) = text.split_once(':')?;
    let (minutes, mut seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let end = seconds.find('.').unwrap_or(seconds.len());
    let whole = digits(&seconds[..end])?;
    seconds = &seconds[end..];
    let fraction = parse_fraction(&mut seconds)?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    if !seconds.is_empty() || minutes > 59 || whole > 59 {
        return None;
    }
    let total = hours.checked_mul(3_600)?.checked_add(minutes * 60 + whole)?;
    let micros = total.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(if negative { -micros } else { micros })
}

/// Hours, minutes, seconds: `26:30:00`, `-00:00:00.5`.
pub(crate) fn format(micros: i64, out: &mut String) {
    if micros == i64::MIN {
        return out.push_str("-2562047788:00:54.775808");
    }
    if micros < 0 {
        out.push('-');
    }
    format_clock(micros.abs(), out);
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
        assert_eq!(parse(&out), Some(micros));
    }

    #[test]
    fn spans_are_read_and_written() {
        check("90 minutes", 5_400_000_000, "01:30:00");
        check("1 day 02:30", 95_400_000_000, "26:30:00");
        check("-1.5 hours", -5_400_000_000, "-01:30:00");
        check("1h 30m", 5_400_000_000, "01:30:00");
        check("00:00:00.25", 250_000, "00:00:00.25");
        check("1 week -1 day", 6 * 86_400_000_000, "144:00:00");
        check("3us", 3, "00:00:00.000003");
        check("2562047788:00:54.775807", i64::MAX, "2562047788:00:54.775807");
    }

    #[test]
    fn what_has_no_fixed_length_is_refused() {
        for text in
            ["", "1", "1 month", "2 years", "1:60", "1:00:60", "x hours", "1:2:3:4", "- hours"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
