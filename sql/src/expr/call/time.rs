//! Functions of instants and spans, all of them in UTC and in microseconds.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use super::TimeForm;
use crate::error::EvalError;
use crate::value::timestamp::{Civil, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::value::{Datum, Integer, decimal};

type Value<'e> = Result<Datum<'e>, EvalError>;

const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;

/// A unit of time, by PostgreSQL's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Epoch,
}

impl Unit {
    fn named(name: &Datum<'_>) -> Result<Self, EvalError> {
        let Datum::Text(name) = name else { unreachable!("{name:?} is no text") };
        Ok(match name.to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" => Unit::Microseconds,
            "millisecond" | "milliseconds" => Unit::Milliseconds,
            "second" | "seconds" => Unit::Second,
            "minute" | "minutes" => Unit::Minute,
            "hour" | "hours" => Unit::Hour,
            "day" | "days" => Unit::Day,
            "week" | "weeks" => Unit::Week,
            "month" | "months" => Unit::Month,
            "quarter" => Unit::Quarter,
            "year" | "years" => Unit::Year,
            "decade" | "decades" => Unit::Decade,
            "century" | "centuries" => Unit::Century,
            "millennium" | "millenniums" => Unit::Millennium,
            "dow" => Unit::DayOfWeek,
            "isodow" => Unit::IsoDayOfWeek,
            "doy" => Unit::DayOfYear,
            "isoyear" => Unit::IsoYear,
            "epoch" => Unit::Epoch,
            _ => return Err(EvalError::UnknownUnit),
        })
    }
}

fn micros(value: &Datum<'_>) -> i64 {
    match value {
        Datum::Int(value) => i64::try_from(*value).expect("instants and spans have 64 bits"),
        other => unreachable!("{other:?} has no time"),
    }
}

/// `value` with its point so many digits from the end.
fn scaled(value: i64, digits: i64) -> Value<'static> {
    decimal::datum(BigDecimal::new(BigInt::from(value), digits))
}

pub(super) fn extract<'e>(
    unit: &Datum<'_>,
    value: &Datum<'_>,
    of: TimeForm,
    as_float: bool,
) -> Value<'e> {
    let (unit, micros) = (Unit::named(unit)?, micros(value));
    // Of a span each part has its sign.
    let (clock, days) = match of {
        TimeForm::Timestamp => {
            (micros.rem_euclid(MICROS_PER_DAY), Some(micros.div_euclid(MICROS_PER_DAY)))
        }
        TimeForm::Duration => (micros, None),
    };
    let seconds = clock % MICROS_PER_MINUTE;
    let exact = match unit {
        Unit::Microseconds => scaled(seconds, 0),
        Unit::Milliseconds => scaled(seconds, 3),
        Unit::Second => scaled(seconds, 6),
        Unit::Minute => scaled(clock / MICROS_PER_MINUTE % 60, 0),
        Unit::Hour => scaled(clock / MICROS_PER_HOUR, 0),
        Unit::Epoch => scaled(micros, 6),
        unit => scaled(days.map_or_else(|| part_of_span(unit), |days| Ok(of_date(unit, days)))?, 0),
    }?;
    if !as_float {
        return Ok(exact);
    }
    Ok(Datum::Float(match exact {
        Datum::Decimal(value) => decimal::to_f64(&value),
        Datum::Int(value) => value as f64,
        other => unreachable!("{other:?} is exact"),
    }))
}

/// A span is counted in hours at most.
fn part_of_span(unit: Unit) -> Result<i64, EvalError> {
    match unit {
        Unit::Day
        | Unit::Month
        | Unit::Quarter
        | Unit::Year
        | Unit::Decade
        | Unit::Century
        | Unit::Millennium => Ok(i64::from(unit == Unit::Quarter)),
        _ => Err(EvalError::UnknownUnit),
    }
}

fn of_date(unit: Unit, days: i64) -> i64 {
    let Civil { year, month, day } = Civil::of_days(days);
    // Before the year 1 there is the year -1.
    let shown = if year > 0 { year } else { year - 1 };
    match unit {
        Unit::Day => day,
        Unit::Month => month,
        Unit::Quarter => (month - 1) / 3 + 1,
        Unit::Year => shown,
        Unit::Decade => year.div_euclid(10),
        Unit::Century => numbered(shown, 100),
        Unit::Millennium => numbered(shown, 1_000),
        Unit::DayOfWeek => weekday(days) % 7,
        Unit::IsoDayOfWeek => weekday(days),
        Unit::DayOfYear => days - Civil { year, month: 1, day: 1 }.days() + 1,
        Unit::IsoYear => {
            let year = iso_year(days);
            if year > 0 { year } else { year - 1 }
        }
        Unit::Week => (days - first_week(iso_year(days))) / 7 + 1,
        unit => unreachable!("{unit:?} is not one of dates"),
    }
}

/// Which century or millennium a year lies in: the first has the years 1 to `years`.
fn numbered(shown: i64, years: i64) -> i64 {
    if shown > 0 { (shown - 1) / years + 1 } else { (shown + 1) / years - 1 }
}

/// From 1 for Monday to 7 for Sunday.
fn weekday(days: i64) -> i64 {
    // The epoch was a Thursday.
    (days + 3).rem_euclid(7) + 1
}

/// The Monday of the week that has the fourth of January.
fn first_week(year: i64) -> i64 {
    let fourth = Civil { year, month: 1, day: 4 }.days();
    fourth - (weekday(fourth) - 1)
}

/// The year that most days of the week lie in.
fn iso_year(days: i64) -> i64 {
    let thursday = days - (weekday(days) - 1) + 3;
    Civil::of_days(thursday).year
}

pub(super) fn truncate<'e>(unit: &Datum<'_>, value: &Datum<'_>, of: TimeForm) -> Value<'e> {
    let (unit, micros) = (Unit::named(unit)?, micros(value));
    let step = match unit {
        Unit::Microseconds => 1,
        Unit::Milliseconds => 1_000,
        Unit::Second => MICROS_PER_SECOND,
        Unit::Minute => MICROS_PER_MINUTE,
        Unit::Hour => MICROS_PER_HOUR,
        Unit::Day if of == TimeForm::Timestamp => MICROS_PER_DAY,
        _ => 0,
    };
    let truncated = match (of, step) {
        (TimeForm::Duration, 0) => part_of_span(unit).map(|_| 0)?,
        (TimeForm::Duration, step) => micros - micros % step,
        (TimeForm::Timestamp, 0) => {
            let days = begin_of(unit, micros.div_euclid(MICROS_PER_DAY))?;
            return in_range(i128::from(days) * i128::from(MICROS_PER_DAY), "timestamp");
        }
        (TimeForm::Timestamp, step) => micros - micros.rem_euclid(step),
    };
    Ok(Datum::Int(truncated.into()))
}

/// The first day of the unit that a day lies in.
fn begin_of(unit: Unit, days: i64) -> Result<i64, EvalError> {
    let Civil { year, month, .. } = Civil::of_days(days);
    let of_years = |years: i64, first: i64| (year - first).div_euclid(years) * years + first;
    let (year, month) = match unit {
        Unit::Week => return Ok(days - (weekday(days) - 1)),
        Unit::Month => (year, month),
        Unit::Quarter => (year, (month - 1) / 3 * 3 + 1),
        Unit::Year => (year, 1),
        Unit::Decade => (of_years(10, 0), 1),
        Unit::Century => (of_years(100, 1), 1),
        Unit::Millennium => (of_years(1_000, 1), 1),
        _ => return Err(EvalError::UnknownUnit),
    };
    Ok(Civil { year, month, day: 1 }.days())
}

pub(super) fn bin<'e>(stride: &Datum<'_>, value: &Datum<'_>, origin: &Datum<'_>) -> Value<'e> {
    let [stride, value, origin] =
        [stride, value, origin].map(|micros_of| i128::from(micros(micros_of)));
    if stride <= 0 {
        return Err(EvalError::Undefined { what: "a stride that is not above zero" });
    }
    in_range(origin + (value - origin).div_euclid(stride) * stride, "timestamp")
}

pub(super) fn from_epoch<'e>(seconds: &Datum<'_>) -> Value<'e> {
    let Datum::Float(seconds) = seconds else { unreachable!("{seconds:?} is no float") };
    of_float(seconds * MICROS_PER_SECOND as f64, "timestamp")
}

pub(super) fn scale<'e>(span: &Datum<'_>, times: &Datum<'_>) -> Value<'e> {
    let Datum::Float(times) = times else { unreachable!("{times:?} is no float") };
    of_float(micros(span) as f64 * times, "duration")
}

pub(super) fn divide<'e>(span: &Datum<'_>, parts: &Datum<'_>) -> Value<'e> {
    let Datum::Float(parts) = parts else { unreachable!("{parts:?} is no float") };
    if *parts == 0.0 {
        return Err(EvalError::DivisionByZero);
    }
    of_float(micros(span) as f64 / parts, "duration")
}

fn of_float<'e>(micros: f64, type_name: &'static str) -> Value<'e> {
    let rounded = micros.round_ties_even();
    // NaN is not below it either.
    if rounded.abs() < i64::MAX as f64 {
        Ok(Datum::Int(rounded as i128))
    } else {
        Err(EvalError::OutOfRange { type_name })
    }
}

fn in_range<'e>(micros: i128, type_name: &'static str) -> Value<'e> {
    if Integer::I64.holds(micros) {
        Ok(Datum::Int(micros))
    } else {
        Err(EvalError::OutOfRange { type_name })
    }
}
