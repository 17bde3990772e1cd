//! Keeps what a guest wrote to its console during one call, within bounds.
//!
//! Invariants:
//! 1. At most `lines_max` lines and `bytes_max` bytes are kept; what is beyond is counted, not kept.

/// What one call wrote to the console.
#[derive(Debug, Default)]
pub struct Console {
    text: String,
    lines: Vec<Line>,
    dropped: u32,
}

#[derive(Debug)]
struct Line {
    level: LogLevel,
    /// Where the line ends in `text`; it begins where the one before ends.
    end: usize,
}

/// How much one call may write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsoleLimits {
    pub(crate) lines_max: usize,
    pub(crate) bytes_max: usize,
}

/// How important a line is, by its author's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// From the ABI's number.
    pub(crate) fn from_number(number: u32) -> Option<LogLevel> {
        Some(match number {
            0 => LogLevel::Error,
            1 => LogLevel::Warn,
            2 => LogLevel::Info,
            3 => LogLevel::Debug,
            4 => LogLevel::Trace,
            _ => return None,
        })
    }
}

impl Console {
    /// The lines in the order they were written. A guest's text: it may hold line breaks and control characters.
    pub fn lines(&self) -> impl Iterator<Item = (LogLevel, &str)> {
        let mut start = 0;
        self.lines.iter().map(move |line| {
            let text = &self.text[start..line.end];
            start = line.end;
            (line.level, text)
        })
    }

    /// Lines that were cut or left out because the call wrote more than it may.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0
    }

    pub(crate) fn write(&mut self, level: LogLevel, bytes: &[u8], limits: ConsoleLimits) {
        let room = limits.bytes_max - self.text.len();
        if self.lines.len() == limits.lines_max || room == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        // Only what fits is converted, so that a flood of long lines costs little.
        let cut = bytes.len() > room;
        push_text(&mut self.text, &bytes[..bytes.len().min(room)], limits.bytes_max);
        self.dropped = self.dropped.saturating_add(u32::from(cut));
        self.lines.push(Line { level, end: self.text.len() });
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
        self.dropped = 0;
    }
}

/// Appends text that a guest claims to be UTF-8, replacing what is not, until `out` holds `bytes_max` bytes.
pub(crate) fn push_text(out: &mut String, bytes: &[u8], bytes_max: usize) {
    for chunk in bytes.utf8_chunks() {
        let room = bytes_max - out.len();
        let valid = chunk.valid();
        out.push_str(&valid[..valid.floor_char_boundary(room)]);
        if valid.len() > room {
            return;
        }
        let replacement = char::REPLACEMENT_CHARACTER;
        if !chunk.invalid().is_empty() && out.len() + replacement.len_utf8() <= bytes_max {
            out.push(replacement);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConsoleLimits = ConsoleLimits { lines_max: 3, bytes_max: 10 };

    fn written(lines: &[&[u8]]) -> (Vec<String>, u32) {
        let mut console = Console::default();
        lines.iter().for_each(|line| console.write(LogLevel::Info, line, LIMITS));
        (console.lines().map(|(_, text)| text.to_owned()).collect(), console.dropped())
    }

    #[test]
    fn lines_beyond_either_bound_are_counted_not_kept() {
        assert_eq!(written(&[b"a", b"", b"c", b"d", b"e"]).1, 2);
        let (lines, dropped) = written(&[b"12345678", b"abcd", b"e"]);
        assert_eq!(lines, ["12345678", "ab"]);
        assert_eq!(dropped, 2);
    }

    #[test]
    fn a_cut_keeps_characters_whole_and_bad_bytes_are_replaced() {
        assert_eq!(written(&["123456789é".as_bytes()]).0, ["123456789"]);
        assert_eq!(written(&[b"a\xffb"]).0, ["a\u{fffd}b"]);
        assert_eq!(written(&[&[0xff; 20]]).0, ["\u{fffd}\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn clearing_forgets_everything() {
        let mut console = Console::default();
        (0..5).for_each(|_| console.write(LogLevel::Warn, b"x", LIMITS));
        assert!(!console.is_empty());
        console.clear();
        assert!(console.is_empty());
        assert_eq!(console.lines().count(), 0);
    }
}
