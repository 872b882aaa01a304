//! What the log must never hold (invariants of ARCHITECTURE.md).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::groups::Posted;
use protocol::socket::{ClientFrame, RelayFrame};

use crate::groups::people;
use crate::program::Program;
use crate::relay::{Port, TestRelay};
use crate::sockets::Socket;

/// The forms in which bytes end in logs.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex =
        |separator: &str| secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator);
    let decimal = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let texts = [hex(""), hex("").to_uppercase(), hex(" "), decimal, URL_SAFE_NO_PAD.encode(secret)];
    [vec![secret.to_vec()], texts.map(String::into_bytes).to_vec()].concat()
}

#[tokio::test]
async fn no_token_and_no_message_reaches_the_log_even_at_trace() {
    let relay = TestRelay::start().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let closed = relay.close().await;
    let mut program = Program::start(&closed, "trace").await;
    let port = Port { address: program.address, task: tokio::spawn(async {}) };

    let mut bobs = Socket::live(&port, &bob, &[]).await;
    let mut alices = Socket::live(&port, &alice, &[]).await;
    alices.send(&ClientFrame::Post(alice.message(group, 1, "the canary sings at dawn"))).await;
    assert_eq!(bobs.texts(1).await, ["the canary sings at dawn"]);
    alices.send(&ClientFrame::Post(alice.message(group, 9, "the canary is refused"))).await;
    while !matches!(alices.next().await, RelayFrame::Refused { .. }) {}
    program.kill();

    let log = program.log();
    assert!(!log.is_empty());
    let signature = alice.token.rsplit('.').next().unwrap().as_bytes();
    for secret in [signature, b"the canary sings at dawn", b"the canary is refused"] {
        for form in forms(secret) {
            let found = log.windows(form.len()).any(|window| window == form);
            assert!(!found, "{} is in the log", String::from_utf8_lossy(&form));
        }
    }
    let relay = closed.open().await;
    let again: Posted = alice.post(&relay, &alice.message(group, 1, "and goes on")).await.cbor();
    assert_eq!(again.seq, 3);
}
