//! Puts lines of code together.

/// Code that is being written, a line at a time.
#[derive(Debug, Default)]
pub(crate) struct Code {
    text: String,
    depth: usize,
    /// What a level of indentation is.
    indent: &'static str,
}

impl Code {
    pub(crate) fn new(indent: &'static str) -> Code {
        Code { indent, ..Code::default() }
    }

    pub(crate) fn line(&mut self, line: &str) -> &mut Self {
        if !line.is_empty() {
            (0..self.depth).for_each(|_| self.text.push_str(self.indent));
            self.text.push_str(line);
        }
        self.text.push('\n');
        self
    }

    /// A line, and those that `inside` writes, a level deeper, up to the line that ends it.
    pub(crate) fn block(
        &mut self,
        begin: &str,
        end: &str,
        inside: impl FnOnce(&mut Code),
    ) -> &mut Self {
        self.line(begin);
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line(end)
    }

    /// Lines as they stand.
    pub(crate) fn lines(&mut self, lines: &str) -> &mut Self {
        for line in lines.lines() {
            self.line(line);
        }
        self
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}
