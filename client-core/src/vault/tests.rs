use protocol::{AccountId, DeviceId, IdentityKey, RecordId, UnixMillis};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::{
    ContactNames, ContactTrust, DEVICE_NAMES_MAX, Profile, VAULT_TEXT_BYTES_MAX, Vault, VaultError,
    VaultPlace,
};
use crate::{opaque::RelayKey, root_key::RootKey, sealed::SealError};

const ALICE: AccountId = AccountId::from_bytes([1; 16]);
const BOB: AccountId = AccountId::from_bytes([2; 16]);
const PLACE: VaultPlace = VaultPlace { account: ALICE, record: RecordId::from_bytes([3; 16]), version: 4 };

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn root(generation: u32) -> RootKey {
    RootKey::from_bytes(generation, [5; 32])
}

fn at(now: u64) -> UnixMillis {
    UnixMillis(now)
}

fn names(display_name: &str) -> ContactNames {
    ContactNames { handle: "bob".to_owned(), display_name: display_name.to_owned(), colour: 2 }
}

fn trust(key: u8, verified_at: Option<u64>) -> ContactTrust {
    ContactTrust {
        identity_key: IdentityKey::from_bytes([key; 32]),
        verified_at: verified_at.map(UnixMillis),
        changed_key: None,
    }
}

fn vault() -> Vault {
    let mut vault = Vault::new("Alice", 1, RelayKey([9; 32]));
    vault.name_device(DeviceId::from_bytes([7; 16]), "Laptop", at(10));
    vault.set_setting("theme", "dark", at(11));
    vault.add_contact(BOB, names("Bob"), IdentityKey::from_bytes([6; 32]), at(12)).unwrap();
    vault
}

fn merged(one: &Vault, other: &Vault) -> Vault {
    let mut merged = one.clone();
    merged.merge(other.clone());
    merged
}

#[test]
fn a_vault_reads_back_from_its_bytes_and_its_record() {
    let sealed = vault().seal(&root(1), PLACE, &mut rng());

    assert_eq!(Vault::decode(&vault().encode()), Ok(vault()));
    assert_eq!(Vault::open(&root(1), PLACE, &sealed), Ok(vault()));
    assert_eq!(vault().device_name(DeviceId::from_bytes([7; 16])), Some("Laptop"));
    assert_eq!(vault().setting("theme"), Some("dark"));
    assert_eq!(vault().relay_key(), Some(RelayKey([9; 32])));
}

/// The smallest vault there is; a change of its bytes locks older devices out.
#[test]
fn an_empty_vault_has_its_golden_bytes() {
    let golden = [
        0xa5, // five fields: an absent one is left out
        0x00, 0x01, // version 1
        0x01, 0xa2, 0x00, 0x00, // profile, changed at 0
        0x01, 0xa2, 0x00, 0x60, 0x01, 0x00, // no name, colour 0
        0x02, 0x80, // no contacts
        0x03, 0x80, // no devices
        0x05, 0x80, // no settings
    ];

    assert_eq!(Vault::default().encode().as_slice(), golden);
    assert_eq!(Vault::decode(&golden), Ok(Vault::default()));
}

#[test]
fn a_vault_opens_in_its_place_and_generation_only() {
    let sealed = vault().seal(&root(2), PLACE, &mut rng());
    let refused = |place| Vault::open(&root(2), place, &sealed);

    assert_eq!(
        Vault::open(&root(3), PLACE, &sealed),
        Err(VaultError::Sealed(SealError::OtherGeneration { generation: 2 }))
    );
    for place in [
        VaultPlace { version: 3, ..PLACE },
        VaultPlace { account: BOB, ..PLACE },
        VaultPlace { record: RecordId::from_bytes([9; 16]), ..PLACE },
    ] {
        assert_eq!(refused(place), Err(VaultError::Sealed(SealError::Refused)));
    }
}

#[test]
fn the_size_of_a_vault_shows_its_bucket_only() {
    let small = Vault::new("A", 1, RelayKey([9; 32])).seal(&root(1), PLACE, &mut rng());
    let named = Vault::new("Alice in a long name", 1, RelayKey([9; 32])).seal(&root(1), PLACE, &mut rng());

    assert_eq!(small.len(), 6 + 24 + 256 + 16);
    assert_eq!(small.len(), named.len());
}

#[test]
fn a_vault_of_a_newer_version_is_refused_and_unknown_fields_are_skipped() {
    let newer = [0xa2, 0x00, 0x02, 0x09, 0x01];
    let mut with_unknown = Vault::default().encode().to_vec();
    with_unknown[0] = 0xa6;
    with_unknown.extend([0x18, 0x63, 0x01]);

    assert_eq!(Vault::decode(&newer), Err(VaultError::NewerVersion { version: 2 }));
    assert_eq!(Vault::decode(&with_unknown), Ok(Vault::default()));
}

#[test]
fn truncations_and_random_bytes_are_no_vault() {
    let bytes = vault().encode();
    let mut rng = rng();
    for length in 0..bytes.len() {
        assert!(Vault::decode(&bytes[..length]).is_err(), "{length}");
    }
    for round in 0..5_000 {
        let mut random = vec![0; round % 300];
        rng.fill_bytes(&mut random);
        assert!(Vault::decode(&random).is_err());
        let mut damaged = bytes.to_vec();
        let place = usize::try_from(rng.next_u32()).unwrap() % damaged.len();
        damaged[place] = rng.next_u32().to_be_bytes()[0];
        let _ = Vault::decode(&damaged);
    }
}

#[test]
fn what_is_too_long_is_cut_so_that_the_vault_can_be_read_again() {
    let mut vault = vault();
    let long = "ä".repeat(VAULT_TEXT_BYTES_MAX);
    vault.set_profile(Profile { display_name: long.clone(), colour: 1 }, at(20));
    vault.set_contact_names(BOB, names(&long), at(20));
    vault.set_setting(&long, &long, at(20));
    for device in 0..=DEVICE_NAMES_MAX {
        let id = DeviceId::from_bytes([u8::try_from(device).unwrap(); 16]);
        vault.name_device(id, &long, at(20 + u64::try_from(device).unwrap()));
    }

    assert_eq!(Vault::decode(&vault.encode()), Ok(vault.clone()));
    assert_eq!(vault.device_name(DeviceId::from_bytes([0; 16])), None);
}

#[test]
fn the_later_change_wins_whoever_merges() {
    let (mut one, mut other) = (vault(), vault());
    one.set_contact_names(BOB, names("Robert"), at(30));
    other.set_contact_names(BOB, names("Bobby"), at(31));

    assert_eq!(merged(&one, &other), merged(&other, &one));
    assert_eq!(merged(&one, &other).contact(BOB).unwrap().names().display_name, "Bobby");
}

#[test]
fn a_new_name_does_not_undo_a_verification() {
    let (mut one, mut other) = (vault(), vault());
    one.set_contact_trust(BOB, trust(6, Some(30)), at(30));
    other.set_contact_names(BOB, names("Bobby"), at(31));

    let contact = merged(&one, &other).contact(BOB).cloned().unwrap();

    assert_eq!(contact.trust().verified_at, Some(at(30)));
    assert_eq!(contact.names().display_name, "Bobby");
}

#[test]
fn a_device_whose_clock_is_behind_still_writes_after_what_it_has_seen() {
    let mut ahead = vault();
    ahead.set_contact_trust(BOB, trust(6, Some(9_000)), at(9_000));
    let mut behind = ahead.clone();
    behind.set_contact_trust(BOB, trust(6, None), at(13));

    let contact = merged(&ahead, &behind).contact(BOB).cloned().unwrap();

    assert_eq!(contact.trust().verified_at, None);
}

#[test]
fn a_contact_is_pinned_once() {
    let mut vault = vault();

    vault.add_contact(BOB, names("Mallory"), IdentityKey::from_bytes([66; 32]), at(99)).unwrap();

    let contact = vault.contact(BOB).unwrap();
    assert_eq!(contact.trust().identity_key, IdentityKey::from_bytes([6; 32]));
}

/// Three devices, random changes: the merge is commutative, associative and idempotent.
#[test]
fn merging_gives_the_same_vault_in_any_order() {
    for seed in 0..200 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut number = |below: u32| rng.next_u32() % below;
        let mut devices = [vault(), vault(), vault()];
        for _ in 0..20 {
            let device = usize::try_from(number(3)).unwrap();
            let now = at(u64::from(number(8)) + 10);
            let value = number(3).to_string();
            let vault = &mut devices[device];
            match number(5) {
                0 => vault.set_setting(&number(3).to_string(), &value, now),
                1 => vault.set_contact_names(BOB, names(&value), now),
                2 => vault.set_contact_trust(BOB, trust(6, Some(now.0)), now),
                3 => vault.pin_relay_key(RelayKey([number(3).to_be_bytes()[3]; 32]), now),
                _ => vault.name_device(DeviceId::from_bytes([number(70).to_be_bytes()[3]; 16]), &value, now),
            }
        }
        let [one, two, three] = &devices;

        assert_eq!(merged(one, two), merged(two, one), "seed {seed}");
        assert_eq!(merged(one, one), *one, "seed {seed}");
        assert_eq!(merged(&merged(one, two), three), merged(one, &merged(two, three)), "seed {seed}");
    }
}
