//! A certificate for a server that is measured, and clients that believe in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// A certificate on P-256, as it is issued nowadays when nobody says otherwise.
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Writes one into a folder.
    pub fn make(folder: &Path) -> Result<Certificate> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.self_signed(&key)?;
        let folder = std::path::absolute(folder)?;
        let made = Certificate {
            chain: folder.join("server.pem"),
            key: folder.join("server.key"),
            der: certificate.der().clone(),
        };
        std::fs::write(&made.chain, certificate.pem())?;
        std::fs::write(&made.key, key.serialize_pem())?;
        Ok(made)
    }

    /// A client that comes back by a ticket, or never does.
    pub fn client(&self, resumption: Resumption) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = resumption;
        Ok(Arc::new(config))
    }
}
