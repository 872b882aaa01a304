//! The socket (S-1 … S-7) over a real port, with well-behaved clients and with raw bytes.

use futures_util::{SinkExt as _, StreamExt as _};
use protocol::groups::{Acknowledge, Cursor, EntryKind, Posted};
use protocol::limits::{CLIENT_VERSION, CREDIT_ENTRIES, FRAME_BYTES_MAX};
use protocol::messages::PostMessage;
use protocol::sessions::AccessToken;
use protocol::socket::{ClientFrame, Received, RelayFrame, close, to_bytes};
use protocol::values::{Bytes, List};
use protocol::{ErrorCode, GroupId, MessageId};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{self, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::groups::people;
use crate::member::{Member, deltas, device_of, fresh, person};
use crate::relay::{Call, Port, TestRelay, on_both_engines};

/// No story waits longer for a frame.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    async fn try_open(port: &Port, headers: &[(&str, &str)]) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}/v1/socket", port.address).into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.map(|(stream, _)| Self { stream })
    }

    async fn open(port: &Port, member: &Member) -> Self {
        Self::try_open(port, &[("authorization", &format!("Bearer {}", member.token))]).await.unwrap()
    }

    /// Live with an access token, from the relay's own cursors.
    pub(crate) async fn live_with(port: &Port, token: &str) -> Self {
        let mut socket = Self::greeted_with(port, token).await;
        while socket.next().await != RelayFrame::CaughtUp {}
        socket
    }

    /// Greeted with an access token, and nothing read.
    pub(crate) async fn greeted_with(port: &Port, token: &str) -> Self {
        let mut socket =
            Self::try_open(port, &[("authorization", &format!("Bearer {token}"))]).await.unwrap();
        socket.send(&ClientFrame::Authenticate { token: AccessToken(token.to_owned()) }).await;
        let cursors = List::default();
        socket.send(&ClientFrame::Hello { client_version: CLIENT_VERSION, cursors }).await;
        socket
    }

    async fn authenticated(port: &Port, member: &Member) -> Self {
        let mut socket = Self::open(port, member).await;
        socket.send(&ClientFrame::Authenticate { token: AccessToken(member.token.clone()) }).await;
        assert!(matches!(socket.next().await, RelayFrame::Authenticated { .. }));
        socket
    }

    /// Authenticated, greeted with these cursors, and told of the missing key packages.
    async fn greeted(port: &Port, member: &Member, cursors: &[(GroupId, u64)]) -> Self {
        let mut socket = Self::authenticated(port, member).await;
        let cursors =
            cursors.iter().map(|(group_id, seq)| Cursor { group_id: *group_id, seq: *seq }).collect();
        let cursors = List::new(cursors).unwrap();
        socket.send(&ClientFrame::Hello { client_version: CLIENT_VERSION, cursors }).await;
        socket
    }

    /// Greeted, and everything before the live part read.
    pub(crate) async fn live(port: &Port, member: &Member, cursors: &[(GroupId, u64)]) -> Self {
        let mut socket = Self::greeted(port, member, cursors).await;
        while socket.next().await != RelayFrame::CaughtUp {}
        socket
    }

    pub(crate) async fn send(&mut self, frame: &ClientFrame) {
        self.stream.send(Message::Binary(to_bytes(frame).into())).await.unwrap();
    }

    async fn next_message(&mut self) -> Option<Message> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("a frame in time");
            match message {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn next(&mut self) -> RelayFrame {
        match self.next_message().await {
            Some(Message::Binary(bytes)) => match RelayFrame::from_bytes(&bytes).unwrap() {
                Received::Known(frame) => frame,
                Received::Unknown(kind) => panic!("frame of kind {kind}"),
            },
            other => panic!("instead of a frame: {other:?}"),
        }
    }

    /// The next frame that is no hint about key packages or welcomes.
    async fn next_entry(&mut self) -> RelayFrame {
        loop {
            match self.next().await {
                RelayFrame::KeyPackagesLow { .. }
                | RelayFrame::WelcomeWaiting { .. }
                | RelayFrame::CaughtUp => {}
                frame => return frame,
            }
        }
    }

    /// Reads until `count` messages have come; their texts and the last seq.
    pub(crate) async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            if let RelayFrame::Entries { entries, .. } = self.next_entry().await {
                let messages = entries.iter().filter(|entry| entry.kind == EntryKind::Message);
                texts.extend(messages.map(|entry| String::from_utf8_lossy(&entry.content).into_owned()));
            }
        }
        texts
    }

    async fn acknowledge(&mut self, group_id: GroupId, seq: u64) {
        let cursors = List::new(vec![Cursor { group_id, seq }]).unwrap();
        self.send(&ClientFrame::Acknowledge(Acknowledge { cursors })).await;
    }

    /// The code with which the relay closes; whatever comes before is skipped.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next_message().await {
                Some(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }
}

#[tokio::test]
async fn a_message_sent_over_one_socket_comes_live_over_the_other() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let mut alices = Socket::live(&port, &alice, &[]).await;
        let mut bobs = Socket::live(&port, &bob, &[]).await;

        let message = alice.message(group, 1, "hello");
        alices.send(&ClientFrame::Post(message.clone())).await;

        assert_eq!(bobs.texts(1).await, ["hello"]);
        let mut posted = None;
        while posted.is_none() {
            if let RelayFrame::Posted(Posted { message_id, seq, .. }) = alices.next().await {
                posted = Some((message_id, seq));
            }
        }
        assert_eq!(posted, Some((message.message_id, 2)));
        // The sender hears its own entry too: the log is the same for all.
        let again: Posted = alice.post(&relay, &message).await.cbor();
        assert_eq!(again.seq, 2);
    })
    .await;
}

#[tokio::test]
async fn hello_gives_everything_after_the_cursor_then_caught_up_then_live() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        for text in ["one", "two", "three"] {
            alice.post(&relay, &alice.message(group, 1, text)).await.cbor::<Posted>();
        }

        let mut bobs = Socket::greeted(&port, &bob, &[(group, 2)]).await;

        assert_eq!(bobs.texts(2).await, ["two", "three"]);
        while bobs.next().await != RelayFrame::CaughtUp {}
        alice.post(&relay, &alice.message(group, 1, "four")).await.cbor::<Posted>();
        assert_eq!(bobs.texts(1).await, ["four"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_is_not_sent_again_after_a_reconnect() {
    let relay = TestRelay::with(|config| config.timers.acknowledge_ms = 5).await;
    relay.app.start();
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    for text in ["one", "two", "three"] {
        alice.post(&relay, &alice.message(group, 1, text)).await.cbor::<Posted>();
    }
    let mut first = Socket::greeted(&port, &bob, &[]).await;
    assert_eq!(first.texts(3).await.len(), 3);
    first.acknowledge(group, 3).await;
    let acknowledged = async || {
        let page: protocol::groups::GroupsPage = bob.send(&relay, Call::get("/v1/groups")).await.cbor();
        page.groups[0].acknowledged
    };
    while acknowledged().await != Some(3) {
        tokio::task::yield_now().await;
    }

    let mut second = Socket::greeted(&port, &bob, &[]).await;

    assert_eq!(second.texts(1).await, ["three"]);
    assert_eq!(first.close_code().await, Some(close::REPLACED));
}

#[tokio::test]
async fn a_backlog_larger_than_the_window_comes_whole_and_in_order_as_it_is_acknowledged() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let count = 3 * CREDIT_ENTRIES;
        post_many(&relay, &alice, group, count).await;

        let mut bobs = Socket::greeted(&port, &bob, &[]).await;
        let mut seqs: Vec<u64> = Vec::new();
        while seqs.len() < count {
            if let RelayFrame::Entries { entries, .. } = bobs.next_entry().await {
                seqs.extend(entries.iter().map(|entry| entry.seq));
            }
            // Only when the window is full: so the relay must stop and go on.
            if seqs.len().is_multiple_of(CREDIT_ENTRIES) {
                bobs.acknowledge(group, *seqs.last().unwrap()).await;
            }
        }

        assert_eq!(seqs, (2..count as u64 + 2).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_client_that_acknowledges_nothing_is_sent_one_window_and_closed_as_slow() {
    let relay = TestRelay::with(|config| config.timers.behind_ms = 300).await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    post_many(&relay, &alice, group, CREDIT_ENTRIES + 50).await;
    let mut bobs = Socket::greeted(&port, &bob, &[]).await;

    let mut received = 0;
    let code = loop {
        match bobs.next_message().await {
            Some(Message::Binary(bytes)) => {
                if let Ok(Received::Known(RelayFrame::Entries { entries, .. })) =
                    RelayFrame::from_bytes(&bytes)
                {
                    received += entries.len();
                }
            }
            Some(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            _ => break None,
        }
    };

    assert_eq!((received, code), (CREDIT_ENTRIES, Some(close::SLOW)));
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_and_the_others_are_served() {
    let relay = TestRelay::with(|config| config.timers.behind_ms = 300).await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let carol = person(&relay).await;
    let group = alice.create(&relay, &[&bob, &carol]).await;
    let _deaf = Socket::live(&port, &bob, &[]).await;
    let mut carols = Socket::live(&port, &carol, &[]).await;
    let large = "x".repeat(40_000);

    let mut served = 0;
    for number in 0..1_000 {
        alice.post(&relay, &alice.message(group, 1, &large)).await.cbor::<Posted>();
        served += carols.texts(1).await.len();
        carols.acknowledge(group, number + 2).await;
    }

    assert_eq!(served, 1_000);
}

#[tokio::test]
async fn a_gap_is_told_and_holds_the_group_until_it_is_confirmed() {
    on_both_engines(async |relay| {
        let port = relay.listen().await;
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        alice.post(&relay, &alice.message(group, 1, "lost")).await.cbor::<Posted>();
        relay.advance_seconds(31 * 86_400);
        let [alice, bob] = [alice.renewed(&relay), bob.renewed(&relay)];
        relay.app.sweep().await.unwrap();
        alice.post(&relay, &alice.message(group, 1, "kept")).await.cbor::<Posted>();

        let mut bobs = Socket::greeted(&port, &bob, &[]).await;
        let RelayFrame::Gap { gap, .. } = bobs.next_entry().await else { panic!("no gap") };
        assert_eq!((gap.from, gap.to), (2, 2));
        bobs.send(&ClientFrame::ConfirmGap(Cursor { group_id: group, seq: 2 })).await;

        assert_eq!(bobs.texts(1).await, ["kept"]);
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_added_while_online_hears_of_its_welcome_and_then_of_the_group() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let mut bobs = Socket::live(&port, &bob, &[]).await;

    let group = alice.create(&relay, &[&bob]).await;
    alice.post(&relay, &alice.message(group, 1, "hello")).await.cbor::<Posted>();

    let mut welcomed = false;
    loop {
        match bobs.next().await {
            RelayFrame::WelcomeWaiting { group_id, .. } => welcomed = group_id == group,
            RelayFrame::Entries { entries, .. } => {
                assert_eq!(&*entries[0].content, b"hello");
                break;
            }
            _ => {}
        }
    }
    assert!(welcomed);
}

#[tokio::test]
async fn a_removed_device_hears_its_removal_and_nothing_after() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let second = alice.create(&relay, &[&bob]).await;
    let group = alice.create(&relay, &[&bob]).await;
    let mut bobs = Socket::live(&port, &bob, &[]).await;

    let removal = deltas(&[], &[&bob], vec![(bob.account_id, None)]);
    alice.commit(&relay, &alice.bundle(group, 1, EntryKind::Commit, removal)).await.cbor::<Posted>();
    alice.post(&relay, &alice.message(group, 2, "secret")).await.cbor::<Posted>();
    alice.post(&relay, &alice.message(second, 1, "still here")).await.cbor::<Posted>();

    let mut heard = Vec::new();
    loop {
        if let RelayFrame::Entries { group_id, entries } = bobs.next_entry().await {
            heard.extend(entries.iter().map(|entry| (group_id, entry.seq)));
            if group_id == second {
                break;
            }
        }
    }
    assert_eq!(heard, [(group, 2), (second, 2)]);
}

#[tokio::test]
async fn a_large_message_goes_by_http_and_is_announced() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let mut bobs = Socket::live(&port, &bob, &[]).await;
    let large = "x".repeat(200_000);

    alice.post(&relay, &alice.message(group, 1, &large)).await.cbor::<Posted>();

    assert_eq!(bobs.next_entry().await, RelayFrame::EntryWaiting(Cursor { group_id: group, seq: 2 }));
    assert_eq!(bob.page(&relay, group, 1).await.entries[0].content.len(), 200_000);
    let mut alices = Socket::live(&port, &alice, &[]).await;
    let ciphertext = Bytes::new(vec![0; 50_000]).unwrap();
    let message_id = MessageId::from_bytes(fresh());
    alices.send(&ClientFrame::Post(PostMessage { message_id, group_id: group, epoch: 1, ciphertext })).await;
    let RelayFrame::Refused { code, .. } = refusal(&mut alices).await else { panic!("not refused") };
    assert_eq!(code, ErrorCode::BodyTooLarge);
}

#[tokio::test]
async fn refusals_over_the_socket_tell_what_http_tells() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let mallory = person(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let mut mallorys = Socket::live(&port, &mallory, &[]).await;
    let mut alices = Socket::live(&port, &alice, &[]).await;

    mallorys.send(&ClientFrame::Post(mallory.message(group, 1, "hi"))).await;
    alices.send(&ClientFrame::Post(alice.message(group, 7, "stale"))).await;

    let RelayFrame::Refused { code, .. } = refusal(&mut mallorys).await else { panic!("not refused") };
    assert_eq!(code, ErrorCode::NotFound);
    let RelayFrame::Refused { code, epoch, head, .. } = refusal(&mut alices).await else {
        panic!("not refused")
    };
    assert_eq!((code, epoch, head), (ErrorCode::StaleEpoch, Some(1), Some(1)));
}

#[tokio::test]
async fn a_revoked_session_closes_its_socket_at_once() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let mut bobs = Socket::live(&port, &bob, &[]).await;

    relay.app.sessions.remove(bob.session_id);
    relay.app.hub.close(bob.device_id, close::DEVICE_REVOKED);

    assert_eq!(bobs.close_code().await, Some(close::DEVICE_REVOKED));
    let mut again = Socket::try_open(&port, &[("origin", "http://localhost:8080")]).await.unwrap();
    again.send(&ClientFrame::Authenticate { token: AccessToken(bob.token.clone()) }).await;
    assert_eq!(again.close_code().await, Some(close::DEVICE_REVOKED));
}

#[tokio::test]
async fn a_token_in_band_prolongs_the_connection_of_its_own_device_only() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let second = device_of(&relay, bob.account_id).await;
    let mut bobs = Socket::live(&port, &bob, &[]).await;

    relay.advance_seconds(60);
    let fresh = bob.renewed(&relay);
    bobs.send(&ClientFrame::Authenticate { token: AccessToken(fresh.token.clone()) }).await;
    assert!(matches!(bobs.next_entry().await, RelayFrame::Authenticated { .. }));
    bobs.send(&ClientFrame::Authenticate { token: AccessToken(second.token.clone()) }).await;

    assert_eq!(bobs.close_code().await, Some(close::UNAUTHENTICATED));
}

#[tokio::test]
async fn an_expired_token_opens_nothing() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    relay.advance_seconds(700);

    let mut socket = Socket::try_open(&port, &[("origin", "http://localhost:8080")]).await.unwrap();
    socket.send(&ClientFrame::Authenticate { token: AccessToken(bob.token.clone()) }).await;

    assert_eq!(socket.close_code().await, Some(close::TOKEN_EXPIRED));
}

#[tokio::test]
async fn only_our_origin_or_a_native_client_with_a_token_may_open_a_socket() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let bearer = format!("Bearer {}", bob.token);
    let status = async |headers: &[(&str, &str)]| match Socket::try_open(&port, headers).await {
        Ok(_) => 101,
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    };

    assert_eq!(status(&[("origin", "http://localhost:8080")]).await, 101);
    assert_eq!(status(&[("authorization", &bearer)]).await, 101);
    for foreign in
        ["https://evil.example", "http://localhost:8081", "http://localhost:8080.evil.example", "null"]
    {
        assert_eq!(status(&[("origin", foreign), ("authorization", &bearer)]).await, 403, "{foreign}");
    }
    assert_eq!(status(&[]).await, 403);
    assert_eq!(status(&[("authorization", "Bearer x.y.z")]).await, 401);
}

#[tokio::test]
async fn whoever_does_not_authenticate_in_time_or_says_too_much_is_closed() {
    let relay = TestRelay::with(|config| config.timers.authenticate_ms = 200).await;
    let port = relay.listen().await;
    let bob = person(&relay).await;

    let mut silent = Socket::open(&port, &bob).await;
    assert_eq!(silent.close_code().await, Some(close::UNAUTHENTICATED));
    let mut chatty = Socket::open(&port, &bob).await;
    chatty.stream.send(Message::Binary(vec![0; 1025].into())).await.unwrap();
    assert_eq!(chatty.close_code().await, Some(close::UNAUTHENTICATED));
    let mut pinging = Socket::open(&port, &bob).await;
    for _ in 0..9 {
        pinging.stream.send(Message::Ping(vec![0; 120].into())).await.unwrap();
    }
    assert_eq!(pinging.close_code().await, Some(close::UNAUTHENTICATED));
    let mut wrong = Socket::open(&port, &bob).await;
    wrong.send(&ClientFrame::Ping).await;
    assert_eq!(wrong.close_code().await, Some(close::UNAUTHENTICATED));
}

#[tokio::test]
async fn unauthenticated_sockets_of_one_address_are_few() {
    let relay = TestRelay::with(|config| config.limits.unauthenticated_sockets_per_address_max = 2).await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let origin = [("origin", "http://localhost:8080")];
    let first = Socket::authenticated(&port, &bob).await;
    let waiting =
        [Socket::try_open(&port, &origin).await.unwrap(), Socket::try_open(&port, &origin).await.unwrap()];

    let Err(tungstenite::Error::Http(refused)) = Socket::try_open(&port, &origin).await else {
        panic!("a third one came in");
    };

    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "5");
    drop((first, waiting));
}

#[tokio::test]
async fn frames_out_of_turn_malformed_or_too_old_close_the_socket() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let hello = |client_version| ClientFrame::Hello { client_version, cursors: List::default() };

    let mut early = Socket::authenticated(&port, &bob).await;
    early.acknowledge(GroupId::from_bytes(fresh()), 1).await;
    assert_eq!(early.close_code().await, Some(close::MALFORMED));
    let mut twice = Socket::live(&port, &bob, &[]).await;
    twice.send(&hello(CLIENT_VERSION)).await;
    assert_eq!(twice.close_code().await, Some(close::MALFORMED));
    let mut text = Socket::live(&port, &bob, &[]).await;
    text.stream.send(Message::text("hello")).await.unwrap();
    assert_eq!(text.close_code().await, Some(close::MALFORMED));
    let mut old = Socket::authenticated(&port, &bob).await;
    old.send(&hello(CLIENT_VERSION - 1)).await;
    assert_eq!(old.close_code().await, Some(close::CLIENT_TOO_OLD));
    let mut unknown = Socket::live(&port, &bob, &[]).await;
    unknown.stream.send(Message::Binary(vec![0x82, 0x18, 99, 0xa0].into())).await.unwrap();
    assert_eq!(unknown.next_entry().await, RelayFrame::Failed { code: ErrorCode::Malformed });
}

#[tokio::test]
async fn every_truncation_of_a_frame_closes_the_socket_and_no_more() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let frame = to_bytes(&ClientFrame::Post(alice.message(group, 1, "whole")));

    for length in 0..frame.len() {
        let mut alices = Socket::live(&port, &alice, &[(group, 1)]).await;
        alices.stream.send(Message::Binary(frame[..length].to_vec().into())).await.unwrap();
        assert_eq!(alices.close_code().await, Some(close::MALFORMED), "{length} bytes");
    }

    assert_eq!(bob.page(&relay, group, 0).await.head, 1);
}

#[tokio::test]
async fn oversized_and_fragmented_frames_are_refused() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let fragment = |opcode: u8, fin: bool, length: usize| {
        let mut frame = vec![opcode | if fin { 0x80 } else { 0 }, 0x80 | 127];
        frame.extend((length as u64).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(vec![0; length]);
        frame
    };
    let whole = fragment(2, true, FRAME_BYTES_MAX + 1);
    let pieces =
        [fragment(2, false, FRAME_BYTES_MAX / 2), fragment(0, false, FRAME_BYTES_MAX), vec![]].concat();
    let huge_claim = [vec![0x82, 0xff], u64::MAX.to_be_bytes().to_vec(), vec![0; 4]].concat();
    let unmasked = vec![0x82, 1, 0];
    let reserved_bits = vec![0xf2, 0x80, 0, 0, 0, 0];

    for attack in [whole, pieces, huge_claim, unmasked, reserved_bits] {
        let mut raw = raw_socket(&port, &bob).await;
        // The relay may close before it has read everything.
        drop(raw.write_all(&attack).await);
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, raw.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {} bytes", attack.len());
    }
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_dropped() {
    let relay = TestRelay::with(|config| {
        config.timers.ping_ms = 100;
        config.timers.dead_ms = 100;
    })
    .await;
    let port = relay.listen().await;
    let bob = person(&relay).await;
    let mut raw = raw_socket(&port, &bob).await;
    let token = to_bytes(&ClientFrame::Authenticate { token: AccessToken(bob.token.clone()) });
    raw.write_all(&masked(&token)).await.unwrap();

    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, raw.read_to_end(&mut rest)).await.expect("dropped").ok();

    assert!(rest.contains(&0x89), "no ping came before");
}

#[tokio::test]
async fn a_draining_relay_answers_what_it_took_tells_when_to_return_and_ends() {
    let relay = TestRelay::start().await;
    let port = relay.listen().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let mut alices = Socket::live(&port, &alice, &[]).await;

    let message = alice.message(group, 1, "last");
    alices.send(&ClientFrame::Post(message.clone())).await;
    while !matches!(alices.next().await, RelayFrame::Posted(_)) {}
    relay.app.drain();

    let mut told = false;
    let code = loop {
        match alices.next_message().await {
            Some(Message::Binary(bytes)) => {
                let frame = RelayFrame::from_bytes(&bytes);
                told |= matches!(frame, Ok(Received::Known(RelayFrame::Draining { .. })));
            }
            Some(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            _ => break None,
        }
    };
    assert_eq!((told, code), (true, Some(close::SHUTTING_DOWN)));
    drop(alices);
    tokio::time::timeout(PATIENCE, port.task).await.expect("the relay ends").unwrap();
    assert!(TcpStream::connect(port.address).await.is_err());
}

/// Waits for the answer to a post.
async fn refusal(socket: &mut Socket) -> RelayFrame {
    loop {
        if let frame @ (RelayFrame::Refused { .. } | RelayFrame::Posted(_)) = socket.next().await {
            return frame;
        }
    }
}

async fn post_many(relay: &TestRelay, member: &Member, group: GroupId, count: usize) {
    for number in 0..count {
        let message = member.message(group, 1, &number.to_string());
        member.post(relay, &message).await.cbor::<Posted>();
    }
}

/// An upgraded connection without a WebSocket library on our side.
async fn raw_socket(port: &Port, member: &Member) -> TcpStream {
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nauthorization: Bearer {}\r\n\r\n",
        member.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    stream
}

/// One binary frame of a client, with a mask of zeros.
fn masked(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(content);
    frame
}
