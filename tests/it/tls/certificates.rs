//! Certificates that cannot be used, and those that change while the server runs.

use std::fs;
use std::sync::Arc;

use cosmictron_tests::{TestCertificate, TestClient, TestServer};
use rcgen::date_time_ymd;
use rustix::process::Signal;
use rustls::ClientConfig;

use super::Site;

#[track_caller]
fn refused(flags: &[&str], reason: &str) {
    let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    let refusal = TestServer::try_start_in(tempfile::tempdir().unwrap(), flags);
    let refusal = refusal.err().expect("it starts");
    assert!(!refusal.status.success());
    assert!(refusal.text().contains(reason), "{}", refusal.text());
}

#[test]
fn a_server_does_not_start_with_what_its_clients_would_not_take() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, from: i32, to: i32| {
        TestCertificate::make_with(folder.path(), name, |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    let good = make("good", 2000, 3000);
    refused(&make("old", 2000, 2001).flags(), "old.pem: the certificate has expired");
    refused(&make("new", 2900, 3000).flags(), "new.pem: the certificate is not valid yet");
    let other = make("other", 2000, 3000);
    let [certificate, _, _, _] = good.flags();
    let mixed = [certificate, good.flags()[1], "--tls-key", other.flags()[3]];
    refused(&mixed, "good.pem: the private key is not that of the certificate");
    refused(&good.flags()[..2], "tls.certificate is set and tls.key is not");
    fs::write(&other.key, "nothing").unwrap();
    refused(&other.flags(), "other.key: the key file holds no private key");
    fs::remove_file(&other.key).unwrap();
    refused(&other.flags(), "other.key: No such file");
    fs::write(&other.certificate, "nothing").unwrap();
    refused(&[certificate, other.flags()[1], "--tls-key", good.flags()[3]], "holds no certificate");
}

/// Whether a client that believes in this certificate alone is served.
fn is_served(site: &Site, config: Arc<ClientConfig>) -> bool {
    let mut client = TestClient::connect_by(site.server.address(), Some(config), None);
    client.try_request("GET", "/v1/health", &[], b"").is_some()
}

/// Puts another certificate into the place of the server's, as programs that renew them do.
fn replace(site: &Site, other: &TestCertificate) {
    fs::rename(&other.key, &site.certificate.key).unwrap();
    fs::rename(&other.certificate, &site.certificate.certificate).unwrap();
}

#[test]
fn another_certificate_is_shown_as_soon_as_it_is_there() {
    let site = Site::start("");
    let mut before = site.server.client();
    assert_eq!(before.get("/v1/health").status, 200);
    let next = TestCertificate::make(site.folder.path(), "next");
    assert!(!is_served(&site, next.client()));
    replace(&site, &next);
    site.server.wait_for_line("another certificate is shown");
    assert!(is_served(&site, next.client()));
    assert!(!is_served(&site, site.certificate.client()));
    // Who is connected notices nothing.
    assert_eq!(before.get("/v1/health").status, 200);
}

#[test]
fn a_bad_pair_is_refused_and_the_old_one_stays() {
    let site = Site::start("");
    let next = TestCertificate::make(site.folder.path(), "next");
    // Half of the pair, as it is for a moment.
    fs::copy(&next.certificate, &site.certificate.certificate).unwrap();
    let (_, line) = site.server.wait_for_line("the certificate stays as it is");
    assert!(line.contains("the private key is not that of the certificate"), "{line}");
    assert!(is_served(&site, site.certificate.client()));
    let old = TestCertificate::make_with(site.folder.path(), "old", |params| {
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    replace(&site, &old);
    site.server.wait_for_line("has expired");
    assert!(is_served(&site, site.certificate.client()));
    fs::remove_file(&site.certificate.key).unwrap();
    site.server.wait_for_line("the certificate stays as it is");
    assert!(is_served(&site, site.certificate.client()));
    // The other half makes it whole.
    replace(&site, &next);
    site.server.wait_for_line("another certificate is shown");
    assert!(is_served(&site, next.client()));
}

#[test]
fn sighup_asks_to_look_and_ends_nothing() {
    let site = Site::start("");
    let next = TestCertificate::make(site.folder.path(), "next");
    site.server.signal(Signal::HUP);
    replace(&site, &next);
    site.server.signal(Signal::HUP);
    site.server.wait_for_line("another certificate is shown");
    assert!(is_served(&site, next.client()));
    site.server.signal(Signal::HUP);
    assert!(is_served(&site, next.client()));
}
