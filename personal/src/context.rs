//! Names a context without telling whose it is: what is encrypted by one key is found by this.

use std::fmt;

use ring::digest::{SHA256, digest};

use crate::key::push_part;

/// SHA-256 over module, table and the value of the context's column, each behind its length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextHash([u8; 32]);

impl ContextHash {
    /// `value` is the tail form of the context column's value.
    pub fn of(module: &str, table: &str, value: &[u8]) -> Self {
        let mut bytes = Vec::new();
        for part in [module.as_bytes(), table.as_bytes(), value] {
            push_part(&mut bytes, part);
        }
        let hash = digest(&SHA256, &bytes);
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContextHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_differ_where_only_the_borders_of_their_parts_do() {
        let hash = ContextHash::of("clinic", "patient", b"7");
        assert_eq!(hash, ContextHash::of("clinic", "patient", b"7"));
        for (module, table, value) in
            [("clinicp", "atient", "7"), ("clinic", "patient7", ""), ("clinic", "patient", "8")]
        {
            assert_ne!(hash, ContextHash::of(module, table, value.as_bytes()));
        }
        assert_eq!(hash.to_string().len(), 64);
    }
}
