//! One client's WebSocket: two tasks of its core, one that reads and one that writes, share it until either side closes.
//!
//! ```text
//!            ┌────────────── Socket ──────────────┐
//!  reader ──▶│ decoder ──▶ conversation ──▶ out   │──▶ writer ──▶ client
//!            └───────────────▲────────────────────┘
//!                    what the core tells, alarms
//! ```
//!
//! The writer asks the core for more only once it has written what it had: what a slow client does not take waits with
//! the core, which bounds it.
//!
//! **Invariants**
//! 1. Reads and writes run to their end; what has to end early is ended by the deadline of the TCP connection.
//! 2. While more is asked for than may be, or more waits to be written, nothing is read.
//! 3. The connection's place in the gate is given back when both tasks are done with it, and modules that were told of the
//!    client know that it has gone.
//!
//! Reading order: [`socket`] is what the tasks share, [`reader`] and [`writer`] are the tasks.

mod reader;
mod socket;
mod writer;

use std::rc::Rc;

use cosmictron_net::ws::{Decoder, Limits, Role};
use cosmictron_types::Duration;

use super::gate::Pass;
use super::stream::Stream;
use crate::api::{Api, Upgraded};
use reader::Reader;
use socket::Socket;
use writer::Writer;

/// For a client to answer our close frame, and to take the last bytes.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that are read from it meanwhile.
const LINGER_BYTES_MAX: usize = 1 << 20;

/// Serves a connection that was upgraded to its end. `unread` came behind the handshake.
pub async fn serve(api: Rc<Api>, stream: Stream, unread: Vec<u8>, upgraded: Upgraded, pass: Pass) {
    let Upgraded { agreement, conversation } = upgraded;
    let bytes_max = api.common.config.websocket.message_bytes_max.as_usize();
    let limits = Limits::with_message_bytes_max(bytes_max);
    let mut decoder = Decoder::new(Role::Server, agreement.receives_deflate, limits);
    decoder.input().extend_from_slice(&unread);
    let (leave, shard) = (conversation.leave(), api.shard.clone());
    let socket = Rc::new(Socket::new(api, agreement.sends, conversation));
    let (read, write) = stream.split();
    shard.spawn(Writer::new(Rc::clone(&socket), write).run());
    Reader::new(socket, decoder, read).run().await;
    drop(shard.request(leave));
    drop(pass);
}
