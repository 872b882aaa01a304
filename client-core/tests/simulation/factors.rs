use sotto_client_core::client::{
    CommandError, CommandErrorCode, CommandId, Event, FactorChoice, LogIn, Outcome, Recover,
};
use zeroize::Zeroizing;

use crate::world::{PASSWORD, World};

const CODE: &str = "123456";

/// Ada's account waits for a code, and a new browser has shown her password.
fn waiting() -> (World, usize) {
    let mut world = World::new(11);
    world.register("ada");
    guard(&mut world);
    let host = world.add_host();
    assert_asked(log_in(&mut world, host));
    (world, host)
}

/// Every log-in waits for the code from now on; only Ada is there.
fn guard(world: &mut World) {
    for account in world.relay.accounts.values_mut() {
        account.code = Some(CODE);
    }
}

fn log_in(world: &mut World, host: usize) -> Result<Outcome, CommandError> {
    let log_in = LogIn {
        handle: "ada".into(),
        password: Zeroizing::new(PASSWORD.into()),
        device_name: "Another".into(),
    };
    let command = world.call(host, |client, cx| client.log_in(log_in, cx));
    outcome(world, host, command)
}

/// At once: a clock that moved on would take the ticket with it.
fn outcome(world: &mut World, host: usize, command: CommandId) -> Result<Outcome, CommandError> {
    world.run();
    let done = world.hosts[host].events.iter().find_map(|event| match event {
        Event::CommandDone { command: ended, outcome } if *ended == command => Some(outcome.clone()),
        _ => None,
    });
    done.expect("the command ended")
}

#[track_caller]
fn assert_asked(outcome: Result<Outcome, CommandError>) {
    let Ok(Outcome::Factor { factor }) = outcome else { panic!("not asked: {outcome:?}") };
    assert_eq!(factor.factors, [FactorChoice::Totp]);
}

fn show(world: &mut World, host: usize, code: &str) -> CommandId {
    world.call(host, |client, cx| client.show_factor(FactorChoice::Totp, code, cx))
}

fn shown(world: &mut World, host: usize, code: &str) -> Result<Outcome, CommandError> {
    let command = show(world, host, code);
    outcome(world, host, command)
}

fn code_of(outcome: Result<Outcome, CommandError>) -> CommandErrorCode {
    outcome.unwrap_err().code
}

#[test]
fn a_log_in_waits_for_the_code_and_goes_on() {
    let (mut world, host) = waiting();
    assert!(!world.hosts[host].store.contains_key("account/state"), "nothing is saved before");

    let outcome = shown(&mut world, host, "123 456");

    assert!(matches!(outcome, Ok(Outcome::Account { .. })));
    assert!(world.hosts[host].store.contains_key("account/state"));
}

#[test]
fn wrong_codes_may_be_tried_again_until_the_relay_has_enough() {
    let (mut world, host) = waiting();
    for _ in 0..5 {
        assert_eq!(code_of(shown(&mut world, host, "000000")), CommandErrorCode::FactorWrong);
    }

    assert_eq!(code_of(shown(&mut world, host, CODE)), CommandErrorCode::FactorTriesExhausted);

    assert_eq!(code_of(shown(&mut world, host, CODE)), CommandErrorCode::FactorExpired);
    assert_asked(log_in(&mut world, host));
    assert!(shown(&mut world, host, CODE).is_ok());
}

#[test]
fn a_code_that_is_none_is_not_sent() {
    let (mut world, host) = waiting();

    assert_eq!(code_of(shown(&mut world, host, "not a code!")), CommandErrorCode::FactorWrong);
    assert!(shown(&mut world, host, CODE).is_ok());
}

#[test]
fn a_person_may_begin_anew_while_a_code_is_asked_for() {
    let (mut world, host) = waiting();

    assert_asked(log_in(&mut world, host));

    assert!(shown(&mut world, host, CODE).is_ok());
}

#[test]
fn a_code_that_comes_too_late_is_told() {
    let (mut world, host) = waiting();
    world.now = world.now.plus_seconds(301);
    let now = world.now;
    world.relay.set_now(now);
    world.call(host, |client, cx| client.handle_timeout(cx));

    assert_eq!(code_of(shown(&mut world, host, CODE)), CommandErrorCode::FactorExpired);
    assert_asked(log_in(&mut world, host));
    assert!(shown(&mut world, host, CODE).is_ok());
}

#[test]
fn without_a_log_in_there_is_nothing_to_show_a_code_to() {
    let mut world = World::new(12);
    let host = world.add_host();

    assert_eq!(code_of(shown(&mut world, host, CODE)), CommandErrorCode::FactorExpired);
}

#[test]
fn recovery_waits_for_the_code_too() {
    let mut world = World::new(13);
    let ada = world.register("ada");
    let key = world.hosts[ada].client.as_ref().unwrap().recovery_key().unwrap().join(" ");
    guard(&mut world);
    let host = world.add_host();
    let recover = Recover {
        handle: "ada".into(),
        recovery_key: Zeroizing::new(key),
        new_password: Zeroizing::new("another long password".into()),
        device_name: "New".into(),
    };

    let command = world.call(host, |client, cx| client.recover_account(recover, cx));
    assert_asked(outcome(&mut world, host, command));
    assert_eq!(code_of(shown(&mut world, host, "000000")), CommandErrorCode::FactorWrong);

    assert!(matches!(shown(&mut world, host, CODE), Ok(Outcome::Account { .. })));
}

#[test]
fn a_signed_in_device_proves_password_and_code_afresh() {
    let mut world = World::new(14);
    let ada = world.register("ada");
    guard(&mut world);
    let prove = |world: &mut World, password: &str| {
        let password = Zeroizing::new(password.to_owned());
        let command = world.call(ada, |client, cx| client.prove_password(&password, cx));
        outcome(world, ada, command)
    };

    let unproved = world.call(ada, |client, cx| client.start_totp(cx));
    assert_eq!(code_of(outcome(&mut world, ada, unproved)), CommandErrorCode::ProofNeeded);
    assert_eq!(code_of(prove(&mut world, "another password")), CommandErrorCode::WrongPassword);
    assert_asked(prove(&mut world, PASSWORD));
    assert_eq!(code_of(shown(&mut world, ada, "000000")), CommandErrorCode::FactorWrong);
    assert_eq!(shown(&mut world, ada, CODE), Ok(Outcome::Done {}));
}
