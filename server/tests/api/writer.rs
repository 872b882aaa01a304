//! What is acknowledged is on disk: the writer task under load, and the real program under `kill -9`.

use protocol::groups::{EntryKind, Posted};
use protocol::messages::PostMessage;
use protocol::{ErrorCode, GroupId};
use sotto::storage::query;
use std::collections::HashMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::groups::people;
use crate::member::{Member, deltas};
use crate::program::Program;
use crate::relay::{Call, TestRelay, on_both_engines};

#[tokio::test]
async fn posts_from_everywhere_at_once_get_a_log_without_gaps_or_doubles() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let groups = [alice.create(&relay, &[&bob]).await, alice.create(&relay, &[&bob]).await];
        let mut tasks = JoinSet::new();
        for number in 0..400 {
            let sender = if number % 3 == 0 { &bob } else { &alice };
            let message = sender.message(groups[number % 2], 1, &number.to_string());
            let call = Call::post(format!("/v1/groups/{}/messages", message.group_id));
            let call = call.cbor(&message).bearer(&sender.token);
            // Every post twice: one of the two is a double, often of the same batch.
            for call in [call.clone(), call] {
                let sent = relay.sending(call);
                tasks.spawn(async move { (number, sent.await.cbor::<Posted>()) });
            }
        }
        let mut seqs: HashMap<usize, u64> = HashMap::new();
        for (number, posted) in tasks.join_all().await {
            assert_eq!(*seqs.entry(number).or_insert(posted.seq), posted.seq);
        }

        for (at, group) in groups.into_iter().enumerate() {
            let page = bob.page(&relay, group, 1).await;
            assert_eq!(page.entries.len(), 200);
            for entry in page.entries.iter() {
                let number: usize = String::from_utf8_lossy(&entry.content).parse().unwrap();
                assert_eq!((number % 2, seqs[&number]), (at, entry.seq));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn commits_and_messages_share_one_log_without_gaps() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let mut tasks = JoinSet::new();
        for number in 0..100 {
            let message = bob.message(group, 1, &number.to_string());
            let call = Call::post(format!("/v1/groups/{group}/messages")).cbor(&message).bearer(&bob.token);
            tasks.spawn(relay.sending(call));
            if number == 50 {
                let update = alice.bundle(group, 1, EntryKind::Commit, deltas(&[], &[], vec![]));
                let call =
                    Call::post(format!("/v1/groups/{group}/commits")).cbor(&update).bearer(&alice.token);
                tasks.spawn(relay.sending(call));
            }
        }
        assert!(tasks.join_all().await.iter().all(|answer| answer.status.is_success()));

        let page = bob.page(&relay, group, 0).await;

        assert_eq!(
            page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
            (1..=102).collect::<Vec<_>>()
        );
        assert_eq!(page.entries.iter().filter(|entry| entry.kind == EntryKind::Commit).count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_fails_acknowledges_nothing_and_the_next_one_is_taken() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let rename = async |from: &'static str| {
            relay.app.db.write(async move |conn| query(from).execute(conn).await).await.unwrap();
        };
        let message = alice.message(group, 1, "one");

        rename("alter table entries rename to entries_away").await;
        let failed = alice.post(&relay, &message).await;
        rename("alter table entries_away rename to entries").await;
        let posted: Posted = alice.post(&relay, &message).await.cbor();

        assert_eq!((failed.code(), posted.seq), (ErrorCode::Internal, 2));
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_loses_nothing_and_room_helps() {
    let relay = TestRelay::start().await;
    let [alice, bob] = people(&relay).await;
    let group = alice.create(&relay, &[&bob]).await;
    let pragma = async |sql: &'static str| -> u64 {
        let value = relay.app.db.write(async move |conn| query(sql).fetch_one(conn).await?.get(0)).await;
        value.unwrap()
    };
    let large = "x".repeat(100_000);
    pragma("pragma max_page_count = 1").await;

    let mut taken: Vec<u64> = Vec::new();
    let refused = loop {
        let answer = alice.post(&relay, &alice.message(group, 1, &large)).await;
        if !answer.status.is_success() {
            break answer.code();
        }
        taken.push(answer.cbor::<Posted>().seq);
    };
    let creation = alice.creation(&[&bob]);
    let mut whole = creation.bundle.clone();
    whole.group_info = protocol::values::Bytes::new(vec![7; 1_000_000]).unwrap();
    let creation = protocol::groups::CreateGroup { bundle: whole, ..creation };
    let also = alice.send(&relay, Call::post("/v1/groups").cbor(&creation)).await;
    assert_eq!((refused, also.code()), (ErrorCode::StorageFull, ErrorCode::StorageFull));

    pragma("pragma max_page_count = 1000000").await;
    let next: Posted = alice.post(&relay, &alice.message(group, 1, "there is room")).await.cbor();
    alice.send(&relay, Call::post("/v1/groups").cbor(&creation)).await.cbor::<Posted>();

    assert_eq!(next.seq, taken.len() as u64 + 2);
    let stored = whole_log(&relay, &bob, group).await;
    assert_eq!(
        (stored.len(), stored.last().unwrap().as_slice()),
        (taken.len() + 1, b"there is room".as_slice())
    );
}

#[tokio::test]
async fn a_request_that_is_dropped_half_way_is_done_whole_or_not_at_all() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let mut whole = 0;
        for polls in 0..60 {
            let creation = alice.creation(&[&bob]);
            let group = creation.bundle.group_id;
            let call = Call::post("/v1/groups").cbor(&creation).bearer(&alice.token);
            poll_some(relay.sending(call), polls).await;

            let page = alice.send(&relay, Call::get(format!("/v1/groups/{group}/entries"))).await;
            if page.status.is_success() {
                whole += 1;
                let info = alice.send(&relay, Call::get(format!("/v1/groups/{group}/info"))).await;
                assert!(info.status.is_success());
            }
            // The same bundle again finds it, or makes it.
            let again = alice.send(&relay, Call::post("/v1/groups").cbor(&creation)).await;
            assert_eq!(again.cbor::<Posted>().seq, 1);
        }
        assert!(whole < 60);
    })
    .await;
}

/// Polls a future so many times, then drops it.
async fn poll_some(future: impl Future, polls: usize) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let ready =
            std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if ready {
            return;
        }
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_linked_sqlite_has_the_fix_of_the_write_ahead_log() {
    let relay = TestRelay::start().await;
    let version = relay
        .app
        .db
        .read(async |conn| query("select sqlite_version()").fetch_one(conn).await?.get::<String>(0));

    let version = version.await.unwrap();
    let parts: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();

    assert!(parts >= vec![3, 51, 3], "{version}");
}

#[tokio::test]
async fn sqlite_syncs_every_commit_to_a_write_ahead_log() {
    let relay = TestRelay::start().await;
    let settings = relay.app.db.write(async |conn| {
        let synchronous: u64 = query("pragma synchronous").fetch_one(conn).await?.get(0)?;
        let journal: String = query("pragma journal_mode").fetch_one(conn).await?.get(0)?;
        Ok::<_, sotto::storage::StorageError>((synchronous, journal))
    });

    assert_eq!(settings.await.unwrap(), (2, "wal".to_owned()));
}

#[tokio::test]
async fn after_a_kill_every_acknowledged_message_is_there_once_and_in_order() {
    on_both_engines(async |relay| {
        let [alice, bob] = people(&relay).await;
        let group = alice.create(&relay, &[&bob]).await;
        let mut closed = relay.close().await;
        let mut sent: Vec<(PostMessage, Option<u64>)> = Vec::new();
        for round in 0..24 {
            let mut program = Program::start(&closed, "error").await;
            burst(&program, &alice, group, &mut sent, 10 + round).await;
            program.kill();
            let relay = closed.open().await;
            check(&relay, &alice, &bob, group, &mut sent).await;
            closed = relay.close().await;
        }
        assert!(sent.len() > 100);
    })
    .await;
}

/// Posts over sixteen connections until `enough` are acknowledged; what is under way then stays unanswered.
async fn burst(
    program: &Program,
    alice: &Member,
    group: GroupId,
    sent: &mut Vec<(PostMessage, Option<u64>)>,
    enough: usize,
) {
    let mut tasks = JoinSet::new();
    let mut acknowledged = 0;
    while acknowledged < enough {
        while tasks.len() < 16 {
            let at = sent.len();
            let message = alice.message(group, 1, &at.to_string());
            let request = raw_post(alice, &message);
            sent.push((message, None));
            let address = program.address;
            tasks.spawn(async move { (at, post_raw(address, request).await) });
        }
        if let Some(Ok((at, Some(posted)))) = tasks.join_next().await {
            sent[at].1 = Some(posted.seq);
            acknowledged += 1;
        }
    }
    // The rest is cut off with the relay: nobody reads its answers.
    tasks.detach_all();
}

/// Every acknowledged message is at its place; the others are posted again, and then every one is there exactly once.
async fn check(
    relay: &TestRelay,
    alice: &Member,
    bob: &Member,
    group: GroupId,
    sent: &mut [(PostMessage, Option<u64>)],
) {
    let stored = whole_log(relay, bob, group).await;
    for (message, seq) in sent.iter() {
        if let Some(seq) = seq {
            assert_eq!(stored[place(*seq)], message.ciphertext.to_vec(), "an acknowledged message is lost");
        }
    }
    for (message, seq) in sent.iter_mut().filter(|(_, seq)| seq.is_none()) {
        let posted: Posted = alice.post(relay, message).await.cbor();
        *seq = Some(posted.seq);
    }
    let stored = whole_log(relay, bob, group).await;
    assert_eq!(stored.len(), sent.len());
    for (message, seq) in sent.iter() {
        assert_eq!(stored[place(seq.unwrap())], message.ciphertext.to_vec());
    }
}

/// Where an entry stands among the messages: the group's first entry is its commit.
pub(crate) fn place(seq: u64) -> usize {
    usize::try_from(seq).unwrap() - 2
}

pub(crate) async fn whole_log(relay: &TestRelay, bob: &Member, group: GroupId) -> Vec<Vec<u8>> {
    let mut stored = Vec::new();
    loop {
        let after = stored.len() as u64 + 1;
        let page = bob.page(relay, group, after).await;
        assert_eq!(page.gap, None);
        if page.entries.is_empty() {
            return stored;
        }
        for entry in page.entries.iter() {
            assert_eq!(entry.seq, stored.len() as u64 + 2);
            stored.push(entry.content.to_vec());
        }
    }
}

pub(crate) fn raw_post(alice: &Member, message: &PostMessage) -> Vec<u8> {
    let body = protocol::socket::to_bytes(message);
    let head = format!(
        "POST /v1/groups/{}/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/cbor\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        message.group_id,
        alice.token,
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// `None`: the relay was gone before it answered, or refused.
async fn post_raw(address: SocketAddr, request: Vec<u8>) -> Option<Posted> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(&request).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    answer.starts_with(b"HTTP/1.1 200").then(|| protocol::socket::from_bytes(&answer[head + 4..]).ok())?
}
