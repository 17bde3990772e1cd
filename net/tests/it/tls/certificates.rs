//! What is taken for a certificate and its key, and what is said of the rest.

use cosmictron_net::tls::{Acceptor, Certificate, SigningCost};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};
use rustls::pki_types::UnixTime;

use super::{Made, make, make_with};

#[track_caller]
fn refused(certificate: &str, key: &str, reason: &str) {
    let error = Certificate::parse(certificate.as_bytes(), key.as_bytes(), UnixTime::now());
    let error = error.expect_err("it is taken").to_string();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let (made, other) = (make(), make());
    refused("", &made.key, "holds no certificate");
    refused(&made.key, &made.key, "holds no certificate");
    refused(&made.certificate, "", "holds no private key");
    refused(&made.certificate, &made.certificate, "holds no private key");
    refused(&made.certificate, &other.key, "not that of the certificate");
    refused(&made.certificate.repeat(17), &made.key, "more than 16");
    let cut = &made.certificate[..made.certificate.len() / 2];
    refused(cut, &made.key, "certificate file");
    refused(
        &made.certificate,
        &made.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        "password",
    );
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(bad, &made.key, "not one of X.509");
    let bad = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    refused(&made.certificate, bad, "of a kind that is not taken");
    let cut = &made.key[..made.key.len() / 2];
    refused(&made.certificate, cut, "key file");
}

#[test]
fn a_certificate_counts_in_its_time_alone() {
    let of = |from, to| {
        make_with(|params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    let Made { certificate, key, .. } = of(2000, 2001);
    refused(&certificate, &key, "has expired");
    let Made { certificate, key, .. } = of(2900, 2901);
    refused(&certificate, &key, "not valid yet");
}

#[test]
fn authorities_of_their_own_are_taken() {
    // As `openssl req -x509` makes them.
    let made = make_with(|params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    Acceptor::new(made.parse()).unwrap();
}

#[test]
fn it_is_known_which_keys_take_long() {
    let cost = |key: &KeyPair| {
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(key).unwrap().pem();
        let key = key.serialize_pem();
        let now = UnixTime::now();
        let parsed = Certificate::parse(certificate.as_bytes(), key.as_bytes(), now).unwrap();
        Acceptor::new(parsed).unwrap().signing_cost()
    };
    assert_eq!(cost(&KeyPair::generate().unwrap()), SigningCost::Brief);
    assert_eq!(cost(&KeyPair::generate_for(&PKCS_ED25519).unwrap()), SigningCost::Brief);
    assert_eq!(cost(&KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()), SigningCost::Long);
}

#[test]
fn a_key_is_not_shown_to_whoever_looks() {
    let made = make();
    assert_eq!(format!("{:?}", made.parse()), "Certificate { signing_cost: Brief, .. }");
}
