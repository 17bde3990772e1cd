//! One client's stream of Server-Sent Events: an answer that goes on until either side ends the connection.
//!
//! Nothing more is read of the client. That it has gone is found out when something is written, which is at least a
//! comment now and then. As with WebSockets, the core is asked for more once all before is written.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use cosmictron_runtime::real::Deadline;

use super::gate::Pass;
use super::stream::Stream;
use crate::api::{Api, Events};
use crate::shard::Answer;

enum Event {
    Told(Answer),
    Beat,
    Shutdown,
}

/// Serves a stream, whose head is written, to its end.
pub async fn serve(api: Rc<Api>, mut stream: Stream, mut events: Events, pass: Pass) {
    stream.set_deadline(Deadline::None);
    run(&api, &mut stream, &mut events).await;
    drop(api.shard.request(events.leave()));
    // The client has gone already where this fails.
    let _ = stream.shutdown().await;
    drop(pass);
}

/// `None` when the client has gone, or does not take what is written.
async fn run(api: &Api, stream: &mut Stream, events: &mut Events) -> Option<()> {
    let shard = &api.shard;
    let beat = api.common.config.websocket.ping_interval.get();
    let patience = api.common.config.http.answer_timeout.get();
    let mut told = shard.request(events.listen());
    let mut shutdown = pin!(shard.shutdown());
    let until_beat = |events: &Events| beat.min(events.expires_at().since(shard.now()));
    let mut alarm = pin!(shard.sleep(until_beat(events)));
    let mut out = Vec::new();
    while !events.has_ended() {
        let event = poll_fn(|context| {
            if let Poll::Ready(answer) = Pin::new(&mut told).poll(context) {
                return Poll::Ready(Event::Told(answer));
            }
            if shutdown.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Shutdown);
            }
            alarm.as_mut().poll(context).map(|()| Event::Beat)
        });
        let is_told = match event.await {
            Event::Told(answer) => {
                events.tell(answer, &mut out);
                true
            }
            Event::Beat => {
                events.beat(&mut out);
                alarm.set(shard.sleep(until_beat(events)));
                false
            }
            Event::Shutdown => return Some(()),
        };
        if !out.is_empty() {
            stream.set_deadline(Deadline::Due(patience));
            let (written, mut back) = stream.write_all(std::mem::take(&mut out)).await;
            stream.set_deadline(Deadline::None);
            written.ok()?;
            back.clear();
            back.shrink_to(OUT_BYTES_KEPT);
            out = back;
        }
        if is_told && !events.has_ended() {
            told = shard.request(events.listen());
        }
    }
    Some(())
}

/// Output that is kept from one write to the next.
const OUT_BYTES_KEPT: usize = 1024;
