//! Opens connections to a server: TCP, and TLS within it.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::address::Address;
use crate::error::Error;

/// Bytes in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What opens connections to one server.
#[derive(Clone)]
pub(crate) struct Transport {
    address: Address,
    tls: Option<TlsConnector>,
}

impl Transport {
    /// `authorities` in PEM, which count in place of those that browsers know.
    pub(crate) fn new(address: Address, authorities: Option<&[u8]>) -> Result<Transport, Error> {
        let tls = match address.is_secure {
            true => Some(connector(authorities)?),
            false => None,
        };
        Ok(Transport { address, tls })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let Address { host, port, .. } = &self.address;
        let unreachable = |error: std::io::Error| Error::unreachable(&error);
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        // A call is one small frame, and waits for nothing.
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(connector) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.clone()).map_err(|_| self.wrong("no host's name"))?;
        Ok(Box::new(connector.connect(name, stream).await.map_err(unreachable)?))
    }

    fn wrong(&self, reason: &'static str) -> Error {
        Error::Address { address: self.address.authority(), reason }
    }
}

fn connector(authorities: Option<&[u8]>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = authorities {
        roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| Error::Decode(error.to_string()))?;
            roots.add(certificate).map_err(|error| Error::Decode(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(Error::Decode(
                "the authorities hold no certificate in PEM form".to_owned(),
            ));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Decode(error.to_string()))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()).into())
}
