use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use protocol::signed::OPAQUE_CONTEXT;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

use super::{LoggedIn, Login, OpaqueError, OpaqueSuite, Password, Registered, Registration, Rng, SessionKey};
use crate::stretching::{LANES, MEMORY_KIB, PASSES};

const CREDENTIAL_ID: [u8; 16] = [1; 16];

/// The relay's half, from the same crate.
struct Relay {
    setup: ServerSetup<OpaqueSuite>,
    record: Option<ServerRegistration<OpaqueSuite>>,
    rng: ChaCha20Rng,
    context: &'static str,
}

impl Relay {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Self { setup: ServerSetup::new(&mut Rng(&mut rng)), record: None, rng, context: OPAQUE_CONTEXT }
    }

    fn parameters(&self) -> ServerLoginParameters<'static, 'static> {
        ServerLoginParameters { context: Some(self.context.as_bytes()), ..ServerLoginParameters::default() }
    }

    fn answer_registration(&self, request: &[u8]) -> Vec<u8> {
        let request = RegistrationRequest::deserialize(request).unwrap();
        let started = ServerRegistration::start(&self.setup, request, &CREDENTIAL_ID).unwrap();
        started.message.serialize().to_vec()
    }

    fn answer_login(&mut self, request: &[u8]) -> (ServerLogin<OpaqueSuite>, Vec<u8>) {
        let parameters = self.parameters();
        let started = ServerLogin::start(
            &mut Rng(&mut self.rng),
            &self.setup,
            self.record.clone(),
            CredentialRequest::deserialize(request).unwrap(),
            &CREDENTIAL_ID,
            parameters,
        )
        .unwrap();
        (started.state, started.message.serialize().to_vec())
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(5)
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn register(relay: &mut Relay, text: &str) -> Registered {
    let (registration, request) = Registration::start(password(text), &mut rng()).unwrap();
    let response = relay.answer_registration(&request);
    let registered = registration.finish(&response, &mut rng()).unwrap();
    let upload = RegistrationUpload::deserialize(&registered.upload).unwrap();
    relay.record = Some(ServerRegistration::finish(upload));
    registered
}

fn login(relay: &mut Relay, text: &str) -> Result<(LoggedIn, SessionKey), OpaqueError> {
    let (login, request) = Login::start(password(text), &mut rng()).unwrap();
    let (state, response) = relay.answer_login(&request);
    let logged_in = login.finish(&response, &mut rng())?;
    let finalization = CredentialFinalization::deserialize(&logged_in.finalization).unwrap();
    let relay_side = state.finish(finalization, relay.parameters()).unwrap();
    Ok((logged_in, SessionKey::from_bytes(relay_side.session_key.into())))
}

#[test]
fn a_log_in_gives_the_export_key_of_the_registration() {
    let mut relay = Relay::new(1);

    let registered = register(&mut relay, "correct horse");
    let (logged_in, relay_side) = login(&mut relay, "correct horse").unwrap();

    assert_eq!(logged_in.export_key, registered.export_key);
    assert_eq!(logged_in.relay_key, registered.relay_key);
    assert_eq!(logged_in.session_key, relay_side);
}

#[test]
fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let mut relay = Relay::new(1);
    register(&mut relay, "correct horse");
    let mut empty = Relay::new(1);

    let wrong = login(&mut relay, "Correct horse").map(|_| ());
    let unknown = login(&mut empty, "correct horse").map(|_| ());

    assert_eq!(wrong, Err(OpaqueError::WrongPassword));
    assert_eq!(unknown, Err(OpaqueError::WrongPassword));
}

#[test]
fn another_relay_cannot_answer_a_log_in() {
    let mut relay = Relay::new(1);
    register(&mut relay, "correct horse");
    let mut thief = Relay::new(2);
    thief.record = relay.record.clone();

    let refused = login(&mut thief, "correct horse").map(|_| ());

    assert_eq!(refused, Err(OpaqueError::WrongPassword));
}

#[test]
fn a_relay_of_another_protocol_is_refused() {
    let mut relay = Relay::new(1);
    register(&mut relay, "correct horse");
    relay.context = "sotto/v2/opaque";

    let refused = login(&mut relay, "correct horse").map(|_| ());

    assert_eq!(refused, Err(OpaqueError::WrongPassword));
}

#[test]
fn malformed_and_reflected_answers_are_refused() {
    let (_, request) = Registration::start(password("p"), &mut rng()).unwrap();
    let response = Relay::new(1).answer_registration(&request);
    let refuse = |response: &[u8]| {
        let (registration, _) = Registration::start(password("p"), &mut rng()).unwrap();
        registration.finish(response, &mut rng()).map(|_| ())
    };
    let mut reflected = response.clone();
    reflected[..32].copy_from_slice(&request);

    for length in 0..response.len() {
        assert_eq!(refuse(&response[..length]), Err(OpaqueError::Malformed), "{length}");
    }
    assert_eq!(refuse(&reflected), Err(OpaqueError::Malformed));
    assert_eq!(refuse(&[0xff; 64]), Err(OpaqueError::Malformed));
}

#[test]
fn malformed_log_in_answers_are_refused() {
    let mut relay = Relay::new(1);
    let (_, request) = Login::start(password("p"), &mut rng()).unwrap();
    let (_, response) = relay.answer_login(&request);

    for length in 0..response.len() {
        let (login, _) = Login::start(password("p"), &mut rng()).unwrap();
        let refused = login.finish(&response[..length], &mut rng()).map(|_| ());
        assert_eq!(refused, Err(OpaqueError::Malformed), "{length}");
    }
}

/// O-3: what a release stretches with. The cheap parameters need a feature that a release cannot have.
#[test]
fn the_key_stretching_is_that_of_version_1() {
    if !cfg!(feature = "test-parameters") {
        assert_eq!((MEMORY_KIB, PASSES, LANES), (65_536, 3, 1));
    }
}

#[test]
fn every_message_fits_its_limit() {
    let mut relay = Relay::new(1);
    let registered = register(&mut relay, "correct horse");
    let (_, request) = Login::start(password("p"), &mut rng()).unwrap();
    let (_, response) = relay.answer_login(&request);

    for message in [&registered.upload, &request, &response] {
        assert!(message.len() <= protocol::limits::OPAQUE_BYTES_MAX);
    }
}
