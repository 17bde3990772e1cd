//! Decompresses messages, each for itself (RFC 7692 section 7.2.2).
//!
//! A sender leaves the last four octets of its flush, an empty stored block, out. Here the rest of
//! that block is put back, and behind it the final block that a message never has: a message is
//! whole if the stream ends there and what was put back said nothing itself. (In the midst of a
//! block these octets can happen to be codes of that block.)

use flate2::{Decompress, FlushDecompress, Status};

/// The end of a message: the four octets that its sender left out, then an empty final block.
const TAIL: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

/// Output that is kept from message to message, one thread's; a larger one is freed.
const BYTES_KEPT: usize = 64 * 1024;

/// The first room for an output.
const FIRST_BYTES: usize = 4 * 1024;

/// How many blocks of a message may be marked as the stream's last. Going on behind one costs a
/// copy of the window, so a message of such blocks is an attack on our time. Nobody needs more
/// than one.
const FINAL_BLOCKS_MAX: u32 = 4;

/// What later blocks may refer to.
const WINDOW_BYTES: usize = 32 * 1024;

/// Why a message could not be decompressed: its sender's doing. The inflater is as good as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// Not DEFLATE, or cut off.
    #[error("compressed message is malformed")]
    Malformed,
    /// It says more than is taken. No more than that was produced.
    #[error("message exceeds the limit of {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
}

/// Decompresses one message after another: one for each thread, its memory (about 50 KB and the
/// output) made when first needed.
#[derive(Default)]
pub struct Inflater {
    context: Option<Decompress>,
    output: Vec<u8>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    /// An inflater that holds no memory yet.
    pub fn new() -> Inflater {
        Inflater::default()
    }

    /// What the last message says.
    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    /// What the message whose frames have `payload` says, if that is no more than `bytes_max`.
    pub fn inflate(&mut self, payload: &[u8], bytes_max: usize) -> Result<&[u8], InflateError> {
        let context = self.context.get_or_insert_with(|| Decompress::new(false));
        context.reset(false);
        self.output.clear();
        if BYTES_KEPT < self.output.capacity() {
            self.output = Vec::new();
        }
        let mut stream = Stream { context, output: &mut self.output, bytes_max };
        stream.run(payload)?;
        Ok(&self.output)
    }
}

/// One message on its way.
struct Stream<'a> {
    context: &'a mut Decompress,
    output: &'a mut Vec<u8>,
    bytes_max: usize,
}

impl Stream<'_> {
    fn run(&mut self, payload: &[u8]) -> Result<(), InflateError> {
        let mut rest = payload;
        for _ in 0..FINAL_BLOCKS_MAX {
            match self.feed(rest)? {
                None => return self.end(),
                // A sender that ended the stream has nothing to leave out.
                Some([]) => return Ok(()),
                Some(behind) => rest = behind,
            }
            self.go_on()?;
        }
        Err(InflateError::Malformed)
    }

    /// Puts back what the sender left out, which completes the stream and says nothing.
    fn end(&mut self) -> Result<(), InflateError> {
        let said = self.output.len();
        match self.feed(&TAIL)? {
            Some([]) if self.output.len() == said => Ok(()),
            Some(_) | None => Err(InflateError::Malformed),
        }
    }

    /// Decompresses all of `input`; what stands behind the end of the stream when that is in it.
    fn feed<'i>(&mut self, mut input: &'i [u8]) -> Result<Option<&'i [u8]>, InflateError> {
        loop {
            self.make_room();
            let (taken_before, room) =
                (self.context.total_in(), self.output.spare_capacity_mut().len());
            let written_before = self.output.len();
            let status = self
                .context
                .decompress_vec(input, self.output, FlushDecompress::None)
                .map_err(|_| InflateError::Malformed)?;
            let taken = usize::try_from(self.context.total_in() - taken_before);
            input = &input[taken.expect("no more than was given")..];
            if self.bytes_max < self.output.len() {
                return Err(InflateError::TooLarge { bytes_max: self.bytes_max });
            }
            let is_full = self.output.len() - written_before == room;
            match status {
                Status::StreamEnd => return Ok(Some(input)),
                Status::Ok | Status::BufError if is_full => {}
                Status::Ok | Status::BufError if input.is_empty() => return Ok(None),
                // It had room and input, and stopped.
                Status::Ok | Status::BufError => return Err(InflateError::Malformed),
            }
        }
    }

    /// Leaves room for at least one byte, and for at most one more than is allowed: that one shows
    /// that there is too much.
    fn make_room(&mut self) {
        let length = self.output.len();
        if length < self.output.capacity() {
            return;
        }
        let wanted = (2 * length).clamp(FIRST_BYTES, (self.bytes_max + 1).max(FIRST_BYTES));
        self.output.reserve_exact(wanted - length);
    }

    /// Begins a new stream that can still refer to what was said.
    fn go_on(&mut self) -> Result<(), InflateError> {
        self.context.reset(false);
        let window = &self.output[self.output.len().saturating_sub(WINDOW_BYTES)..];
        if !window.is_empty() {
            self.context.set_dictionary(window).map_err(|_| InflateError::Malformed)?;
        }
        Ok(())
    }
}
