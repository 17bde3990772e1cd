//! Within TLS a server is believed whose certificate is of an authority that counts.

use cosmictron_client::{Client, Error, Options};
use rcgen::{CertificateParams, KeyPair};

use super::server::TestServer;

#[tokio::test]
async fn a_server_is_believed_by_its_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (pem, key_file) = (folder.path().join("a.pem"), folder.path().join("a.key"));
    std::fs::write(&pem, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let [pem, key_file] = [&pem, &key_file].map(|path| path.to_str().unwrap());
    let server = TestServer::start_with(&["--tls-certificate", pem, "--tls-key", key_file]);
    let url = format!("wss://{}", server.address());

    let authorities = Some(certificate.pem().into_bytes());
    let client = Client::new(&url, Options { authorities, ..Options::default() }).unwrap();
    client.sign_up("ada@example.com", "secret").await.unwrap();
    assert_eq!(client.query::<u64>("SELECT 7", &()).await.unwrap().rows, [7]);

    let stranger = Client::new(&url, Options::default()).unwrap();
    let refused = stranger.sign_in("ada@example.com", "secret").await.unwrap_err();
    assert!(
        matches!(&refused, Error::Unreachable(text) if text.contains("certificate")),
        "{refused}"
    );
    let wrong = Options { authorities: Some(b"nothing".to_vec()), ..Options::default() };
    assert!(matches!(Client::new(&url, wrong), Err(Error::Decode(_))));
}
