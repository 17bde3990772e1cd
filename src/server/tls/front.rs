//! What a core does with a connection to a port on which TLS is spoken.

use std::rc::Rc;

use cosmictron_net::tls::{Acceptor, FIRST_BYTE};
use cosmictron_runtime::real::{Deadline, TcpStream};

use super::super::connection;
use super::super::gate::Pass;
use super::super::stream::Stream;
use super::handshake::{Handshakes, NoHandshake};
use super::plain;
use super::stream::TlsStream;
use crate::api::Api;
use crate::shard::HandshakeFigures;

/// Room for the first read.
const FIRST_READ_BYTES: usize = 2048;

/// One core's side of TLS.
pub struct Front {
    api: Rc<Api>,
    handshakes: Handshakes,
}

impl Front {
    pub fn new(api: Rc<Api>, acceptor: Acceptor) -> Front {
        let waiting_max = api.common.config.tls.handshakes_max;
        let waiting_max = usize::try_from(waiting_max).unwrap_or(usize::MAX);
        Front { api, handshakes: Handshakes::new(acceptor, waiting_max) }
    }

    /// Shakes hands with a client and serves it to its end, or turns it away.
    pub async fn serve(self: Rc<Self>, mut stream: TcpStream, pass: Pass) {
        let shard = &self.api.shard;
        let patience = self.api.common.config.tls.handshake_timeout.get();
        // It owes nothing yet, but is not waited for as one that was served before.
        stream.set_deadline(Deadline::Idle(patience));
        let (read, first) = stream.read(Vec::with_capacity(FIRST_READ_BYTES)).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        stream.set_deadline(Deadline::Due(patience));
        if first[0] != FIRST_BYTE {
            plain::answer(&mut stream, first, self.api.common.config.tls.plain_http).await;
            return Stream::Plain(stream).linger().await;
        }
        match self.handshakes.shake(shard, &mut stream, first).await {
            Ok(session) => {
                self.note(match session.is_resumed() {
                    true => |figures| figures.resumed += 1,
                    false => |figures| figures.full += 1,
                });
                let stream = Stream::Tls(TlsStream::new(stream, session));
                // A task of its own: as a part of this one it would take its memory in addition.
                shard.spawn(connection::serve(self.api.clone(), stream, pass));
            }
            Err(reason) => {
                self.note(match reason {
                    NoHandshake::Failed => |figures| figures.failed += 1,
                    NoHandshake::Shed => |figures| figures.shed += 1,
                });
                // The alert that says why must arrive.
                Stream::Plain(stream).linger().await;
            }
        }
    }

    fn note(&self, count: fn(&mut HandshakeFigures)) {
        self.api.shard.with(|shard| count(shard.handshakes()));
    }
}
