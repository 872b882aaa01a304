//! Who may register: the relay's mode, and the invitations of its operator.

use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{MalformedId, parse},
    values::Exactly,
};

/// Whom the relay lets register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// Everybody who reaches it.
    #[default]
    Open,
    /// Whoever brings an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// What an invitation consists of: 16 random bytes, base64url in JSON and in the fragment of the link that carries
/// it. Whoever has it can register once; the relay stores its SHA-256. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct InviteCode(pub Exactly<16>);

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(***)")
    }
}

impl FromStr for InviteCode {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        parse(text).map(Exactly).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Exactly, InviteCode, RegistrationMode};

    #[test]
    fn an_invitation_is_22_characters_and_silent_in_debug() {
        let code = InviteCode(Exactly([7; 16]));

        let json = serde_json::to_string(&code).unwrap();

        assert_eq!(json, r#""BwcHBwcHBwcHBwcHBwcHBw""#);
        assert_eq!(serde_json::from_str::<InviteCode>(&json).unwrap(), code);
        assert_eq!(format!("{code:?}"), "InviteCode(***)");
        for bad in [r#""""#, r#""BwcHBwcHBwcHBwcHBwcHBwcH""#, r#""BwcHBwcHBwcHBwcHBwcHB*""#, "7"] {
            assert!(serde_json::from_str::<InviteCode>(bad).is_err(), "{bad}");
            assert!(bad.trim_matches('"').parse::<InviteCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn modes_are_words_in_json() {
        let words = [RegistrationMode::Open, RegistrationMode::Invite, RegistrationMode::Closed]
            .map(|mode| serde_json::to_string(&mode).unwrap());

        assert_eq!(words, [r#""open""#, r#""invite""#, r#""closed""#]);
    }
}
