//! Lies to somebody who opens an account: nothing of the attempt stays, and the honest relay lets the same device in.

use std::cell::RefCell;

use opaque_ke::{RegistrationRequest, ServerRegistration};
use protocol::{
    AccountId, DeviceId, ErrorCode,
    accounts::{RegisterStarted, Wrap, WrapKind},
    sessions::{LoginStart, LoginStarted, OpenedAccount, PasswordStart, SessionTokens},
    values::{Bytes, List},
};
use sotto_client_core::client::{
    Authorization, CommandError, CommandErrorCode, Event, ListFault, LogIn, Method, Outcome, Recover,
};
use zeroize::Zeroizing;

use super::{bytes_of, flipped, json_of, refusal_of, refused};
use crate::{
    relay::Relay,
    strangers::profile,
    world::{Lie, PASSWORD, World, honest},
};

const STARTED: &str = "/v1/sessions/login/start";
const OPENED: &str = "/v1/sessions/login/finish";
const ENROLLED: &str = "/v1/devices";

fn two_accounts(seed: u64) -> World {
    let mut world = World::new(seed);
    world.register("ada");
    world.register("ben");
    world
}

fn log_in(world: &mut World, host: usize) -> Result<Outcome, CommandError> {
    let log_in = LogIn {
        handle: "ada".into(),
        password: Zeroizing::new(PASSWORD.into()),
        device_name: "Another".into(),
    };
    let command = world.call(host, |client, cx| client.log_in(log_in, cx));
    world.outcome(host, command)
}

fn is_out(world: &World, host: usize) -> bool {
    world.hosts[host].client.as_ref().unwrap().profile().is_none()
        && !world.hosts[host].store.contains_key("account/state")
}

/// Ada logs in at a relay that lies, which tells her this; then at an honest one, which lets her in.
#[track_caller]
fn assert_told(world: &World, lie: Lie, expected: CommandErrorCode) {
    let mut world = world.replay(1);
    world.lie = lie;
    let host = world.add_host();

    let told = log_in(&mut world, host).unwrap_err();

    assert_eq!(told.code, expected);
    assert!(is_out(&world, host));
    world.lie = honest();
    assert!(log_in(&mut world, host).is_ok());
}

/// What the relay would say to somebody who opens Ben's account.
fn bens(world: &World) -> OpenedAccount {
    world.relay.opening_of("ben")
}

#[test]
fn an_honest_relay_lets_in() {
    let mut world = two_accounts(100);
    let host = world.add_host();

    assert!(log_in(&mut world, host).is_ok());
}

#[test]
fn the_answer_of_another_accounts_password_file_is_refused() {
    let world = two_accounts(101);
    let relay = RefCell::new(world.relay.clone());
    let lie: Lie = Box::new(move |_, request, answer| {
        if request.path != STARTED {
            return answer;
        }
        let mut request = request.clone();
        let (_, body) = request.body.as_mut().unwrap();
        let start: LoginStart = serde_json::from_slice(body).unwrap();
        **body = serde_json::to_vec(&LoginStart { handle: "ben".parse().unwrap(), ..start }).unwrap();
        relay.borrow_mut().request(&request, None)
    });

    assert_told(&world, lie, CommandErrorCode::WrongPassword);
}

#[test]
fn a_replayed_answer_to_an_earlier_log_in_is_refused() {
    let mut world = two_accounts(102);
    let recorded: &RefCell<Option<Vec<u8>>> = Box::leak(Box::default());
    world.lie = bytes_of(STARTED, |body| *recorded.borrow_mut() = Some(body.clone()));
    let host = world.add_host();
    log_in(&mut world, host).unwrap();
    let replay = recorded.borrow().clone().unwrap();

    assert_told(
        &world,
        bytes_of(STARTED, move |body| body.clone_from(&replay)),
        CommandErrorCode::WrongPassword,
    );
}

#[test]
fn a_cut_answer_to_the_log_in_is_refused() {
    let cut = json_of(STARTED, |started: &mut LoginStarted| {
        let bytes = &started.credential_response;
        started.credential_response = Bytes::new(bytes[..bytes.len() - 1].to_vec()).unwrap();
    });

    assert_told(&two_accounts(103), cut, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn what_is_no_answer_is_refused_at_every_step() {
    let world = two_accounts(104);
    for path in ["/v1/relay", STARTED, OPENED] {
        let nonsense = bytes_of(path, |body| *body = b"<html>".to_vec());

        assert_told(&world, nonsense, CommandErrorCode::RelayMisbehaved);
    }
}

#[test]
fn a_relay_that_fails_at_any_step_leaves_nothing_or_a_device_that_gets_in() {
    let mut world = two_accounts(105);
    for path in ["/v1/relay", STARTED, OPENED] {
        let failing = refusal_of(path, ErrorCode::Internal);

        assert_told(&world, failing, CommandErrorCode::RelayUnavailable);
    }
    world.lie = refusal_of(ENROLLED, ErrorCode::Unavailable);
    let host = world.add_host();
    let log_in = LogIn {
        handle: "ada".into(),
        password: Zeroizing::new(PASSWORD.into()),
        device_name: "Another".into(),
    };
    let command = world.call(host, |client, cx| client.log_in(log_in, cx));
    world.settle();

    world.lie = honest();

    assert!(world.outcome(host, command).is_ok());
}

#[test]
fn another_persons_wraps_are_refused() {
    let world = two_accounts(107);
    let wraps = bens(&world).wraps;
    let swapped = json_of(OPENED, move |opened: &mut OpenedAccount| opened.wraps = wraps.clone());

    assert_told(&world, swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn missing_wraps_are_refused() {
    let world = two_accounts(108);
    for missing in [WrapKind::Password, WrapKind::Root] {
        let dropped = json_of(OPENED, move |opened: &mut OpenedAccount| {
            let kept = opened.wraps.iter().filter(|wrap| wrap.kind != missing).cloned().collect();
            opened.wraps = List::new(kept).unwrap();
        });

        assert_told(&world, dropped, CommandErrorCode::RelayMisbehaved);
    }
}

#[test]
fn wraps_of_another_version_suite_kind_account_or_generation_are_refused() {
    let world = two_accounts(109);
    // Magic, version, suite, kind, account, generation, nonce, commitment, and what is sealed.
    for place in [0, 4, 5, 6, 7, 26, 27, 51, 82, 83, 130] {
        for kind in [WrapKind::Password, WrapKind::Root] {
            let weakened = json_of(OPENED, move |opened: &mut OpenedAccount| {
                let other = |wrap: &Wrap| match wrap.kind == kind {
                    true => Wrap { bytes: Bytes::new(flipped(&wrap.bytes, place)).unwrap(), ..wrap.clone() },
                    false => wrap.clone(),
                };
                opened.wraps = List::new(opened.wraps.iter().map(other).collect()).unwrap();
            });

            assert_told(&world, weakened, CommandErrorCode::RelayMisbehaved);
        }
    }
}

#[test]
fn the_recovery_keys_wrap_in_the_passwords_place_is_refused() {
    let swapped = json_of(OPENED, |opened: &mut OpenedAccount| {
        let other = |wrap: &Wrap| match wrap.kind {
            WrapKind::Password => Wrap { kind: WrapKind::Recovery, ..wrap.clone() },
            WrapKind::Recovery => Wrap { kind: WrapKind::Password, ..wrap.clone() },
            WrapKind::Root => wrap.clone(),
        };
        opened.wraps = List::new(opened.wraps.iter().map(other).collect()).unwrap();
    });

    assert_told(&two_accounts(110), swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_root_key_of_another_generation_is_refused() {
    let newer = json_of(OPENED, |opened: &mut OpenedAccount| {
        let other = |wrap: &Wrap| match wrap.kind {
            WrapKind::Root => Wrap { generation: 2, ..wrap.clone() },
            _ => wrap.clone(),
        };
        opened.wraps = List::new(opened.wraps.iter().map(other).collect()).unwrap();
    });

    assert_told(&two_accounts(111), newer, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn another_persons_device_list_is_refused() {
    let world = two_accounts(112);
    let list = bens(&world).device_list;
    let swapped = json_of(OPENED, move |opened: &mut OpenedAccount| opened.device_list = list.clone());

    assert_told(&world, swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_device_list_under_an_identity_of_the_relays_own_is_refused() {
    let mut world = two_accounts(113);
    let account = profile(&world, 0).account_id;
    let forged = super::impostor(&mut world, account).list;
    let swapped = json_of(OPENED, move |opened: &mut OpenedAccount| {
        opened.device_list = Bytes::new(forged.clone()).unwrap();
    });

    assert_told(&world, swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_changed_device_list_is_refused() {
    let world = two_accounts(114);
    for place in [0_usize, 30, 60, 90] {
        let changed = json_of(OPENED, move |opened: &mut OpenedAccount| {
            let index = opened.device_list.len() - 1 - place;
            opened.device_list = Bytes::new(flipped(&opened.device_list, index)).unwrap();
        });

        assert_told(&world, changed, CommandErrorCode::RelayMisbehaved);
    }
}

#[test]
fn another_account_than_the_wraps_are_of_is_refused() {
    let world = two_accounts(115);
    let ben = bens(&world).account_id;
    let swapped = json_of(OPENED, move |opened: &mut OpenedAccount| opened.account_id = ben);

    assert_told(&world, swapped, CommandErrorCode::RelayMisbehaved);
}

#[test]
fn a_vault_of_another_place_or_person_is_refused() {
    let world = two_accounts(116);
    let bens = bens(&world).vault;
    let version = json_of(OPENED, |opened: &mut OpenedAccount| opened.vault.version += 1);
    let record = json_of(OPENED, {
        let record_id = bens.record_id;
        move |opened: &mut OpenedAccount| opened.vault.record_id = record_id
    });
    let sealed = json_of(OPENED, move |opened: &mut OpenedAccount| {
        opened.vault.ciphertext = bens.ciphertext.clone();
    });

    for lie in [version, record, sealed] {
        assert_told(&world, lie, CommandErrorCode::RelayMisbehaved);
    }
}

#[test]
fn tokens_of_another_account_or_device_are_refused_loudly() {
    let account = json_of(ENROLLED, |tokens: &mut SessionTokens| {
        tokens.account_id = AccountId::from_bytes([66; 16]);
    });
    let device = json_of(ENROLLED, |tokens: &mut SessionTokens| {
        tokens.device_id = DeviceId::from_bytes([66; 16]);
    });

    for lie in [account, device] {
        let mut world = two_accounts(117);
        world.lie = Box::new(move |host, request, answer| match request.method {
            Method::Post => lie(host, request, answer),
            _ => answer,
        });
        let host = world.add_host();
        let input = LogIn {
            handle: "ada".into(),
            password: Zeroizing::new(PASSWORD.into()),
            device_name: "Another".into(),
        };

        world.call(host, |client, cx| client.log_in(input, cx));
        world.settle();

        let told = Event::Fatal { code: CommandErrorCode::RelayMisbehaved };
        assert!(world.hosts[host].events.contains(&told));
        assert!(world.hosts[host].client.as_ref().unwrap().access_token().is_none());
    }
}

#[test]
fn a_relay_with_another_log_in_key_than_the_vault_has_pinned_is_refused() {
    let mut world = two_accounts(118);
    let recovery_key = world.hosts[0].client.as_ref().unwrap().recovery_key().unwrap().join(" ");
    let other = Relay::with_setup(world.now, 8);
    world.lie = Box::new(move |_, request, (status, body)| {
        if request.path != "/v1/sessions/password/start" {
            return (status, body);
        }
        let (_, asked) = request.body.as_ref().unwrap();
        let asked: PasswordStart = serde_json::from_slice(asked).unwrap();
        let asked = RegistrationRequest::deserialize(&asked.registration_request).unwrap();
        let response = ServerRegistration::start(other.setup(), asked, b"credential").unwrap();
        let mut answer: RegisterStarted = serde_json::from_slice(&body).unwrap();
        answer.registration_response = Bytes::new(response.message.serialize().to_vec()).unwrap();
        (status, serde_json::to_vec(&answer).unwrap())
    });
    let host = world.add_host();
    let recover = Recover {
        handle: "ada".into(),
        recovery_key: Zeroizing::new(recovery_key),
        new_password: Zeroizing::new("another battery horse".into()),
        device_name: "Another".into(),
    };

    let command = world.call(host, |client, cx| client.recover_account(recover, cx));

    assert_eq!(world.outcome(host, command).unwrap_err().code, CommandErrorCode::RelayMisbehaved);
    assert!(is_out(&world, host));
}

#[test]
fn a_newcomer_that_was_given_an_older_list_is_told_by_the_devices_that_know_better() {
    let mut world = two_accounts(119);
    let older = world.relay.opening_of("ada").device_list;
    world.log_in("ada");
    world.settle();
    world.relay.roll_back_list("ada", &older);

    world.log_in("ada");
    world.settle();

    assert_eq!(profile(&world, 0).refused_list, Some(ListFault::Forked));
}

#[test]
fn a_relay_whose_tokens_are_never_good_is_told_and_asked_ever_more_slowly() {
    let others = json_of("/v1/sessions/", |tokens: &mut SessionTokens| {
        tokens.device_id = DeviceId::from_bytes([66; 16]);
    });
    let nonsense = bytes_of("/v1/sessions/", |body| *body = b"<html>".to_vec());
    let not_taken: Lie = Box::new(|_, request, answer| match request.authorization {
        Authorization::Bearer => refused(ErrorCode::Unauthenticated),
        Authorization::None => answer,
    });
    let never = refusal_of("/v1/sessions/", ErrorCode::TicketInvalid);
    for lie in [others, nonsense, not_taken, never] {
        let mut world = World::new(120);
        let ada = world.register("ada");
        let asked: &RefCell<u32> = Box::leak(Box::default());
        world.lie = Box::new(move |host, request, answer| {
            *asked.borrow_mut() += u32::from(request.path.starts_with("/v1/sessions/"));
            lie(host, request, answer)
        });
        world.kill(ada);
        world.start(ada);
        for _ in 0..60 {
            world.run();
            world.advance(1_000);
        }

        // At most three requests a try, and of tries: 0, ½, 1½, 3½, 7½, 15½, 31½ s at the latest, and twice as many with
        // the shortest pauses.
        assert!((1..=36).contains(&*asked.borrow()), "{}", asked.borrow());
        world.lie = honest();
        world.settle();
        assert!(
            world.hosts[ada].client.as_ref().unwrap().access_token().is_some(),
            "and back as soon as it is honest"
        );
    }
}
