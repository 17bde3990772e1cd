//! A table that is drawn again where it stands.
//!
//! A frame is written at once: the cursor goes up to where the last frame began, each line is erased and written anew,
//! and what the last frame had more is erased. (Erased before it is written: behind a line that fills the terminal the cursor
//! stays on its last character.) Lines that are too long are cut by the terminal, which is told not to wrap them, so a
//! frame has as many lines as it was made of. Nothing of the terminal's state outlives a frame.

use std::fmt::Write;
use std::io;

use comfy_table::{Cell, ContentArrangement, Row, Table, presets};

use super::super::output::{CliError, rows_text};
use super::display::{cells, one_line, write_out};
use super::order::Order;
use super::rows::HeldRows;

/// Lines of a frame besides rows: three of the head, one at the table's foot, how many rows are left out, the status, and
/// the one below where the cursor rests.
const FRAME_LINES: usize = 7;
/// What a terminal that does not tell is taken for.
const LINES: u16 = 24;
const COLUMNS: u16 = 80;

/// One live query on a terminal.
pub struct Screen {
    query: String,
    columns: Vec<String>,
    order: Option<Order>,
    tx_id: u64,
    updates: u64,
    /// What is wrong with the connection.
    notice: Option<String>,
    /// Whether what is on the screen is not what should be.
    is_stale: bool,
    /// Of the frame on the screen.
    lines: usize,
    /// Whether all of the screen has to go first: another width has broken its lines anew.
    must_clear: bool,
}

impl Screen {
    pub fn new(query: &str) -> Screen {
        Screen {
            query: query.to_owned(),
            columns: Vec::new(),
            order: None,
            tx_id: 0,
            updates: 0,
            notice: None,
            is_stale: false,
            lines: 0,
            must_clear: false,
        }
    }

    pub fn begin(&mut self, columns: Vec<String>, tx_id: u64) {
        self.order = Some(Order::of(&self.query, &columns));
        self.columns = columns;
        self.resumed(tx_id);
    }

    pub fn resumed(&mut self, tx_id: u64) {
        self.tx_id = tx_id;
        self.notice = None;
        self.is_stale = true;
    }

    pub fn update(&mut self, tx_id: u64) {
        self.tx_id = tx_id;
        self.updates += 1;
        self.is_stale = true;
    }

    pub fn note(&mut self, notice: String) {
        self.notice = Some(notice);
        self.is_stale = true;
    }

    pub fn resize(&mut self) {
        self.must_clear = true;
        self.is_stale = true;
    }

    /// Draws what has changed since the last frame.
    pub fn draw(&mut self, rows: &HeldRows) -> Result<(), CliError> {
        match self.frame(rows, size()) {
            Some(frame) => write_out(&frame),
            None => Ok(()),
        }
    }

    /// What has to be written to a terminal of so many lines and columns, if anything has.
    fn frame(&mut self, rows: &HeldRows, (lines, columns): (u16, u16)) -> Option<String> {
        let order = self.order.as_ref().filter(|_| self.is_stale)?;
        let frame_lines = FRAME_LINES + usize::from(self.notice.is_some());
        let room = usize::from(lines).saturating_sub(frame_lines).max(1);
        // One row more has the line that would say that it is left out.
        let shown = if rows.len() <= room + 1 { rows.len() } else { room };
        let mut text = table(&self.columns, &order.first(rows, shown), columns);
        if shown < rows.len() {
            let _ = write!(text, "\n… and {} more", rows_text(rows.len() - shown));
        }
        if let Some(notice) = &self.notice {
            let _ = write!(text, "\n{}", one_line_of(notice, columns));
        }
        let _ = write!(text, "\n{}", self.status(rows));
        let mut frame = match self.must_clear {
            true => "\x1b[H\x1b[2J".to_owned(),
            false if 0 < self.lines => format!("\r\x1b[{}A", self.lines),
            false => String::new(),
        };
        frame.push_str("\x1b[?7l");
        for line in text.lines() {
            frame.push_str("\x1b[K");
            frame.push_str(line);
            frame.push_str("\r\n");
        }
        frame.push_str("\x1b[J\x1b[?7h");
        self.lines = text.lines().count();
        (self.must_clear, self.is_stale) = (false, false);
        Some(frame)
    }

    fn status(&self, rows: &HeldRows) -> String {
        let updates = match self.updates {
            1 => "1 update".to_owned(),
            count => format!("{count} updates"),
        };
        format!("{} (transaction {}, {updates})", rows_text(rows.len()), self.tx_id)
    }

    /// Takes away what the terminal has echoed of the key that ends the command.
    pub fn leave(&self) {
        if 0 < self.lines {
            // A terminal that is gone needs no tidying.
            let _ = write_out("\r\x1b[J");
        }
    }
}

/// As much as fits of a reason, which may hold what a server, or what is taken for one, has said.
fn one_line_of(text: &str, columns: u16) -> String {
    let columns = usize::from(columns);
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    match text.chars().count() <= columns {
        true => printable.collect(),
        false => printable.take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}

fn table(columns: &[String], rows: &[&str], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_truncation_indicator("…");
    table.set_header(one_line_row(columns.iter().map(String::as_str)));
    for row in rows {
        let cells: Vec<String> = cells(row).iter().map(|cell| one_line(cell)).collect();
        table.add_row(one_line_row(cells.iter().map(String::as_str)));
    }
    table.to_string()
}

fn one_line_row<'c>(cells: impl Iterator<Item = &'c str>) -> Row {
    let mut row = Row::new();
    cells.for_each(|cell| {
        row.add_cell(Cell::new(cell));
    });
    row.max_height(1);
    row
}

/// Lines and columns of the terminal.
fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if 0 < size.ws_row && 0 < size.ws_col => (size.ws_row, size.ws_col),
        _ => (LINES, COLUMNS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A screen and rows of numbers from 1.
    fn begun(count: usize) -> (Screen, HeldRows) {
        let mut screen = Screen::new("SELECT n FROM t ORDER BY n DESC");
        let rows: Vec<String> = (1..=count).map(|n| format!("[{n}]")).collect();
        let mut held = HeldRows::default();
        held.replace(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        screen.begin(vec!["n".to_owned()], 5);
        (screen, held)
    }

    /// The lines of a frame without what steers the terminal.
    fn lines(frame: &str) -> Vec<String> {
        let text = frame.rsplit_once("\x1b[?7l").unwrap().1;
        let text = text.strip_suffix("\x1b[J\x1b[?7h").unwrap();
        text.split("\r\n").map(|line| line.replace("\x1b[K", "")).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_last_one_and_only_for_something_new() {
        let (mut screen, mut rows) = begun(2);
        let first = screen.frame(&rows, (24, 80)).unwrap();
        assert!(first.starts_with("\x1b[?7l"), "{first:?}");
        let drawn = ["┌───┐", "│ n │", "╞═══╡", "│ 2 │", "│ 1 │", "└───┘"];
        assert_eq!(lines(&first)[..6], drawn);
        assert_eq!(lines(&first)[6..], ["2 rows (transaction 5, 0 updates)", ""]);
        assert_eq!(screen.frame(&rows, (24, 80)), None);
        rows.apply(&[], &["[2]"]).unwrap();
        screen.update(6);
        let second = screen.frame(&rows, (24, 80)).unwrap();
        assert!(second.starts_with("\r\x1b[7A\x1b[?7l"), "{second:?}");
        assert!(second.ends_with("\x1b[K1 row (transaction 6, 1 update)\r\n\x1b[J\x1b[?7h"));
        screen.note("gone\u{1b} for ever".to_owned());
        let noted = screen.frame(&rows, (24, 10)).unwrap();
        assert_eq!(lines(&noted)[5..], ["gone  for…", "1 row (transaction 6, 1 update)", ""]);
        screen.resize();
        let third = screen.frame(&rows, (24, 80)).unwrap();
        assert!(third.starts_with("\x1b[H\x1b[2J"), "{third:?}");
    }

    #[test]
    fn what_has_no_room_is_counted() {
        for (count, height) in [(100, 24), (18, 24), (19, 24), (5, 3)] {
            let (mut screen, rows) = begun(count);
            let drawn = lines(&screen.frame(&rows, (height, 80)).unwrap());
            // The cursor's line is the last one.
            assert!(drawn.len() <= usize::from(height.max(8)), "{count}: {drawn:?}");
            let shown = drawn.iter().filter(|line| line.starts_with('│')).count() - 1;
            let left_out = format!("… and {} more", rows_text(count - shown));
            assert_eq!(drawn.contains(&left_out), shown < count, "{count}: {drawn:?}");
        }
    }

    #[test]
    fn a_row_is_one_line_of_the_terminals_width() {
        let (mut screen, mut rows) = begun(1);
        let long = format!("[2,\"{}\\nb\"]", "a".repeat(500));
        rows.apply(&[&long], &["[1]"]).unwrap();
        screen.begin(vec!["n".to_owned(), "text".to_owned()], 5);
        let drawn = lines(&screen.frame(&rows, (24, 40)).unwrap());
        assert_eq!(drawn.len(), 7, "{drawn:?}");
        assert!(drawn[..5].iter().all(|line| line.chars().count() <= 40), "{drawn:?}");
        assert!(drawn[3].contains('…'), "{drawn:?}");
    }
}
