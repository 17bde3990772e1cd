//! Tells what happened in a simulated world: the last lines as text, all of them as a fingerprint.

use std::collections::VecDeque;
use std::fmt::{self, Write};

use cosmictron_types::{ShardId, Timestamp};

/// Lines that are kept: enough to see what led to a failure.
const LINES_MAX: usize = 20_000;

/// Longer lines are cut.
const LINE_BYTES_MAX: usize = 240;

/// What happened.
#[derive(Default)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    fingerprint: Fingerprint,
}

/// FNV-1a over all lines, cut ones included as they are.
struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    pub(crate) fn note(&mut self, now: Timestamp, shard: ShardId, what: fmt::Arguments<'_>) {
        let mut line = Line { text: String::with_capacity(LINE_BYTES_MAX) };
        // A full line says so by an error, which is no one's concern.
        let _ = write!(line, "{:>12} s{shard} {what}", now.as_micros());
        self.push(line.text);
    }

    /// Something that happens to all shards.
    pub(crate) fn note_all(&mut self, now: Timestamp, what: &str) {
        self.push(format!("{:>12} -- {what}", now.as_micros()));
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint.0
    }

    fn push(&mut self, line: String) {
        for byte in line.bytes().chain([b'\n']) {
            self.fingerprint.0 =
                (self.fingerprint.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// A line that takes no more than it has room for.
struct Line {
    text: String,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LINE_BYTES_MAX - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}
