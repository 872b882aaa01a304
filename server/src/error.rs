//! The only failure → response of the relay: a code of `protocol::ErrorCode::TABLE`, the facts that help, and a
//! cause that goes to the log and nowhere else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{ErrorCode, Facts, Problem};
use std::fmt::Display;

use crate::storage::StorageError;

/// A refusal or failure on its way to the caller.
#[derive(Debug)]
pub struct ApiError {
    pub code: ErrorCode,
    pub facts: Box<Facts>,
    /// Logged once, at the edge; never answered.
    cause: Option<String>,
}

/// Answers that failed for the relay's own fault carry their cause here, for the log line.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

impl ApiError {
    pub fn new(code: ErrorCode) -> Self {
        Self { code, facts: Box::default(), cause: None }
    }

    pub fn with(code: ErrorCode, facts: Facts) -> Self {
        Self { code, facts: Box::new(facts), cause: None }
    }

    /// Says what exactly is wrong with the request; never a secret of it.
    pub fn detailed(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::with(code, Facts { detail: Some(detail.into()), ..Facts::default() })
    }

    /// The relay's own fault: a fixed answer, the cause to the log.
    pub fn internal(cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(ErrorCode::Internal) }
    }

    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound)
    }

    /// Writes the cause to the log, if there is one; for failures that don't end in a response.
    pub fn log(&self, place: &str) {
        if let Some(cause) = &self.cause {
            tracing::error!(place, cause, "failed");
        }
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        let code = match &error {
            StorageError::NotFound => return Self::not_found(),
            StorageError::Overloaded | StorageError::Closed => return Self::new(ErrorCode::Unavailable),
            // The caller's account, or one that it named, was deleted meanwhile; the next try is told so.
            error if error.is_foreign_key_violation() => return Self::new(ErrorCode::Unavailable),
            error if error.is_deadlock() => return Self::new(ErrorCode::Unavailable),
            error if error.is_full() => ErrorCode::StorageFull,
            StorageError::Database(_)
            | StorageError::Migrate(_)
            | StorageError::Malformed { .. }
            | StorageError::BatchFailed { .. } => ErrorCode::Internal,
        };
        Self { cause: Some(error.to_string()), ..Self::new(code) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let retry_after = self.facts.retry_after_seconds;
        let problem = Problem::new(self.code, *self.facts);
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}
