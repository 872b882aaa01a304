//! Everything that the relay needs to know somebody again, beside its database: one value in `App`.

use std::io;
use std::path::Path;

use aws_lc_rs::hmac;
use protocol::{AccountId, ErrorCode, Facts, Handle, UnixMillis};

use crate::config::Limits;
use crate::error::ApiError;
use crate::factors::FactorKeys;
use crate::opaque::{Opaque, OpaqueError};
use crate::secrets::{Purpose, Secrets, halves, tag};
use crate::storage::requests::{self, Guess, GuessLimits};
use crate::storage::{Connection, StorageError};
use crate::tokens::{
    access::AccessTokenError,
    nonces::DeviceNonces,
    refresh::RefreshTokens,
    tickets::{TicketError, Tickets},
};
use crate::tombstones::Tombstones;

/// OPAQUE, tickets, nonces, refresh tokens, second factors, budgets of guesses.
pub struct Credentials {
    pub opaque: Opaque,
    pub tickets: Tickets,
    pub nonces: DeviceNonces,
    pub refresh_tokens: RefreshTokens,
    pub factors: FactorKeys,
    pub tombstones: Tombstones,
    guess_subjects: hmac::Key,
}

impl Credentials {
    /// Reads what stands in the data directory, or makes it at the first start.
    pub fn open(data_dir: &Path, secrets: &Secrets) -> io::Result<Self> {
        Ok(Self {
            opaque: Opaque::open(data_dir, secrets)?,
            tickets: Tickets::new(secrets).map_err(io::Error::other)?,
            nonces: DeviceNonces::new(secrets),
            refresh_tokens: RefreshTokens::new(secrets),
            factors: FactorKeys::new(secrets)?,
            tombstones: Tombstones::new(secrets),
            guess_subjects: secrets.hmac_key(Purpose::GuessBudgets),
        })
    }

    /// Counts a guess at the secret of `handle`, whether somebody has it or not (O-1, O-4).
    pub async fn count_guess(
        &self,
        conn: &mut Connection,
        handle: &Handle,
        limits: &Limits,
        now: UnixMillis,
    ) -> Result<Guess, StorageError> {
        let subject = tag(&self.guess_subjects, &[handle.as_str().as_bytes()]);
        let limits = GuessLimits { per_hour: limits.guesses_per_hour, per_day: limits.guesses_per_day };
        requests::count_guess(conn, subject, limits, now).await
    }

    /// The id under which tries at a handle are noted that nobody has: the same work as for one that somebody has (O-4).
    pub fn nobody(&self, handle: &Handle) -> AccountId {
        let [id, _] = halves(tag(&self.guess_subjects, &[b"nobody", handle.as_str().as_bytes()]));
        AccountId::from_bytes(id)
    }

    /// Counts a try at the second factor of `account`, over all log-ins that wait for one. A budget of its own: who
    /// guesses handles can't empty it.
    pub async fn count_factor(
        &self,
        conn: &mut Connection,
        account: AccountId,
        limits: &Limits,
        now: UnixMillis,
    ) -> Result<Guess, StorageError> {
        // No handle holds a zero byte, so that this is nobody's subject.
        let subject = tag(&self.guess_subjects, &[b"factor\0".as_slice(), account.as_bytes()]);
        let limits = GuessLimits { per_hour: limits.guesses_per_hour, per_day: limits.guesses_per_day };
        requests::count_guess(conn, subject, limits, now).await
    }
}

/// The refusal of a guess that is over the budget.
pub fn counted(guess: Guess) -> Result<(), ApiError> {
    match guess {
        Guess::Counted => Ok(()),
        Guess::Refused { retry_after_seconds } => Err(ApiError::with(
            ErrorCode::RateLimited,
            Facts { retry_after_seconds: Some(retry_after_seconds), ..Facts::default() },
        )),
    }
}

impl From<OpaqueError> for ApiError {
    fn from(error: OpaqueError) -> Self {
        match error {
            OpaqueError::Malformed => {
                Self::detailed(ErrorCode::Malformed, "not an OPAQUE message of this step")
            }
            OpaqueError::Refused => Self::new(ErrorCode::WrongCredentials),
            OpaqueError::UnknownSetup => Self::internal(error),
        }
    }
}

impl From<TicketError> for ApiError {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Invalid => Self::new(ErrorCode::TicketInvalid),
            TicketError::NotMade => Self::internal(error),
        }
    }
}

impl From<AccessTokenError> for ApiError {
    fn from(error: AccessTokenError) -> Self {
        match error {
            AccessTokenError::Invalid => Self::new(ErrorCode::Unauthenticated),
            AccessTokenError::Expired => Self::new(ErrorCode::TokenExpired),
            AccessTokenError::NotMade => Self::internal(error),
        }
    }
}
