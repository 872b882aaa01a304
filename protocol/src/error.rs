//! What can go wrong on the wire: one table of codes, and the problem document (RFC 9457) that carries one.

use core::fmt;

use crate::ids::GroupId;

macro_rules! codes {
    ($($name:ident $number:literal $text:literal $status:literal $title:literal;)*) => {
        /// Why the relay refused. Numbers travel in socket frames, texts in problem documents; both are for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $title] $name = $number,)*
        }

        impl ErrorCode {
            /// Every code with its text, HTTP status and title.
            pub const TABLE: &[(Self, &'static str, u16, &'static str)] =
                &[$((Self::$name, $text, $status, $title),)*];
        }
    };
}

codes! {
    Malformed 1 "malformed" 400 "The request could not be read.";
    Unauthenticated 2 "unauthenticated" 401 "Sign in first.";
    TokenExpired 3 "token_expired" 401 "The access token is over; refresh it.";
    DeviceRevoked 4 "device_revoked" 401 "This device was removed or signed out.";
    WrongCredentials 5 "wrong_credentials" 401 "The handle or the secret is not right.";
    TicketInvalid 6 "ticket_invalid" 401 "This step is over; start again.";
    OriginRefused 7 "origin_refused" 403 "Requests from this origin are not taken.";
    Forbidden 8 "forbidden" 403 "Your role does not allow this.";
    NotFound 9 "not_found" 404 "There is nothing here that you may see.";
    MethodNotAllowed 10 "method_not_allowed" 405 "This route does not take that method.";
    Timeout 11 "timeout" 408 "The request took too long to arrive.";
    HandleTaken 12 "handle_taken" 409 "Somebody else has this handle.";
    IdempotencyConflict 13 "idempotency_conflict" 409 "The same id came with other content.";
    StaleEpoch 14 "stale_epoch" 409 "The group has moved on.";
    MessageConflict 15 "message_conflict" 409 "A message with this id is stored with other content.";
    GroupExists 16 "group_exists" 409 "These two accounts have a live group.";
    VersionConflict 17 "version_conflict" 409 "Somebody wrote a newer version.";
    IncompleteMembers 18 "incomplete_members" 409 "An account's listed devices are added all or not at all.";
    DeviceLimit 19 "device_limit" 409 "The account has as many devices as it may have.";
    BlobExists 20 "blob_exists" 409 "A blob with this id is stored.";
    BodyTooLarge 21 "body_too_large" 413 "The body is larger than this route takes.";
    UnsupportedMediaType 22 "unsupported_media_type" 415 "This route takes another content type.";
    RangeNotSatisfiable 23 "range_not_satisfiable" 416 "The blob is shorter than that.";
    SignatureInvalid 24 "signature_invalid" 422 "A signature does not verify.";
    DeltasRefused 25 "deltas_refused" 422 "The deltas do not fit the group.";
    ClientTooOld 26 "client_too_old" 426 "This client is older than the relay takes.";
    RateLimited 27 "rate_limited" 429 "Too many requests; wait.";
    LimitReached 28 "limit_reached" 409 "A limit of this relay is reached.";
    Internal 29 "internal" 500 "The relay failed; nothing was changed.";
    Unavailable 30 "unavailable" 503 "The relay can't answer now; try again.";
    StorageFull 31 "storage_full" 507 "The relay has no room left.";
    LengthRequired 32 "length_required" 411 "This route needs a Content-Length.";
    RegistrationClosed 33 "registration_closed" 403 "This relay takes no new accounts.";
    InviteInvalid 34 "invite_invalid" 403 "This relay takes new accounts by invitation; this one is missing, over or used up.";
    FactorWrong 35 "factor_wrong" 401 "The code is not right.";
    FactorUsed 36 "factor_used" 401 "This code was used before.";
    TriesExhausted 37 "tries_exhausted" 401 "Too many wrong codes; start again.";
    AccountGone 47 "account_gone" 410 "This account was deleted.";
    AccountDeleted 48 "account_deleted" 401 "Your account was deleted; sign out.";
}

impl ErrorCode {
    /// The text of problem documents.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().2
    }

    /// One sentence for people.
    pub fn title(self) -> &'static str {
        self.row().3
    }

    /// The number of socket frames.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The code with this text.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == text).map(|row| row.0)
    }

    /// The code with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.0.number() == number).map(|row| row.0)
    }

    fn row(self) -> (Self, &'static str, u16, &'static str) {
        const UNLISTED: (ErrorCode, &str, u16, &str) = (ErrorCode::Internal, "internal", 500, "");
        Self::TABLE.iter().find(|row| row.0 == self).copied().unwrap_or(UNLISTED)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_text(&text).ok_or_else(|| serde::de::Error::custom("unknown error code"))
    }
}

impl<C> minicbor::Encode<C> for ErrorCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u16(self.number())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for ErrorCode {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let position = d.position();
        Self::from_number(d.u16()?)
            .ok_or_else(|| minicbor::decode::Error::message("unknown error code").at(position))
    }
}

/// The body of every refusal: `application/problem+json` (RFC 9457). `code` decides; the optional fields help the
/// client to go on (D-5).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Always `about:blank`: the code says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for people.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What went wrong.
    pub code: ErrorCode,
    /// The facts that help.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What a refusal tells beside its code; absent where it does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Facts {
    /// What exactly is wrong with the request; never a secret of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The group's current epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The group's last `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// Where the entry with this message id is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The stored version of a record or device list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The live direct group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Wait so long, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    /// The problem document of `code`.
    pub fn new(code: ErrorCode, facts: Facts) -> Self {
        Self { kind: "about:blank".into(), title: code.title().into(), status: code.status(), code, facts }
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, Facts, Problem};
    use std::collections::HashSet;

    #[test]
    fn codes_have_distinct_numbers_and_texts() {
        let numbers: HashSet<_> = ErrorCode::TABLE.iter().map(|row| row.0.number()).collect();
        let texts: HashSet<_> = ErrorCode::TABLE.iter().map(|row| row.1).collect();

        assert_eq!(numbers.len(), ErrorCode::TABLE.len());
        assert_eq!(texts.len(), ErrorCode::TABLE.len());
    }

    #[test]
    fn a_problem_shows_only_the_facts_that_apply() {
        let problem =
            Problem::new(ErrorCode::StaleEpoch, Facts { epoch: Some(4), head: Some(9), ..Facts::default() });

        let json = serde_json::to_string(&problem).unwrap();

        assert_eq!(
            json,
            r#"{"type":"about:blank","title":"The group has moved on.","status":409,"code":"stale_epoch","epoch":4,"head":9}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
    }
}
