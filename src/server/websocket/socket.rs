//! What the two tasks of a connection share.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use cosmictron_net::wire::{ClientMessage, Refusal, Subprotocol};
use cosmictron_net::ws::{Closing, Compression, Encoder, Received, Violation};
use cosmictron_runtime::real::Pending;
use cosmictron_types::{Duration, Timestamp};

use crate::api::{Api, Conversation, Ending, Outlet};
use crate::shard::Answer;

/// Bytes that may wait to be written before no more is read: answers that are given at once, and pongs.
const OUT_BYTES_MAX: usize = 64 << 10;

/// How long the writer sleeps when nothing will be due.
const NOTHING_DUE: Duration = Duration::from_secs(60 * 60);

/// One connection's state, on one core.
pub struct Socket {
    pub api: Rc<Api>,
    state: RefCell<State>,
    reader: Bell,
    writer: Bell,
}

struct State {
    encoder: Encoder,
    closing: Closing,
    /// Whole frames that are to be written.
    out: Vec<u8>,
    conversation: Conversation,
    liveness: Liveness,
    /// The server goes away: once all is answered, so does this connection.
    is_leaving: bool,
    reading: Task,
    writing: Task,
}

/// Whether the peer is there.
struct Liveness {
    heard_at: Timestamp,
    pinged_at: Option<Timestamp>,
    /// Nothing is read, so nothing can be heard.
    is_paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Runs,
    Ended,
}

/// What the reader does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// More is wanted.
    Read,
    /// More is not wanted until there is room.
    Pause,
    /// Nothing more is wanted.
    End,
}

/// What the writer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// There may be more to write.
    Go,
    /// Our close frame was the last; the client's is awaited.
    AwaitClose,
    /// All is written.
    End,
}

impl Socket {
    pub fn new(api: Rc<Api>, sends: Compression, conversation: Conversation) -> Socket {
        let liveness = Liveness { heard_at: api.shard.now(), pinged_at: None, is_paused: false };
        let state = State {
            encoder: Encoder::new(sends),
            closing: Closing::default(),
            out: Vec::new(),
            conversation,
            liveness,
            is_leaving: false,
            reading: Task::Runs,
            writing: Task::Runs,
        };
        let socket =
            Socket { api, state: state.into(), reader: Bell::default(), writer: Bell::default() };
        socket.speak(|conversation, outlet| conversation.greet(outlet));
        socket
    }

    /// Has the conversation do something that may be followed by something to write.
    fn speak(&self, act: impl FnOnce(&mut Conversation, &mut Outlet<'_>)) {
        let State { encoder, closing, out, conversation, .. } = &mut *self.state.borrow_mut();
        let (subprotocol, deflater) = (conversation.subprotocol(), &self.api.deflater);
        let outlet = &mut Outlet { subprotocol, encoder, deflater, closing, out };
        act(conversation, outlet);
    }

    /// The client has sent something.
    pub fn note_heard(&self) {
        let now = self.api.shard.now();
        let liveness = &mut self.state.borrow_mut().liveness;
        (liveness.heard_at, liveness.pinged_at) = (now, None);
    }

    /// Does what a message, or a control frame, asks for.
    pub fn take(&self, received: Result<Received<'_>, Violation>) -> Reading {
        let is_open = self.state.borrow().closing == Closing::Open;
        match received {
            Ok(Received::NeedMore | Received::Pong(_)) => {}
            Ok(Received::Text(text)) if is_open => {
                self.hear(Subprotocol::JsonV1, || ClientMessage::parse(text));
            }
            Ok(Received::Binary(bytes)) if is_open => {
                self.hear(Subprotocol::BinV1, || ClientMessage::decode(bytes));
            }
            Ok(Received::Ping(payload)) if is_open => {
                let State { encoder, out, .. } = &mut *self.state.borrow_mut();
                encoder.pong(payload, out);
            }
            // Sent before the client knew that we close.
            Ok(Received::Text(_) | Received::Binary(_) | Received::Ping(_)) => {}
            Ok(Received::Close(close)) => {
                let State { encoder, closing, out, .. } = &mut *self.state.borrow_mut();
                closing.receive(close, encoder, out);
            }
            Ok(Received::Closed) => return Reading::End,
            Err(violation) => {
                let State { encoder, closing, out, .. } = &mut *self.state.borrow_mut();
                closing.fail(violation, encoder, out);
            }
        }
        self.writer.ring();
        self.reading()
    }

    /// Hears a message that is read as those of `spoken` are.
    fn hear<'m>(
        &self,
        spoken: Subprotocol,
        read: impl FnOnce() -> Result<ClientMessage<'m>, Refusal>,
    ) {
        self.speak(|conversation, outlet| match conversation.subprotocol() == spoken {
            true => conversation.hear(read(), outlet),
            false => outlet.close(Ending::WrongKind(conversation.subprotocol())),
        });
    }

    fn reading(&self) -> Reading {
        let state = self.state.borrow();
        let has_room = state.out.len() < OUT_BYTES_MAX && state.conversation.has_room();
        match state.closing {
            Closing::Done => Reading::End,
            Closing::Open if !has_room => Reading::Pause,
            Closing::Open | Closing::AwaitingPeer => Reading::Read,
        }
    }

    /// For the reader: waits until modules have been told of the client, where that is to come before anything is read.
    pub async fn introduce(&self) {
        let introduction = self.state.borrow_mut().conversation.take_introduction();
        let Some(introduction) = introduction else { return };
        self.state.borrow_mut().liveness.is_paused = true;
        let introduced = introduction.settle(&self.api.shard).await;
        self.speak(|conversation, outlet| conversation.note_introduced(introduced, outlet));
        self.state.borrow_mut().liveness.is_paused = false;
        self.note_heard();
        self.writer.ring();
    }

    /// For the reader, when the writer has ended: has modules told that the client has gone.
    pub async fn end_visits(&self) {
        let visits = self.state.borrow_mut().conversation.take_visits();
        visits.end(&self.api.shard).await;
    }

    /// For the reader: waits until more may be read, or nothing more is wanted.
    pub async fn resume(&self) -> Reading {
        self.introduce().await;
        self.state.borrow_mut().liveness.is_paused = true;
        let reading = poll_fn(|context| {
            self.reader.watch(context);
            match self.reading() {
                _ if self.state.borrow().writing == Task::Ended => Poll::Ready(Reading::End),
                Reading::Pause => Poll::Pending,
                reading => Poll::Ready(reading),
            }
        })
        .await;
        self.state.borrow_mut().liveness.is_paused = false;
        self.note_heard();
        reading
    }

    /// For the reader: ends the writer and waits for that. Whether both sides have closed in order.
    pub async fn end_reading(&self) -> bool {
        self.state.borrow_mut().reading = Task::Ended;
        self.writer.ring();
        poll_fn(|context| {
            self.reader.watch(context);
            match self.state.borrow().writing {
                Task::Ended => Poll::Ready(()),
                Task::Runs => Poll::Pending,
            }
        })
        .await;
        self.state.borrow().closing == Closing::Done
    }

    /// For the writer: asks the core to tell what it has to.
    pub fn listen(&self) -> Pending<Answer> {
        let request = self.state.borrow().conversation.listen();
        self.api.shard.request(request)
    }

    /// For the writer: tells the client what the core has told.
    pub fn tell(&self, answer: Answer) {
        self.speak(|conversation, outlet| conversation.tell(answer, outlet));
    }

    /// For the writer: the server goes away.
    pub fn leave(&self) {
        self.state.borrow_mut().is_leaving = true;
    }

    /// For the writer: when to be called next.
    pub fn due(&self) -> Timestamp {
        let state = self.state.borrow();
        match state.closing.may_send() {
            true => state.liveness.due(self.ping_interval()).min(state.conversation.due()),
            false => self.api.shard.now() + NOTHING_DUE,
        }
    }

    /// For the writer: does what is due. `None` when the client is not there any more.
    pub fn ring(&self) -> Option<()> {
        let now = self.api.shard.now();
        self.speak(|conversation, outlet| conversation.ring(now, outlet));
        let State { encoder, closing, out, liveness, .. } = &mut *self.state.borrow_mut();
        if now < liveness.due(self.ping_interval()) || !closing.may_send() {
            return Some(());
        }
        if liveness.is_paused {
            liveness.heard_at = now;
            return Some(());
        }
        if liveness.pinged_at.is_some() {
            return None;
        }
        encoder.ping(b"", out);
        liveness.pinged_at = Some(now);
        Some(())
    }

    fn ping_interval(&self) -> Duration {
        self.api.common.config.websocket.ping_interval.get()
    }

    /// For the writer: whether there is something to do, else who is to be woken.
    pub fn poll_work(&self, context: &Context<'_>) -> Poll<()> {
        self.writer.watch(context);
        let state = self.state.borrow();
        match state.out.is_empty() && state.reading == Task::Runs && !state.is_due_to_leave() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// For the writer: what is to be written, and what comes after.
    pub fn take_out(&self) -> (Vec<u8>, Writing) {
        if self.state.borrow().is_due_to_leave() {
            self.speak(|_, outlet| outlet.close(Ending::ShuttingDown));
        }
        let mut state = self.state.borrow_mut();
        let writing = match state.closing {
            _ if state.reading == Task::Ended => Writing::End,
            Closing::Done => Writing::End,
            Closing::AwaitingPeer => Writing::AwaitClose,
            Closing::Open => Writing::Go,
        };
        let out = std::mem::take(&mut state.out);
        drop(state);
        self.reader.ring();
        (out, writing)
    }

    /// For the writer: gives back what `take_out` gave, to be used again.
    pub fn reuse(&self, mut buffer: Vec<u8>) {
        let out = &mut self.state.borrow_mut().out;
        if out.capacity() == 0 && buffer.capacity() <= OUT_BYTES_KEPT {
            buffer.clear();
            *out = buffer;
        }
    }

    /// For the writer: it has ended.
    pub fn end_writing(&self) {
        self.state.borrow_mut().writing = Task::Ended;
        self.reader.ring();
    }
}

/// Output that is kept from one write to the next. Idle connections are many.
const OUT_BYTES_KEPT: usize = 256;

impl State {
    fn is_due_to_leave(&self) -> bool {
        self.is_leaving && self.closing.may_send() && self.conversation.is_answered()
    }
}

impl Liveness {
    fn due(&self, interval: Duration) -> Timestamp {
        self.pinged_at.unwrap_or(self.heard_at) + interval
    }
}

/// Wakes one task.
#[derive(Default)]
struct Bell(RefCell<Option<Waker>>);

impl Bell {
    fn watch(&self, context: &Context<'_>) {
        let mut waker = self.0.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => *waker = Some(context.waker().clone()),
        }
    }

    fn ring(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
