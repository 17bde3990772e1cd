//! Who a client is by its address: behind proxies that are trusted to say so, and where addresses come in whole networks.
//!
//! A proxy appends the address that it was asked from to `X-Forwarded-For`; what stands before that a client may have
//! written itself. So the list is read from its end, for as long as it was a trusted proxy that spoke: the first address
//! that is none of theirs is the client's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses with the same first bits, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network such as 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32")]
pub struct InvalidNetwork(String);

/// What a client is known by: its IPv4 address, or the network of 64 bits that its IPv6 address is in, which is what a
/// subscriber is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAddress(IpAddr);

/// Hops of one request that are looked at. More proxies than that in a row are a client's invention.
const HOPS_MAX: usize = 16;
/// Bits of an IPv6 address that tell clients apart.
const CLIENT_BITS: u32 = 64;

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let parse = || {
            let (address, bits) = match text.split_once('/') {
                Some((address, bits)) => (address, Some(bits)),
                None => (text, None),
            };
            let address: IpAddr = address.parse().ok()?;
            let bits_max = if address.is_ipv4() { 32 } else { 128 };
            let bits = match bits {
                // No sign, no blanks.
                Some(bits) if bits.bytes().all(|octet| octet.is_ascii_digit()) => {
                    bits.parse().ok()?
                }
                Some(_) => return None,
                None => bits_max,
            };
            (bits <= bits_max).then_some(Network { address, bits })
        };
        parse().ok_or_else(|| InvalidNetwork(text.to_owned()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl ClientAddress {
    /// Of one address.
    pub fn of(address: IpAddr) -> ClientAddress {
        ClientAddress(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> CLIENT_BITS << CLIENT_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/{CLIENT_BITS}"),
        }
    }
}

/// The client's address: that of the connection, or where that is a trusted proxy's, the one that it names in the fields of
/// `X-Forwarded-For`, which are given in their order.
pub fn client_of<'a>(
    peer: IpAddr,
    trusted: &[Network],
    fields: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let hops = fields.rev().flat_map(|field| field.rsplit(|octet| *octet == b','));
    for hop in hops.take(HOPS_MAX) {
        // Who wrote something else than an address does not say who the client is: whoever passed it on is taken for it.
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address as proxies write it: bare, with a port, in brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop.trim_ascii()).ok()?;
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        let is_end = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return is_end.then(|| address.parse::<Ipv6Addr>().ok()).flatten().map(canonical);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    port.parse::<u16>().ok()?;
    address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn canonical(address: Ipv6Addr) -> IpAddr {
    IpAddr::V6(address).to_canonical()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[track_caller]
    fn check(peer: &str, fields: &[&str], client: &str) {
        let trusted = networks(&["10.0.0.0/8", "fd00::/8"]);
        let fields = fields.iter().map(|field| field.as_bytes());
        let found = client_of(peer.parse().unwrap(), &trusted, fields);
        assert_eq!(found.to_string(), client);
    }

    #[test]
    fn the_last_hop_that_is_no_trusted_proxy_is_the_client() {
        check("10.0.0.1", &["192.0.2.7"], "192.0.2.7");
        check("10.0.0.1", &["192.0.2.7, 10.0.0.2"], "192.0.2.7");
        check("10.0.0.1", &["192.0.2.7", "10.0.0.2"], "192.0.2.7");
        check("fd00::1", &["2001:db8::7"], "2001:db8::7");
        check("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7");
        check("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7");
        check("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7");
        check("10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7");
        check("::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7");
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
        check("10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        check("192.0.2.1", &["192.0.2.7"], "192.0.2.1");
        // What the client itself has written before.
        check("10.0.0.1", &["127.0.0.1, 192.0.2.7"], "192.0.2.7");
        check("10.0.0.1", &["10.0.0.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7");
        check("10.0.0.1", &["127.0.0.1", "192.0.2.7"], "192.0.2.7");
    }

    #[test]
    fn what_is_no_address_names_nobody() {
        for hop in
            ["", "unknown", "_hidden", "192.0.2.7:x", "[::1", "[::1]x", "1.2.3", "fe80::1%eth0"]
        {
            check("10.0.0.1", &[&format!("192.0.2.7, {hop}")], "10.0.0.1");
            check("10.0.0.1", &[&format!("192.0.2.7, {hop}, 10.0.0.2")], "10.0.0.2");
        }
        let long = "10.0.0.2,".repeat(100);
        check("10.0.0.1", &[&format!("192.0.2.7,{long}")], "10.0.0.1");
        let long = format!("192.0.2.7{}", ",10.0.0.2".repeat(100));
        check("10.0.0.1", &[&long], "10.0.0.2");
    }

    #[test]
    fn networks_are_read_and_contain_their_addresses() {
        let contains = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap();
            network.contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("0.0.0.0/0", "192.0.2.1") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("192.0.2.1", "192.0.2.1") && !contains("192.0.2.1", "192.0.2.2"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("::/1", "8000::"));
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::/129", "a/8", "10/8", "1.2.3.4/8/8"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn clients_of_one_network_of_64_bits_are_one() {
        let of = |text: &str| ClientAddress::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8::/64");
    }

    proptest! {
        /// Whatever a client sends through one proxy: it is known by where it came from.
        #[test]
        fn a_client_cannot_change_who_it_is(said in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
            let trusted = networks(&["10.0.0.0/8"]);
            let mut fields = said;
            fields.push(b"192.0.2.7".to_vec());
            let peer = IpAddr::from([10, 0, 0, 1]);
            let found = client_of(peer, &trusted, fields.iter().map(Vec::as_slice));
            prop_assert_eq!(found, IpAddr::from([192, 0, 2, 7]));
            let stranger = IpAddr::from([192, 0, 2, 9]);
            let found = client_of(stranger, &trusted, fields.iter().map(Vec::as_slice));
            prop_assert_eq!(found, stranger);
        }
    }
}
