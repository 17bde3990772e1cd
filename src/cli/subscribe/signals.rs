//! Waits for whatever comes first: bytes of the server, a signal, or the end of patience.
//!
//! Signals arrive as bytes in a pipe, so one `poll` waits for everything and no signal is lost between two waits. While
//! a connection is opened, which waits in the system's own calls, one that ends the command ends the process at once.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGWINCH};
use signal_hook::{flag, low_level};

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The user wants the command to end.
    Ended,
    /// The terminal has another size.
    Resized,
    Readable,
    TimedOut,
}

/// The signals that a command which stays has to heed.
pub struct Signals {
    end: UnixStream,
    resize: UnixStream,
    ends_at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Heeds them from now on.
    pub fn watch() -> io::Result<Signals> {
        let ends_at_once = Arc::new(AtomicBool::new(false));
        let (end, end_sender) = UnixStream::pair()?;
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 0, Arc::clone(&ends_at_once))?;
            low_level::pipe::register(signal, end_sender.try_clone()?)?;
        }
        let (resize, resize_sender) = UnixStream::pair()?;
        resize.set_nonblocking(true)?;
        low_level::pipe::register(SIGWINCH, resize_sender)?;
        Ok(Signals { end, resize, ends_at_once })
    }

    /// Does what cannot be interrupted: what would end the command ends the process meanwhile.
    pub fn ending_at_once<T>(&self, work: impl FnOnce() -> T) -> T {
        self.ends_at_once.store(true, Ordering::SeqCst);
        let done = work();
        self.ends_at_once.store(false, Ordering::SeqCst);
        done
    }

    /// Waits for a signal, for bytes where there is something to read them from, or until patience ends.
    pub fn wait(&mut self, stream: Option<&dyn AsFd>, patience: Option<Duration>) -> Wake {
        let patience = patience.and_then(|patience| Timespec::try_from(patience).ok());
        let mut waited =
            vec![PollFd::new(&self.end, PollFlags::IN), PollFd::new(&self.resize, PollFlags::IN)];
        if let Some(stream) = stream {
            waited.push(PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::IN));
        }
        loop {
            match poll(&mut waited, patience.as_ref()) {
                Ok(0) => return Wake::TimedOut,
                Ok(_) => break,
                // A signal; its byte is in the pipe.
                Err(rustix::io::Errno::INTR) => {}
                // Without memory for it there is nothing to wait with.
                Err(_) => return Wake::Ended,
            }
        }
        let is_ready = |at: usize| waited.get(at).is_some_and(|fd| !fd.revents().is_empty());
        match (is_ready(0), is_ready(1)) {
            (true, _) => Wake::Ended,
            (_, true) => {
                let mut bytes = [0; 64];
                while self.resize.read(&mut bytes).is_ok_and(|read| 0 < read) {}
                Wake::Resized
            }
            _ => Wake::Readable,
        }
    }
}
