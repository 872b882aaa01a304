//! What no device of this version writes yet: deletions, and records under a root key that comes later.

use protocol::{
    AccountId, DeviceId, IdentityKey, RecordId, RelayId, UnixMillis,
    records::{Change, ChangeKind, ChangesPage},
    socket::to_bytes,
    values::{Bytes, List},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use zeroize::Zeroizing;

use super::{Records, RecordsTrouble, Subject};
use crate::{
    client::{
        Client, Context, Event, HostKind,
        stored::{AccountRecord, Stage, StoredSecret},
    },
    contact::{Contact, ContactNames},
    opaque::RelayKey,
    records::{Collection, Place, record_id, seal},
    root_key::RootKey,
    vault::Vault,
};

const OWN: AccountId = AccountId::from_bytes([1; 16]);
const BEN: AccountId = AccountId::from_bytes([2; 16]);
const NOW: UnixMillis = UnixMillis(1_000);

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn root(generation: u32) -> RootKey {
    RootKey::from_bytes(generation, [u8::try_from(generation).unwrap(); 32])
}

fn account(generation: u32) -> AccountRecord {
    AccountRecord {
        account_id: OWN,
        device_id: DeviceId::from_bytes([3; 16]),
        handle: "ada".into(),
        relay_id: RelayId::from_bytes([4; 16]),
        identity_key: [0; 32],
        leaf_key: StoredSecret([0; 32]),
        device_auth_key: StoredSecret([0; 32]),
        certificate: Vec::new(),
        root_keys: (1..=generation).map(|held| (held, StoredSecret(*root(held).expose()))).collect(),
        device_list: Vec::new(),
        vault_record: RecordId::from_bytes([5; 16]),
        device_created_at: NOW,
        recovery_key: None,
        refresh_token: None,
        session_id: None,
        stage: Stage::Enrolled,
        refused_list: None,
        last_resort: None,
        removal: None,
        root_offers: Vec::new(),
        root_unsent: false,
        revocations: Vec::new(),
    }
}

/// An enrolled device that holds root keys up to `generation`, and knows Ben.
fn client(generation: u32) -> Client {
    let mut rng = rng();
    let mut cx = Context { now: NOW, rng: &mut rng };
    let mut client = Client::open(Zeroizing::new([9; 32]), Vec::new(), HostKind::Native, &mut cx).unwrap();
    client.account = Some(account(generation));
    client.vault = Some(Vault::new("Ada", 0, RelayKey([0; 32]), &mut ChaCha20Rng::seed_from_u64(2)));
    client.records = Records::complete();
    let first = page(vec![written(&client, 1, 1, 1)]);
    client.handle_changes(&first, &mut cx);
    assert!(client.contacts.contains_key(&BEN));
    client
}

fn ben() -> Contact {
    Contact::new(BEN, ContactNames::default(), IdentityKey::from_bytes([6; 32]))
}

fn ben_record(client: &Client) -> RecordId {
    record_id(client.vault.as_ref().unwrap().record_id_key(), Collection::Contacts, BEN.as_bytes())
}

/// A change of Ben's record: its number, its version, the generation of its key, its content.
fn change(client: &Client, [change, version]: [u64; 2], generation: u32, content: &[u8]) -> Change {
    let record = ben_record(client);
    let place = Place { account: OWN, collection: Collection::Contacts, record, version };
    Change {
        change,
        collection: "contacts".parse().unwrap(),
        record_id: record,
        version,
        kind: if content.is_empty() { ChangeKind::Deleted } else { ChangeKind::Written },
        ciphertext: Bytes::new(seal(&root(generation), place, content, &mut rng())).unwrap(),
    }
}

fn written(client: &Client, number: u64, version: u64, generation: u32) -> Change {
    change(client, [number, version], generation, &ben().encode())
}

fn page(changes: Vec<Change>) -> Vec<u8> {
    let head = changes.last().unwrap().change;
    to_bytes(&ChangesPage { changes: List::new(changes).unwrap(), upto: head, head })
}

fn take(client: &mut Client, change: Change) {
    let body = page(vec![change]);
    client.handle_changes(&body, &mut Context { now: NOW, rng: &mut rng() });
}

fn troubles(client: &mut Client) -> Vec<RecordsTrouble> {
    let mut troubles = Vec::new();
    while let Some(event) = client.poll_event() {
        if let Event::RecordsTroubled { trouble } = event {
            troubles.push(trouble);
        }
    }
    troubles
}

/// The device as its store would open it again.
fn reopened(client: &mut Client) -> Client {
    let mut stored = std::collections::BTreeMap::new();
    while let Some(changes) = client.poll_save() {
        stored.extend(changes.changes.into_iter().filter_map(|(key, value)| Some((key, value?))));
    }
    let mut rng = rng();
    let mut cx = Context { now: NOW, rng: &mut rng };
    Client::open(Zeroizing::new([9; 32]), stored.into_iter().collect(), HostKind::Native, &mut cx).unwrap()
}

#[test]
fn a_sealed_deletion_is_taken_and_its_floor_outlives_a_restart() {
    let mut client = client(1);
    let deletion = change(&client, [2, 2], 1, b"");

    take(&mut client, deletion);

    assert!(!client.contacts.contains_key(&BEN));
    assert_eq!(troubles(&mut client), []);
    let key = (Collection::Contacts, ben_record(&client));
    let again = reopened(&mut client);
    let entry = again.records.entries[&key];
    assert_eq!((entry.version, entry.subject), (2, Subject::Deleted));
    assert_eq!(again.records.cursor, 2);
}

#[test]
fn after_a_deletion_an_older_version_does_not_bring_the_record_back() {
    let mut client = client(1);
    let deletion = change(&client, [2, 2], 1, b"");
    let replayed = written(&client, 3, 1, 1);

    take(&mut client, deletion);
    take(&mut client, replayed);

    assert!(!client.contacts.contains_key(&BEN));
    assert_eq!(troubles(&mut client), [RecordsTrouble::RolledBack]);
}

#[test]
fn what_was_changed_here_meanwhile_outlives_a_deletion() {
    let mut client = client(1);
    client.contact_changed(BEN, &mut Context { now: NOW, rng: &mut rng() });
    let deletion = change(&client, [2, 2], 1, b"");

    take(&mut client, deletion);

    assert!(client.contacts.contains_key(&BEN));
    let key = (Collection::Contacts, ben_record(&client));
    assert!(client.records.dirty.contains(&key));
    assert_eq!(client.records.entries[&key].version, 2);
}

#[test]
fn the_feed_waits_for_a_root_key_that_is_not_here_yet_and_goes_on_when_it_has_come() {
    let mut client = client(1);
    let later = written(&client, 2, 2, 2);

    take(&mut client, later.clone());
    let waited = client.records.cursor;
    client.account = Some(account(2));
    client.begin_feed();
    take(&mut client, later);

    assert_eq!(waited, 1);
    assert_eq!(client.records.cursor, 2);
    assert_eq!(troubles(&mut client), []);
}

#[test]
fn a_record_never_goes_back_to_an_older_root_key() {
    let mut client = client(2);
    let newer = written(&client, 2, 2, 2);
    let older = written(&client, 3, 3, 1);

    take(&mut client, newer);
    take(&mut client, older);

    assert_eq!(troubles(&mut client), [RecordsTrouble::RolledBack]);
    let key = (Collection::Contacts, ben_record(&client));
    assert_eq!(client.records.entries[&key].version, 2);
}

#[test]
fn a_record_about_somebody_else_than_its_place_says_is_refused() {
    let mut client = client(1);
    let other = Contact::new(
        AccountId::from_bytes([7; 16]),
        ContactNames::default(),
        IdentityKey::from_bytes([6; 32]),
    );
    let misplaced = change(&client, [2, 2], 1, &other.encode());

    take(&mut client, misplaced);

    assert_eq!(troubles(&mut client), [RecordsTrouble::Forged]);
    assert_eq!(client.contacts.len(), 1);
}

#[test]
fn a_format_of_a_newer_version_is_told_and_not_written_over() {
    let mut client = client(1);
    let newer = change(&client, [2, 2], 1, &[0xa1, 0x00, 0x02]);

    take(&mut client, newer);
    client.contact_changed(BEN, &mut Context { now: NOW, rng: &mut rng() });

    assert_eq!(troubles(&mut client), [RecordsTrouble::NewerVersion]);
    assert!(client.records.in_flight.is_empty());
}
