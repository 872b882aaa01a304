//! Second factors: what an account asks for beside password or recovery key before its wraps are released (O-2), and
//! how its owner sets them up. Every change is made with the ticket of an opened account: that is the fresh proof.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    accounts::Ticket,
    limits::{EMAIL_ADDRESS_CHARS_MAX, FACTOR_CODE_CHARS_MAX, FACTOR_KINDS_MAX, RECOVERY_CODES},
    sessions::OpenedAccount,
    values::{Exactly, List, OutOfRange, UnixMillis},
};

/// What can be shown as second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A code of an authenticator app (RFC 6238: SHA-1, 30 s, 6 digits).
    Totp,
    /// A code that the relay sends to the e-mail address on file.
    Email,
    /// One of the ten codes that were shown once.
    RecoveryCode,
}

/// The answer to a log-in by password or recovery key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Opening {
    /// The account asks for nothing more.
    Opened(Box<OpenedAccount>),
    /// The password or recovery key was right, and nothing is released yet.
    FactorRequired {
        /// What is asked for.
        factor_required: PendingFactor,
    },
}

/// A log-in that waits for its second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PendingFactor {
    /// Goes back with the answer: five minutes, five tries, good for one opening.
    pub factor_ticket: Ticket,
    /// One of these is enough.
    pub factors: List<FactorKind, FACTOR_KINDS_MAX>,
    /// When the ticket is over.
    pub expires_at: UnixMillis,
}

/// `POST /v1/sessions/factor`: answered with [`OpenedAccount`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShowFactor {
    /// From [`PendingFactor`].
    pub factor_ticket: Ticket,
    /// The factor.
    pub factor: Factor,
}

/// A second factor as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Factor {
    /// See [`FactorKind::Totp`].
    Totp {
        /// Six digits.
        code: FactorCode,
    },
    /// See [`FactorKind::Email`].
    Email {
        /// Eight digits.
        code: FactorCode,
    },
    /// See [`FactorKind::RecoveryCode`].
    RecoveryCode {
        /// Ten characters.
        code: FactorCode,
    },
}

/// A code as a person types it: capitals, spaces and hyphens don't count. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct FactorCode(String);

impl FactorCode {
    /// Letters in upper case, and digits; nothing else.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FactorCode {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        if text.len() > 2 * FACTOR_CODE_CHARS_MAX {
            return Err(OutOfRange);
        }
        let kept: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
        let fits = (1..=FACTOR_CODE_CHARS_MAX).contains(&kept.len());
        if fits && kept.bytes().all(|b| b.is_ascii_alphanumeric()) { Ok(Self(kept)) } else { Err(OutOfRange) }
    }
}

impl fmt::Debug for FactorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for FactorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FactorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a code"))
    }
}

/// An e-mail address: visible ASCII around one `@`, without quotes. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = OutOfRange;

    fn from_str(text: &str) -> Result<Self, OutOfRange> {
        let (local, domain) = text.split_once('@').ok_or(OutOfRange)?;
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let fits = text.len() <= EMAIL_ADDRESS_CHARS_MAX
            && (1..=64).contains(&local.len())
            && local.bytes().all(atom)
            && dots(local)
            && domain.split('.').all(label);
        if fits { Ok(Self(text.to_owned())) } else { Err(OutOfRange) }
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not an e-mail address"))
    }
}

/// `GET /v1/factors`: what the account asks for at log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnFactors {
    /// When the authenticator app was set up; absent without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub totp_since: Option<UnixMillis>,
    /// Where codes are sent; absent without it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<OwnEmail>,
    /// Codes that were not used yet.
    pub recovery_codes_left: u64,
}

/// The e-mail address on file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OwnEmail {
    /// Where codes are sent.
    pub address: EmailAddress,
    /// When it was set up.
    pub since: UnixMillis,
}

/// The body of every change of factors that needs nothing else: of an account that was opened within ten minutes
/// (password or recovery key, and second factor where the account has one), and is the caller's. Not spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FreshProof {
    /// From [`OpenedAccount`].
    pub enrolment_ticket: Ticket,
}

/// The answer to `POST /v1/factors/totp/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TotpStarted {
    /// Goes back with the first code; ten minutes. The relay keeps nothing until then.
    pub ticket: Ticket,
    /// What the authenticator app is given.
    pub seed: Exactly<20>,
}

/// `POST /v1/factors/email/start`: a code is sent there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StartEmail {
    /// As in [`FreshProof`].
    pub enrolment_ticket: Ticket,
    /// Where to.
    pub address: EmailAddress,
}

/// The answer to [`StartEmail`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailStarted {
    /// Goes back with the code; ten minutes, five tries.
    pub ticket: Ticket,
}

/// `POST /v1/sessions/factor/email`: sends a code to the address on file, good for this ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SendEmailCode {
    /// From [`PendingFactor`].
    pub factor_ticket: Ticket,
}

/// `POST /v1/factors/totp` and `POST /v1/factors/email`: answered with [`RecoveryCodes`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfirmFactor {
    /// From [`TotpStarted`] or [`EmailStarted`].
    pub ticket: Ticket,
    /// The first code, so that nobody is locked out by a factor that never arrived.
    pub code: FactorCode,
}

/// Codes that open the account once each in place of the authenticator app; shown once, kept hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryCodes {
    /// Ten, or none where the account has its codes already.
    pub codes: List<FactorCode, RECOVERY_CODES>,
}

#[cfg(test)]
mod tests {
    use super::{EmailAddress, Factor, FactorCode, FactorKind, Opening, PendingFactor, ShowFactor};
    use crate::{
        UnixMillis,
        accounts::Ticket,
        values::{Bytes, List},
    };

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = |text: &str| text.parse::<FactorCode>().map(|code| code.as_str().to_owned());

        assert_eq!(code("123 456"), Ok("123456".into()));
        assert_eq!(code("k7m2x-9twbc"), Ok("K7M2X9TWBC".into()));
        for wrong in ["", " - ", "12345é", "123\n456", &"1".repeat(17), &" ".repeat(40)] {
            assert!(code(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", "123456".parse::<FactorCode>().unwrap()), "***");
    }

    #[test]
    fn an_address_has_one_at_and_nothing_that_a_mail_header_could_mistake() {
        for good in ["ada@example.org", "a.b+c@sub.example.org", "o'hara@localhost"] {
            assert_eq!(good.parse::<EmailAddress>().unwrap().as_str(), good);
        }
        let long = format!("ada@{}.org", "a".repeat(64));
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a b@c",
            "a\r\nb@c",
            "<a@b>",
            "a,b@c",
            "\"a\"@b",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@-b",
            "a@b-",
            "a@.b",
            "a@b.",
            "a@b..c",
            "ä@b",
            "a@[127.0.0.1]",
            &long,
        ] {
            assert!(wrong.parse::<EmailAddress>().is_err(), "{wrong:?}");
        }
        assert_eq!(format!("{:?}", "ada@example.org".parse::<EmailAddress>().unwrap()), "***");
    }

    #[test]
    fn a_pending_factor_and_its_answer_have_their_json() {
        let ticket: Ticket = Bytes::new([1, 2, 3]).unwrap();
        let pending = Opening::FactorRequired {
            factor_required: PendingFactor {
                factor_ticket: ticket.clone(),
                factors: List::new(vec![FactorKind::Totp, FactorKind::RecoveryCode]).unwrap(),
                expires_at: UnixMillis(9),
            },
        };
        let shown =
            ShowFactor { factor_ticket: ticket, factor: Factor::Totp { code: "123456".parse().unwrap() } };

        let json = serde_json::to_string(&pending).unwrap();
        assert_eq!(
            json,
            r#"{"factor_required":{"factor_ticket":"AQID","factors":["totp","recovery_code"],"expires_at":9}}"#
        );
        assert_eq!(serde_json::from_str::<Opening>(&json).unwrap(), pending);
        let json = serde_json::to_string(&shown).unwrap();
        assert_eq!(json, r#"{"factor_ticket":"AQID","factor":{"kind":"totp","code":"123456"}}"#);
        assert_eq!(serde_json::from_str::<ShowFactor>(&json).unwrap(), shown);
    }
}
