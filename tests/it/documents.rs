//! What the documents say of the HTTP API is what the server does.

use std::collections::BTreeSet;

use cosmictron_net::ProblemCode;
use cosmictron_tests::TestServer;

#[test]
fn every_code_of_a_problem_is_documented_with_its_status() {
    let documents = include_str!("../../docs/http-api.md");
    let rows: Vec<&str> = documents.lines().filter(|line| line.starts_with("| ")).collect();
    let is_told = |code: &ProblemCode| {
        let (word, status) =
            (format!("`{}`", code.as_str()), format!("| {} |", code.status().code()));
        rows.iter().any(|row| row.starts_with(&status) && row.contains(&word))
    };
    let missing: Vec<&ProblemCode> =
        ProblemCode::ALL.iter().filter(|code| !is_told(code)).collect();
    assert!(missing.is_empty(), "docs/http-api.md does not tell of {missing:?}");
}

#[test]
fn the_server_has_the_routes_that_its_description_lists_with_their_methods() {
    let server = TestServer::start(&["--shards", "1"]);
    let mut client = server.client();
    let description = client.get("/v1/openapi.json").json();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 10, "{description}");
    for (path, operations) in paths {
        let known = ["get", "post", "delete", "put", "patch"];
        let described: BTreeSet<String> = operations
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| known.contains(&key.as_str()))
            .map(|method| method.to_uppercase())
            .collect();
        let answer = client.request("OPTIONS", &path.replace(['{', '}'], ""), &[], b"");
        let allowed = answer.header("allow").unwrap_or_else(|| panic!("{path}: {answer:?}"));
        // HEAD comes with GET, OPTIONS with every path.
        let allowed: BTreeSet<String> = allowed
            .split(", ")
            .filter(|method| !["HEAD", "OPTIONS"].contains(method))
            .map(str::to_owned)
            .collect();
        assert_eq!(allowed, described, "{path}");
    }
}
