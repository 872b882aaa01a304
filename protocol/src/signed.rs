//! The bytes that devices sign, by hand: label length, label, then fields of fixed width. Hashes are computed by the
//! caller, since this crate holds no cryptography.

use crate::{AccountId, DeviceId, GroupId, MessageId, RelayId};

/// What a device signs to log in (O-1).
pub const LOGIN_LABEL: &str = "sotto/v1/login";
/// The context that both halves of OPAQUE bind into every key exchange (RFC 9807 §3.3).
pub const OPAQUE_CONTEXT: &str = "sotto/v1/opaque";
/// What a committer signs beside its commit (D-8).
pub const COMMIT_LABEL: &str = "sotto/v1/commit";

/// Label length (1 byte), label.
pub fn labelled(label: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(label.len() + 129);
    bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(label.as_bytes());
    bytes
}

/// `label | relay 16 | account 16 | device 16 | nonce 32`.
pub fn login(relay: RelayId, account: AccountId, device: DeviceId, nonce: &[u8; 32]) -> Vec<u8> {
    let mut bytes = labelled(LOGIN_LABEL);
    bytes.extend_from_slice(relay.as_bytes());
    bytes.extend_from_slice(account.as_bytes());
    bytes.extend_from_slice(device.as_bytes());
    bytes.extend_from_slice(nonce);
    bytes
}

/// `label | group 16 | epoch u64 | message id 16 | SHA-256(commit) 32 | SHA-256(deltas) 32`.
pub fn commit(
    group: GroupId,
    epoch: u64,
    message_id: MessageId,
    commit_hash: &[u8; 32],
    deltas_hash: &[u8; 32],
) -> Vec<u8> {
    let mut bytes = labelled(COMMIT_LABEL);
    bytes.extend_from_slice(group.as_bytes());
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(message_id.as_bytes());
    bytes.extend_from_slice(commit_hash);
    bytes.extend_from_slice(deltas_hash);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{commit, login};
    use crate::{AccountId, DeviceId, GroupId, MessageId, RelayId};

    #[test]
    fn login_bytes_are_label_then_fields() {
        let bytes = login(
            RelayId::from_bytes([1; 16]),
            AccountId::from_bytes([2; 16]),
            DeviceId::from_bytes([3; 16]),
            &[4; 32],
        );

        let mut expected = vec![14];
        expected.extend_from_slice(b"sotto/v1/login");
        expected.extend([1; 16].iter().chain(&[2; 16]).chain(&[3; 16]).chain(&[4; 32]));
        assert_eq!(bytes, expected);
    }

    #[test]
    fn commit_bytes_are_label_then_fields() {
        let bytes =
            commit(GroupId::from_bytes([1; 16]), 0x0203, MessageId::from_bytes([4; 16]), &[5; 32], &[6; 32]);

        let mut expected = vec![15];
        expected.extend_from_slice(b"sotto/v1/commit");
        expected.extend([1; 16]);
        expected.extend([0, 0, 0, 0, 0, 0, 2, 3]);
        expected.extend([4; 16].iter().chain(&[5; 32]).chain(&[6; 32]));
        assert_eq!(bytes, expected);
    }
}
