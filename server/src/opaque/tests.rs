use super::{OPAQUE_CONTEXT, Opaque, OpaqueError, StoredRecord, Suite};
use crate::secrets::Secrets;
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse,
};
use protocol::{Handle, limits::OPAQUE_BYTES_MAX};
use rand_opaque::rngs::OsRng;

struct Relay {
    opaque: Opaque,
    dir: tempfile::TempDir,
}

fn relay() -> Relay {
    let dir = tempfile::tempdir().unwrap();
    Relay { opaque: open(&dir), dir }
}

fn open(dir: &tempfile::TempDir) -> Opaque {
    Opaque::open(dir.path(), &Secrets::open(dir.path()).unwrap()).unwrap()
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

/// Registers as the client does; gives the record and the export key.
fn register(opaque: &Opaque, password: &[u8]) -> (StoredRecord, Vec<u8>) {
    let credential_id = [5; 16];
    let started = ClientRegistration::<Suite>::start(&mut OsRng, password).unwrap();
    let answer = opaque.register(&credential_id, &started.message.serialize()).unwrap();
    let answer = RegistrationResponse::deserialize(&answer).unwrap();
    let finished = started
        .state
        .finish(&mut OsRng, password, answer, ClientRegistrationFinishParameters::default())
        .unwrap();
    let record = Opaque::record(&finished.message.serialize()).unwrap();
    let setup_id = opaque.current_setup().unwrap();
    (StoredRecord { credential_id, setup_id, record }, finished.export_key.to_vec())
}

/// Logs in as the client does; gives the last message with the relay's state, and the export key.
fn log_in(
    opaque: &Opaque,
    stored: Option<StoredRecord>,
    password: &[u8],
) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let started = ClientLogin::<Suite>::start(&mut OsRng, password).unwrap();
    let answer = opaque.login_start(stored, &handle("ada"), &started.message.serialize()).unwrap();
    let response = CredentialResponse::deserialize(&answer.credential_response).unwrap();
    let parameters =
        ClientLoginFinishParameters { context: Some(OPAQUE_CONTEXT.as_bytes()), ..Default::default() };
    let finished = started.state.finish(&mut OsRng, password, response, parameters).ok()?;
    Some((answer.state.to_vec(), finished.message.serialize().to_vec(), finished.export_key.to_vec()))
}

#[test]
fn the_right_password_opens_the_same_export_key_after_a_restart() {
    let relay = relay();
    let (record, export_key) = register(&relay.opaque, b"correct horse");
    let restarted = open(&relay.dir);

    let (state, finalization, again) = log_in(&restarted, Some(record), b"correct horse").unwrap();

    assert_eq!(again, export_key);
    assert_eq!(Opaque::login_finish(&state, &finalization), Ok(()));
}

#[test]
fn a_wrong_password_opens_nothing() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");

    assert!(log_in(&relay.opaque, Some(record), b"wrong horse").is_none());
}

#[test]
fn a_finalization_of_another_log_in_is_refused() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");
    let (state, _, _) = log_in(&relay.opaque, Some(record.clone()), b"correct horse").unwrap();
    let (_, other, _) = log_in(&relay.opaque, Some(record), b"correct horse").unwrap();

    assert_eq!(Opaque::login_finish(&state, &other), Err(OpaqueError::Refused));
    assert_eq!(Opaque::login_finish(&state, &[0; 64]), Err(OpaqueError::Refused));
    assert_eq!(Opaque::login_finish(&state, &other[1..]), Err(OpaqueError::Malformed));
}

#[test]
fn an_unknown_handle_is_answered_in_the_same_shape() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");
    let request = ClientLogin::<Suite>::start(&mut OsRng, b"guess").unwrap().message.serialize();

    let known = relay.opaque.login_start(Some(record), &handle("ada"), &request).unwrap();
    let unknown = relay.opaque.login_start(None, &handle("nobody"), &request).unwrap();

    assert_eq!(known.credential_response.len(), unknown.credential_response.len());
    assert_eq!(known.state.len(), unknown.state.len());
    assert!(known.credential_response.len() <= OPAQUE_BYTES_MAX);
}

#[test]
fn an_unknown_handle_has_an_oprf_key_of_its_own_that_stays() {
    let relay = relay();
    let request = ClientLogin::<Suite>::start(&mut OsRng, b"guess").unwrap().message.serialize();
    let evaluated = |opaque: &Opaque, name: &str| {
        let started = opaque.login_start(None, &handle(name), &request).unwrap();
        started.credential_response[..32].to_vec()
    };

    let first = evaluated(&relay.opaque, "nobody");

    assert_eq!(first, evaluated(&open(&relay.dir), "nobody"));
    assert_ne!(first, evaluated(&relay.opaque, "nobody-else"));
}

#[test]
fn an_unknown_handle_never_logs_in() {
    let relay = relay();

    assert!(log_in(&relay.opaque, None, b"correct horse").is_none());
}

#[test]
fn malformed_messages_of_every_length_are_refused_without_panic() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");
    for length in 0..=OPAQUE_BYTES_MAX {
        let bytes: Vec<u8> = (0..length).map(|place| u8::try_from(place * 37 % 251).unwrap()).collect();
        let known = relay.opaque.login_start(Some(record.clone()), &handle("ada"), &bytes);
        let unknown = relay.opaque.login_start(None, &handle("nobody"), &bytes);
        assert_eq!(known.err(), unknown.err(), "{length} bytes");
        let _ = relay.opaque.register(&[1; 16], &bytes);
        let _ = Opaque::record(&bytes);
        assert!(Opaque::login_finish(&bytes, &bytes).is_err());
    }
}

#[test]
fn the_identity_element_is_no_request() {
    let relay = relay();

    assert_eq!(relay.opaque.register(&[1; 16], &[0; 32]), Err(OpaqueError::Malformed));
    assert_eq!(relay.opaque.login_start(None, &handle("ada"), &[0; 96]).err(), Some(OpaqueError::Malformed));
}

#[test]
fn a_record_of_a_set_up_that_is_gone_is_told() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");
    let request = ClientLogin::<Suite>::start(&mut OsRng, b"guess").unwrap().message.serialize();
    let stale = StoredRecord { setup_id: [0; 16], ..record };

    let refused = relay.opaque.login_start(Some(stale), &handle("ada"), &request);

    assert_eq!(refused.err(), Some(OpaqueError::UnknownSetup));
}

#[test]
fn records_of_an_older_set_up_still_open_after_a_rotation() {
    let relay = relay();
    let (record, _) = register(&relay.opaque, b"correct horse");
    let file = relay.dir.path().join(super::SETUP_FILE);
    let other = self::relay();
    let mut both = std::fs::read(&file).unwrap();
    both.extend(std::fs::read(other.dir.path().join(super::SETUP_FILE)).unwrap());
    std::fs::write(&file, both).unwrap();

    let rotated = open(&relay.dir);

    assert_ne!(rotated.current_setup().unwrap(), record.setup_id);
    assert!(log_in(&rotated, Some(record), b"correct horse").is_some());
}

#[test]
fn a_damaged_set_up_is_refused_instead_of_replaced() {
    let relay = relay();
    let file = relay.dir.path().join(super::SETUP_FILE);
    let whole = std::fs::read(&file).unwrap();
    for damaged in [&whole[..0], &whole[..100], &[0; 144][..]] {
        std::fs::write(&file, damaged).unwrap();
        assert!(Opaque::open(relay.dir.path(), &Secrets::open(relay.dir.path()).unwrap()).is_err());
    }
}
