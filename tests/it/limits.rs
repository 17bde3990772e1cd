//! How much each client may ask for, and what it is told when that was too much.

use std::time::Duration;

use cosmictron_net::Method;
use cosmictron_tests::{TestAnswer, TestClient, TestServer, counter, my_agent};
use serde_json::json;

/// A server on one core that limits clients of this machine, too.
fn start(limits: &str) -> TestServer {
    let settings = format!("[limits]\nloopback = true\n{limits}");
    TestServer::start_with(&settings, &["--shards", "1"])
}

/// What a refusal has to say.
#[track_caller]
fn check_refusal(answer: &TestAnswer, policy: &str) -> u64 {
    assert_eq!((answer.status, answer.code().as_str()), (429, "rate_limited"), "{}", answer.body);
    let secs: u64 = answer.header("retry-after").expect("when to come again").parse().unwrap();
    assert!(secs > 0);
    assert_eq!(answer.header("ratelimit-policy"), Some(policy));
    let name = policy.split(';').next().unwrap();
    assert_eq!(answer.header("ratelimit"), Some(format!("{name};r=0;t={secs}").as_str()));
    secs
}

#[test]
fn an_address_has_its_rate_and_health_is_told_at_any_time() {
    let server = start("per_address = \"1/h burst 3\"\n");
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200, "what needs no shard is not counted");
        assert_eq!(client.get("/v1/auth/me").status, 401);
    }
    check_refusal(&client.get("/v1/auth/me"), "\"address\";q=1;w=3600");
    check_refusal(&server.client().post("/v1/sql", "{}"), "\"address\";q=1;w=3600");
    assert_eq!(client.get("/v1/health").status, 200);
    assert_eq!(client.get("/v1/health/ready").status, 200);
}

#[test]
fn an_identity_has_its_rate_from_wherever_it_comes() {
    let server = start("per_identity = \"1/h burst 5\"\n");
    server.deploy("my-agent", &my_agent());
    let (mut ada, mut bob) = (server.sign_up("ada@example.com"), server.sign_up("bob@example.com"));
    for _ in 0..5 {
        assert_eq!(ada.again().call("record_agent_message", r#"["s", "u", "x"]"#).status, 200);
    }
    let refused = ada.call("record_agent_message", r#"["s", "u", "x"]"#);
    check_refusal(&refused, "\"identity\";q=1;w=3600");
    assert_eq!(bob.sql("SELECT count(*) FROM agent_state"), json!([[5]]));
}

#[test]
fn a_websocket_is_told_and_goes_on() {
    let server = start("per_identity = \"20/s burst 2\"\n");
    let ada = server.sign_up("ada@example.com");
    let mut socket = server.socket_of(&ada);
    assert_eq!(socket.message().unwrap()["type"], "welcome");
    let query = json!({"type": "query", "query": "SELECT 1"});
    let mut refused = None;
    for _ in 0..20 {
        let answer = socket.ask(query.clone());
        if answer["type"] == "error" {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("more than two at once");
    assert_eq!(refused["code"], "rate_limited");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.ends_with("try again in 1 s"), "{detail}");
    // A token comes in 50 ms.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(socket.ask(query)["type"], "rows");
}

fn sign_in(client: &mut TestClient, email: &str, fields: &[(&str, &str)]) -> TestAnswer {
    let body = json!({"email": email, "password": "wrong-password"}).to_string();
    let fields = [&[("Content-Type", "application/json")], fields].concat();
    client.request("POST", "/v1/auth/sign-in", &fields, body.as_bytes())
}

#[test]
fn attempts_to_sign_in_are_counted_by_account_and_by_address() {
    let settings = "sign_in_per_account = \"1/h burst 3\"\nsign_in_per_address = \"1/h burst 6\"\n";
    let server = start(settings);
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(sign_in(&mut client, "ada@example.com", &[]).status, 401);
    }
    // Whether or not there is such an account, and however it is written.
    let refused = sign_in(&mut client, "Ada@example.com", &[]);
    check_refusal(&refused, "\"sign-in-account\";q=1;w=3600");
    let link = client.post("/v1/auth/magic-link/request", r#"{"email": "ada@example.com"}"#);
    check_refusal(&link, "\"sign-in-account\";q=1;w=3600");
    // Six attempts were made from here, refused ones among them.
    assert_eq!(sign_in(&mut client, "bob@example.com", &[]).status, 401);
    let refused = sign_in(&mut client, "eve@example.com", &[]);
    check_refusal(&refused, "\"sign-in-address\";q=1;w=3600");
    let link = client.post("/v1/auth/magic-link/verify", r#"{"token": "x"}"#);
    check_refusal(&link, "\"sign-in-address\";q=1;w=3600");
    // Other requests are another matter.
    assert_eq!(client.get("/v1/auth/me").status, 401);
}

#[test]
fn nobody_names_another_address_but_a_trusted_proxy() {
    let limits = "sign_in_per_address = \"1/h burst 1\"\nsign_in_per_account = \"off\"\n";
    let named = |address: &str| [("X-Forwarded-For".to_owned(), address.to_owned())];
    let attempt = |server: &TestServer, address: &str| {
        let named = named(address);
        let fields: Vec<_> = named.iter().map(|(name, value)| (&**name, &**value)).collect();
        sign_in(&mut server.client(), "ada@example.com", &fields).status
    };
    let server = start(limits);
    assert_eq!(attempt(&server, "192.0.2.1"), 401);
    assert_eq!(attempt(&server, "192.0.2.2"), 429, "it was believed");
    let server = start(&format!("{limits}trusted_proxies = [\"127.0.0.0/8\"]\n"));
    assert_eq!(attempt(&server, "192.0.2.1"), 401);
    assert_eq!(attempt(&server, "192.0.2.2"), 401);
    assert_eq!(attempt(&server, "192.0.2.1"), 429);
    assert_eq!(
        attempt(&server, "192.0.2.77, 192.0.2.1"),
        429,
        "what the client wrote was believed"
    );
    assert_eq!(attempt(&server, "2001:db8::1"), 401);
    assert_eq!(attempt(&server, "2001:db8::ffff"), 429, "one subscriber has many addresses");
}

#[test]
fn clients_of_this_machine_are_not_limited_unless_told() {
    let limits =
        "[limits]\nper_address = \"1/h\"\nper_identity = \"1/h\"\nsign_in_per_address = \"1/h\"\n";
    let server = TestServer::start_with(limits, &["--shards", "1"]);
    let mut ada = server.sign_up("ada@example.com");
    for _ in 0..20 {
        assert_eq!(ada.get("/v1/auth/me").status, 200);
    }
    assert_eq!(sign_in(&mut server.client(), "ada@example.com", &[]).status, 401);
}

#[test]
fn one_address_has_so_many_connections_and_leaves_room_by_going() {
    let server = start("connections_per_address_max = 4\n");
    let mut inside: Vec<TestClient> = (0..4).map(|_| server.client()).collect();
    for client in &mut inside {
        assert_eq!(client.get("/v1/health").status, 200);
    }
    assert!(server.client().try_request("GET", "/v1/health", &[], b"").is_none());
    inside.truncate(3);
    while server.client().try_request("GET", "/v1/health", &[], b"").is_none() {}
}

#[test]
fn no_more_modules_are_deployed_than_may_be() {
    let server = start("modules_max = 1\n");
    server.deploy("my-agent", &my_agent());
    let refused = server.try_deploy("counter", &counter());
    assert_eq!((refused.status, refused.code().as_str()), (507, "out_of_space"));
    assert!(refused.body.contains("limits.modules_max"), "{}", refused.body);
    // Another version is no further module.
    server.deploy("my-agent", &my_agent());
}

#[test]
fn what_is_no_rate_or_network_is_refused_at_the_start() {
    for (setting, reason) in [
        ("per_address = \"fast\"", "is not a rate"),
        ("trusted_proxies = [\"10.0.0.0/33\"]", "is not a network"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        cosmictron_tests::configure(folder.path(), &format!("[limits]\n{setting}\n"));
        let refusal = TestServer::try_start_in(folder, Vec::new()).err().expect("it starts");
        assert!(refusal.text().contains(reason), "{}", refusal.text());
    }
}

/// Passwords are hashed beside the cores, one of each core at a time; calls go on.
#[test]
fn a_flood_of_attempts_to_sign_in_leaves_calls_alone() {
    let server = TestServer::start(&["--shards", "1"]);
    server.deploy("my-agent", &my_agent());
    let mut ada = server.sign_up("ada@example.com");
    let body = json!({"email": "ada@example.com", "password": "wrong-password"}).to_string();
    let request = format!(
        "POST /v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut flood: Vec<TestClient> = (0..100)
        .map(|_| {
            let mut client = server.client();
            assert!(client.send(request.repeat(5).as_bytes()));
            client
        })
        .collect();
    for number in 1..=100 {
        let answer = ada.call("record_agent_message", r#"["s", "user", "x"]"#);
        assert_eq!(answer.json()["result"], number);
    }
    let mut statuses = [0, 0];
    for client in &mut flood {
        for _ in 0..5 {
            let answer = client.read_answer(Method::Post).unwrap();
            match answer.status {
                401 => statuses[0] += 1,
                503 => {
                    assert_eq!(answer.code(), "overloaded");
                    assert!(answer.header("retry-after").is_some());
                    statuses[1] += 1;
                }
                other => panic!("{other}: {}", answer.body),
            }
        }
    }
    assert!(statuses[0] > 0 && statuses[1] > 0, "{statuses:?}");
}
