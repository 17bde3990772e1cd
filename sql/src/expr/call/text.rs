//! Functions of texts. Places and lengths are counted in characters.

use super::{Function, Side, check_length};
use crate::error::EvalError;
use crate::expr::Expr;
use crate::value::Datum;

type Value<'e> = Result<Datum<'e>, EvalError>;

/// `args` says how many of the values were given.
pub(super) fn call<'e>(
    function: Function,
    first: Datum<'e>,
    second: Datum<'e>,
    third: Datum<'e>,
    args: usize,
) -> Value<'e> {
    let text = match (function, first) {
        (_, Datum::Text(text)) => text,
        (Function::Length | Function::OctetLength, Datum::Bytes(bytes)) => {
            return Ok(count(bytes.len()));
        }
        (function, other) => unreachable!("{} of {other:?}", function.name()),
    };
    match (function, &second, &third) {
        (Function::Lower, ..) => map_chars(&text, fold_case),
        (Function::Upper, ..) => map_chars(&text, upper),
        (Function::InitCap, ..) => capitalized(&text),
        (Function::Length, ..) => Ok(count(text.chars().count())),
        (Function::OctetLength, ..) => Ok(count(text.len())),
        (Function::Reverse, ..) => Ok(Datum::text(text.chars().rev().collect::<String>())),
        (Function::Trim(side), Datum::Text(chars), _) => Ok(trimmed(&text, chars, side)),
        (Function::Trim(side), ..) => Ok(trimmed(&text, " ", side)),
        (Function::Substring, Datum::Int(from), length) => {
            let length = if args > 2 { Some(integer(length)) } else { None };
            substring(&text, *from, length)
        }
        (Function::Position, Datum::Text(wanted), _) => {
            let found = text.find(&**wanted);
            Ok(count(found.map_or(0, |at| text[..at].chars().count() + 1)))
        }
        (Function::StartsWith, Datum::Text(prefix), _) => {
            Ok(Datum::Bool(text.starts_with(&**prefix)))
        }
        (Function::Replace, Datum::Text(from), Datum::Text(to)) => replaced(&text, from, to),
        (Function::Translate, Datum::Text(from), Datum::Text(to)) => translated(&text, from, to),
        (Function::Left, Datum::Int(length), _) => Ok(Datum::text(left(&text, *length).to_owned())),
        (Function::Right, Datum::Int(length), _) => {
            Ok(Datum::text(right(&text, *length).to_owned()))
        }
        (Function::Pad(side), Datum::Int(length), fill) => {
            let fill = match fill {
                Datum::Text(fill) => fill,
                _ => " ",
            };
            padded(&text, *length, fill, side)
        }
        (Function::SplitPart, Datum::Text(separator), Datum::Int(number)) => {
            split_part(&text, separator, *number)
        }
        (Function::Repeat, Datum::Int(times), _) => repeated(&text, *times),
        (function, ..) => unreachable!("{} of {second:?}", function.name()),
    }
}

fn count(count: usize) -> Datum<'static> {
    Datum::Int(count as i128)
}

fn integer(value: &Datum<'_>) -> i128 {
    match value {
        Datum::Int(value) => *value,
        other => unreachable!("{other:?} is no integer"),
    }
}

/// `concat`, or `concat_ws` with its first argument between the others: those that are not null.
pub(super) fn concat_all<'e>(
    has_separator: bool,
    args: &'e [Expr],
    value: impl Fn(&'e Expr) -> Value<'e>,
) -> Value<'e> {
    let mut args = args.iter();
    let separator = match args.next() {
        Some(first) if has_separator => match value(first)? {
            Datum::Text(separator) => separator,
            _ => return Ok(Datum::Null),
        },
        first => {
            let rest = args.as_slice();
            return join(first.into_iter().chain(rest), "", value);
        }
    };
    join(args, &separator, value)
}

fn join<'e>(
    args: impl Iterator<Item = &'e Expr>,
    separator: &str,
    value: impl Fn(&'e Expr) -> Value<'e>,
) -> Value<'e> {
    let mut joined = String::new();
    let mut is_first = true;
    for arg in args {
        let Datum::Text(text) = value(arg)? else { continue };
        check_length(joined.len() + separator.len() + text.len())?;
        if !is_first {
            joined.push_str(separator);
        }
        joined.push_str(&text);
        is_first = false;
    }
    Ok(Datum::text(joined))
}

fn trimmed<'e>(text: &str, chars: &str, side: Side) -> Datum<'e> {
    let is_taken = |char: char| chars.contains(char);
    let trimmed = match side {
        Side::Both => text.trim_matches(is_taken),
        Side::Left => text.trim_start_matches(is_taken),
        Side::Right => text.trim_end_matches(is_taken),
    };
    Datum::text(trimmed.to_owned())
}

/// The characters from one to another, of which both may lie outside.
fn substring<'e>(text: &str, from: i128, length: Option<i128>) -> Value<'e> {
    let end = match length {
        Some(length) if length < 0 => {
            return Err(EvalError::Negative { clause: "the length of a substring" });
        }
        Some(length) => from.saturating_add(length),
        None => i128::MAX,
    };
    let skipped = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
    let taken = usize::try_from((end - from.max(1)).max(0)).unwrap_or(usize::MAX);
    Ok(Datum::text(text.chars().skip(skipped).take(taken).collect::<String>()))
}

/// Where so many characters end; the text's end where it has fewer.
fn end_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

/// A negative length leaves out as many at the other end.
fn left(text: &str, length: i128) -> &str {
    let chars = match usize::try_from(length) {
        Ok(chars) => chars,
        Err(_) => kept(text, length),
    };
    &text[..end_of(text, chars)]
}

fn right(text: &str, length: i128) -> &str {
    let total = text.chars().count();
    let chars = match usize::try_from(length) {
        Ok(chars) => chars,
        Err(_) => kept(text, length),
    };
    &text[end_of(text, total.saturating_sub(chars))..]
}

/// How many characters are left when so many, a negative number, are left out.
fn kept(text: &str, length: i128) -> usize {
    let dropped = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    text.chars().count().saturating_sub(dropped)
}

/// Longer texts are cut at their end, whatever side is padded.
fn padded<'e>(text: &str, length: i128, fill: &str, side: Side) -> Value<'e> {
    let length = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
    let has = text.chars().count();
    if has >= length || fill.is_empty() {
        return Ok(Datum::text(text[..end_of(text, length)].to_owned()));
    }
    // A character has at least one byte, and at most four.
    check_length(length)?;
    let padding: String = fill.chars().cycle().take(length - has).collect();
    check_length(text.len() + padding.len())?;
    Ok(Datum::text(match side {
        Side::Right => text.to_owned() + &padding,
        _ => padding + text,
    }))
}

fn replaced<'e>(text: &str, from: &str, to: &str) -> Value<'e> {
    if from.is_empty() {
        return Ok(Datum::text(text.to_owned()));
    }
    let found = text.matches(from).count();
    let grown = found.saturating_mul(to.len()).saturating_add(text.len() - found * from.len());
    check_length(grown)?;
    Ok(Datum::text(text.replace(from, to)))
}

/// Each character of `from` by the one at its place in `to`; those that have none there are left out.
fn translated<'e>(text: &str, from: &str, to: &str) -> Value<'e> {
    let to: Vec<char> = to.chars().collect();
    let mut pairs = std::collections::BTreeMap::new();
    for (place, char) in from.chars().enumerate() {
        pairs.entry(char).or_insert_with(|| to.get(place).copied());
    }
    let map = |char: char| pairs.get(&char).copied().unwrap_or(Some(char));
    let mapped: String = text.chars().filter_map(map).collect();
    check_length(mapped.len())?;
    Ok(Datum::text(mapped))
}

/// The n-th of the parts between separators; negative numbers count from the end.
fn split_part<'e>(text: &str, separator: &str, number: i128) -> Value<'e> {
    if number == 0 {
        return Err(EvalError::Undefined { what: "part 0 of a text" });
    }
    let index = usize::try_from(number.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let part = match (separator.is_empty(), number > 0) {
        (true, _) => (index == 0).then_some(text),
        (false, true) => text.split(separator).nth(index),
        (false, false) => text.rsplit(separator).nth(index),
    };
    Ok(Datum::text(part.unwrap_or_default().to_owned()))
}

fn repeated<'e>(text: &str, times: i128) -> Value<'e> {
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    check_length(text.len().saturating_mul(times))?;
    let times = if text.is_empty() { 0 } else { times };
    Ok(Datum::text(text.repeat(times)))
}

fn capitalized<'e>(text: &str) -> Value<'e> {
    let mut in_word = false;
    map_chars(text, |char| {
        let mapped = if in_word { fold_case(char) } else { upper(char) };
        in_word = char.is_alphanumeric();
        mapped
    })
}

fn map_chars<'e>(text: &str, map: impl FnMut(char) -> char) -> Value<'e> {
    // A character's other case may take a byte more or two.
    let mapped: String = text.chars().map(map).collect();
    check_length(mapped.len())?;
    Ok(Datum::text(mapped))
}

/// The lower case of a character, where it is one character.
pub(crate) fn fold_case(char: char) -> char {
    single(char, char.to_lowercase())
}

fn upper(char: char) -> char {
    single(char, char.to_uppercase())
}

fn single(char: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => char,
    }
}
