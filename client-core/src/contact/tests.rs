use protocol::{AccountId, IdentityKey, UnixMillis};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::{Contact, ContactNames, ContactTrust, Standing};
use crate::records::{RECORD_TEXT_BYTES_MAX, RecordError};

const BOB: AccountId = AccountId::from_bytes([2; 16]);

fn at(now: u64) -> UnixMillis {
    UnixMillis(now)
}

fn names(display_name: &str) -> ContactNames {
    ContactNames { handle: "bob".to_owned(), display_name: display_name.to_owned(), colour: 2 }
}

fn key(byte: u8) -> IdentityKey {
    IdentityKey::from_bytes([byte; 32])
}

fn trust(byte: u8, verified_at: Option<u64>) -> ContactTrust {
    ContactTrust { identity_key: key(byte), verified_at: verified_at.map(UnixMillis), changed_key: None }
}

fn bob() -> Contact {
    let mut bob = Contact::new(BOB, names("bob"), key(6));
    bob.tell_names(names("Bob"), Some(at(12)));
    bob
}

fn merged(one: &Contact, other: &Contact) -> Contact {
    let mut merged = one.clone();
    merged.merge(other.clone());
    merged
}

/// 5: a request, by nobody's decision.
const FIRST_REQUEST: [u8; 6] = [0x05, 0xa2, 0x00, 0x01, 0x01, 0x00];

/// A change of these bytes locks older devices out.
#[test]
fn a_contact_has_its_golden_bytes_and_reads_back() {
    let mut golden = vec![0xa5, 0x00, 0x01, 0x01, 0x50]; // five fields; 0: version; 1: account
    golden.extend([2; 16]);
    golden.extend([0x02, 0xa2, 0x00, 0x0c, 0x01, 0xa3]); // 2: names, changed at 12
    golden.extend([0x00, 0x63, b'b', b'o', b'b', 0x01, 0x63, b'B', b'o', b'b', 0x02, 0x02]);
    golden.extend([0x03, 0xa2, 0x00, 0x01, 0x01, 0xa1, 0x00, 0x58, 0x20]); // 3: trust, on first use
    golden.extend([6; 32]);
    golden.extend(FIRST_REQUEST);

    assert_eq!(bob().encode().as_slice(), golden);
    assert_eq!(Contact::decode(&golden), Ok(bob()));
}

#[test]
fn a_block_is_a_field_of_its_own_and_the_later_decision_stands() {
    let (mut blocked, mut free) = (bob(), bob());
    blocked.set_blocked(true, at(20));
    assert!(!free.set_blocked(false, at(30)), "nobody had blocked it");
    let mut golden = bob().encode().to_vec();
    golden[0] = 0xa6;
    golden.truncate(golden.len() - FIRST_REQUEST.len());
    golden.extend([0x04, 0xa2, 0x00, 0x14, 0x01, 0xf5]); // 4: blocked at 20
    golden.extend(FIRST_REQUEST);

    assert_eq!(blocked.encode().as_slice(), golden);
    assert_eq!(Contact::decode(&golden), Ok(blocked.clone()));
    assert!(merged(&free, &blocked).is_blocked() && merged(&blocked, &free).is_blocked());
    free = blocked.clone();
    free.set_blocked(false, at(19));
    assert!(!merged(&free, &blocked).is_blocked() && !merged(&blocked, &free).is_blocked());
}

#[test]
fn a_contact_of_a_newer_version_is_refused_and_unknown_fields_are_skipped() {
    let mut with_unknown = bob().encode().to_vec();
    with_unknown[0] = 0xa6;
    with_unknown.extend([0x18, 0x63, 0x01]);

    assert_eq!(
        Contact::decode(&[0xa2, 0x00, 0x02, 0x09, 0x01]),
        Err(RecordError::NewerVersion { version: 2 })
    );
    assert_eq!(Contact::decode(&with_unknown), Ok(bob()));
}

#[test]
fn truncations_and_random_bytes_are_no_contact() {
    let bytes = bob().encode();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for length in 0..bytes.len() {
        assert!(Contact::decode(&bytes[..length]).is_err(), "{length}");
    }
    for round in 0..5_000 {
        let mut random = vec![0; round % 300];
        rng.fill_bytes(&mut random);
        assert!(Contact::decode(&random).is_err());
        let mut damaged = bytes.to_vec();
        let place = usize::try_from(rng.next_u32()).unwrap() % damaged.len();
        damaged[place] = rng.next_u32().to_be_bytes()[0];
        let _ = Contact::decode(&damaged);
    }
}

#[test]
fn names_that_are_too_long_are_cut_so_that_the_record_can_be_read_again() {
    let mut contact = bob();
    contact.tell_names(names(&"ä".repeat(RECORD_TEXT_BYTES_MAX)), Some(at(20)));

    assert_eq!(Contact::decode(&contact.encode()), Ok(contact));
}

#[test]
fn the_later_change_wins_whoever_merges() {
    let (mut one, mut other) = (bob(), bob());
    one.tell_names(names("Robert"), Some(at(30)));
    other.tell_names(names("Bobby"), Some(at(31)));

    assert_eq!(merged(&one, &other), merged(&other, &one));
    assert_eq!(merged(&one, &other).names().display_name, "Bobby");
}

#[test]
fn older_words_of_a_contact_about_itself_say_nothing_new() {
    let mut contact = bob();

    assert!(contact.tell_names(names("Robert"), Some(at(30))));
    assert!(!contact.tell_names(names("Bobby"), Some(at(29))));
    assert!(!contact.tell_names(names("Bobby"), None));
    assert_eq!(contact.names().display_name, "Robert");
}

#[test]
fn a_name_that_a_device_made_up_never_replaces_one_that_was_told() {
    let placeholder = Contact::new(BOB, names("zz"), key(6));
    let mut told = Contact::new(BOB, names("bob"), key(6));
    told.tell_names(names("Bob"), None);

    assert_eq!(merged(&told, &placeholder), told);
    assert_eq!(merged(&placeholder, &told), told);
}

#[test]
fn the_handle_is_learnt_once_and_serves_as_a_name_until_one_is_told() {
    let mut contact = Contact::new(BOB, ContactNames::default(), key(6));

    assert!(contact.learn_handle("bob".to_owned()));
    assert!(!contact.learn_handle("mallory".to_owned()));

    assert_eq!((contact.names().handle.as_str(), contact.names().display_name.as_str()), ("bob", "bob"));
}

#[test]
fn a_new_name_does_not_undo_a_verification() {
    let (mut one, mut other) = (bob(), bob());
    one.set_trust(trust(6, Some(30)), at(30));
    other.tell_names(names("Bobby"), Some(at(31)));

    let contact = merged(&one, &other);

    assert_eq!(contact.trust().verified_at, Some(at(30)));
    assert_eq!(contact.names().display_name, "Bobby");
}

#[test]
fn a_device_whose_clock_is_behind_still_writes_after_what_it_has_seen() {
    let mut ahead = bob();
    ahead.set_trust(trust(6, Some(9_000)), at(9_000));
    let mut behind = ahead.clone();
    behind.set_trust(trust(6, None), at(13));

    assert_eq!(merged(&ahead, &behind).trust().verified_at, None);
}

/// A new device that meets somebody before it has read the feed pins whatever key it is shown.
#[test]
fn trust_on_first_use_never_undoes_what_the_person_decided() {
    let mut decided = bob();
    decided.set_trust(trust(6, Some(30)), at(30));
    let first_use = Contact::new(BOB, names("Bob"), key(66));

    assert_eq!(merged(&decided, &first_use).trust(), &trust(6, Some(30)));
    assert_eq!(merged(&first_use, &decided).trust(), &trust(6, Some(30)));
}

#[test]
fn two_keys_trusted_on_first_use_are_told_as_a_change() {
    let [one, other] = [6, 66].map(|byte| Contact::new(BOB, names("Bob"), key(byte)));

    let trust = *merged(&one, &other).trust();

    assert_eq!(trust, *merged(&other, &one).trust());
    assert_eq!((trust.identity_key, trust.changed_key), (key(6), Some(key(66))));
}

#[test]
fn a_record_of_before_there_were_requests_is_an_accepted_contact() {
    let mut older = bob().encode().to_vec();
    older[0] = 0xa4;
    older.truncate(older.len() - FIRST_REQUEST.len());
    let older = Contact::decode(&older).unwrap();

    assert_eq!([older.standing(), bob().standing()], [Standing::Accepted, Standing::Requested]);
    for undecided in [merged(&older, &bob()), merged(&bob(), &older)] {
        assert_eq!(undecided.standing(), Standing::Accepted);
    }
    let mut removed = bob();
    assert!(removed.set_standing(Standing::Removed, at(20)));
    assert!(!removed.set_standing(Standing::Removed, at(30)), "already");
    for decided in [merged(&older, &removed), merged(&removed, &older)] {
        assert_eq!(decided.standing(), Standing::Removed);
    }
}

/// Three devices, random changes: the merge is commutative, associative and idempotent.
#[test]
fn merging_gives_the_same_contact_in_any_order() {
    for seed in 0..200 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut number = |below: u32| rng.next_u32() % below;
        let mut devices = [bob(), bob(), bob()];
        for _ in 0..20 {
            let device = usize::try_from(number(3)).unwrap();
            let now = at(u64::from(number(8)) + 10);
            match number(4) {
                3 => devices[device].set_standing([Standing::Accepted, Standing::Removed][device % 2], now),
                0 => devices[device].set_blocked(number(2) == 0, now),
                1 => devices[device].tell_names(names(&number(3).to_string()), Some(now)),
                _ => devices[device].set_trust(trust(6, Some(u64::from(number(3)))), now),
            };
        }
        let [one, two, three] = &devices;

        assert_eq!(merged(one, two), merged(two, one), "seed {seed}");
        assert_eq!(merged(one, one), *one, "seed {seed}");
        assert_eq!(merged(&merged(one, two), three), merged(one, &merged(two, three)), "seed {seed}");
    }
}
