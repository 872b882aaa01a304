use protocol::{AccountId, RecordId};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

use super::{Collection, Place, RecordError, RecordIdKey, open, record_id, seal};
use crate::{root_key::RootKey, sealed::SealError};

const PLACE: Place = Place {
    account: AccountId::from_bytes([1; 16]),
    collection: Collection::Contacts,
    record: RecordId::from_bytes([3; 16]),
    version: 4,
};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn root(generation: u32) -> RootKey {
    RootKey::from_bytes(generation, [5; 32])
}

#[test]
fn a_record_opens_in_its_place_and_generation_only() {
    let sealed = seal(&root(2), PLACE, b"content", &mut rng());

    assert_eq!(open(&root(2), PLACE, &sealed).unwrap().as_slice(), b"content");
    assert_eq!(
        open(&root(3), PLACE, &sealed),
        Err(RecordError::Sealed(SealError::OtherGeneration { generation: 2 }))
    );
    for place in [
        Place { version: 3, ..PLACE },
        Place { account: AccountId::from_bytes([2; 16]), ..PLACE },
        Place { record: RecordId::from_bytes([9; 16]), ..PLACE },
        Place { collection: Collection::Vault, ..PLACE },
        Place { collection: Collection::Settings, ..PLACE },
    ] {
        assert_eq!(open(&root(2), place, &sealed), Err(RecordError::Sealed(SealError::Refused)));
    }
}

#[test]
fn the_size_of_a_record_shows_its_bucket_only() {
    let sizes = [0, 1, 100, 252].map(|length| seal(&root(1), PLACE, &vec![1; length], &mut rng()).len());

    assert_eq!(sizes, [6 + 24 + 256 + 16; 4]);
    assert_eq!(seal(&root(1), PLACE, &[1; 253], &mut rng()).len(), 6 + 24 + 1024 + 16);
}

#[test]
fn an_id_is_about_one_subject_of_one_collection_under_one_key() {
    let [key, other] = [1, 2].map(|byte| RecordIdKey::from_bytes([byte; 32]));
    let id = record_id(&key, Collection::Contacts, &[7; 16]);

    assert_eq!(id, record_id(&key, Collection::Contacts, &[7; 16]));
    assert_ne!(id, record_id(&key, Collection::Contacts, &[8; 16]));
    assert_ne!(id, record_id(&key, Collection::Settings, &[7; 16]));
    assert_ne!(id, record_id(&other, Collection::Contacts, &[7; 16]));
}

#[test]
fn every_flipped_bit_and_every_truncation_is_refused() {
    let sealed = seal(&root(1), PLACE, b"content", &mut rng());
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&root(1), PLACE, &flipped).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(open(&root(1), PLACE, &sealed[..length]).is_err());
    }
}

#[test]
fn every_collection_is_found_by_its_name() {
    for collection in Collection::ALL {
        assert_eq!(Collection::from_name(collection.name()), Some(collection));
        assert!(collection.name().parse::<protocol::records::Collection>().is_ok());
    }
    assert_eq!(Collection::from_name("drive"), None);
}
