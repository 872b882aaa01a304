use protocol::{AccountId, DeviceId, RecordId, UnixMillis};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::{DEVICE_NAMES_MAX, Profile, Vault, VaultPlace};
use crate::{
    opaque::RelayKey,
    records::{RECORD_TEXT_BYTES_MAX, RecordError},
    root_key::RootKey,
    sealed::SealError,
};

const ALICE: AccountId = AccountId::from_bytes([1; 16]);
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

fn new() -> Vault {
    Vault::new("Alice", 1, RelayKey([9; 32]), &mut rng())
}

fn vault() -> Vault {
    let mut vault = new();
    vault.name_device(DeviceId::from_bytes([7; 16]), "Laptop", at(10));
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
    assert_eq!(vault().relay_key(), Some(RelayKey([9; 32])));
}

/// The first vault there is; a change of its bytes locks older devices out.
#[test]
fn a_new_vault_has_its_golden_bytes() {
    let mut golden = vec![0xa5, 0x00, 0x01]; // five fields; version 1
    golden.extend([0x01, 0xa2, 0x00, 0x01, 0x01, 0xa2]); // profile, before anybody changed it
    golden.extend([0x00, 0x65, b'A', b'l', b'i', b'c', b'e', 0x01, 0x01]); // name, colour 1
    golden.extend([0x02, 0x80]); // no devices
    golden.extend([0x03, 0xa2, 0x00, 0x01, 0x01, 0x58, 0x20]); // the relay's key
    golden.extend([9; 32]);
    golden.extend([0x04, 0x58, 0x20]); // the key of record ids
    golden.extend(new().record_id_key().expose());

    assert_eq!(new().encode().as_slice(), golden);
    assert_eq!(Vault::decode(&golden), Ok(new()));
}

#[test]
fn a_vault_opens_in_its_place_and_generation_only() {
    let sealed = vault().seal(&root(2), PLACE, &mut rng());
    let refused = |place| Vault::open(&root(2), place, &sealed);

    assert_eq!(
        Vault::open(&root(3), PLACE, &sealed),
        Err(RecordError::Sealed(SealError::OtherGeneration { generation: 2 }))
    );
    for place in [
        VaultPlace { version: 3, ..PLACE },
        VaultPlace { account: AccountId::from_bytes([2; 16]), ..PLACE },
        VaultPlace { record: RecordId::from_bytes([9; 16]), ..PLACE },
    ] {
        assert_eq!(refused(place), Err(RecordError::Sealed(SealError::Refused)));
    }
}

#[test]
fn a_vault_of_a_newer_version_is_refused_and_unknown_fields_are_skipped() {
    let newer = [0xa2, 0x00, 0x02, 0x09, 0x01];
    let mut with_unknown = vault().encode().to_vec();
    with_unknown[0] = 0xa6;
    with_unknown.extend([0x18, 0x63, 0x01]);

    assert_eq!(Vault::decode(&newer), Err(RecordError::NewerVersion { version: 2 }));
    assert_eq!(Vault::decode(&with_unknown), Ok(vault()));
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
    let long = "ä".repeat(RECORD_TEXT_BYTES_MAX);
    vault.set_profile(Profile { display_name: long.clone(), colour: 1 }, at(20));
    for device in 0..=DEVICE_NAMES_MAX {
        let id = DeviceId::from_bytes([u8::try_from(device).unwrap(); 16]);
        vault.name_device(id, &long, at(20 + u64::try_from(device).unwrap()));
    }

    assert_eq!(Vault::decode(&vault.encode()), Ok(vault.clone()));
    assert_eq!(vault.device_name(DeviceId::from_bytes([0; 16])), None);
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
            match number(3) {
                0 => {
                    vault.set_profile(Profile { display_name: value, colour: 0 }, now);
                }
                1 => vault.pin_relay_key(RelayKey([number(3).to_be_bytes()[3]; 32]), now),
                _ => vault.name_device(DeviceId::from_bytes([number(70).to_be_bytes()[3]; 16]), &value, now),
            }
        }
        let [one, two, three] = &devices;

        assert_eq!(merged(one, two), merged(two, one), "seed {seed}");
        assert_eq!(merged(one, one), *one, "seed {seed}");
        assert_eq!(merged(&merged(one, two), three), merged(one, &merged(two, three)), "seed {seed}");
    }
}
