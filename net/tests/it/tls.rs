//! TLS: a session against rustls's own client, over bytes that are cut as they come.

mod certificates;
mod records;

use std::io::{Read, Write};
use std::sync::Arc;

use cosmictron_net::tls::{Acceptor, Certificate, Progress, Session};
use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

/// A certificate for `localhost`, its text and its key's.
pub struct Made {
    pub der: CertificateDer<'static>,
    pub certificate: String,
    pub key: String,
}

pub fn make() -> Made {
    make_with(|_| {})
}

pub fn make_with(change: impl FnOnce(&mut CertificateParams)) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    Made {
        der: certificate.der().clone(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

impl Made {
    pub fn parse(&self) -> Certificate {
        let (certificate, key) = (self.certificate.as_bytes(), self.key.as_bytes());
        Certificate::parse(certificate, key, UnixTime::now()).unwrap()
    }
}

/// How clients of these certificates come.
pub fn client_config(
    trusted: &[&Made],
    version: &'static SupportedProtocolVersion,
    protocols: &[&str],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for made in trusted {
        roots.add(made.der.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

/// A client and a session, with all that goes between them in our hands.
pub struct Pair {
    pub client: ClientConnection,
    pub session: Session,
    /// What the client has said.
    pub heard: Vec<u8>,
    told: Vec<u8>,
}

impl Pair {
    pub fn new(acceptor: &Acceptor, config: &Arc<ClientConfig>) -> Pair {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        Pair { client, session: acceptor.begin().unwrap(), heard: Vec::new(), told: Vec::new() }
    }

    /// What the client has to send.
    pub fn client_records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut records).unwrap();
        }
        records
    }

    /// Gives records to the client.
    pub fn give_client(&mut self, mut records: &[u8]) -> Result<(), rustls::Error> {
        while !records.is_empty() {
            self.client.read_tls(&mut records).unwrap();
            self.client.process_new_packets()?;
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = self.client.reader().read(&mut piece) {
                self.told.extend_from_slice(&piece[..count]);
            }
        }
        Ok(())
    }

    /// Sends all that the client has to the session, in pieces of at most so many bytes.
    pub fn give_server(&mut self, piece_bytes: usize) -> Progress {
        let records = self.client_records();
        let mut progress = self.session.progress().unwrap();
        for piece in records.chunks(piece_bytes) {
            progress = self.session.read(&mut piece.to_vec(), &mut self.heard).unwrap();
        }
        progress
    }

    /// Shakes hands, with records cut into pieces.
    pub fn shake_hands(&mut self, piece_bytes: usize) {
        while self.session.progress().unwrap() == Progress::Handshake {
            self.give_server(piece_bytes);
            let mut out = Vec::new();
            self.session.take_out(&mut out);
            self.give_client(&out).unwrap();
        }
        assert!(!self.client.is_handshaking());
    }

    pub fn say(&mut self, text: &[u8]) {
        self.client.writer().write_all(text).unwrap();
    }

    /// What the client has been told since the last time.
    pub fn told(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.told)
    }
}

pub const VERSIONS: [&SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];
