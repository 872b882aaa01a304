use super::{CheckedList, Refusal, check_first, check_next};
use crate::secrets::sha256;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use protocol::{
    AccountId, DeviceId, UnixMillis,
    certificate::{Certificate, CertificateBody},
    device_list::{DeviceList, DeviceListBody, DeviceListEntry, NO_PREVIOUS},
    devices::NewDevice,
    limits::{DEVICES_MAX, SUITE},
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    values::{Bytes, List},
};

const ACCOUNT: AccountId = AccountId::from_bytes([9; 16]);

/// An account whose identity key is `seed` repeated.
struct Signer(Ed25519KeyPair);

impl Signer {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn identity(&self) -> IdentityKey {
        IdentityKey::from_bytes(self.0.public_key().as_ref().try_into().unwrap())
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(bytes).as_ref().try_into().unwrap())
    }

    fn certificate(&self, body: CertificateBody) -> Vec<u8> {
        let signature = self.sign(&body.signed_bytes());
        Certificate { body, signature }.encode()
    }

    fn list(&self, body: DeviceListBody) -> Vec<u8> {
        let signature = self.sign(&body.signed_bytes().unwrap());
        DeviceList { body, signature }.encode().unwrap()
    }
}

fn entry(number: u8) -> DeviceListEntry {
    DeviceListEntry {
        device: DeviceId::from_bytes([number; 16]),
        leaf_key: LeafKey::from_bytes([number; 32]),
        device_auth_key: DeviceAuthKey::from_bytes([number; 32]),
        created_at: UnixMillis(5),
        revoked_at: None,
    }
}

fn certificate_body(signer: &Signer, number: u8) -> CertificateBody {
    let entry = entry(number);
    CertificateBody {
        account: ACCOUNT,
        device: entry.device,
        leaf_key: entry.leaf_key,
        device_auth_key: entry.device_auth_key,
        created_at: entry.created_at,
        suite: SUITE,
        identity_key: signer.identity(),
    }
}

fn device(number: u8, certificate: Vec<u8>) -> NewDevice {
    NewDevice {
        device_id: DeviceId::from_bytes([number; 16]),
        certificate: Bytes::new(certificate).unwrap(),
        key_packages: List::default(),
        last_resort: Bytes::default(),
    }
}

fn certified(signer: &Signer, number: u8) -> NewDevice {
    device(number, signer.certificate(certificate_body(signer, number)))
}

fn first_body(signer: &Signer) -> DeviceListBody {
    DeviceListBody {
        account: ACCOUNT,
        identity_key: signer.identity(),
        version: 1,
        previous_hash: NO_PREVIOUS,
        root_generation: 1,
        root_commitment: [1; 32],
        vault_head: 0,
        records_head: 0,
        sealing_key: Vec::new(),
        entries: vec![entry(1)],
    }
}

fn next_body(signer: &Signer, current: &[u8], entries: Vec<DeviceListEntry>) -> DeviceListBody {
    let version = DeviceList::decode(current).unwrap().body.version + 1;
    DeviceListBody { version, previous_hash: sha256(current), entries, ..first_body(signer) }
}

fn next(change: impl FnOnce(&mut DeviceListBody)) -> Result<CheckedList, Refusal> {
    let signer = Signer::new(1);
    let current = signer.list(first_body(&signer));
    let mut body = next_body(&signer, &current, vec![entry(1), entry(2)]);
    change(&mut body);
    check_next(ACCOUNT, &current, &certified(&signer, 2), &signer.list(body))
}

#[test]
fn a_first_list_with_its_one_device_is_taken() {
    let signer = Signer::new(1);

    let checked = check_first(ACCOUNT, &certified(&signer, 1), &signer.list(first_body(&signer))).unwrap();

    assert_eq!(checked.version, 1);
    assert_eq!(checked.identity_key, signer.identity());
    assert_eq!(checked.device_auth_key, DeviceAuthKey::from_bytes([1; 32]));
    assert_eq!(checked.revoked, []);
}

#[test]
fn a_first_list_for_another_account_version_or_with_more_devices_is_refused() {
    let signer = Signer::new(1);
    let good = signer.list(first_body(&signer));
    let two = signer.list(DeviceListBody { entries: vec![entry(1), entry(2)], ..first_body(&signer) });
    let later = signer.list(next_body(&signer, &good, vec![entry(1)]));
    let device = certified(&signer, 1);

    let other = AccountId::from_bytes([8; 16]);
    assert_eq!(check_first(other, &device, &good), Err(Refusal::Malformed("device_list.account")));
    assert_eq!(check_first(ACCOUNT, &device, &two), Err(Refusal::Malformed("device_list.entries")));
    assert_eq!(check_first(ACCOUNT, &device, &later), Err(Refusal::Malformed("device_list.version")));
}

#[test]
fn each_flipped_bit_and_each_truncation_of_a_first_list_is_refused() {
    let signer = Signer::new(1);
    let good = signer.list(first_body(&signer));
    let device = certified(&signer, 1);

    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(check_first(ACCOUNT, &device, &flipped).is_err(), "bit {bit}");
    }
    for length in 0..good.len() {
        assert!(check_first(ACCOUNT, &device, &good[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn each_flipped_bit_of_a_certificate_is_refused() {
    let signer = Signer::new(1);
    let list = signer.list(first_body(&signer));
    let good = signer.certificate(certificate_body(&signer, 1));

    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(check_first(ACCOUNT, &device(1, flipped), &list).is_err(), "bit {bit}");
    }
}

#[test]
fn a_certificate_signed_by_another_key_is_refused() {
    let [signer, other] = [1, 2].map(Signer::new);
    let list = signer.list(first_body(&signer));
    let forged = other.certificate(certificate_body(&signer, 1));
    let foreign = other.certificate(certificate_body(&other, 1));

    for certificate in [forged, foreign] {
        let refused = check_first(ACCOUNT, &device(1, certificate), &list);
        assert_eq!(refused, Err(Refusal::SignatureInvalid("device.certificate")));
    }
}

#[test]
fn a_certificate_with_other_keys_than_the_list_is_refused() {
    let signer = Signer::new(1);
    let list = signer.list(first_body(&signer));
    let good = certificate_body(&signer, 1);
    let others = [
        CertificateBody { leaf_key: LeafKey::from_bytes([7; 32]), ..good.clone() },
        CertificateBody { device_auth_key: DeviceAuthKey::from_bytes([7; 32]), ..good.clone() },
        CertificateBody { created_at: UnixMillis(6), ..good },
    ];
    for body in others {
        let refused = check_first(ACCOUNT, &device(1, signer.certificate(body)), &list);
        assert_eq!(refused, Err(Refusal::Malformed("device_list.entries")));
    }
    let weaker = CertificateBody { suite: 1, ..good };
    let refused = check_first(ACCOUNT, &device(1, signer.certificate(weaker)), &list);
    assert_eq!(refused, Err(Refusal::Malformed("device.certificate")));
}

#[test]
fn the_next_list_adds_the_new_device_and_may_revoke_old_ones() {
    let added = next(|_| ()).unwrap();
    let revoking = next(|body| body.entries[0].revoked_at = Some(UnixMillis(9))).unwrap();

    assert_eq!((added.version, added.revoked), (2, vec![]));
    assert_eq!(revoking.revoked, [DeviceId::from_bytes([1; 16])]);
}

#[test]
fn a_list_that_follows_another_version_conflicts() {
    for version in [3, u64::MAX] {
        assert_eq!(next(|body| body.version = version), Err(Refusal::VersionConflict { current: 1 }));
    }
    let signer = Signer::new(1);
    let current = signer.list(first_body(&signer));
    let again = check_next(ACCOUNT, &current, &certified(&signer, 1), &current);
    assert_eq!(again, Err(Refusal::VersionConflict { current: 1 }));
}

#[test]
fn a_list_that_links_to_another_history_is_refused() {
    let refused = next(|body| body.previous_hash = [7; 32]);

    assert_eq!(refused, Err(Refusal::Malformed("device_list.previous_hash")));
}

#[test]
fn a_list_that_drops_changes_or_revives_a_device_is_refused() {
    let refused = Err(Refusal::Malformed("device_list.entries"));
    assert_eq!(
        next(|body| {
            body.entries.remove(0);
        }),
        refused
    );
    assert_eq!(next(|body| body.entries[0].leaf_key = LeafKey::from_bytes([7; 32])), refused);
    assert_eq!(next(|body| body.entries[0].created_at = UnixMillis(6)), refused);
    assert_eq!(
        next(|body| {
            body.entries.pop();
        }),
        refused
    );
    assert_eq!(next(|body| body.entries[1].revoked_at = Some(UnixMillis(6))), refused);

    let signer = Signer::new(1);
    let revoked = DeviceListEntry { revoked_at: Some(UnixMillis(9)), ..entry(1) };
    let current = signer.list(DeviceListBody { entries: vec![revoked], ..first_body(&signer) });
    let revived = signer.list(next_body(&signer, &current, vec![entry(1), entry(2)]));
    assert_eq!(check_next(ACCOUNT, &current, &certified(&signer, 2), &revived), refused);
}

#[test]
fn a_second_ghost_device_is_refused() {
    let refused = next(|body| body.entries.push(entry(3)));

    assert_eq!(refused, Err(Refusal::Malformed("device_list.entries")));
}

#[test]
fn a_list_under_another_identity_key_is_refused() {
    let [signer, other] = [1, 2].map(Signer::new);
    let current = signer.list(first_body(&signer));
    let taken_over = other.list(next_body(&other, &current, vec![entry(1), entry(2)]));

    let refused = check_next(ACCOUNT, &current, &certified(&other, 2), &taken_over);

    assert_eq!(refused, Err(Refusal::SignatureInvalid("device_list")));
}

#[test]
fn a_root_generation_never_goes_back() {
    let signer = Signer::new(1);
    let current = signer.list(DeviceListBody { root_generation: 2, ..first_body(&signer) });
    let back = signer.list(next_body(&signer, &current, vec![entry(1), entry(2)]));

    let refused = check_next(ACCOUNT, &current, &certified(&signer, 2), &back);

    assert_eq!(refused, Err(Refusal::Malformed("device_list.root_generation")));
}

#[test]
fn a_ninth_live_device_is_refused() {
    let signer = Signer::new(1);
    let full = u8::try_from(DEVICES_MAX).unwrap();
    let current =
        signer.list(DeviceListBody { entries: (1..=full).map(entry).collect(), ..first_body(&signer) });
    let mut body = next_body(&signer, &current, (1..=full).map(entry).collect());
    let placeholder = signer.list(body.clone());
    body.entries.push(entry(full + 1));

    // No client of ours encodes such a list: put its bytes together by hand.
    let mut bytes = placeholder[..placeholder.len() - 64].to_vec();
    let count_at = bytes.len() - usize::from(full) * 96 - 2;
    bytes[count_at + 1] = full + 1;
    bytes.extend([full + 1; 16 + 32 + 32]);
    bytes.extend(5_u64.to_be_bytes());
    bytes.extend(0_u64.to_be_bytes());
    let mut signed = protocol::signed::labelled(protocol::device_list::DEVICE_LIST_LABEL);
    signed.extend(&bytes);
    bytes.extend(signer.sign(&signed).as_bytes());

    let refused = check_next(ACCOUNT, &current, &certified(&signer, full + 1), &bytes);

    assert_eq!(refused, Err(Refusal::DeviceLimit));
}
