//! What a commit does to membership and roles, told in clear (D-8): the one encoding that stands in the
//! envelope for the relay, in the commit's authenticated data for the members (check 9) and under the
//! committer's signature. Written by hand and canonical: one meaning has one encoding.

use std::collections::BTreeSet;

use crate::{
    ids::{AccountId, DeviceId},
    layout::{LayoutError, Reader},
    limits::{DELTAS_BYTES_MAX, GROUP_LEAVES_MAX},
    revocation::{REVOCATION_BYTES, Revocation},
    values::OutOfRange,
};

const VERSION: u8 = 1;

/// What an account may do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Adds and removes accounts and changes roles. On the wire: 1.
    Admin,
    /// Sends and reads, and looks after its own account's devices. On the wire: 2.
    Member,
}

impl Role {
    /// The byte that stands for the role on the wire; never 0.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Admin => 1,
            Self::Member => 2,
        }
    }

    /// The role of a byte of the wire; `None` for every byte but 1 and 2.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Admin),
            2 => Some(Self::Member),
            _ => None,
        }
    }
}

/// The leaves that a commit adds and removes, the roles that it changes, and the signed revocations by which devices
/// leave for ever (K-8).
///
/// | field | bytes |
/// |---|---|
/// | version = 1 | 1 |
/// | count of added leaves | 2 |
/// | each: account, device | 16, 16 |
/// | count of removed leaves | 2 |
/// | each: account, device | 16, 16 |
/// | count of changed roles | 2 |
/// | each: account, role (0 = gone, 1 = admin, 2 = member) | 16, 1 |
/// | count of revocations | 2 |
/// | each: encoded [`Revocation`], sorted by device | 104 |
///
/// Numbers are big-endian; each list is sorted by its bytes, holds nothing twice and at most
/// [`GROUP_LEAVES_MAX`] entries; the whole is at most [`DELTAS_BYTES_MAX`] bytes.
/// A device that rejoins stands in both lists of leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deltas {
    /// Leaves that enter.
    pub added: Vec<(AccountId, DeviceId)>,
    /// Leaves that go.
    pub removed: Vec<(AccountId, DeviceId)>,
    /// Roles that change; `None`: the account is no longer a member.
    pub roles: Vec<(AccountId, Option<Role>)>,
    /// Why devices never enter again: what lets a member remove another account's device.
    pub revocations: Vec<Revocation>,
}

impl Deltas {
    /// Reads the encoding of the table above, whole and canonical.
    ///
    /// # Errors
    /// Another version, a list unsorted or too long, an unknown role, bytes missing or left over.
    pub fn decode(bytes: &[u8]) -> Result<Self, LayoutError> {
        if bytes.len() > DELTAS_BYTES_MAX {
            return Err(LayoutError::TrailingBytes);
        }
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(LayoutError::OutOfRange { field: "version" });
        }
        let deltas = Self {
            added: read_sorted(&mut reader, read_leaf, |leaf| *leaf)?,
            removed: read_sorted(&mut reader, read_leaf, |leaf| *leaf)?,
            roles: read_sorted(&mut reader, read_role, |(account, _)| *account)?,
            revocations: read_sorted(&mut reader, read_revocation, |revocation| revocation.body.device)?,
        };
        reader.finish()?;
        Ok(deltas)
    }

    /// Writes the encoding of the table above, each list sorted.
    ///
    /// # Errors
    /// A list longer than [`GROUP_LEAVES_MAX`], an entry twice, or more than [`DELTAS_BYTES_MAX`] bytes in all.
    pub fn encode(&self) -> Result<Vec<u8>, OutOfRange> {
        let mut bytes = vec![VERSION];
        write_sorted(&mut bytes, &self.added, |(account, device), bytes| {
            bytes.extend_from_slice(account.as_bytes());
            bytes.extend_from_slice(device.as_bytes());
        })?;
        write_sorted(&mut bytes, &self.removed, |(account, device), bytes| {
            bytes.extend_from_slice(account.as_bytes());
            bytes.extend_from_slice(device.as_bytes());
        })?;
        let roles: Vec<_> =
            self.roles.iter().map(|(account, role)| (*account, RoleByte::of(*role))).collect();
        write_sorted(&mut bytes, &roles, |(account, role), bytes| {
            bytes.extend_from_slice(account.as_bytes());
            bytes.push(role.0);
        })?;
        let revocations: Vec<_> = self.revocations.iter().map(SortedRevocation::of).collect();
        write_sorted(&mut bytes, &revocations, |revocation, bytes| {
            bytes.extend_from_slice(&revocation.encoded);
        })?;
        let devices: BTreeSet<_> = revocations.iter().map(|revocation| revocation.device).collect();
        if devices.len() != revocations.len() || repeats_a_key(&self.roles) || bytes.len() > DELTAS_BYTES_MAX
        {
            return Err(OutOfRange);
        }
        Ok(bytes)
    }

    /// Whether the commit changes neither leaves nor roles, as the mere update of one's own leaf.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.roles.is_empty()
            && self.revocations.is_empty()
    }

    /// The same deltas with each list sorted, as they come out of [`Deltas::decode`].
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.added.sort_unstable();
        self.removed.sort_unstable();
        self.roles.sort_unstable_by_key(|(account, role)| (*account, RoleByte::of(*role)));
        self.revocations.sort_unstable_by_key(|revocation| revocation.body.device);
        self
    }
}

/// A revocation as it sorts on the wire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct SortedRevocation {
    device: DeviceId,
    encoded: Vec<u8>,
}

impl SortedRevocation {
    fn of(revocation: &Revocation) -> Self {
        Self { device: revocation.body.device, encoded: revocation.encode() }
    }
}

/// A role as it sorts on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RoleByte(u8);

impl RoleByte {
    fn of(role: Option<Role>) -> Self {
        Self(role.map_or(0, Role::to_byte))
    }
}

fn repeats_a_key(roles: &[(AccountId, Option<Role>)]) -> bool {
    let mut accounts: Vec<_> = roles.iter().map(|(account, _)| account).collect();
    accounts.sort_unstable();
    accounts.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

fn write_sorted<T: Clone + Ord>(
    bytes: &mut Vec<u8>,
    list: &[T],
    write: impl Fn(&T, &mut Vec<u8>),
) -> Result<(), OutOfRange> {
    let mut list = list.to_vec();
    list.sort_unstable();
    if list.len() > GROUP_LEAVES_MAX || list.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(OutOfRange);
    }
    let count = u16::try_from(list.len()).map_err(|_| OutOfRange)?;
    bytes.extend_from_slice(&count.to_be_bytes());
    list.iter().for_each(|entry| write(entry, bytes));
    Ok(())
}

fn read_leaf(reader: &mut Reader<'_>) -> Result<(AccountId, DeviceId), LayoutError> {
    Ok((AccountId::from_bytes(reader.array()?), DeviceId::from_bytes(reader.array()?)))
}

fn read_revocation(reader: &mut Reader<'_>) -> Result<Revocation, LayoutError> {
    Revocation::decode(reader.slice(REVOCATION_BYTES)?)
}

fn read_role(reader: &mut Reader<'_>) -> Result<(AccountId, Option<Role>), LayoutError> {
    let account = AccountId::from_bytes(reader.array()?);
    let role = match reader.u8()? {
        0 => None,
        byte => Some(Role::from_byte(byte).ok_or(LayoutError::OutOfRange { field: "role" })?),
    };
    Ok((account, role))
}

/// A counted list whose keys rise strictly.
fn read_sorted<T, K: Ord>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, LayoutError>,
    key: impl Fn(&T) -> K,
) -> Result<Vec<T>, LayoutError> {
    let count = usize::from(reader.u16()?);
    if count > GROUP_LEAVES_MAX {
        return Err(LayoutError::OutOfRange { field: "count" });
    }
    let mut list: Vec<T> = Vec::new();
    for _ in 0..count {
        let entry = read(reader)?;
        if list.last().is_some_and(|last| key(last) >= key(&entry)) {
            return Err(LayoutError::OutOfRange { field: "order" });
        }
        list.push(entry);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::{Deltas, Role};
    use crate::{
        AccountId, DeviceId, UnixMillis,
        layout::tests::torture,
        limits::GROUP_LEAVES_MAX,
        public_keys::Signature,
        revocation::{Revocation, RevocationBody},
        values::OutOfRange,
    };

    fn account(byte: u8) -> AccountId {
        AccountId::from_bytes([byte; 16])
    }

    fn device(byte: u8) -> DeviceId {
        DeviceId::from_bytes([byte; 16])
    }

    fn sample() -> Deltas {
        Deltas {
            added: vec![(account(3), device(4)), (account(1), device(2))],
            removed: vec![(account(5), device(6))],
            roles: vec![(account(3), Some(Role::Member)), (account(1), None)],
            revocations: vec![revocation(8), revocation(6)],
        }
    }

    fn revocation(of: u8) -> Revocation {
        Revocation {
            body: RevocationBody { account: account(5), device: device(of), revoked_at: UnixMillis(9) },
            signature: Signature::from_bytes([of; 64]),
        }
    }

    #[test]
    fn the_bytes_are_the_golden_ones() {
        let mut golden = vec![1]; // version
        golden.extend([0, 2]); // two added, sorted
        golden.extend([[1; 16], [2; 16], [3; 16], [4; 16]].concat());
        golden.extend([0, 1]); // one removed
        golden.extend([[5; 16], [6; 16]].concat());
        golden.extend([0, 2]); // two roles
        golden.extend([1; 16]);
        golden.push(0); // gone
        golden.extend([3; 16]);
        golden.push(2); // member
        golden.extend([0, 2]); // two revocations, by device
        for of in [6, 8] {
            golden.extend([[5; 16], [of; 16]].concat()); // account, device
            golden.extend([0, 0, 0, 0, 0, 0, 0, 9]); // revoked at
            golden.extend([of; 64]); // signature
        }

        assert_eq!(sample().encode(), Ok(golden));
        assert_eq!(Deltas::default().encode(), Ok(vec![1, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn deltas_read_back_sorted() {
        let bytes = sample().encode().unwrap();

        assert_eq!(Deltas::decode(&bytes), Ok(sample().sorted()));
    }

    #[test]
    fn what_decodes_is_canonical_whatever_byte_is_changed() {
        let bytes = sample().encode().unwrap();

        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(deltas) = Deltas::decode(&changed) {
                    assert_eq!(deltas.encode(), Ok(changed));
                }
            }
        }
    }

    #[test]
    fn deltas_have_one_encoding() {
        torture(&sample().encode().unwrap(), |bytes| Deltas::decode(bytes).ok().map(|d| d.encode().unwrap()));
    }

    #[test]
    fn unsorted_doubled_and_unknown_entries_are_refused() {
        let leaf = |a: u8| [[a; 16], [a; 16]].concat();
        let unsorted = [vec![1, 0, 2], leaf(2), leaf(1), vec![0; 6]].concat();
        let doubled = [vec![1, 0, 2], leaf(1), leaf(1), vec![0; 6]].concat();
        let unknown_role = [vec![1, 0, 0, 0, 0, 0, 1], vec![1; 16], vec![3, 0, 0]].concat();
        let later_version = vec![2, 0, 0, 0, 0, 0, 0, 0, 0];

        for bytes in [unsorted, doubled, unknown_role, later_version] {
            assert!(Deltas::decode(&bytes).is_err());
        }
    }

    #[test]
    fn lists_that_are_too_long_or_hold_an_entry_twice_have_no_encoding() {
        let many =
            (0..=GROUP_LEAVES_MAX as u128).map(|n| (account(1), DeviceId::from_bytes(n.to_be_bytes())));
        let twice = vec![(account(1), device(1)); 2];
        let two_roles = vec![(account(1), None), (account(1), Some(Role::Admin))];
        let two_of_one =
            vec![revocation(1), Revocation { signature: Signature::from_bytes([9; 64]), ..revocation(1) }];

        assert_eq!(Deltas { added: many.collect(), ..Deltas::default() }.encode(), Err(OutOfRange));
        assert_eq!(Deltas { removed: twice, ..Deltas::default() }.encode(), Err(OutOfRange));
        assert_eq!(Deltas { roles: two_roles, ..Deltas::default() }.encode(), Err(OutOfRange));
        assert_eq!(Deltas { revocations: two_of_one, ..Deltas::default() }.encode(), Err(OutOfRange));
    }
}
