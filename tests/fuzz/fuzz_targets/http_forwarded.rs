//! Arbitrary fields of `X-Forwarded-For`: a client is who the trusted proxies say, whatever it has said itself.

#![no_main]

use std::net::IpAddr;

use cosmictron_net::forwarded::{ClientAddress, Network, client_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let trusted: [Network; 2] = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().expect("a network"));
    let peer = IpAddr::from([10, 0, 0, 1]);
    let fields: Vec<&[u8]> = input.split(|octet| *octet == b'\n').collect();
    let _ = ClientAddress::of(client_of(peer, &trusted, fields.iter().copied())).to_string();
    // The proxy appends the address that it was asked from.
    let client = IpAddr::from([192, 0, 2, 7]);
    let named = [fields.clone(), vec![b"192.0.2.7"]].concat();
    assert_eq!(client_of(peer, &trusted, named.into_iter()), client);
    // To a field that is there already, too.
    let appended = [fields.last().copied().unwrap_or_default(), b", 192.0.2.7"].concat();
    assert_eq!(client_of(peer, &trusted, [&*appended].into_iter()), client);
    // Nobody else is believed.
    let stranger = IpAddr::from([192, 0, 2, 9]);
    assert_eq!(client_of(stranger, &trusted, fields.into_iter()), stranger);
    let text = String::from_utf8_lossy(input);
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
    }
});
