//! The keys that sign tokens, in `keys/` of the data directory.
//!
//! Each file `<kid>.pem` holds one Ed25519 private key in PKCS#8, readable by its owner alone. The newest key signs;
//! all of them verify. Rotation is: put a new file in and restart; delete the old one when its tokens have expired.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};

use crate::whole_file;

/// Every key that a token may be signed with.
pub struct KeyRing {
    signing: EncodingKey,
    signing_kid: String,
    verifying: BTreeMap<String, DecodingKey>,
}

/// Why the keys cannot be used. The operator's doing.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    #[error("keys/{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("keys/{file} is no Ed25519 private key in PKCS#8 PEM form")]
    Malformed { file: String },
    #[error("keys/{file} can be read by others: set its mode to 0600")]
    Exposed { file: String },
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

impl KeyRing {
    /// Reads the keys, making the first one where there is none.
    pub fn open(directory: &Path) -> Result<KeyRing, KeyRingError> {
        fs::create_dir_all(directory).map_err(|source| io_error(directory, source))?;
        let mut files = key_files(directory)?;
        if files.is_empty() {
            files.push((0, create_key(directory)?));
        }
        files.sort();
        let keys = files
            .iter()
            .map(|(_, path)| read_key(path))
            .collect::<Result<Vec<SigningKey>, KeyRingError>>()?;
        let newest = keys.last().expect("a key was made where there was none");
        let encoded = newest.to_pkcs8_der().expect("an Ed25519 key has a PKCS#8 form");
        Ok(KeyRing {
            signing: EncodingKey::from_ed_der(encoded.as_bytes()),
            signing_kid: kid(newest),
            verifying: keys.iter().map(verifying_key).collect(),
        })
    }

    /// The key that signs, and its name.
    pub fn signing(&self) -> (&str, &EncodingKey) {
        (&self.signing_kid, &self.signing)
    }

    /// The key that a token names.
    pub fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifying.get(kid)
    }
}

/// A key's name: a hash of its public half, so that the same key has the same name everywhere.
fn kid(key: &SigningKey) -> String {
    let digest = Sha256::digest(key.verifying_key().as_bytes());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn verifying_key(key: &SigningKey) -> (String, DecodingKey) {
    (kid(key), DecodingKey::from_ed_der(key.verifying_key().as_bytes()))
}

/// The key files with their times of change, in microseconds.
fn key_files(directory: &Path) -> Result<Vec<(u128, PathBuf)>, KeyRingError> {
    let entries = fs::read_dir(directory).map_err(|source| io_error(directory, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| io_error(directory, source))?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let changed = fs::metadata(&path)
                .and_then(|metadata| metadata.modified())
                .map_err(|source| io_error(&path, source))?;
            let age = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
            files.push((age.as_micros(), path));
        }
    }
    Ok(files)
}

fn create_key(directory: &Path) -> Result<PathBuf, KeyRingError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeyRingError::Random)?;
    let key = SigningKey::from_bytes(&seed);
    let pem = key.to_pkcs8_pem(LineEnding::LF).expect("an Ed25519 key has a PKCS#8 form");
    let path = directory.join(format!("{}.pem", kid(&key)));
    // A start that fails or is killed meanwhile leaves no half of a key, which the next one would refuse.
    whole_file::write(&path, pem.as_bytes()).map_err(|source| io_error(&path, source))?;
    Ok(path)
}

fn read_key(path: &Path) -> Result<SigningKey, KeyRingError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(KeyRingError::Exposed { file: file_name(path) });
    }
    let pem = fs::read_to_string(path).map_err(|source| io_error(path, source))?;
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| KeyRingError::Malformed { file: file_name(path) })
}

fn io_error(path: &Path, source: io::Error) -> KeyRingError {
    KeyRingError::Io { file: file_name(path), source }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_the_second_finds() {
        let directory = tempfile::tempdir().unwrap();
        let first = KeyRing::open(directory.path()).unwrap();
        let second = KeyRing::open(directory.path()).unwrap();
        assert_eq!(first.signing().0, second.signing().0);
        assert!(second.verifying(first.signing().0).is_some());
        assert!(second.verifying("../../etc/passwd").is_none());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = create_key(directory.path()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(KeyRing::open(directory.path()), Err(KeyRingError::Exposed { .. })));
    }

    #[test]
    fn a_damaged_key_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = create_key(directory.path()).unwrap();
        fs::write(&path, "no key").unwrap();
        assert!(matches!(KeyRing::open(directory.path()), Err(KeyRingError::Malformed { .. })));
    }
}
