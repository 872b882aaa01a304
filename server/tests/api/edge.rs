//! The edge: headers on every answer, files, timers, caps, rates.

use axum::http::Method;
use protocol::{ErrorCode, Facts};
use sotto::config::Rate;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::member::person;
use crate::relay::{Call, TestRelay};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let relay = TestRelay::start().await;
    let policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
        worker-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; \
        form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
        trusted-types app-url";

    for path in ["/", "/chats/abc", "/missing.js", "/v1/health", "/v1/groups", "/v1/nothing", "/v1/socket"] {
        let answer = relay.send(Call::get(path)).await;
        assert_eq!(answer.header("content-security-policy"), Some(policy), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("cross-origin-embedder-policy"), Some("require-corp"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("permissions-policy").unwrap().starts_with("camera=(self)"));
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
}

#[tokio::test]
async fn the_page_stands_for_paths_without_extension_and_unknown_files_are_not_found() {
    let relay = TestRelay::start().await;

    for path in ["/", "/chats", "/chats/abc"] {
        let page = relay.send(Call::get(path)).await;
        assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("no-cache")), "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    }
    for path in ["/missing.js", "/assets/index-0123.js", "/chats/../etc/passwd.txt"] {
        assert_eq!(relay.send(Call::get(path)).await.code(), ErrorCode::NotFound, "{path}");
    }
    assert_eq!(relay.send(Call::get("/v1/health")).await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn another_method_is_told_so_and_an_unknown_path_is_not_found() {
    let relay = TestRelay::start().await;

    assert_eq!(relay.send(Call::delete("/v1/relay")).await.code(), ErrorCode::MethodNotAllowed);
    assert_eq!(relay.send(Call::get("/v1/nothing")).await.code(), ErrorCode::NotFound);
    assert_eq!(relay.send(Call::get("/v1")).await.code(), ErrorCode::NotFound);
    assert_eq!(relay.send(Call::post("/chats")).await.code(), ErrorCode::MethodNotAllowed);
}

#[tokio::test]
async fn no_answer_allows_another_origin() {
    let relay = TestRelay::start().await;

    for method in [Method::OPTIONS, Method::GET] {
        let call = Call::new(method, "/v1/relay")
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "GET");
        let answer = relay.send(call).await;
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn an_account_that_writes_too_much_is_told_when_to_return_and_others_are_not_touched() {
    let relay = TestRelay::with(|config| {
        config.limits.rates.write_account = Rate { per_minute: 1, burst: 2 };
    })
    .await;
    let [alice, bob] = crate::groups::people(&relay).await;
    let call = || Call::delete("/v1/welcomes/AAAAAAAAAAAAAAAAAAAAAA");

    let codes = [
        alice.send(&relay, call()).await.code(),
        alice.send(&relay, call()).await.code(),
        alice.send(&relay, call()).await.code(),
        bob.send(&relay, call()).await.code(),
    ];
    let refused = alice.send(&relay, call()).await;

    let not_found = ErrorCode::NotFound;
    assert_eq!(codes, [not_found, not_found, ErrorCode::RateLimited, not_found]);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(refused.problem().facts, Facts { retry_after_seconds: Some(wait), ..Facts::default() });
}

#[tokio::test]
async fn an_address_that_asks_too_much_is_refused_before_its_token_is_read() {
    let relay = TestRelay::with(|config| {
        config.limits.rates.any_address = Rate { per_minute: 1, burst: 3 };
    })
    .await;
    let alice = person(&relay).await;

    for _ in 0..3 {
        assert_eq!(relay.send(Call::get("/v1/groups")).await.code(), ErrorCode::Unauthenticated);
    }
    assert_eq!(alice.send(&relay, Call::get("/v1/groups")).await.code(), ErrorCode::RateLimited);
}

#[tokio::test]
async fn half_open_requests_are_cut_while_others_are_served() {
    let relay = TestRelay::with(|config| config.timers.header_ms = 300).await;
    let port = relay.listen().await;
    let mut half_open = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(port.address).await.unwrap();
        stream.write_all(b"GET /v1/health HTTP/1.1\r\nhost: ").await.unwrap();
        half_open.push(stream);
    }

    let mut served = TcpStream::connect(port.address).await.unwrap();
    served.write_all(b"GET /v1/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    served.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for mut stream in half_open {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("cut in time").ok();
    }
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_a_timeout() {
    let relay = TestRelay::with(|config| config.timers.idle_ms = 200).await;
    let port = relay.listen().await;
    let alice = person(&relay).await;
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let head = format!(
        "POST /v1/groups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/cbor\r\n\
         content-length: 100\r\n\r\nonly this",
        alice.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();

    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("cut in time").unwrap();

    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"code\":\"timeout\""), "{answer}");
}

#[tokio::test]
async fn connections_of_one_address_are_capped() {
    let relay = TestRelay::with(|config| config.limits.connections_per_address_max = 2).await;
    let port = relay.listen().await;
    let kept = [open(&port.address).await, open(&port.address).await];

    let mut third = TcpStream::connect(port.address).await.unwrap();
    // The relay closes it without a word.
    drop(third.write_all(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await);
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, third.read_to_end(&mut rest)).await.expect("closed").ok();

    assert!(rest.is_empty());
    drop(kept);
}

/// A connection that has been served once and stays open.
async fn open(address: &std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

/// Status of a request for the relay's description, with what a proxy says of where it came from.
async fn forwarded(address: &std::net::SocketAddr, chain: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("GET /v1/relay HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {chain}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.chars().skip("HTTP/1.1 ".len()).take(3).collect()
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate_and_can_forge_no_other() {
    let relay = TestRelay::with(|config| {
        config.trusted_proxies = "127.0.0.1".parse().unwrap();
        config.limits.rates.open_address = Rate { per_minute: 1, burst: 1 };
        config.limits.connections_per_address_max = 1;
    })
    .await;
    let port = relay.listen().await;

    assert_eq!(forwarded(&port.address, "203.0.113.5").await, "200");
    assert_eq!(forwarded(&port.address, "203.0.113.6").await, "200");
    assert_eq!(forwarded(&port.address, "203.0.113.5").await, "429");
    for forged in ["198.51.100.1", "127.0.0.1", "nonsense", "203.0.113.77, 127.0.0.1"] {
        let chain = format!("{forged}, 203.0.113.5");
        assert_eq!(forwarded(&port.address, &chain).await, "429", "{forged}");
    }
}

#[tokio::test]
async fn without_a_trusted_proxy_a_client_can_not_choose_its_address() {
    let relay = TestRelay::with(|config| {
        config.limits.rates.open_address = Rate { per_minute: 1, burst: 1 };
    })
    .await;
    let port = relay.listen().await;

    assert_eq!(forwarded(&port.address, "203.0.113.5").await, "200");
    assert_eq!(forwarded(&port.address, "203.0.113.6").await, "429");
}
