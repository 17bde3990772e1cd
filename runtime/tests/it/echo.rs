//! A machine that only sends: pings another shard, or floods it and counts what comes back.

use cosmictron_runtime::{Boot, Event, Machine, Seam, Ticket};
use cosmictron_types::{Duration, ShardId};

#[derive(Debug)]
pub(crate) enum Request {
    /// There and back.
    Ping {
        to: ShardId,
    },
    /// So many messages at once, then one to say that all were seen.
    Flood {
        to: ShardId,
        count: u64,
    },
    /// Answered in the same event.
    Now,
    /// Kept until the machine is asked to answer all it keeps.
    Keep,
    AnswerKept,
    /// Wishes for a tick, at which everything kept is answered.
    KeepUntilTick {
        after: Duration,
    },
    /// One message to itself that makes the next, for ever.
    Spin,
}

#[derive(Debug)]
pub(crate) enum Message {
    Ping { ticket: Ticket },
    Pong { ticket: Ticket },
    Spin,
    Drop { number: u64 },
    Count { ticket: Ticket },
    Counted { ticket: Ticket, count: u64 },
}

#[derive(Default)]
pub(crate) struct Echo {
    seen: u64,
    kept: Vec<Ticket>,
}

impl Echo {
    pub(crate) fn boot(_: &mut Boot<'_>) -> Result<Self, std::convert::Infallible> {
        Ok(Self::default())
    }

    fn request(&mut self, ticket: Ticket, request: Request, seam: &mut dyn Seam<Self>) {
        match request {
            Request::Ping { to } => seam.send(to, Message::Ping { ticket }),
            Request::Flood { to, count } => {
                (0..count).for_each(|number| seam.send(to, Message::Drop { number }));
                seam.send(to, Message::Count { ticket });
            }
            Request::Now => seam.answer(ticket, 0),
            Request::Keep => self.kept.push(ticket),
            Request::KeepUntilTick { after } => {
                self.kept.push(ticket);
                seam.wake_at(seam.now() + after);
            }
            Request::Spin => {
                seam.send(seam.shard(), Message::Spin);
                seam.answer(ticket, 0);
            }
            Request::AnswerKept => {
                let awaited = self.kept.iter().filter(|ticket| seam.is_awaited(ticket)).count();
                seam.answer(ticket, awaited as u64);
                self.kept.drain(..).for_each(|ticket| seam.answer(ticket, 0));
            }
        }
    }
}

impl Machine for Echo {
    type Request = Request;
    type Answer = u64;
    type Message = Message;

    fn handle(&mut self, event: Event<Self>, seam: &mut dyn Seam<Self>) {
        match event {
            Event::Request { ticket, request } => self.request(ticket, request, seam),
            Event::Message { from, message } => match message {
                Message::Spin => seam.send(from, Message::Spin),
                Message::Ping { ticket } => seam.send(from, Message::Pong { ticket }),
                Message::Pong { ticket } => seam.answer(ticket, 0),
                Message::Drop { number } => {
                    assert_eq!(number, self.seen, "messages keep their order");
                    self.seen += 1;
                }
                Message::Count { ticket } => {
                    let count = std::mem::take(&mut self.seen);
                    seam.send(from, Message::Counted { ticket, count });
                }
                Message::Counted { ticket, count } => seam.answer(ticket, count),
            },
            Event::Tick => self.kept.drain(..).for_each(|ticket| seam.answer(ticket, 0)),
            _ => {}
        }
    }
}
