//! Turns SIGTERM and SIGINT into the shutdown: the first begins it, the second ends it at once, the third kills.

use std::io;
use std::process;
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::control::Control;

/// Listens for signals until it is dropped.
pub(crate) struct SignalWatch {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl SignalWatch {
    pub(crate) fn start(control: Control) -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let handle = signals.handle();
        let watch = move || {
            for (count, signal) in signals.forever().enumerate() {
                match count {
                    0 => {
                        tracing::info!(signal, "shutting down");
                        control.shut_down();
                    }
                    1 => {
                        tracing::warn!(signal, "stopping at once");
                        control.stop();
                    }
                    // As the shell reports a process that the signal has ended.
                    _ => process::exit(128 + signal),
                }
            }
        };
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
        Ok(Self { handle, thread: Some(thread) })
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It only ever returns; a panic in it would have been reported.
            let _ = thread.join();
        }
    }
}
