//! Whom a command believes that a server is who it says.
//!
//! Mozilla's list, built in, rather than the machine's own: it is the same everywhere, also in a container without one.
//! Who has an authority of their own names it by `--ca-file`, and then it alone counts.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::output::CliError;

/// Bytes of the largest file that is read: the list of a whole system has some hundred thousand.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The authorities that count.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// Mozilla's.
    BuiltIn,
    /// Those of a file.
    Given(Vec<CertificateDer<'static>>),
}

impl Authorities {
    /// Those of a PEM file, where one is named.
    pub fn of(file: Option<&Path>) -> Result<Authorities, CliError> {
        let Some(path) = file else { return Ok(Authorities::BuiltIn) };
        let text = read(path)?;
        let wrong = |reason: String| CliError::Local(format!("{}: {reason}", path.display()));
        let given: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let given = given.map_err(|error| wrong(error.to_string()))?;
        if given.is_empty() {
            return Err(wrong("it holds no certificate in PEM form".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &given {
            roots.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(Authorities::Given(given))
    }

    /// For requests.
    pub fn for_requests(&self) -> TlsConfig {
        let config = TlsConfig::builder();
        match self {
            Authorities::BuiltIn => config.build(),
            Authorities::Given(given) => {
                let given: Vec<_> =
                    given.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
                config.root_certs(RootCerts::Specific(Arc::new(given))).build()
            }
        }
    }

    /// For a WebSocket.
    pub fn for_sockets(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let roots = match self {
            Authorities::BuiltIn => {
                RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
            }
            Authorities::Given(given) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(given.iter().cloned());
                roots
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    use std::io::Read;
    let mut text = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
    read.map_err(CliError::file(path))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert!(matches!(Authorities::of(Some(&file)), Err(CliError::File { .. })));
        std::fs::write(&file, "nothing").unwrap();
        let error = Authorities::of(Some(&file)).unwrap_err().to_string();
        assert!(error.ends_with("it holds no certificate in PEM form"), "{error}");
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, bad).unwrap();
        assert!(matches!(Authorities::of(Some(&file)), Err(CliError::Local(_))));
    }
}
