//! Key packages: checks 1, 5 and 8 at the one who claims.

use super::{Device, NOW, Raw, account, device_id, key};
use crate::mls::{
    Error, ExpectedDevice, KeyPackageKind, KnownAccount, KnownDevice, LocalConcern, Misuse, RelayFault,
    Violation, check_key_package, checks::all_of_time, local_concerns, make_key_packages,
};
use openmls::prelude::{Extension, Extensions, KeyPackage, UnknownExtension};
use protocol::{
    UnixMillis,
    limits::{KEY_PACKAGE_SECONDS, LAST_RESORT_SECONDS},
    public_keys::{IdentityKey, LeafKey},
};
use std::collections::BTreeMap;

fn one(device: &Device, kind: KeyPackageKind) -> Vec<u8> {
    let mut store = device.store();
    make_key_packages(&mut store, &device.own, kind, 1, NOW).unwrap().remove(0).bytes
}

fn dates(created_at: u64, expires_at: u64) -> Extensions<KeyPackage> {
    let bytes = [created_at.to_be_bytes(), expires_at.to_be_bytes()].concat();
    Extensions::single(Extension::Unknown(0xF503, UnknownExtension(bytes))).unwrap()
}

#[test]
fn a_key_package_is_of_its_kind_and_only_until_its_real_date() {
    let bob = Device::new(2, 1);
    let kinds =
        [(KeyPackageKind::OneUse, KEY_PACKAGE_SECONDS), (KeyPackageKind::LastResort, LAST_RESORT_SECONDS)];

    for (kind, seconds) in kinds {
        let package = one(&bob, kind);
        let last_moment = UnixMillis(NOW.plus_seconds(seconds).0 - 1);
        let checked = check_key_package(&package, &bob.expected(), last_moment).unwrap();
        assert_eq!((checked.kind, checked.device()), (kind, device_id(2, 1)));
        let late = check_key_package(&package, &bob.expected(), NOW.plus_seconds(seconds));
        assert_eq!(late.unwrap_err(), RelayFault::Expired.into());
        let early = check_key_package(&package, &bob.expected(), UnixMillis(NOW.0 - 2 * 86_400_000));
        assert_eq!(early.unwrap_err(), RelayFault::Expired.into());
    }
}

#[test]
fn check_8_missing_stretched_and_malformed_dates_are_refused() {
    let mallory = Raw::new(2, 1);
    let month = KEY_PACKAGE_SECONDS * 1000;
    let junk = Extensions::single(Extension::Unknown(0xF503, UnknownExtension(vec![0; 15]))).unwrap();
    let cases = [
        Extensions::default(),
        junk,
        dates(NOW.0, NOW.0 + 2 * month),
        dates(NOW.0, NOW.0),
        dates(NOW.0, u64::MAX),
    ];

    for extensions in cases {
        let bytes = mallory.key_package_with(|builder| builder.key_package_extensions(extensions));
        let refusal = check_key_package(&bytes, &mallory.device.expected(), NOW).unwrap_err();
        assert_eq!(refusal, Error::PeerMisbehaved(Violation::Dates));
    }
    let short = openmls::prelude::Lifetime::init(0, 4_000_000_000);
    let bytes = mallory.key_package_with(|builder| builder.key_package_lifetime(short));
    let refusal = check_key_package(&bytes, &mallory.device.expected(), NOW).unwrap_err();
    assert_eq!(refusal, Error::PeerMisbehaved(Violation::Dates));
    let fine = mallory.key_package_with(|builder| builder.key_package_lifetime(all_of_time()));
    check_key_package(&fine, &mallory.device.expected(), NOW).unwrap();
}

#[test]
fn a_key_package_of_another_device_is_the_relays_fault() {
    let bob = Device::new(2, 1);
    let package = one(&bob, KeyPackageKind::OneUse);
    let right = bob.expected();
    let wrong = [
        ExpectedDevice { account: account(3), ..right },
        ExpectedDevice { device: device_id(2, 2), ..right },
        ExpectedDevice { leaf_key: LeafKey::from_bytes([1; 32]), ..right },
        ExpectedDevice { identity_key: IdentityKey::from_bytes([1; 32]), ..right },
        Device::new(1, 1).expected(),
    ];

    for expected in wrong {
        let refusal = check_key_package(&package, &expected, NOW).unwrap_err();
        assert_eq!(refusal, RelayFault::WrongDevice.into());
    }
}

#[test]
fn truncated_and_changed_key_packages_are_refused() {
    let bob = Device::new(2, 1);
    let package = one(&bob, KeyPackageKind::OneUse);

    for end in 0..package.len() {
        assert!(check_key_package(&package[..end], &bob.expected(), NOW).is_err(), "{end}");
    }
    for at in (0..package.len()).step_by(7) {
        let mut changed = package.clone();
        changed[at] ^= 1;
        assert!(check_key_package(&changed, &bob.expected(), NOW).is_err(), "{at}");
    }
    assert!(check_key_package(&vec![0; 9 * 1024], &bob.expected(), NOW).is_err());
}

#[test]
fn a_last_resort_key_package_stays_after_use_and_a_one_use_one_goes() {
    let mut bob = Device::new(2, 1);
    let mut store = bob.store();
    make_key_packages(&mut store, &bob.own, KeyPackageKind::OneUse, 3, NOW).unwrap();
    let last = make_key_packages(&mut store, &bob.own, KeyPackageKind::LastResort, 1, NOW).unwrap();
    bob.save(store.take_changes());
    let kept = bob.disk.len();
    let alice = Device::new(1, 1);
    let mut group = crate::mls::Group::create(&alice.own, super::GROUP).unwrap();

    let add = vec![check_key_package(&last[0].bytes, &bob.expected(), NOW).unwrap()];
    let bundle = group.commit(&alice.own, super::Changes { add, ..super::Changes::default() }).unwrap();
    let (mut joined, _) =
        crate::mls::join_from_welcome(bob.store(), &bob.own, &bundle.welcome.unwrap()).unwrap();
    bob.save(joined.take_changes());

    assert_eq!(kept, 4);
    assert_eq!(bob.disk.keys().filter(|key| key.starts_with(b"key_package/")).count(), 4);
}

#[test]
fn too_many_key_packages_at_once_are_refused() {
    let bob = Device::new(2, 1);
    let mut store = bob.store();

    let refusal = make_key_packages(&mut store, &bob.own, KeyPackageKind::OneUse, 101, NOW).unwrap_err();

    assert_eq!(refusal, Misuse::TooLarge.into());
}

#[test]
fn check_5_pins_and_lists_are_judged_beside_the_group() {
    let (devices, groups) = super::two();
    let members = groups[0].members();
    let known = |device: &Device| {
        let body = &device.own.certificate().body;
        let listed = KnownDevice { device: body.device, leaf_key: body.leaf_key, revoked: false };
        (body.account, KnownAccount { identity_key: body.identity_key, devices: Some(vec![listed]) })
    };
    let good: BTreeMap<_, _> = devices.iter().map(known).collect();
    let shown = good[&account(2)].identity_key;
    let pinned = IdentityKey::from_bytes(key(6, 6, 6).verifying_key().to_bytes());
    let with_bob = |bob: Option<KnownAccount>| {
        let mut all = good.clone();
        all.remove(&account(2));
        all.extend(bob.map(|bob| (account(2), bob)));
        local_concerns(members, &all)
    };
    let not_listed = vec![LocalConcern::NotListed { account: account(2), device: device_id(2, 1) }];
    let list = |device, leaf_key| Some(vec![KnownDevice { device, leaf_key, revoked: false }]);
    let own_key = devices[1].own.certificate().body.leaf_key;

    assert_eq!(local_concerns(members, &good), []);
    assert_eq!(with_bob(None), [LocalConcern::UnknownAccount { account: account(2), shown }]);
    assert_eq!(
        with_bob(Some(KnownAccount { identity_key: pinned, devices: None })),
        [LocalConcern::IdentityChanged { account: account(2), pinned, shown }]
    );
    for devices in
        [Some(vec![]), list(device_id(2, 2), own_key), list(device_id(2, 1), LeafKey::from_bytes([1; 32]))]
    {
        assert_eq!(with_bob(Some(KnownAccount { identity_key: shown, devices })), not_listed);
    }
    assert_eq!(with_bob(Some(KnownAccount { identity_key: shown, devices: None })), []);
}
