//! Where a server is.

use hyper::Uri;

use crate::error::Error;

/// A server's address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Within TLS.
    pub(crate) is_secure: bool,
}

impl Address {
    /// Reads `wss://host:port`; `ws`, `http` and `https` do as well.
    pub(crate) fn parse(text: &str) -> Result<Address, Error> {
        let wrong = |reason| Error::Address { address: text.to_owned(), reason };
        let uri: Uri = text.parse().map_err(|_| wrong("it is no URL"))?;
        let is_secure = match uri.scheme_str() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            _ => return Err(wrong("it has to begin with ws://, wss://, http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a name or a password is no part of it"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("a path is no part of it"));
        }
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Address { host, port, is_secure })
    }

    /// As the field `Host` has it.
    pub(crate) fn authority(&self) -> String {
        let Address { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_servers() {
        let check = |text: &str, host: &str, port, is_secure| {
            let expected = Address { host: host.to_owned(), port, is_secure };
            assert_eq!(Address::parse(text).unwrap(), expected, "{text}");
        };
        check("ws://localhost:3000", "localhost", 3000, false);
        check("https://db.example.com/", "db.example.com", 443, true);
        check("http://[::1]:80", "::1", 80, false);
        assert_eq!(Address::parse("ws://[::1]:80").unwrap().authority(), "[::1]:80");
        for text in ["", "localhost:3000", "ftp://a", "ws://a/v1/ws", "ws://u:p@a", "ws://a?b"] {
            assert!(matches!(Address::parse(text), Err(Error::Address { .. })), "{text}");
        }
    }
}
