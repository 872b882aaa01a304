//! The rules of a group: our one group-context extension, 0xF502. Everybody agrees on it, since it is part of the
//! group context; nothing secret or human stands in it, since the relay can read the stored group info.

use super::{
    error::Violation,
    leaf::{CERTIFICATE_EXTENSION, suite},
};
use openmls::prelude::{
    Extension, ExtensionType, Extensions, GroupContext, RequiredCapabilitiesExtension, UnknownExtension,
};
use protocol::{
    AccountId, DeviceId, Role,
    layout::{LayoutError, Reader},
    limits::{CLIENT_VERSION, GROUP_ACCOUNTS_MAX, SUITE},
};
use std::collections::{BTreeMap, BTreeSet};

/// The extension's type, of the private-use range (RFC 9420 §17.3).
pub(crate) const RULES_EXTENSION: u16 = 0xF502;
const VERSION: u8 = 1;
/// Revoked devices that one group remembers.
pub(crate) const REVOKED_MAX: usize = 4096;

/// Who may do what in a group, which devices never enter again, and which clients can take part.
///
/// | field | bytes |
/// |---|---|
/// | version = 1 | 1 |
/// | suite profile | 2 |
/// | minimum client version | 4 |
/// | count of roles; each: account, role (1 = admin, 2 = member) | 2; 16, 1 |
/// | count of revoked devices; each: device | 2; 16 |
///
/// Numbers are big-endian, both lists sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The cipher suite that the group was made with; it never changes.
    pub suite_profile: u16,
    /// Clients below this version pause.
    pub minimum_client_version: u32,
    /// The role of each account that has a leaf, and of no other.
    pub roles: BTreeMap<AccountId, Role>,
    /// Devices that have been revoked and never get a leaf again (K-8).
    pub revoked: BTreeSet<DeviceId>,
}

impl Rules {
    /// The rules of a new group: its creator is the only member and its admin.
    pub(crate) fn of_creator(creator: AccountId) -> Self {
        Self {
            suite_profile: SUITE,
            minimum_client_version: CLIENT_VERSION,
            roles: BTreeMap::from([(creator, Role::Admin)]),
            revoked: BTreeSet::new(),
        }
    }

    /// The role of `account`; `None` when it is no member.
    pub fn role(&self, account: AccountId) -> Option<Role> {
        self.roles.get(&account).copied()
    }

    /// Writes the layout of the table above.
    ///
    /// # Errors
    /// [`Violation::TooMany`] above the limits.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Violation> {
        if self.roles.len() > GROUP_ACCOUNTS_MAX {
            return Err(Violation::TooMany("accounts"));
        }
        if self.revoked.len() > REVOKED_MAX {
            return Err(Violation::TooMany("revoked devices"));
        }
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.suite_profile.to_be_bytes());
        bytes.extend_from_slice(&self.minimum_client_version.to_be_bytes());
        bytes.extend_from_slice(&count(self.roles.len()));
        for (account, role) in &self.roles {
            bytes.extend_from_slice(account.as_bytes());
            bytes.push(role.to_byte());
        }
        bytes.extend_from_slice(&count(self.revoked.len()));
        for device in &self.revoked {
            bytes.extend_from_slice(device.as_bytes());
        }
        Ok(bytes)
    }

    /// Reads the layout of the table above, whole and sorted.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, LayoutError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(LayoutError::OutOfRange { field: "version" });
        }
        let suite_profile = reader.u16()?;
        let minimum_client_version = reader.u32()?;
        let roles = read_roles(&mut reader)?;
        let revoked = read_revoked(&mut reader)?;
        reader.finish()?;
        Ok(Self { suite_profile, minimum_client_version, roles, revoked })
    }

    /// The extensions of a group context: required capabilities and these rules.
    pub(crate) fn to_extensions(&self) -> Result<Extensions<GroupContext>, Violation> {
        let rules = Extension::Unknown(RULES_EXTENSION, UnknownExtension(self.encode()?));
        Extensions::from_vec(vec![Extension::RequiredCapabilities(required_capabilities()), rules])
            .map_err(|_| Violation::Rules)
    }

    /// Reads the extensions of a group context: exactly our required capabilities and our rules, of our suite.
    pub(crate) fn from_context(context: &GroupContext) -> Result<Self, Violation> {
        let extensions = context.extensions();
        let required = extensions.required_capabilities().ok_or(Violation::Rules)?;
        let rules = extensions.unknown(RULES_EXTENSION).ok_or(Violation::Rules)?;
        let rules = Self::decode(&rules.0).map_err(|_| Violation::Rules)?;
        let only_ours = extensions.iter().count() == 2 && *required == required_capabilities();
        if only_ours && context.ciphersuite() == suite() && rules.suite_profile == SUITE {
            Ok(rules)
        } else {
            Err(Violation::Rules)
        }
    }
}

fn required_capabilities() -> RequiredCapabilitiesExtension {
    let ours = [ExtensionType::Unknown(CERTIFICATE_EXTENSION), ExtensionType::Unknown(RULES_EXTENSION)];
    RequiredCapabilitiesExtension::new(&ours, &[], &[])
}

fn read_roles(reader: &mut Reader<'_>) -> Result<BTreeMap<AccountId, Role>, LayoutError> {
    let count = usize::from(reader.u16()?);
    if count > GROUP_ACCOUNTS_MAX {
        return Err(LayoutError::OutOfRange { field: "count of roles" });
    }
    let mut roles = BTreeMap::new();
    for _ in 0..count {
        let account = AccountId::from_bytes(reader.array()?);
        let role = Role::from_byte(reader.u8()?).ok_or(LayoutError::OutOfRange { field: "role" })?;
        if roles.last_key_value().is_some_and(|(last, _)| *last >= account) {
            return Err(LayoutError::OutOfRange { field: "order of roles" });
        }
        roles.insert(account, role);
    }
    Ok(roles)
}

fn read_revoked(reader: &mut Reader<'_>) -> Result<BTreeSet<DeviceId>, LayoutError> {
    let count = usize::from(reader.u16()?);
    if count > REVOKED_MAX {
        return Err(LayoutError::OutOfRange { field: "count of revoked devices" });
    }
    let mut revoked = BTreeSet::new();
    for _ in 0..count {
        let device = DeviceId::from_bytes(reader.array()?);
        if revoked.last().is_some_and(|last| *last >= device) {
            return Err(LayoutError::OutOfRange { field: "order of revoked devices" });
        }
        revoked.insert(device);
    }
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use super::{Role, Rules};
    use protocol::{AccountId, DeviceId};

    fn sample() -> Rules {
        let mut rules = Rules::of_creator(AccountId::from_bytes([1; 16]));
        rules.roles.insert(AccountId::from_bytes([2; 16]), Role::Member);
        rules.revoked.insert(DeviceId::from_bytes([3; 16]));
        rules
    }

    #[test]
    fn the_bytes_are_the_golden_ones() {
        let mut golden = vec![1]; // version
        golden.extend([0x00, 0x4e]); // suite profile
        golden.extend([0, 0, 0, 1]); // minimum client version
        golden.extend([0, 2]); // two roles
        golden.extend([1; 16]);
        golden.push(1); // admin
        golden.extend([2; 16]);
        golden.push(2); // member
        golden.extend([0, 1]); // one revoked device
        golden.extend([3; 16]);

        assert_eq!(sample().encode(), Ok(golden));
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes_and_truncations_are_refused() {
        let good = sample().encode().unwrap();

        assert_eq!(Rules::decode(&good), Ok(sample()));
        for end in 0..good.len() {
            assert!(Rules::decode(&good[..end]).is_err(), "{end}");
        }
        assert!(Rules::decode(&[good.as_slice(), &[0]].concat()).is_err());
        for at in 0..good.len() {
            for value in 0..=255 {
                let mut changed = good.clone();
                changed[at] = value;
                if let Ok(rules) = Rules::decode(&changed) {
                    assert_eq!(rules.encode(), Ok(changed));
                }
            }
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = sample().encode().unwrap();
        bytes[0] = 2;

        assert!(Rules::decode(&bytes).is_err());
    }
}
