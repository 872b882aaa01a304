//! Why a program of the load generator stopped.

use protocol::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{what}: {cause}")]
    Io { what: &'static str, cause: std::io::Error },
    #[error("the relay answered {status} to {what}: {body}")]
    Refused { what: String, status: u16, body: String },
    #[error("the relay refused a message: {0}")]
    MessageRefused(ErrorCode),
    #[error("{0} could not be read")]
    Unreadable(&'static str),
    #[error("the connection broke: {0}")]
    Connection(String),
    #[error("{0} took too long")]
    Timeout(&'static str),
}

impl Failure {
    /// Names what was tried when an operation of the system failed.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io { what, cause }
    }
}
