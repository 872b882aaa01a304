use super::{CLIENT_KINDS, ClientFrame, RELAY_KINDS, Received, RelayFrame, to_bytes};
use crate::{
    AccountId, ErrorCode, GroupId, MessageId, RecordId, WelcomeId,
    groups::{Acknowledge, CommitEnvelope, Cursor, Entry, EntryKind, Gap, Posted},
    messages::PostMessage,
    sessions::AccessToken,
    values::{Bytes, Exactly, List, UnixMillis},
};

fn bytes<const MAX: usize>(bytes: &[u8]) -> Bytes<MAX> {
    Bytes::new(bytes).unwrap()
}

fn list<T, const MAX: usize>(items: Vec<T>) -> List<T, MAX> {
    List::new(items).ok().unwrap()
}

const GROUP: GroupId = GroupId::from_bytes([0x11; 16]);
const MESSAGE: MessageId = MessageId::from_bytes([0x22; 16]);

fn client_frames() -> Vec<ClientFrame> {
    vec![
        ClientFrame::Authenticate { token: AccessToken("a.b.c".into()) },
        ClientFrame::Hello { client_version: 1, cursors: list(vec![Cursor { group_id: GROUP, seq: 7 }]) },
        ClientFrame::Post(PostMessage {
            message_id: MESSAGE,
            group_id: GROUP,
            epoch: 3,
            ciphertext: bytes(&[9; 5]),
        }),
        ClientFrame::Acknowledge(Acknowledge { cursors: list(vec![Cursor { group_id: GROUP, seq: 300 }]) }),
        ClientFrame::ConfirmGap(Cursor { group_id: GROUP, seq: 2 }),
        ClientFrame::Ping,
    ]
}

fn entry() -> Entry {
    Entry {
        seq: 5,
        kind: EntryKind::Commit,
        epoch: 2,
        received_at: UnixMillis(1_700_000_000_000),
        content: bytes(&[1, 2, 3]),
        commit: Some(CommitEnvelope {
            account_id: AccountId::from_bytes([4; 16]),
            device_id: crate::DeviceId::from_bytes([5; 16]),
            message_id: MESSAGE,
            deltas: bytes(&[1]),
            signature: Exactly([6; 64]),
        }),
    }
}

fn relay_frames() -> Vec<RelayFrame> {
    vec![
        RelayFrame::Authenticated { expires_at: UnixMillis(5) },
        RelayFrame::Entries { group_id: GROUP, entries: list(vec![entry()]) },
        RelayFrame::EntryWaiting(Cursor { group_id: GROUP, seq: 6 }),
        RelayFrame::WelcomeWaiting { welcome_id: WelcomeId::from_bytes([7; 16]), group_id: GROUP },
        RelayFrame::CaughtUp,
        RelayFrame::Gap { group_id: GROUP, gap: Gap { from: 1, to: 4 } },
        RelayFrame::Posted(Posted {
            message_id: MESSAGE,
            group_id: GROUP,
            seq: 8,
            received_at: UnixMillis(9),
        }),
        RelayFrame::Refused {
            message_id: MESSAGE,
            code: ErrorCode::StaleEpoch,
            epoch: Some(4),
            head: Some(12),
            seq: None,
            retry_after_seconds: None,
        },
        RelayFrame::KeyPackagesLow { available: 3 },
        RelayFrame::DeviceListChanged { account_id: AccountId::from_bytes([8; 16]), version: 2 },
        RelayFrame::Draining { reconnect_after_ms: 1500 },
        RelayFrame::Failed { code: ErrorCode::Malformed },
        RelayFrame::Pong,
        RelayFrame::RecordChanged {
            collection: "contacts".parse().unwrap(),
            record_id: RecordId::from_bytes([9; 16]),
            version: 2,
            change: 300,
        },
        RelayFrame::GroupClosed { group_id: GROUP },
    ]
}

#[test]
fn every_kind_of_frame_reads_back() {
    assert_eq!(client_frames().len(), CLIENT_KINDS as usize);
    assert_eq!(relay_frames().len(), RELAY_KINDS as usize);
    for frame in client_frames() {
        assert_eq!(ClientFrame::from_bytes(&to_bytes(&frame)).unwrap(), Received::Known(frame));
    }
    for frame in relay_frames() {
        assert_eq!(RelayFrame::from_bytes(&to_bytes(&frame)).unwrap(), Received::Known(frame));
    }
}

#[test]
fn a_post_is_these_bytes() {
    let frame = client_frames().remove(2);

    let mut expected = vec![0x82, 0x02]; // [2, body]
    expected.extend([0xa1, 0x00]); // body: {0: post}
    expected.extend([0xa4]); // post: four fields
    expected.extend([0x00, 0x50]); // 0: message id
    expected.extend([0x22; 16]);
    expected.extend([0x01, 0x50]); // 1: group id
    expected.extend([0x11; 16]);
    expected.extend([0x02, 0x03]); // 2: epoch
    expected.extend([0x03, 0x45, 9, 9, 9, 9, 9]); // 3: ciphertext
    assert_eq!(to_bytes(&frame), expected);
}

#[test]
fn a_changed_record_is_these_bytes() {
    let frame = relay_frames().remove(13);

    let mut expected = vec![0x82, 0x0d]; // [13, body]
    expected.extend([0xa4, 0x00, 0x68]); // body: four fields; 0: collection
    expected.extend(b"contacts");
    expected.extend([0x01, 0x50]); // 1: record id
    expected.extend([9; 16]);
    expected.extend([0x02, 0x02]); // 2: version
    expected.extend([0x03, 0x19, 0x01, 0x2c]); // 3: change
    assert_eq!(to_bytes(&frame), expected);
}

#[test]
fn an_unknown_kind_is_kept_and_an_unknown_key_skipped() {
    let later = [0x82, 0x18, 0x63, 0xa0]; // [99, {}]
    let more_keys = [0x82, 0x00, 0xa2, 0x00, 0x05, 0x18, 0x2a, 0x61, b'x']; // [0, {0: 5, 42: "x"}]

    assert_eq!(RelayFrame::from_bytes(&later).unwrap(), Received::Unknown(99));
    let known = RelayFrame::Authenticated { expires_at: UnixMillis(5) };
    assert_eq!(RelayFrame::from_bytes(&more_keys).unwrap(), Received::Known(known));
}

#[test]
fn truncated_and_overlong_frames_are_refused() {
    for bytes in client_frames().iter().map(to_bytes) {
        for end in 0..bytes.len() {
            assert!(ClientFrame::from_bytes(&bytes[..end]).is_err());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(ClientFrame::from_bytes(&longer).is_err());
    }
    for bytes in relay_frames().iter().map(to_bytes) {
        for end in 0..bytes.len() {
            assert!(RelayFrame::from_bytes(&bytes[..end]).is_err());
        }
    }
}

#[test]
fn random_bytes_never_panic_a_decoder() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000_usize {
        let mut bytes: Vec<u8> = (0..round % 97)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect();
        if let [first, second, ..] = bytes.as_mut_slice() {
            (*first, *second) = (0x82, *second % 16);
        }
        let _ = ClientFrame::from_bytes(&bytes);
        let _ = RelayFrame::from_bytes(&bytes);
    }
}
