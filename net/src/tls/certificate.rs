//! A certificate with its chain and its key, as PEM text says them.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, SignatureAlgorithm, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

/// Certificates of one chain. Three are usual.
const CHAIN_MAX: usize = 16;

/// What a server shows to its clients, and signs with. Its key is zeroed when the last session lets go of it.
pub struct Certificate {
    key: Arc<CertifiedKey>,
    signing_cost: SigningCost,
}

/// How long a key takes to sign, once a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningCost {
    /// Tens of microseconds: P-256 and Ed25519.
    Brief,
    /// About a millisecond or more: RSA and the larger curves.
    Long,
}

/// Why a certificate and a key cannot be used. The operator's doing.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is none in the text.
    #[error("the certificate file holds no certificate in PEM form")]
    NoCertificate,
    /// More than a chain can need.
    #[error("the certificate file holds more than {CHAIN_MAX} certificates")]
    ChainTooLong,
    /// The certificate file is damaged.
    #[error("the certificate file is malformed: {0}")]
    MalformedCertificates(pem::Error),
    /// There is none in the text.
    #[error("the key file holds no private key in PEM form (one behind a password is not taken)")]
    NoKey,
    /// The key file is damaged. What is in it is not said.
    #[error("the key file is malformed")]
    MalformedKey,
    /// The key is of a kind that nobody signs with any more, or that is not known.
    #[error(
        "the private key is of a kind that is not taken: RSA from 2048 bits, P-256, P-384 and Ed25519 are"
    )]
    UnknownKey,
    /// They do not belong together.
    #[error("the private key is not that of the certificate")]
    OtherKey,
    /// Its time is over.
    #[error("the certificate has expired")]
    Expired,
    /// Its time has not come.
    #[error("the certificate is not valid yet: is the clock right?")]
    NotYetValid,
    /// It is none that a client would read.
    #[error("the certificate is not one of X.509 version 3 that is understood: {0}")]
    Unreadable(webpki::Error),
}

impl CertificateError {
    /// Whether it lies in the key's file.
    pub fn is_of_key(&self) -> bool {
        matches!(
            self,
            CertificateError::NoKey | CertificateError::MalformedKey | CertificateError::UnknownKey
        )
    }
}

impl Certificate {
    /// Reads the certificate, whose chain follows it, and its key, as of `now`.
    pub fn parse(
        certificates: &[u8],
        key: &[u8],
        now: UnixTime,
    ) -> Result<Certificate, CertificateError> {
        let chain = parse_chain(certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => CertificateError::NoKey,
            _ => CertificateError::MalformedKey,
        })?;
        check_time(&chain[0], now)?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let key = key.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::OtherKey,
            _ => CertificateError::UnknownKey,
        })?;
        Ok(Certificate { signing_cost: signing_cost(&key), key: Arc::new(key) })
    }

    /// How long a handshake takes by it.
    pub fn signing_cost(&self) -> SigningCost {
        self.signing_cost
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

impl fmt::Debug for Certificate {
    /// Nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("signing_cost", &self.signing_cost)
            .finish_non_exhaustive()
    }
}

fn parse_chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        if chain.len() == CHAIN_MAX {
            return Err(CertificateError::ChainTooLong);
        }
        chain.push(certificate.map_err(CertificateError::MalformedCertificates)?);
    }
    if chain.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(chain) }
}

/// Whether a certificate may be shown at a time. Who has issued it is for the clients to judge: it is held to no
/// authority, which it is found wanting for only when all else was in order.
fn check_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let certificate = EndEntityCert::try_from(certificate).map_err(CertificateError::Unreadable)?;
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let verified = certificate.verify_for_usage(
        algorithms,
        &[],
        &[],
        now,
        KeyUsage::server_auth(),
        None,
        None,
    );
    match verified {
        Err(webpki::Error::CertExpired { .. }) => Err(CertificateError::Expired),
        Err(webpki::Error::CertNotValidYet { .. }) => Err(CertificateError::NotYetValid),
        Err(error @ (webpki::Error::BadDer | webpki::Error::InvalidCertValidity)) => {
            Err(CertificateError::Unreadable(error))
        }
        _ => Ok(()),
    }
}

fn signing_cost(key: &CertifiedKey) -> SigningCost {
    let is_brief = match key.key.algorithm() {
        SignatureAlgorithm::ED25519 => true,
        SignatureAlgorithm::ECDSA => {
            key.key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).is_some()
        }
        _ => false,
    };
    if is_brief { SigningCost::Brief } else { SigningCost::Long }
}
