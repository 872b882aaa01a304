//! Lies about who somebody is and which devices are theirs.

use std::cell::RefCell;

use protocol::{
    accounts::DirectoryEntry,
    device_list::DeviceList,
    key_packages::{ClaimedKeyPackage, ClaimedKeyPackages},
    values::{Bytes, List},
};
use sotto_client_core::{
    client::{CommandErrorCode, Event, ListFault, Notice, ScanOutcome, Trust},
    fingerprint::{Fingerprint, Fingerprinted, qr_text},
    mls::{GroupStore, KeyPackageKind, make_key_packages},
};

use super::{Impostor, Talk, cbor_of, flipped, impostor, json_of, start_error, to};
use crate::{
    strangers::{profile, start_chat},
    world::{Lie, World, honest},
};

const ACCOUNTS: &str = "/v1/accounts/";
const CLAIM: &str = "/v1/key-packages/claim";

/// Every directory entry of this person carries another list.
fn listed_as(handle: &'static str, list: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Lie {
    json_of(ACCOUNTS, move |entry: &mut DirectoryEntry| {
        if entry.handle.as_str() == handle {
            entry.device_list = Bytes::new(list(&entry.device_list)).unwrap();
        }
    })
}

/// Ada hears of Ben anew from a relay that lies about his list; what she writes afterwards waits, and the person is told
/// why. What Ben says still arrives.
fn after_lie(seed: u64, lie: impl FnOnce(&mut Talk) -> Lie) -> Talk {
    let mut talk = Talk::new(seed);
    talk.world.log_in("ben");
    talk.world.settle();
    talk.world.lie = to(talk.ada, lie(&mut talk));
    talk.world.log_in("ben");
    talk.world.settle();
    talk.reconnect(talk.ada);
    talk.say(talk.ada, "waits");
    talk.say(talk.ben, "still read");
    talk.world.settle();
    talk
}

#[track_caller]
fn assert_refused(mut talk: Talk, fault: ListFault) {
    let ben = talk.account(talk.ben);
    let notice = Notice::DeviceListRefused { account_id: ben, fault };
    let told = talk.notices(talk.ada);
    assert!(told.contains(&notice), "{told:?}");
    assert!(talk.texts(talk.ada).contains(&"still read".to_owned()));
    assert!(!talk.texts(talk.ben).contains(&"waits".to_owned()));
    let view = talk.world.hosts[talk.ada].client.as_ref().unwrap().contact_details(ben).unwrap();
    assert!(view.contact.refused_list.is_some());
}

#[test]
fn an_honest_directory_is_believed() {
    let mut talk = after_lie(130, |_| honest());

    assert!(talk.texts(talk.ben).contains(&"waits".to_owned()));
    assert!(!talk.notices(talk.ada).iter().any(|notice| matches!(notice, Notice::DeviceListRefused { .. })));
}

#[test]
fn a_ghost_device_that_the_identity_key_has_not_signed_is_refused() {
    let ghost = |talk: &mut Talk| {
        let ben = talk.account(talk.ben);
        let mut list = impostor(&mut talk.world, ben).list;
        // Ben's identity key in the place of the one that signed.
        let known = talk.world.relay.device_list(ben).identity_key;
        let forger = DeviceList::decode(&list).unwrap().body.identity_key;
        let at = list.windows(32).position(|window| window == forger.as_bytes()).unwrap();
        list[at..at + 32].copy_from_slice(known.as_bytes());
        listed_as("ben", move |_| list.clone())
    };

    assert_refused(after_lie(131, ghost), ListFault::BadlySigned);
}

#[test]
fn a_list_with_changed_bytes_is_refused() {
    let changed = |_: &mut Talk| listed_as("ben", |list| flipped(list, list.len() - 1));

    assert_refused(after_lie(132, changed), ListFault::BadlySigned);
}

#[test]
fn what_is_no_list_is_refused() {
    let nonsense = |_: &mut Talk| listed_as("ben", |_| b"no list".to_vec());

    assert_refused(after_lie(133, nonsense), ListFault::BadlySigned);
}

#[test]
fn a_list_that_was_rolled_back_is_refused() {
    let mut talk = Talk::new(134);
    let ben = talk.account(talk.ben);
    let older = talk.world.relay.opening_of("ben").device_list;
    talk.world.log_in("ben");
    talk.world.settle();
    talk.world.lie = listed_as("ben", move |_| older.to_vec());
    talk.reconnect(talk.ada);
    talk.world.call(talk.ada, |client, cx| client.start_conversation("ben", cx));
    talk.world.settle();

    let rolled_back = Notice::DeviceListRefused { account_id: ben, fault: ListFault::RolledBack };
    assert!(talk.notices(talk.ada).contains(&rolled_back));
}

#[test]
fn a_list_beside_the_known_one_is_refused() {
    let mut talk = Talk::new(135);
    let ben = talk.account(talk.ben);
    // The same next version, made twice: with one device here, with another there.
    let mut elsewhere = talk.world.replay(1);
    elsewhere.log_in("ben");
    let beside = elsewhere.relay.opening_of("ben").device_list;
    talk.world.log_in("ben");
    talk.world.settle();
    talk.world.lie = listed_as("ben", move |_| beside.to_vec());
    talk.world.call(talk.ada, |client, cx| client.start_conversation("ben", cx));
    talk.world.settle();

    let forked = Notice::DeviceListRefused { account_id: ben, fault: ListFault::Forked };
    assert!(talk.notices(talk.ada).contains(&forked));
}

#[test]
fn another_persons_list_is_refused() {
    let others = |talk: &mut Talk| {
        talk.world.register("mallory");
        let list = talk.world.relay.opening_of("mallory").device_list;
        listed_as("ben", move |_| list.to_vec())
    };

    assert_refused(after_lie(136, others), ListFault::AnotherIdentity);
}

/// From now on the relay shows an identity key of its own for Ben.
fn swap_identity(talk: &mut Talk) {
    let ben = talk.account(talk.ben);
    let forged = impostor(&mut talk.world, ben).list;
    talk.world.lie = listed_as("ben", move |_| forged.clone());
    talk.world.call(talk.ada, |client, cx| client.start_conversation("ben", cx));
    talk.world.settle();
}

#[test]
fn a_swapped_identity_of_somebody_never_compared_is_told_and_never_trusted() {
    let mut talk = Talk::new(137);
    let ben = talk.account(talk.ben);

    swap_identity(&mut talk);

    assert!(talk.notices(talk.ada).contains(&Notice::KeyChanged { account_id: ben, was_verified: false }));
    talk.say(talk.ada, "for ben alone");
    talk.world.settle();
    // The group knows Ben's own leaf: what is written still goes to him, and to nobody else.
    assert!(talk.texts(talk.ben).contains(&"for ben alone".to_owned()));
}

#[test]
fn a_swapped_identity_of_somebody_verified_stops_sending_until_the_person_decides() {
    let mut talk = Talk::new(138);
    let ben = talk.account(talk.ben);
    talk.world.call(talk.ada, |client, cx| {
        let details = client.contact_details(ben).unwrap();
        client.confirm_match(ben, &details.fingerprint, cx).unwrap();
    });

    swap_identity(&mut talk);
    talk.say(talk.ada, "waits");
    talk.world.settle();

    assert!(talk.notices(talk.ada).contains(&Notice::KeyChanged { account_id: ben, was_verified: true }));
    let told = |event: &Event| matches!(event, Event::KeyChanged { .. });
    assert!(talk.world.hosts[talk.ada].events.iter().any(told));
    let details = talk.world.hosts[talk.ada].client.as_ref().unwrap().contact_details(ben).unwrap();
    assert!(matches!(details.contact.trust, Trust::Changed { was_verified: true, .. }));
    assert!(!talk.texts(talk.ben).contains(&"waits".to_owned()));
}

#[test]
fn an_identity_swapped_at_the_first_contact_shows_when_the_two_compare() {
    let mut world = World::new(139);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let [her, him] = [ada, ben].map(|host| profile(&world, host).account_id);
    let bens_key = world.relay.device_list(him).identity_key;
    // Somebody who sits between them: a whole account, under Ben's name and the relay's key.
    let Impostor { list, leaf } = impostor(&mut world, him);
    let made = make_key_packages(&mut GroupStore::default(), &leaf, KeyPackageKind::OneUse, 1, world.now);
    let package = ClaimedKeyPackage {
        device_id: leaf.certificate().body.device,
        key_package: Bytes::new(made.unwrap()[0].bytes.clone()).unwrap(),
        last_resort: false,
    };
    let listed = listed_as("ben", {
        let list = list.clone();
        move |_| list.clone()
    });
    let claimed = cbor_of(CLAIM, move |claimed: &mut ClaimedKeyPackages| {
        claimed.device_list = Bytes::new(list.clone()).unwrap();
        claimed.key_packages = List::new(vec![package.clone()]).unwrap();
    });
    // The second claim is for her own other devices.
    let claims = RefCell::new(0);
    world.lie = Box::new(move |host, request, answer| {
        *claims.borrow_mut() += u32::from(request.path == CLAIM);
        let bens = request.path == CLAIM && *claims.borrow() == 1;
        if bens { claimed(host, request, answer) } else { listed(host, request, answer) }
    });

    start_chat(&mut world, ada, "ben");
    let shown = world.hosts[ada].client.as_ref().unwrap().contact_details(him).unwrap();
    let bens_code = qr_text(
        &Fingerprinted { account: him, fingerprint: Fingerprint::of(him, &bens_key) },
        &Fingerprinted {
            account: her,
            fingerprint: Fingerprint::of(her, &world.relay.device_list(her).identity_key),
        },
    );
    let scanned = world.call(ada, |client, cx| client.scan_qr(him, &bens_code, cx)).unwrap();

    assert_eq!(shown.contact.trust, Trust::Unverified);
    assert_eq!(scanned, ScanOutcome::Mismatch);
}

#[test]
fn another_key_than_somebodys_own_link_names_is_refused_and_pins_nothing() {
    let mut world = World::new(142);
    let [ada, ben] = [world.register("ada"), world.register("ben")];
    let him = profile(&world, ben);
    let forged = impostor(&mut world, him.account_id).list;
    world.lie = listed_as("ben", move |_| forged.clone());

    let by_link = |world: &mut World| {
        let command =
            world.call(ada, |client, cx| client.start_conversation_by_link("ben", &him.fingerprint, cx));
        world.outcome(ada, command)
    };
    assert_eq!(by_link(&mut world).unwrap_err().code, CommandErrorCode::LinkMismatch);

    world.lie = honest();
    assert!(by_link(&mut world).is_ok(), "nothing of the lie was kept");
}

#[test]
fn a_handle_that_leads_to_somebody_else_is_refused() {
    let mut world = World::new(140);
    let ada = world.register("ada");
    world.register("ben");
    world.register("mallory");
    let list = world.relay.opening_of("mallory");
    world.lie = json_of("/v1/accounts/by-handle/", move |entry: &mut DirectoryEntry| {
        *entry = DirectoryEntry {
            account_id: list.account_id,
            handle: list.handle.clone(),
            device_list: list.device_list.clone(),
            revocations: Default::default(),
        };
    });

    assert_eq!(start_error(&mut world, ada, "ben"), CommandErrorCode::RelayMisbehaved);
}

#[test]
fn ones_own_list_rolled_back_or_with_a_device_of_the_relays_own_is_told() {
    for (ghost, fault) in [(false, ListFault::RolledBack), (true, ListFault::AnotherIdentity)] {
        let mut world = World::new(141);
        let ada = world.register("ada");
        let older = world.relay.opening_of("ada").device_list.to_vec();
        let account = profile(&world, ada).account_id;
        let list = if ghost { impostor(&mut world, account).list } else { older };
        world.log_in("ada");
        world.settle();
        world.lie = listed_as("ada", move |_| list.clone());

        world.log_in("ada");
        world.settle();

        assert_eq!(profile(&world, ada).refused_list, Some(fault));
        let shown = world.hosts[ada].client.as_ref().unwrap().devices().len();
        assert_eq!(shown, 2, "the devices that were known");
    }
}
