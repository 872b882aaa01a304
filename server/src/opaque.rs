//! The relay's side of OPAQUE (RFC 9807): it never sees a password, nor anything to guess one from but its own record.
//! The set-up (OPRF seed and key pair) is a file outside the database, and records name the set-up they were made
//! with, so that it can be rotated (O-5).

use std::fmt;
use std::io;
use std::path::Path;

use aws_lc_rs::hmac;
use opaque_ke::{
    CipherSuite, CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use protocol::{Handle, signed::OPAQUE_CONTEXT};
use rand_opaque::rngs::OsRng;
use zeroize::Zeroizing;

use crate::secrets::{self, Purpose, Secrets, tag};

/// Name of the set-up's file in the data directory: one or more of (id 16, set-up 128), the last one in use.
const SETUP_FILE: &str = "opaque.setup";
const SETUP_ID_BYTES: usize = 16;
const SETUP_BYTES: usize = SETUP_ID_BYTES + 128;
/// Envelope at the end of a record: nonce 32, authentication tag 64.
const ENVELOPE_BYTES: usize = 96;

/// ristretto255, SHA-512, 3DH. Stretching with Argon2id is the client's part alone (O-3), so the relay names none.
pub struct Suite;

impl CipherSuite for Suite {
    type OprfCs = opaque_ke::Ristretto255;
    type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, sha2_opaque::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// Names one set-up.
pub type SetupId = [u8; SETUP_ID_BYTES];
/// 16 fresh random bytes per registration, never the handle (O-4).
pub type CredentialId = [u8; 16];

/// What the database keeps of a registration.
#[derive(Clone)]
pub struct StoredRecord {
    pub credential_id: CredentialId,
    pub setup_id: SetupId,
    pub record: Vec<u8>,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredRecord(***)")
    }
}

/// The relay's first answer and what it must remember for the last step.
pub struct StartedLogin {
    pub credential_response: Vec<u8>,
    pub state: Zeroizing<Vec<u8>>,
}

/// Why a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueError {
    #[error("the bytes are no message of this step")]
    Malformed,
    #[error("the client does not know the password")]
    Refused,
    #[error("the record was made with a set-up that this relay does not hold")]
    UnknownSetup,
}

/// All set-ups of this relay.
pub struct Opaque {
    setups: Vec<(SetupId, ServerSetup<Suite>)>,
    unknown_handles: hmac::Key,
    /// Stands in for the record of an unknown handle, so that the same work is done (O-4).
    nobodys_key: Vec<u8>,
}

impl Opaque {
    /// Reads the set-ups of `data_dir`, or makes the first one.
    pub fn open(data_dir: &Path, secrets: &Secrets) -> io::Result<Self> {
        let bytes = secrets::read_or_make(&data_dir.join(SETUP_FILE), || {
            let mut fresh = Zeroizing::new(secrets::random::<SETUP_ID_BYTES>()?.to_vec());
            fresh.extend_from_slice(&ServerSetup::<Suite>::new(&mut OsRng).serialize());
            Ok(fresh)
        })?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{SETUP_FILE} holds no set-up"));
        if bytes.is_empty() || bytes.len() % SETUP_BYTES != 0 {
            return Err(damaged());
        }
        let setups = bytes
            .chunks_exact(SETUP_BYTES)
            .map(|chunk| {
                let (id, setup) = chunk.split_first_chunk().ok_or_else(damaged)?;
                Ok((*id, ServerSetup::deserialize(setup).map_err(|_| damaged())?))
            })
            .collect::<io::Result<_>>()?;
        let nobody = ServerSetup::<Suite>::new(&mut OsRng);
        Ok(Self {
            setups,
            unknown_handles: secrets.hmac_key(Purpose::UnknownHandles),
            nobodys_key: nobody.keypair().public().serialize().to_vec(),
        })
    }

    /// The set-up that new records are made with.
    pub fn current_setup(&self) -> Result<SetupId, OpaqueError> {
        self.setups.last().map(|(id, _)| *id).ok_or(OpaqueError::UnknownSetup)
    }

    /// Answers a registration request.
    pub fn register(&self, credential_id: &CredentialId, request: &[u8]) -> Result<Vec<u8>, OpaqueError> {
        let setup = self.setup(&self.current_setup()?)?;
        let request =
            RegistrationRequest::<Suite>::deserialize(request).map_err(|_| OpaqueError::Malformed)?;
        let started =
            ServerRegistration::start(setup, request, credential_id).map_err(|_| OpaqueError::Malformed)?;
        Ok(started.message.serialize().to_vec())
    }

    /// Checks the upload that ends a registration; gives the record to keep.
    pub fn record(upload: &[u8]) -> Result<Vec<u8>, OpaqueError> {
        let upload = RegistrationUpload::<Suite>::deserialize(upload).map_err(|_| OpaqueError::Malformed)?;
        Ok(ServerRegistration::finish(upload).serialize().to_vec())
    }

    /// Answers a log-in request. Unknown handles get an answer of the same shape, by the same work, and the same
    /// one for the same request as far as the handle decides it (O-4).
    pub fn login_start(
        &self,
        stored: Option<StoredRecord>,
        handle: &Handle,
        request: &[u8],
    ) -> Result<StartedLogin, OpaqueError> {
        let known = stored.is_some();
        let fake = self.nobodys_record(handle)?;
        let StoredRecord { credential_id, setup_id, record } = stored.unwrap_or(fake);
        let request = CredentialRequest::<Suite>::deserialize(request).map_err(|_| OpaqueError::Malformed)?;
        let record =
            ServerRegistration::<Suite>::deserialize(&record).map_err(|_| OpaqueError::UnknownSetup)?;
        let record = Some(record).filter(|_| known);
        let setup = self.setup(&setup_id)?;
        let started = ServerLogin::start(&mut OsRng, setup, record, request, &credential_id, parameters())
            .map_err(|_| OpaqueError::Malformed)?;
        Ok(StartedLogin {
            credential_response: started.message.serialize().to_vec(),
            state: Zeroizing::new(started.state.serialize().to_vec()),
        })
    }

    /// Checks that the client knew the password.
    pub fn login_finish(state: &[u8], finalization: &[u8]) -> Result<(), OpaqueError> {
        let state = ServerLogin::<Suite>::deserialize(state).map_err(|_| OpaqueError::Malformed)?;
        let finalization =
            CredentialFinalization::<Suite>::deserialize(finalization).map_err(|_| OpaqueError::Malformed)?;
        state.finish(finalization, parameters()).map(|_| ()).map_err(|_| OpaqueError::Refused)
    }

    fn setup(&self, id: &SetupId) -> Result<&ServerSetup<Suite>, OpaqueError> {
        self.setups
            .iter()
            .find(|(known, _)| known == id)
            .map(|(_, setup)| setup)
            .ok_or(OpaqueError::UnknownSetup)
    }

    fn nobodys_record(&self, handle: &Handle) -> Result<StoredRecord, OpaqueError> {
        let [credential_id, _] = secrets::halves(tag(&self.unknown_handles, &[handle.as_str().as_bytes()]));
        let masking_key =
            [tag(&self.unknown_handles, &[&credential_id]), tag(&self.unknown_handles, &[&[0]])];
        let mut record = self.nobodys_key.clone();
        record.extend(masking_key.iter().flatten());
        record.extend([0; ENVELOPE_BYTES]);
        Ok(StoredRecord { credential_id, setup_id: self.current_setup()?, record })
    }
}

fn parameters() -> ServerLoginParameters<'static, 'static> {
    ServerLoginParameters { context: Some(OPAQUE_CONTEXT.as_bytes()), ..ServerLoginParameters::default() }
}

#[cfg(test)]
mod tests;
