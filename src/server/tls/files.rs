//! Where the certificate and its key are, and what becomes of them when they change.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cosmictron_net::tls::{Acceptor, Certificate, CertificateError, TlsError};
use cosmictron_runtime::real::FileWatch;
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of the largest file that is read: a chain has a few thousand.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why a certificate is not used. The operator's doing.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFilesError {
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Unusable { path: PathBuf, source: CertificateError },
    #[error("TLS cannot be spoken: {0}")]
    Tls(#[from] TlsError),
    #[error("changes of {} cannot be watched: {source}", path.display())]
    Unwatched { path: PathBuf, source: io::Error },
}

/// What was read, so that it is known again. Nothing of a key is kept.
type Fingerprint = [u8; 32];

impl CertificateFiles {
    /// An acceptor that shows what is in the files, and goes on to do so while they change, for as long as the watch is
    /// kept.
    pub fn open(self) -> Result<(Acceptor, FileWatch), CertificateFilesError> {
        let (certificate, mut known) = self.load()?;
        let acceptor = Acceptor::new(certificate)?;
        let (files, path) = (vec![self.certificate.clone(), self.key.clone()], self.key.clone());
        let shown = acceptor.clone();
        let watch = FileWatch::start(files, move || self.reload(&shown, &mut known));
        let unwatched = |source| CertificateFilesError::Unwatched { path, source };
        Ok((acceptor, watch.map_err(unwatched)?))
    }

    /// Shows what is in the files now, if that is another pair that can be used. Until a good one comes the old one stays.
    fn reload(&self, acceptor: &Acceptor, known: &mut Fingerprint) {
        let (certificate, key) = match self.read() {
            Ok(texts) => texts,
            Err(error) => return tracing::warn!(%error, "the certificate stays as it is"),
        };
        let fingerprint = fingerprint(&certificate, &key);
        if *known == fingerprint {
            return;
        }
        *known = fingerprint;
        match self.parse(&certificate, &key) {
            Ok(certificate) => {
                acceptor.show(certificate);
                tracing::info!(certificate = %self.certificate.display(), "another certificate is shown");
            }
            Err(error) => tracing::warn!(%error, "the certificate stays as it is"),
        }
    }

    fn load(&self) -> Result<(Certificate, Fingerprint), CertificateFilesError> {
        let (certificate, key) = self.read()?;
        Ok((self.parse(&certificate, &key)?, fingerprint(&certificate, &key)))
    }

    /// The texts of both.
    fn read(&self) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), CertificateFilesError> {
        let mut key = Zeroizing::new(Vec::new());
        let mut certificate = Vec::new();
        read(&self.certificate, &mut certificate)?;
        let mode = read(&self.key, &mut key)?;
        if mode & 0o004 != 0 {
            tracing::warn!(path = %self.key.display(), "everyone on this machine can read the private key");
        }
        Ok((certificate, key))
    }

    fn parse(&self, certificate: &[u8], key: &[u8]) -> Result<Certificate, CertificateFilesError> {
        Certificate::parse(certificate, key, UnixTime::now()).map_err(|source| {
            let path = if source.is_of_key() { &self.key } else { &self.certificate };
            CertificateFilesError::Unusable { path: path.clone(), source }
        })
    }
}

/// Reads a file; its mode. The room is made beforehand: a vector that grows leaves copies of a key behind.
fn read(path: &Path, text: &mut Vec<u8>) -> Result<u32, CertificateFilesError> {
    let mut read = || -> io::Result<u32> {
        let file = File::open(path)?;
        let facts = file.metadata()?;
        if facts.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
        }
        text.reserve_exact(usize::try_from(facts.len()).unwrap_or(0) + 1);
        file.take(FILE_BYTES_MAX).read_to_end(text)?;
        Ok(facts.permissions().mode())
    };
    read().map_err(|source| CertificateFilesError::Unreadable { path: path.to_owned(), source })
}

fn fingerprint(certificate: &[u8], key: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(certificate));
    hash.update(Sha256::digest(key));
    hash.finalize().into()
}
