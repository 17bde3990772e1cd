//! LIKE and ILIKE: `%` is any text, `_` any one character.
//!
//! Matching goes back to the last `%` alone, so it takes at most pattern times text steps. A pattern that takes more
//! than [`STEPS_A_CHAR_MAX`] times the text is refused: it would have to be long, and to almost match everywhere.

use crate::error::EvalError;
use crate::expr::call::fold_case;
use crate::value::Datum;

/// Steps of matching for each character of the text. No pattern of fewer characters can take more.
const STEPS_A_CHAR_MAX: usize = 64;

/// One step of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    AnyText,
    AnyChar,
    Char(char),
}

/// Null when any operand is.
pub(crate) fn evaluate(
    text: &Datum<'_>,
    pattern: &Datum<'_>,
    escape: Option<&Datum<'_>>,
    ignore_case: bool,
) -> Result<Option<bool>, EvalError> {
    let escape = match escape {
        None => Some('\\'),
        Some(Datum::Text(escape)) => {
            let mut chars = escape.chars();
            let first = chars.next();
            if chars.next().is_some() {
                return Err(EvalError::InvalidEscape);
            }
            first
        }
        Some(_) => return Ok(None),
    };
    let (Datum::Text(text), Datum::Text(pattern)) = (text, pattern) else { return Ok(None) };
    let pattern = steps(pattern, escape, ignore_case)?;
    matches(text, &pattern, ignore_case).map(Some)
}

fn steps(pattern: &str, escape: Option<char>, ignore_case: bool) -> Result<Vec<Step>, EvalError> {
    let mut steps = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let step = match char {
            char if Some(char) == escape => Step::Char(chars.next().ok_or(EvalError::PatternEnd)?),
            '%' if steps.last() == Some(&Step::AnyText) => continue,
            '%' => Step::AnyText,
            '_' => Step::AnyChar,
            char => Step::Char(char),
        };
        steps.push(match step {
            Step::Char(char) if ignore_case => Step::Char(fold_case(char)),
            step => step,
        });
    }
    Ok(steps)
}

fn matches(text: &str, pattern: &[Step], ignore_case: bool) -> Result<bool, EvalError> {
    let mut rest = text.chars();
    let mut at = 0;
    let mut steps_left = STEPS_A_CHAR_MAX.saturating_mul(text.len() + 1);
    // Where to go on after the last `%` when the attempt at hand fails: its place, and one character more of the text.
    let mut retry: Option<(usize, core::str::Chars<'_>)> = None;
    loop {
        steps_left = steps_left.checked_sub(1).ok_or(EvalError::PatternCost)?;
        match pattern.get(at) {
            Some(Step::AnyText) => {
                at += 1;
                retry = Some((at, rest.clone()));
                continue;
            }
            None if rest.as_str().is_empty() => return Ok(true),
            step => {
                let next = rest.next();
                let fits = match (step, next) {
                    (Some(Step::AnyChar), Some(_)) => true,
                    (Some(Step::Char(wanted)), Some(char)) => {
                        *wanted == if ignore_case { fold_case(char) } else { char }
                    }
                    _ => false,
                };
                if fits {
                    at += 1;
                    continue;
                }
            }
        }
        let Some((after, skipped)) = &mut retry else { return Ok(false) };
        if skipped.next().is_none() {
            return Ok(false);
        }
        (at, rest) = (*after, skipped.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, pattern: &str, expected: bool) {
        let (text, pattern) = (Datum::text(text), Datum::text(pattern));
        assert_eq!(evaluate(&text, &pattern, None, false), Ok(Some(expected)));
    }

    #[test]
    fn patterns_match_whole_texts() {
        check("abc", "abc", true);
        check("abc", "a%", true);
        check("abc", "%c", true);
        check("abc", "%b%", true);
        check("abc", "_b_", true);
        check("abc", "b", false);
        check("abc", "abcd", false);
        check("abc", "ab", false);
        check("", "", true);
        check("", "%", true);
        check("", "_", false);
        check("é", "_", true);
        check("aXbXc", "a%X%c", true);
        check("aaaa", "%aab", false);
        check("abcabd", "%ab_%d", true);
    }

    #[test]
    fn an_escaped_sign_is_itself() {
        check("10%", "10\\%", true);
        check("100", "10\\%", false);
        check("a_b", "a\\_b", true);
        check("a\\b", "a\\\\b", true);
        let (text, pattern) = (Datum::text("a"), Datum::text("a\\"));
        assert_eq!(evaluate(&text, &pattern, None, false), Err(EvalError::PatternEnd));
        let escape = Datum::text("!");
        let pattern = Datum::text("10!%");
        assert_eq!(evaluate(&Datum::text("10%"), &pattern, Some(&escape), false), Ok(Some(true)));
    }

    #[test]
    fn a_hostile_pattern_is_refused_before_it_takes_long() {
        let text = "a".repeat(20_000);
        check(&text, &format!("{}b", "%a".repeat(200)), false);
        let pattern = format!("%{}b", "a".repeat(10_000));
        let (text, pattern) = (Datum::text(&*text), Datum::text(pattern));
        assert_eq!(evaluate(&text, &pattern, None, false), Err(EvalError::PatternCost));
    }
}
