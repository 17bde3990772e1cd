//! Names one version of a module by the hash of its bytes.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of a module's WebAssembly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 32]);

impl Version {
    /// Bytes of a version.
    pub const BYTES: usize = 32;

    /// The version that these bytes of WebAssembly are.
    pub fn of(wasm: &[u8]) -> Version {
        Version(Sha256::digest(wasm).into())
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Version {
        Version(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash alone: 64 lower-case hex characters.
    pub(crate) fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes all that is written");
            hex
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_sha256_of_the_bytes() {
        assert_eq!(
            Version::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
