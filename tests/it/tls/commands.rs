//! The commands, within TLS.

use std::process::{Command, Output, Stdio};

use cosmictron_tests::binary;

use super::Site;

/// Runs a command against the server, as an account that has a token.
fn run(site: &Site, token: &str, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}", site.server.address().port());
    Command::new(binary())
        .args(arguments)
        .current_dir(home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("COSMICTRON_URL", url)
        .env("COSMICTRON_TOKEN", token)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn commands_speak_to_a_server_whose_authority_they_are_told() {
    let site = Site::start("");
    let ada = site.ada();
    let token = ada.token().unwrap();
    let ca = site.certificate.certificate.to_str().unwrap();
    let text = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let call = ["call", "record_agent_message", r#"["s", "user", "hello"]"#, "--ca-file", ca];
    assert!(text(run(&site, token, &call)).starts_with("1\nCommitted"));
    let query = "SELECT content FROM agent_state";
    let sql = text(run(&site, token, &["sql", query, "--json", "--ca-file", ca]));
    assert!(sql.contains(r#""rows":[["hello"]]"#), "{sql}");
    let subscribe = ["subscribe", query, "--count", "0", "--json", "--ca-file", ca];
    let told = text(run(&site, token, &subscribe));
    assert!(told.contains("hello"), "{told}");
}

#[test]
fn commands_do_not_speak_to_a_server_that_nobody_vouches_for() {
    let site = Site::start("");
    let other = cosmictron_tests::TestCertificate::make(site.folder.path(), "other");
    let other = other.certificate.to_str().unwrap();
    for arguments in [
        &["sql", "SELECT 1"][..],
        &["subscribe", "SELECT 1"],
        &["sql", "SELECT 1", "--ca-file", other],
        &["subscribe", "SELECT 1", "--ca-file", other],
    ] {
        let output = run(&site, "token", arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {error}");
        assert!(error.contains("cannot be reached") && error.contains("ertificate"), "{error}");
    }
}
