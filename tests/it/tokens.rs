//! Accounts, tokens and roles.

use cosmictron_tests::{TestServer, my_agent};
use serde_json::json;

#[test]
fn a_token_is_refused_from_sign_out_on_also_after_a_restart() {
    let server = TestServer::start(&["--shards", "2"]);
    let mut ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    let fresh = ada.post("/v1/auth/refresh", "").json()["token"].as_str().unwrap().to_owned();
    assert_eq!(ada.post("/v1/auth/sign-out", "").status, 204);
    for _ in 0..8 {
        // On whichever core the connection lands.
        assert_eq!(server.client_of(&token).get("/v1/auth/me").status, 401);
    }
    assert_eq!(server.client_of(&fresh).get("/v1/auth/me").json()["email"], "ada@example.com");
    let server = server.kill_and_restart();
    assert_eq!(server.client_of(&token).get("/v1/auth/me").status, 401);
    assert_eq!(server.client_of(&fresh).get("/v1/auth/me").status, 200);
}

#[test]
fn a_wrong_password_and_an_unknown_address_answer_the_same() {
    let server = TestServer::start(&["--shards", "1"]);
    server.sign_up("ada@example.com");
    let mut client = server.client();
    let mut sign_in = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password }).to_string();
        let answer = client.post("/v1/auth/sign-in", &body);
        (answer.status, answer.body)
    };
    assert_eq!(sign_in("ADA@example.com", "secret").0, 200);
    let wrong = sign_in("ada@example.com", "wrong-password");
    assert_eq!(wrong.0, 401);
    assert_eq!(sign_in("bob@example.com", "wrong-password"), wrong);
    assert_eq!(sign_in("no address", "wrong-password"), wrong);
    assert_eq!(sign_in("ada@example.com", &"x".repeat(5000)), wrong);
}

#[test]
fn only_deployers_deploy_and_only_admins_grant() {
    let server = TestServer::start(&["--shards", "2"]);
    let mut ada = server.sign_up("ada@example.com");
    let form = [("Content-Type", "multipart/form-data; boundary=b")];
    let deploy = |client: &mut cosmictron_tests::TestClient| {
        client.request("POST", "/v1/modules", &form, b"--b--\r\n").code()
    };
    let grant = json!({ "email": "ada@example.com", "role": "deployer" }).to_string();
    assert_eq!(deploy(&mut ada), "forbidden");
    assert_eq!(ada.post("/v1/admin/grant", &grant).code(), "forbidden");
    assert_eq!(server.admin().post("/v1/admin/grant", &grant).status, 204);
    assert_eq!(deploy(&mut ada), "invalid_request");
    assert_eq!(ada.get("/v1/auth/me").json()["roles"], json!(["user", "deployer"]));
    let token = ada.token().unwrap().to_owned();
    let server = server.stop_and_restart();
    assert_eq!(deploy(&mut server.client_of(&token)), "invalid_request");
    assert_eq!(server.admin().post("/v1/admin/revoke", &grant).status, 204);
    assert_eq!(deploy(&mut server.client_of(&token)), "forbidden");
}

#[test]
fn a_magic_link_works_once_and_makes_the_account() {
    let server = TestServer::start(&["--shards", "2"]);
    let mut client = server.client();
    let asked = client.post("/v1/auth/magic-link/request", r#"{"email":"eve@example.com"}"#);
    assert_eq!(asked.status, 202);
    let mail = wait_for_mail(&server);
    let token = mail.split('"').find(|part| part.len() == 64).expect("the mail has a token");
    let body = json!({ "token": token }).to_string();
    let first = client.post("/v1/auth/magic-link/verify", &body);
    assert_eq!(first.status, 200, "{}", first.body);
    let session = first.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(server.client_of(&session).get("/v1/auth/me").json()["email"], "eve@example.com");
    assert_eq!(client.post("/v1/auth/magic-link/verify", &body).status, 401);
    assert!(server.log().iter().all(|line| !line.contains(token)), "a secret is in the log");
}

/// The text of the first mail, with its transport's line breaks undone. Sending has no answer to wait for.
fn wait_for_mail(server: &TestServer) -> String {
    let outbox = server.data_dir().join("outbox");
    loop {
        let mail = std::fs::read_dir(&outbox).ok().and_then(|mut mails| mails.next());
        if let Some(Ok(mail)) = mail {
            let text = std::fs::read_to_string(mail.path()).unwrap();
            if text.ends_with("\r\n") || text.ends_with('\n') {
                return text.replace("=\r\n", "").replace("=3D", "=");
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_is_not_public_is_for_admins_alone() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut nobody = server.client();
    let body = r#"{"query":"SELECT * FROM agent_state"}"#;
    assert_eq!(nobody.post("/v1/sql", body).code(), "unauthenticated");
    assert_eq!(nobody.call("record_agent_message", "[]").code(), "unauthenticated");
    let headers = [("Authorization", "Bearer nonsense")];
    assert_eq!(nobody.request("GET", "/v1/auth/me", &headers, b"").code(), "unauthenticated");
}

/// A request of each kind that needs a token.
const ASKED: [(&str, &str, &str); 5] = [
    ("GET", "/v1/auth/me", ""),
    ("POST", "/v1/reducers/record_agent_message", r#"["s", "user", "x"]"#),
    ("POST", "/v1/sql", r#"{"query":"SELECT * FROM agent_state"}"#),
    ("GET", "/v1/modules/my-agent", ""),
    ("GET", "/v1/health/diagnostics", ""),
];

#[test]
fn a_token_of_another_making_opens_nothing_and_is_told_nothing() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let ada = server.sign_up("ada@example.com");
    let good = ada.token().unwrap().to_owned();
    let foreign = TestServer::start(&["--shards", "1"]).sign_up("ada@example.com");
    let foreign = foreign.token().unwrap().to_owned();
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (ours, theirs) = (parts(&good), parts(&foreign));
    // {"alg":"none"} and {"alg":"HS256"}, with the payload of a good token.
    let (none, secret) = ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9");
    let tokens = [
        foreign.clone(),
        // Another server's words under our key's name, and ours under another's signature.
        format!("{}.{}.{}", ours[0], theirs[1], theirs[2]),
        format!("{}.{}.{}", ours[0], ours[1], theirs[2]),
        format!("{}.{}.{}", ours[0], theirs[1], ours[2]),
        format!("{none}.{}.", ours[1]),
        format!("{none}.{}.{}", ours[1], ours[2]),
        format!("{secret}.{}.{}", ours[1], ours[2]),
        good[..good.len() - 1].to_owned(),
        good[..good.len() / 2].to_owned(),
        format!("{}.{}", ours[0], ours[1]),
        format!("{good}.{}", ours[2]),
        format!("{good}A"),
        "..".to_owned(),
        "x".repeat(8000),
    ];
    server.log();
    for token in &tokens {
        let mut client = server.client_of(token);
        for (method, path, body) in ASKED {
            let answer = client.request(method, path, &[], body.as_bytes());
            let expected = (401, "unauthenticated", "the token is not one of this server's");
            let problem = answer.json();
            let found = problem["detail"].as_str().unwrap();
            assert_eq!((answer.status, &*answer.code(), found), expected, "{token} {path}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    let mut ada = server.client_of(&good);
    assert_eq!(ada.sql("SELECT count(*) FROM agent_state"), json!([[0]]));
    let told = server.log().join("\n");
    let secrets = ours.iter().chain(&theirs).filter(|part| part.len() > 20);
    assert!(secrets.into_iter().all(|secret| !told.contains(secret)), "a secret is in the log");
}

#[test]
fn a_token_is_good_until_it_expires_and_no_longer() {
    let server = TestServer::start_with("auth.token_lifetime = \"1s\"\n", &["--shards", "2"]);
    let ada = server.sign_up("ada@example.com");
    let token = ada.token().unwrap().to_owned();
    let mut ada = server.client_of(&token);
    let expired = loop {
        let answer = ada.get("/v1/auth/me");
        if answer.status != 200 {
            break answer;
        }
        std::thread::yield_now();
    };
    assert_eq!((expired.status, &*expired.code()), (401, "unauthenticated"));
    assert_eq!(expired.json()["detail"], "the token has expired");
    for _ in 0..8 {
        // On whichever core the connection lands, and never renewed by what has expired.
        let mut ada = server.client_of(&token);
        assert_eq!(ada.get("/v1/auth/me").status, 401);
        assert_eq!(ada.post("/v1/auth/refresh", "").status, 401);
    }
    let server = server.kill_and_restart();
    assert_eq!(server.client_of(&token).get("/v1/auth/me").status, 401);
}
