//! Why a command did not do what it was asked for, in the words of `web/src/core/calls.ts`.

use protocol::ErrorCode;

use crate::opaque::OpaqueError;

/// The one failure of a command. `Serialize` gives the camelCase code of the page's contract.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    minicbor::Encode,
    minicbor::Decode,
    serde::Serialize,
    serde::Deserialize,
    thiserror::Error,
)]
#[cbor(index_only)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each code is documented where the page words it: web/src/core/calls.ts")]
pub enum CommandErrorCode {
    #[error("wrong password")]
    #[n(0)]
    WrongPassword,
    #[error("the handle is taken")]
    #[n(1)]
    HandleTaken,
    #[error("not a handle")]
    #[n(2)]
    HandleInvalid,
    #[error("nobody has this handle")]
    #[n(3)]
    HandleUnknown,
    #[error("one's own handle")]
    #[n(4)]
    OwnHandle,
    #[error("not a display name")]
    #[n(5)]
    DisplayNameInvalid,
    #[error("the password is too short")]
    #[n(6)]
    PasswordTooShort,
    #[error("the recovery key is mistyped")]
    #[n(7)]
    RecoveryKeyMistyped,
    #[error("another recovery key")]
    #[n(8)]
    RecoveryKeyWrong,
    #[error("registration is closed")]
    #[n(9)]
    RegistrationClosed,
    #[error("too many devices")]
    #[n(10)]
    TooManyDevices,
    #[error("too many tries")]
    #[n(11)]
    RateLimited,
    #[error("no device of the peer can be added")]
    #[n(12)]
    PeerUnreachable,
    #[error("the text is too long")]
    #[n(13)]
    TextTooLong,
    #[error("the file is too large")]
    #[n(14)]
    FileTooLarge,
    #[error("the file can't be read")]
    #[n(15)]
    FileUnreadable,
    #[error("the file fails its checks")]
    #[n(16)]
    FileDamaged,
    #[error("the file is gone")]
    #[n(17)]
    FileGone,
    #[error("cancelled")]
    #[n(18)]
    Cancelled,
    #[error("the key changed")]
    #[n(19)]
    KeyChanged,
    #[error("not found")]
    #[n(20)]
    NotFound,
    #[error("not allowed")]
    #[n(21)]
    NotAllowed,
    #[error("offline")]
    #[n(22)]
    Offline,
    #[error("the relay is full")]
    #[n(23)]
    RelayFull,
    #[error("the relay can't answer")]
    #[n(24)]
    RelayUnavailable,
    #[error("the relay misbehaved")]
    #[n(25)]
    RelayMisbehaved,
    #[error("the peer misbehaved")]
    #[n(26)]
    PeerMisbehaved,
    #[error("out of sync")]
    #[n(27)]
    OutOfSync,
    #[error("this client is too old")]
    #[n(28)]
    OutOfDate,
    #[error("the local store failed")]
    #[n(29)]
    StoreFailed,
    #[error("signed out")]
    #[n(30)]
    SignedOut,
    #[error("misuse")]
    #[n(31)]
    Misuse,
    #[error("no valid invitation")]
    #[n(32)]
    InviteInvalid,
    #[error("not the code")]
    #[n(40)]
    FactorWrong,
    #[error("the code was used before")]
    #[n(41)]
    FactorUsed,
    #[error("too many wrong codes")]
    #[n(42)]
    FactorTriesExhausted,
    #[error("the second step took too long")]
    #[n(43)]
    FactorExpired,
    #[error("the password must be proved once more")]
    #[n(44)]
    ProofNeeded,
    #[error("another person than the link names")]
    #[n(70)]
    LinkMismatch,
    #[error("not an e-mail address")]
    #[n(45)]
    EmailInvalid,
    #[error("this account was deleted")]
    #[n(60)]
    AccountGone,
}

/// A code and, where waiting helps, how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{code}")]
pub struct CommandError {
    /// What went wrong.
    pub code: CommandErrorCode,
    /// Wait so long, milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Why a log-in did not come to its end.
pub(crate) fn login_refused(error: OpaqueError) -> CommandError {
    match error {
        OpaqueError::WrongPassword | OpaqueError::Unusable => CommandErrorCode::WrongPassword.into(),
        OpaqueError::Malformed => CommandErrorCode::RelayMisbehaved.into(),
    }
}

impl From<CommandErrorCode> for CommandError {
    fn from(code: CommandErrorCode) -> Self {
        Self { code, retry_after_ms: None }
    }
}

impl From<&protocol::Problem> for CommandError {
    fn from(problem: &protocol::Problem) -> Self {
        let retry_after_ms = problem.facts.retry_after_seconds.map(|seconds| seconds.saturating_mul(1000));
        Self { code: problem.code.into(), retry_after_ms }
    }
}

impl From<ErrorCode> for CommandErrorCode {
    /// What a refusal means to a person, where the step that asked knows nothing better.
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::HandleTaken => Self::HandleTaken,
            ErrorCode::RegistrationClosed => Self::RegistrationClosed,
            ErrorCode::InviteInvalid => Self::InviteInvalid,
            ErrorCode::NotFound | ErrorCode::RangeNotSatisfiable => Self::NotFound,
            ErrorCode::WrongCredentials | ErrorCode::TicketInvalid => Self::WrongPassword,
            ErrorCode::DeviceRevoked | ErrorCode::AccountDeleted => Self::SignedOut,
            ErrorCode::AccountGone => Self::AccountGone,
            ErrorCode::FactorWrong => Self::FactorWrong,
            ErrorCode::FactorUsed => Self::FactorUsed,
            ErrorCode::TriesExhausted => Self::FactorTriesExhausted,
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::DeviceLimit => Self::TooManyDevices,
            ErrorCode::BodyTooLarge => Self::FileTooLarge,
            ErrorCode::ClientTooOld => Self::OutOfDate,
            ErrorCode::StorageFull | ErrorCode::LimitReached => Self::RelayFull,
            ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::Timeout => Self::RelayUnavailable,
            ErrorCode::StaleEpoch | ErrorCode::MessageConflict | ErrorCode::VersionConflict => {
                Self::OutOfSync
            }
            ErrorCode::Forbidden | ErrorCode::OriginRefused => Self::NotAllowed,
            ErrorCode::Unauthenticated | ErrorCode::TokenExpired => Self::RelayUnavailable,
            ErrorCode::Malformed
            | ErrorCode::MethodNotAllowed
            | ErrorCode::IdempotencyConflict
            | ErrorCode::GroupExists
            | ErrorCode::IncompleteMembers
            | ErrorCode::BlobExists
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::SignatureInvalid
            | ErrorCode::DeltasRefused
            | ErrorCode::LengthRequired => Self::RelayMisbehaved,
        }
    }
}
