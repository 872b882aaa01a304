//! The client's half of OPAQUE (RFC 9807): log-in by a password that the relay never sees.
//!
//! One suite, compiled in (O-3): ristretto255 with SHA-512 as OPRF, 3DH over ristretto255 with SHA-512, Argon2id
//! (64 MiB, t = 3, p = 1, salt of 16 zero bytes as RFC 9807 §7 has it) as key stretching. The context is
//! `protocol`'s; the identities are the public keys. The relay's half is the same suite; it never stretches.
//!
//! Passwords are UTF-8; whoever reads the keyboard normalizes to NFC first.

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse, Ristretto255, TripleDh,
    errors::{InternalError, ProtocolError},
    generic_array::{ArrayLength, GenericArray},
    ksf::Ksf,
    rand,
};
use protocol::signed::OPAQUE_CONTEXT;
use rand_core::CryptoRng;
use sha2_opaque::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{secret::secret_bytes, stretching::stretch};

secret_bytes!(
    /// What OPAQUE gives the client for the right password, at registration and at each log-in, and nobody else.
    ExportKey,
    64
);
secret_bytes!(
    /// What client and relay share after one log-in.
    SessionKey,
    64
);

/// A password, while it is being used.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// Takes a password as it was typed, normalized to NFC.
    pub const fn new(text: String) -> Self {
        Self(text)
    }
}

impl core::fmt::Debug for Password {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Password(***)")
    }
}

/// The relay's long-lived OPAQUE key, which clients pin in the vault (O-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayKey(pub [u8; 32]);

/// Why OPAQUE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpaqueError {
    /// The password is wrong, or there is no such account: the relay's answer does not tell which (O-4).
    #[error("the password is wrong")]
    WrongPassword,
    /// The relay's answer is not a message of this protocol.
    #[error("the relay's answer is malformed")]
    Malformed,
    /// The password cannot be used: it is empty or longer than 65,535 bytes.
    #[error("the password cannot be used")]
    Unusable,
}

/// What an error means once the password has been accepted for use: the relay's answer is to blame.
const fn blame_answer(error: ProtocolError) -> OpaqueError {
    match error {
        ProtocolError::InvalidLoginError => OpaqueError::WrongPassword,
        _ => OpaqueError::Malformed,
    }
}

/// The suite of OPAQUE: the relay defines the identical one, with any key stretching, since it never runs that.
#[derive(Debug)]
pub struct OpaqueSuite;

impl opaque_ke::CipherSuite for OpaqueSuite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, Sha512>;
    type Ksf = Argon2id;
}

/// The key stretching of [`OpaqueSuite`].
#[derive(Debug, Default)]
pub struct Argon2id;

impl Ksf for Argon2id {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        stretch(&input, &[0; argon2::RECOMMENDED_SALT_LEN], &mut output)
            .map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

/// A registration, or a change of the password, that waits for the relay's answer.
pub struct Registration {
    password: Password,
    state: ClientRegistration<OpaqueSuite>,
}

/// What a finished registration gives.
#[derive(Debug)]
pub struct Registered {
    /// OPAQUE RegistrationUpload, for the relay.
    pub upload: Vec<u8>,
    /// For KEK₁.
    pub export_key: ExportKey,
    /// To be pinned in the vault.
    pub relay_key: RelayKey,
}

impl Registration {
    /// Begins; the second value is OPAQUE's RegistrationRequest, for the relay.
    ///
    /// # Errors
    /// [`OpaqueError::Unusable`].
    pub fn start(password: Password, rng: &mut impl CryptoRng) -> Result<(Self, Vec<u8>), OpaqueError> {
        let started = ClientRegistration::start(&mut Rng(rng), password.0.as_bytes())
            .map_err(|_| OpaqueError::Unusable)?;
        let request = started.message.serialize().to_vec();
        Ok((Self { password, state: started.state }, request))
    }

    /// Goes on with the relay's RegistrationResponse. Takes as long as the key stretching.
    ///
    /// # Errors
    /// [`OpaqueError::Malformed`].
    pub fn finish(self, response: &[u8], rng: &mut impl CryptoRng) -> Result<Registered, OpaqueError> {
        let response = RegistrationResponse::deserialize(response).map_err(blame_answer)?;
        let finished = self
            .state
            .finish(
                &mut Rng(rng),
                self.password.0.as_bytes(),
                response,
                ClientRegistrationFinishParameters::default(),
            )
            .map_err(blame_answer)?;
        Ok(Registered {
            upload: finished.message.serialize().to_vec(),
            export_key: ExportKey::from_bytes(finished.export_key.into()),
            relay_key: RelayKey(finished.server_s_pk.serialize().into()),
        })
    }
}

impl core::fmt::Debug for Registration {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Registration(***)")
    }
}

/// A log-in that waits for the relay's answer.
pub struct Login {
    password: Password,
    state: ClientLogin<OpaqueSuite>,
}

/// What a finished log-in gives.
#[derive(Debug)]
pub struct LoggedIn {
    /// OPAQUE CredentialFinalization, for the relay.
    pub finalization: Vec<u8>,
    /// For KEK₁: the same as at registration.
    pub export_key: ExportKey,
    /// Shared with the relay.
    pub session_key: SessionKey,
    /// To be compared with the one pinned in the vault.
    pub relay_key: RelayKey,
}

impl Login {
    /// Begins; the second value is OPAQUE's CredentialRequest, for the relay.
    ///
    /// # Errors
    /// [`OpaqueError::Unusable`].
    pub fn start(password: Password, rng: &mut impl CryptoRng) -> Result<(Self, Vec<u8>), OpaqueError> {
        let started =
            ClientLogin::start(&mut Rng(rng), password.0.as_bytes()).map_err(|_| OpaqueError::Unusable)?;
        let request = started.message.serialize().to_vec();
        Ok((Self { password, state: started.state }, request))
    }

    /// Goes on with the relay's CredentialResponse. Takes as long as the key stretching.
    ///
    /// # Errors
    /// [`OpaqueError::WrongPassword`], [`OpaqueError::Malformed`].
    pub fn finish(self, response: &[u8], rng: &mut impl CryptoRng) -> Result<LoggedIn, OpaqueError> {
        let response = CredentialResponse::deserialize(response).map_err(blame_answer)?;
        let finished = self
            .state
            .finish(
                &mut Rng(rng),
                self.password.0.as_bytes(),
                response,
                ClientLoginFinishParameters {
                    context: Some(OPAQUE_CONTEXT.as_bytes()),
                    ..ClientLoginFinishParameters::default()
                },
            )
            .map_err(blame_answer)?;
        Ok(LoggedIn {
            finalization: finished.message.serialize().to_vec(),
            export_key: ExportKey::from_bytes(finished.export_key.into()),
            session_key: SessionKey::from_bytes(finished.session_key.into()),
            relay_key: RelayKey(finished.server_s_pk.serialize().into()),
        })
    }
}

impl core::fmt::Debug for Login {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Login(***)")
    }
}

/// The caller's randomness in the shape of the older `rand_core` that opaque-ke takes: the one bridge between the two.
struct Rng<'a, R>(&'a mut R);

impl<R: CryptoRng> rand::RngCore for Rng<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<R: CryptoRng> rand::CryptoRng for Rng<'_, R> {}

#[cfg(test)]
mod tests;
