//! Compresses messages, each for itself (RFC 7692 section 7.2.1).
//!
//! A context for a window of 32 KiB takes about 300 KB; those for the smaller windows that a peer
//! may ask for take less and are made when one first does.

use flate2::{Compress, Compression, FlushCompress};

use super::agreement::WindowBits;

/// The fastest level that looks for matches: a shard's time is worth more than the last percents.
const LEVEL: u32 = 1;

/// What a flush ends with and a message leaves out.
const FLUSH_END: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Room beside the compressed bytes, so that a flush fits and is not repeated.
const FLUSH_ROOM: usize = 64;

/// Scratch that is kept from message to message.
const BYTES_KEPT: usize = 64 * 1024;

const WINDOWS: usize = (WindowBits::MAX.bits() - WindowBits::MIN.bits()) as usize + 1;

/// Compresses one message after another: one for each thread, its memory made when first needed.
#[derive(Default)]
pub struct Deflater {
    contexts: [Option<Compress>; WINDOWS],
    /// Where a message is compressed to that stands itself where it should go. A large one is freed.
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Deflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

impl Deflater {
    /// A deflater that holds no memory yet.
    pub fn new() -> Deflater {
        Deflater::default()
    }

    /// Appends the payload of a compressed message that says `message`, for a peer whose window is
    /// `window`.
    pub fn deflate(&mut self, window: WindowBits, message: &[u8], out: &mut Vec<u8>) {
        let at = usize::from(window.bits() - WindowBits::MIN.bits());
        let context = self.contexts[at].get_or_insert_with(|| {
            Compress::new_with_window_bits(Compression::new(LEVEL), false, window.bits())
        });
        context.reset();
        if message.is_empty() {
            // RFC 7692 section 7.2.3.6: a flush of nothing is an empty block, of which one octet
            // is left.
            out.push(0);
            return;
        }
        let mut rest = message;
        loop {
            out.reserve(rest.len() / 4 + FLUSH_ROOM);
            let (taken_before, written_before) = (context.total_in(), out.len());
            context.compress_vec(rest, out, FlushCompress::Sync).expect("deflate refuses no input");
            let taken = usize::try_from(context.total_in() - taken_before);
            rest = &rest[taken.expect("no more than was given")..];
            if rest.is_empty() && out.len() < out.capacity() {
                break;
            }
            assert!(
                written_before < out.len() || taken_before < context.total_in(),
                "deflate had room and did nothing"
            );
        }
        let end = out.len() - FLUSH_END.len();
        assert_eq!(out[end..], FLUSH_END, "a flush ends with an empty stored block");
        out.truncate(end);
    }
    /// Compresses what stands in `out` from `from` on, where it stands; says whether it did, which
    /// it does only when that makes it smaller.
    pub(super) fn deflate_in_place(
        &mut self,
        window: WindowBits,
        out: &mut Vec<u8>,
        from: usize,
    ) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        self.deflate(window, &out[from..], &mut scratch);
        let is_smaller = scratch.len() < out.len() - from;
        if is_smaller {
            out.truncate(from);
            out.extend_from_slice(&scratch);
        }
        if scratch.capacity() <= BYTES_KEPT {
            self.scratch = scratch;
        }
        is_smaller
    }
}
