//! The task that writes: what the core tells, what was answered at once, pings and warnings.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use cosmictron_runtime::real::Deadline;
use cosmictron_types::Duration;

use super::super::stream;
use super::LINGER;
use super::socket::{Socket, Writing};
use crate::shard::Answer;

/// See the module.
pub struct Writer {
    socket: Rc<Socket>,
    half: stream::Writer,
}

/// What the writer has waited for.
enum Event {
    Told(Answer),
    Alarm,
    Shutdown,
    Work,
}

impl Writer {
    pub fn new(socket: Rc<Socket>, half: stream::Writer) -> Writer {
        Writer { socket, half }
    }

    /// Writes until all is said, the reader has ended, or the client takes nothing.
    pub async fn run(mut self) {
        let is_done = self.write_all().await;
        if is_done.is_some() {
            // The client has gone already where this fails.
            let _ = self.half.shutdown().await;
        } else {
            // Ends a read that would wait for ever.
            self.half.set_deadline(Deadline::Due(Duration::ZERO));
        }
        self.socket.end_writing();
    }

    /// `None` when the client is not there any more, or does not take what is written.
    async fn write_all(&mut self) -> Option<()> {
        let socket = Rc::clone(&self.socket);
        let shard = &socket.api.shard;
        let mut told = Some(socket.listen());
        let mut shutdown = pin!(shard.shutdown());
        let mut is_shutting_down = false;
        let mut armed = socket.due();
        let mut alarm = pin!(shard.sleep(armed.since(shard.now())));
        loop {
            let event = poll_fn(|context| {
                if let Some(pending) = &mut told
                    && let Poll::Ready(answer) = Pin::new(pending).poll(context)
                {
                    told = None;
                    return Poll::Ready(Event::Told(answer));
                }
                if !is_shutting_down && shutdown.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Event::Shutdown);
                }
                if alarm.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Event::Alarm);
                }
                socket.poll_work(context).map(|()| Event::Work)
            });
            match event.await {
                Event::Told(answer) => socket.tell(answer),
                Event::Shutdown => {
                    is_shutting_down = true;
                    socket.leave();
                }
                Event::Alarm => {
                    socket.ring()?;
                    armed = socket.due();
                    alarm.set(shard.sleep(armed.since(shard.now())));
                }
                Event::Work => {}
            }
            let (out, writing) = socket.take_out();
            self.write(out).await?;
            match writing {
                Writing::End => return Some(()),
                Writing::AwaitClose => self.half.set_deadline(Deadline::Due(LINGER)),
                Writing::Go if told.is_none() => told = Some(socket.listen()),
                Writing::Go => {}
            }
            // Who has said who it is may have a token that ends sooner than it would have had to say so.
            let due = socket.due();
            if due < armed {
                armed = due;
                alarm.set(shard.sleep(armed.since(shard.now())));
            }
        }
    }

    async fn write(&mut self, out: Vec<u8>) -> Option<()> {
        if out.is_empty() {
            self.socket.reuse(out);
            return Some(());
        }
        let patience = self.socket.api.common.config.http.answer_timeout.get();
        self.half.set_deadline(Deadline::Due(patience));
        let (written, out) = self.half.write_all(out).await;
        self.half.set_deadline(Deadline::None);
        self.socket.reuse(out);
        written.ok()
    }
}
