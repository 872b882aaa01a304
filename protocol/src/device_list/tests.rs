use super::{DeviceList, DeviceListBody, DeviceListEntry};
use crate::{
    AccountId, DeviceId, UnixMillis,
    layout::{LayoutError, tests::torture},
    limits::{DEVICE_LIST_BYTES_MAX, SEALING_KEY_BYTES_MAX},
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
};

fn entry(device: u8, revoked_at: Option<u64>) -> DeviceListEntry {
    DeviceListEntry {
        device: DeviceId::from_bytes([device; 16]),
        leaf_key: LeafKey::from_bytes([0xa0; 32]),
        device_auth_key: DeviceAuthKey::from_bytes([0xb0; 32]),
        created_at: UnixMillis(7),
        revoked_at: revoked_at.map(UnixMillis),
    }
}

fn list() -> DeviceList {
    DeviceList {
        body: DeviceListBody {
            account: AccountId::from_bytes([1; 16]),
            identity_key: IdentityKey::from_bytes([2; 32]),
            version: 3,
            previous_hash: [4; 32],
            root_generation: 5,
            root_commitment: [6; 32],
            vault_head: 10,
            records_head: 11,
            sealing_key: vec![0xee; 2],
            entries: vec![entry(1, None), entry(2, Some(9))],
        },
        signature: Signature::from_bytes([8; 64]),
    }
}

fn refusal(change: impl FnOnce(&mut DeviceListBody)) -> Option<&'static str> {
    let mut list = list();
    change(&mut list.body);
    match list.encode() {
        Err(LayoutError::OutOfRange { field }) => Some(field),
        _ => None,
    }
}

#[test]
fn a_device_list_has_its_golden_bytes() {
    let mut body = Vec::new();
    body.extend([1; 16]); // account
    body.extend([2; 32]); // identity key
    body.extend([0, 0, 0, 0, 0, 0, 0, 3]); // version
    body.extend([4; 32]); // previous hash
    body.extend([0, 0, 0, 5]); // root generation
    body.extend([6; 32]); // root commitment
    body.extend([0, 0, 0, 0, 0, 0, 0, 10]); // vault head
    body.extend([0, 0, 0, 0, 0, 0, 0, 11]); // records head
    body.extend([0, 2, 0xee, 0xee]); // sealing key with its length
    body.extend([0, 2]); // count
    for (device, revoked_at) in [(1, 0), (2, 9)] {
        body.extend([device; 16]); // device
        body.extend([0xa0; 32]); // leaf key
        body.extend([0xb0; 32]); // device-auth key
        body.extend([0, 0, 0, 0, 0, 0, 0, 7]); // created at, ms
        body.extend([0, 0, 0, 0, 0, 0, 0, revoked_at]); // revoked at, ms
    }
    let mut signed = vec![20];
    signed.extend_from_slice(b"sotto/v1/device-list");
    signed.extend_from_slice(&body);
    let mut encoded = body;
    encoded.extend([8; 64]); // signature

    assert_eq!(list().encode().unwrap(), encoded);
    assert_eq!(list().body.signed_bytes().unwrap(), signed);
    assert_eq!(DeviceList::decode(&encoded), Ok(list()));
}

#[test]
fn a_device_list_has_one_encoding() {
    torture(&list().encode().unwrap(), |bytes| {
        DeviceList::decode(bytes).ok().map(|list| list.encode().unwrap())
    });
}

#[test]
fn a_list_outside_its_limits_is_neither_written_nor_read() {
    let live = |count| (0..count).map(|device| entry(device, None)).collect();
    let revoked = |count| (0..count).map(|device| entry(device, Some(1))).collect();

    assert_eq!(refusal(|body| body.version = 0), Some("version"));
    assert_eq!(refusal(|body| body.version = 1), Some("previous_hash"));
    assert_eq!(refusal(|body| body.previous_hash = [0; 32]), Some("previous_hash"));
    assert_eq!(refusal(|body| body.root_generation = 0), Some("root_generation"));
    assert_eq!(refusal(|body| body.sealing_key = vec![0; SEALING_KEY_BYTES_MAX + 1]), Some("sealing_key"));
    assert_eq!(refusal(|body| body.entries = vec![entry(2, None), entry(1, None)]), Some("entries"));
    assert_eq!(refusal(|body| body.entries = vec![entry(1, None), entry(1, Some(1))]), Some("entries"));
    assert_eq!(refusal(|body| body.entries = revoked(65)), Some("entries"));
    assert_eq!(refusal(|body| body.entries = live(9)), Some("live entries"));
    assert_eq!(refusal(|body| body.entries = vec![entry(1, Some(0))]), Some("revoked_at"));
    assert_eq!(refusal(|body| body.entries = live(8)), None);
    assert_eq!(refusal(|body| body.entries = revoked(64)), None);

    let mut bytes = list().encode().unwrap();
    bytes[48..56].copy_from_slice(&[0; 8]);
    assert_eq!(DeviceList::decode(&bytes), Err(LayoutError::OutOfRange { field: "version" }));
}

#[test]
fn the_largest_list_fits_its_limit() {
    let mut largest = list();
    largest.body.sealing_key = vec![0; SEALING_KEY_BYTES_MAX];
    largest.body.entries = (0..64).map(|device| entry(device, Some(1))).collect();

    assert!(largest.encode().unwrap().len() <= DEVICE_LIST_BYTES_MAX);
}
