//! One handshake, from its first bytes to a connection within TLS.
//!
//! A step that signs with a brief key is done on the core: to hand it to the helper pool and back would cost as much
//! again, and it would wait there behind passwords. One with an RSA key, of a millisecond, goes to the pool. Between two
//! steps on the core everything else that is ready has its turn.

use std::rc::Rc;

use cosmictron_net::tls::{Acceptor, Progress, Session, SigningCost};
use cosmictron_runtime::real::TcpStream;

use crate::api::ShardHandle;
use crate::turnstile::Turnstile;

/// Room for a read: a ClientHello has from 250 bytes to 2 KiB.
const READ_BYTES: usize = 2048;
/// Steps that are done on the core between two turns of it.
const BRIEF_AT_ONCE: u32 = 1;
/// Steps of one core that the pool is given at once: they leave its queue to others.
const LONG_AT_ONCE: u32 = 4;

/// Does the handshakes of one core.
pub struct Handshakes {
    acceptor: Acceptor,
    brief: Rc<Turnstile>,
    long: Rc<Turnstile>,
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHandshake {
    /// The client has gone, has been too slow, or does not speak TLS as we do.
    Failed,
    /// More handshakes wait for their step than may.
    Shed,
}

impl Handshakes {
    pub fn new(acceptor: Acceptor, waiting_max: usize) -> Handshakes {
        Handshakes {
            acceptor,
            brief: Rc::new(Turnstile::new(BRIEF_AT_ONCE, waiting_max)),
            long: Rc::new(Turnstile::new(LONG_AT_ONCE, waiting_max)),
        }
    }

    /// Shakes hands with a client whose first bytes are these. The deadline of the connection bounds it.
    pub async fn shake(
        &self,
        shard: &ShardHandle,
        stream: &mut TcpStream,
        mut records: Vec<u8>,
    ) -> Result<Session, NoHandshake> {
        let mut session = self.acceptor.begin().map_err(|_| NoHandshake::Failed)?;
        loop {
            (session, records) = self.step(shard, session, records).await?;
            let progress = session.progress();
            let mut out = Vec::new();
            session.take_out(&mut out);
            if !out.is_empty() {
                let (written, _) = stream.write_all(out).await;
                written.map_err(|_| NoHandshake::Failed)?;
            }
            match progress {
                Ok(Progress::Open | Progress::PeerClosed) if !session.is_handshaking() => {
                    return Ok(session);
                }
                Ok(Progress::Handshake) => {}
                Ok(_) | Err(_) => return Err(NoHandshake::Failed),
            }
            records.reserve(READ_BYTES);
            let (read, back) = stream.read(records).await;
            records = back;
            if !matches!(read, Ok(1..)) {
                return Err(NoHandshake::Failed);
            }
        }
    }

    /// Works on what has come. A failure stands in the session.
    async fn step(
        &self,
        shard: &ShardHandle,
        mut session: Session,
        mut records: Vec<u8>,
    ) -> Result<(Session, Vec<u8>), NoHandshake> {
        let work = move || {
            let _ = session.receive(&mut records);
            (session, records)
        };
        match self.acceptor.signing_cost() {
            SigningCost::Brief => {
                let _inside = Turnstile::enter(&self.brief).await.ok_or(NoHandshake::Shed)?;
                let done = work();
                shard.yield_now().await;
                Ok(done)
            }
            SigningCost::Long => {
                let _inside = Turnstile::enter(&self.long).await.ok_or(NoHandshake::Shed)?;
                let done = shard.offload(work).map_err(|_| NoHandshake::Shed)?;
                // A panic in the library has been reported; the connection is lost.
                done.await.map_err(|_| NoHandshake::Failed)
            }
        }
    }
}
