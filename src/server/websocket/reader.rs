//! The task that reads.

use std::rc::Rc;

use cosmictron_net::ws::Decoder;
use cosmictron_runtime::real::Deadline;

use super::super::stream;
use super::socket::{Reading, Socket};
use super::{LINGER, LINGER_BYTES_MAX};

/// See the module.
pub struct Reader {
    socket: Rc<Socket>,
    decoder: Decoder,
    half: stream::Reader,
}

impl Reader {
    pub fn new(socket: Rc<Socket>, decoder: Decoder, half: stream::Reader) -> Reader {
        Reader { socket, decoder, half }
    }

    /// Reads until nothing more is wanted, and sees the connection to its end.
    pub async fn run(mut self) {
        self.half.set_deadline(Deadline::None);
        self.socket.introduce().await;
        while self.take_all().await && self.read().await {}
        // A writer that is at it has so long to finish.
        self.half.set_deadline(Deadline::Due(LINGER));
        let have_both_closed = self.socket.end_reading().await;
        // Nothing more is said: a client that keeps the TCP connection open is gone all the same. It is not timed meanwhile.
        self.half.set_deadline(Deadline::None);
        self.socket.end_visits().await;
        if have_both_closed {
            self.linger().await;
        }
    }

    /// Takes all that has arrived. Whether more is wanted.
    async fn take_all(&mut self) -> bool {
        loop {
            let mut reading = {
                let mut inflater = self.socket.api.inflater.borrow_mut();
                match self.decoder.next(&mut inflater) {
                    Ok(cosmictron_net::ws::Received::NeedMore) => return true,
                    received => self.socket.take(received),
                }
            };
            if reading == Reading::Pause {
                reading = self.socket.resume().await;
            }
            if reading == Reading::End {
                return false;
            }
        }
    }

    /// Whether something has come.
    async fn read(&mut self) -> bool {
        let room = self.decoder.read_bytes();
        let mut input = std::mem::take(self.decoder.input());
        input.reserve(room);
        let (read, input) = self.half.read(input).await;
        *self.decoder.input() = input;
        self.socket.note_heard();
        matches!(read, Ok(1..))
    }

    /// Reads on for a moment: to close with unread bytes would reset the connection and could destroy the close frame on
    /// its way.
    async fn linger(&mut self) {
        self.half.set_deadline(Deadline::Due(LINGER));
        let mut read_bytes = 0;
        let mut buffer = Vec::with_capacity(4096);
        while read_bytes < LINGER_BYTES_MAX {
            buffer.clear();
            let (read, back) = self.half.read(buffer).await;
            buffer = back;
            match read {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read_bytes += bytes,
            }
        }
    }
}
