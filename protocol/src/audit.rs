//! The account's audit log: what happened to it, as a chain of hashes. The relay writes the rows; the client computes
//! the chain and keeps the newest place that it has seen, so that nothing can be dropped or rewritten unnoticed.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, DeviceId,
    limits::AUDIT_PAGE_MAX,
    signed::labelled,
    values::{Exactly, List, UnixMillis},
};

/// What stands before the fields of a row when it is hashed.
pub const AUDIT_LABEL: &str = "sotto/v1/audit";

macro_rules! kinds {
    ($($name:ident $number:literal $text:literal $says:literal;)*) => {
        /// What happened. Numbers are for ever: they are hashed.
        /// `Serialize` gives the name that a screen knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub enum AuditKind {
            $(#[doc = $says] $name = $number,)*
        }

        impl AuditKind {
            /// Every kind with its name and what it says.
            pub const TABLE: &[(Self, &'static str, &'static str)] = &[$((Self::$name, $text, $says),)*];
        }
    };
}

kinds! {
    Registered 1 "registered" "The account was made, with this device.";
    LoginTried 2 "login_tried" "A log-in by password began; a wrong password gets no further.";
    OpenedByPassword 3 "opened_by_password" "The account was opened by its password; `detail` is the number of the try.";
    RecoveryRefused 4 "recovery_refused" "Somebody showed a wrong recovery key.";
    OpenedByRecovery 5 "opened_by_recovery" "The account was opened by its recovery key.";
    DeviceAdded 6 "device_added" "This device came in.";
    DeviceSignedOut 7 "device_signed_out" "This device signed itself out.";
    DeviceRemoved 8 "device_removed" "A signed list removed this device.";
    DeviceIdle 9 "device_idle" "This device was not seen for 90 days and is out.";
    PasswordChanged 10 "password_changed" "The password was replaced.";
    SessionBegun 11 "session_begun" "This device signed in anew with its own key.";
    RefreshReused 12 "refresh_reused" "A used refresh token of this device came again; its session ended.";
    FactorAsked 13 "factor_asked" "Password or recovery key was right and a second factor asked for; `detail` is the number of the try.";
    FactorUsed 14 "factor_used" "The authenticator app's code was right; `detail` is the number of the row that asked.";
    RecoveryCodeUsed 15 "recovery_code_used" "A recovery code was right and is used up; `detail` is the number of the row that asked.";
    FactorRefused 16 "factor_refused" "A wrong or used code was shown; `detail` is the number of the row that asked.";
    FactorAdded 17 "factor_added" "An authenticator app was set up, from this device.";
    FactorRemoved 18 "factor_removed" "The authenticator app was turned off, from this device.";
    RecoveryCodesRenewed 19 "recovery_codes_renewed" "New recovery codes were made, from this device.";
    SessionEnded 20 "session_ended" "This device was signed out by another one of the account.";
    EmailAdded 21 "email_added" "An e-mail address for codes was set up, from this device.";
    EmailRemoved 22 "email_removed" "The e-mail address for codes was removed, from this device.";
    EmailCodeUsed 23 "email_code_used" "A code sent by e-mail was right; `detail` is the number of the row that asked.";
}

impl AuditKind {
    /// What is stored, sent and hashed.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Its name in exports and in the operator's view.
    pub fn as_str(self) -> &'static str {
        Self::TABLE.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// The kind with this number; `None`: a newer relay's.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::TABLE.iter().map(|row| row.0).find(|kind| kind.number() == number)
    }
}

/// One row. Its hash is not sent: who reads the log computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditRow {
    /// From 1, without gaps.
    pub number: u64,
    /// [`AuditKind::number`], or that of a kind that this version does not know.
    pub kind: u16,
    /// By the relay's clock.
    pub at: UnixMillis,
    /// Which device it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device_id: Option<DeviceId>,
    /// What the kind says; else 0.
    pub detail: u64,
}

/// A place in the chain: everything up to `number` hashes to `hash`. Number 0 has the hash of 32 zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditPlace {
    /// Of the last row.
    pub number: u64,
    /// Of the last row.
    pub hash: Exactly<32>,
}

impl AuditPlace {
    /// Before the first row.
    pub const START: Self = Self { number: 0, hash: Exactly([0; 32]) };
}

/// What is left of the rows that were cut: the newest of them, which shows that it was old enough to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditCut {
    /// The chain's value before that row.
    pub previous: Exactly<32>,
    /// The row.
    pub row: AuditRow,
}

/// `GET /v1/audit?after=n`: the rows after `n`, or after what was cut for age or number, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// The place before the first row of this page: `n`, or a later one when rows were cut.
    pub start: AuditPlace,
    /// Present when `start` is later than what was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<AuditCut>,
    /// At most one page.
    pub rows: List<AuditRow, AUDIT_PAGE_MAX>,
    /// The newest place of the whole log.
    pub head: AuditPlace,
}

/// What is hashed (SHA-256) for the row after `previous`:
///
/// | field | bytes |
/// |---|---:|
/// | length of the label, label | 1 + 14 |
/// | hash of the row before | 32 |
/// | account | 16 |
/// | number | 8 |
/// | kind | 2 |
/// | at | 8 |
/// | device, zeros when there is none | 16 |
/// | detail | 8 |
pub fn hashed_bytes(previous: &[u8; 32], account: AccountId, row: &AuditRow) -> Vec<u8> {
    let mut bytes = labelled(AUDIT_LABEL);
    bytes.extend_from_slice(previous);
    bytes.extend_from_slice(account.as_bytes());
    bytes.extend_from_slice(&row.number.to_be_bytes());
    bytes.extend_from_slice(&row.kind.to_be_bytes());
    bytes.extend_from_slice(&row.at.0.to_be_bytes());
    bytes.extend_from_slice(row.device_id.map_or([0; 16], |device| *device.as_bytes()).as_slice());
    bytes.extend_from_slice(&row.detail.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::{AuditCut, AuditKind, AuditPage, AuditPlace, AuditRow, hashed_bytes};
    use crate::{
        AccountId, DeviceId,
        values::{Exactly, List, UnixMillis},
    };

    fn row() -> AuditRow {
        AuditRow {
            number: 0x0102,
            kind: 6,
            at: UnixMillis(0x0304),
            device_id: Some(DeviceId::from_bytes([5; 16])),
            detail: 7,
        }
    }

    #[test]
    fn hashed_bytes_are_label_then_fields() {
        let bytes = hashed_bytes(&[1; 32], AccountId::from_bytes([2; 16]), &row());

        let mut expected = vec![14];
        expected.extend_from_slice(b"sotto/v1/audit");
        // hash of the row before, account
        expected.extend([1; 32].iter().chain(&[2; 16]));
        // number
        expected.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        // kind
        expected.extend([0, 6]);
        // at
        expected.extend([0, 0, 0, 0, 0, 0, 3, 4]);
        // device
        expected.extend([5; 16]);
        // detail
        expected.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn every_field_changes_the_hashed_bytes() {
        let account = AccountId::from_bytes([2; 16]);
        let changed = [
            AuditRow { number: 3, ..row() },
            AuditRow { kind: 3, ..row() },
            AuditRow { at: UnixMillis(3), ..row() },
            AuditRow { device_id: None, ..row() },
            AuditRow { detail: 3, ..row() },
        ];
        let good = hashed_bytes(&[1; 32], account, &row());

        for other in changed {
            assert_ne!(hashed_bytes(&[1; 32], account, &other), good);
        }
        assert_ne!(hashed_bytes(&[9; 32], account, &row()), good);
        assert_ne!(hashed_bytes(&[1; 32], AccountId::from_bytes([9; 16]), &row()), good);
    }

    #[test]
    fn kinds_have_one_number_and_one_name_each() {
        for (index, (kind, name, _)) in AuditKind::TABLE.iter().enumerate() {
            assert_eq!(usize::from(kind.number()), index + 1);
            assert_eq!(AuditKind::from_number(kind.number()), Some(*kind));
            assert_eq!(kind.as_str(), *name);
        }
        assert_eq!(AuditKind::from_number(0), None);
        assert_eq!(AuditKind::from_number(u16::MAX), None);
    }

    #[test]
    fn a_page_in_json() {
        let page = AuditPage {
            start: AuditPlace::START,
            cut: Some(AuditCut { previous: Exactly([0; 32]), row: row() }),
            rows: List::new(vec![row(), AuditRow { device_id: None, ..row() }]).unwrap(),
            head: AuditPlace { number: 258, hash: Exactly([0xff; 32]) },
        };

        let text = serde_json::to_string(&page).unwrap();

        assert_eq!(
            text,
            concat!(
                r#"{"start":{"number":0,"hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"#,
                r#""cut":{"previous":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","row":"#,
                r#"{"number":258,"kind":6,"at":772,"device_id":"BQUFBQUFBQUFBQUFBQUFBQ","detail":7}},"rows":["#,
                r#"{"number":258,"kind":6,"at":772,"device_id":"BQUFBQUFBQUFBQUFBQUFBQ","detail":7},"#,
                r#"{"number":258,"kind":6,"at":772,"detail":7}],"#,
                r#""head":{"number":258,"hash":"__________________________________________8"}}"#
            )
        );
        assert_eq!(serde_json::from_str::<AuditPage>(&text).unwrap(), page);
    }
}
