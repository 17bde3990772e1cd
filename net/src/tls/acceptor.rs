//! What all TLS connections of a server have in common, on every core.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring::{self, Ticketer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};

use super::certificate::{Certificate, SigningCost};
use super::session::{Session, TlsError};

/// The only protocol that is spoken within. A client that offers others alone is refused.
const ALPN_HTTP11: &[u8] = b"http/1.1";

/// Begins sessions. Clones are the same acceptor.
///
/// Cores share it without a lock: the certificate in use is one pointer, which is exchanged as a whole. The keys of
/// tickets, by which clients come back cheaply, are rustls's and turn over every six hours; they outlast a certificate.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// The certificate that new sessions show.
struct Shown(ArcSwap<Certificate>);

impl Acceptor {
    /// Shows a certificate until another replaces it.
    pub fn new(certificate: Certificate) -> Result<Acceptor, TlsError> {
        let shown = Arc::new(Shown(ArcSwap::from_pointee(certificate)));
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![ALPN_HTTP11.to_vec()];
        // What a client comes back with is in its ticket; a memory of sessions would be shared, and bounded.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Ticketer::new()?;
        Ok(Acceptor { config: Arc::new(config), shown })
    }

    /// Shows another certificate from now on. Sessions that have begun go on with theirs.
    pub fn show(&self, certificate: Certificate) {
        self.shown.0.store(Arc::new(certificate));
    }

    /// How long a handshake takes now.
    pub fn signing_cost(&self) -> SigningCost {
        self.shown.0.load().signing_cost()
    }

    /// A session for a connection that was accepted.
    pub fn begin(&self) -> Result<Session, TlsError> {
        Session::new(self.config.clone())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().key().clone())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.0.load()).finish()
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> TlsError {
        TlsError::Failed(error)
    }
}
