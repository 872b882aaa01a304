//! What can go wrong in the MLS layer, by whose fault it is. A failed decryption gives no reason.

use super::storage::StoreError;
use protocol::{AccountId, DeviceId};

/// A failure of an operation on a group. Nothing has changed, in memory or in the change set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A member or its device broke the rules of the group.
    #[error("a peer broke the rules: {0}")]
    PeerMisbehaved(#[from] Violation),
    /// The relay delivered what no honest relay delivers.
    #[error("the relay broke the rules: {0}")]
    RelayMisbehaved(#[from] RelayFault),
    /// The entry belongs to an epoch that this device has not reached: something before it is missing.
    #[error("the entry is of epoch {offered}, the group is at {epoch}")]
    OutOfSync {
        /// The epoch that the group is at.
        epoch: u64,
        /// The epoch that the entry names.
        offered: u64,
    },
    /// A message that this device can't open; the group goes on.
    #[error("the message can't be read: {0}")]
    Unreadable(#[from] Unreadable),
    /// The group asks for a newer client: pause at the cursor, never fork.
    #[error("the group needs version {minimum} of the client")]
    NewerClientNeeded {
        /// The version that the group asks for.
        minimum: u32,
    },
    /// The caller asked for what the state does not allow.
    #[error("not possible now: {0}")]
    Misuse(#[from] Misuse),
    /// The own records are corrupt, or the library failed.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
}

/// What a peer did. The numbers are those of the ten checks of `crypto.md`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Check 1: the credential is not exactly (account, device) of the certificate.
    #[error("check 1: the credential is not that of the certificate")]
    Credential,
    /// Check 1: no certificate in the leaf, or one that the identity key in it did not sign.
    #[error("check 1: the certificate does not verify")]
    Certificate,
    /// Check 1: the leaf signs with another key than the certified one.
    #[error("check 1: the leaf's key is not the certified one")]
    LeafKey,
    /// Check 1: the certificate is for another cipher suite.
    #[error("check 1: the certificate is for another suite")]
    Suite,
    /// Check 3: a new leaf of a device claims another account or device than the leaf that it replaces.
    #[error("check 3: a leaf changed its account or device")]
    AnotherDevice,
    /// Check 3: the leaves of an account have different identity keys.
    #[error("check 3: the account {0} has two identity keys")]
    IdentityChanged(AccountId),
    /// Check 4: two leaves for one device.
    #[error("check 4: the device {0} has two leaves")]
    DeviceTwice(DeviceId),
    /// Check 6: the committer's role does not allow this change.
    #[error("check 6: not allowed: {0}")]
    NotAllowed(&'static str),
    /// Check 6: a proposal of a kind that no client of ours makes.
    #[error("check 6: a proposal of an unexpected kind")]
    Proposal,
    /// Check 6: a revocation that no identity key of a member account signed, or that the rules don't take up.
    #[error("check 6: the revocation of {0} does not hold")]
    Revocation(DeviceId),
    /// Check 7: an external commit that does more than join, or comes from an account that is no member.
    #[error("check 7: {0}")]
    ExternalCommit(&'static str),
    /// Check 8: a lifetime other than all of time, or missing dates.
    #[error("check 8: the dates or the lifetime of a key package are wrong")]
    Dates,
    /// Check 9: the authenticated data is not the encoding of deltas.
    #[error("check 9: the authenticated data is malformed")]
    AuthenticatedData,
    /// Check 9: the commit does something else than its deltas say.
    #[error("check 9: the commit contradicts its deltas")]
    Deltas,
    /// Check 9: the committer signed deltas for the relay that differ from those inside the commit.
    #[error("check 9: the envelope contradicts the commit")]
    Envelope,
    /// The group-context extension is missing, malformed, or beside others.
    #[error("the group's rules are malformed")]
    Rules,
    /// Accounts with a leaf and accounts with a role differ, or nobody is admin.
    #[error("the group's roles do not match its members")]
    Roles,
    /// A device whose id is revoked has a leaf.
    #[error("the revoked device {0} has a leaf")]
    Revoked(DeviceId),
    /// More than the limits allow.
    #[error("more {0} than the limits allow")]
    TooMany(&'static str),
    /// A handshake in clear that is not an external commit, or a message that is not the expected kind.
    #[error("a message of an unexpected kind")]
    WrongKind,
    /// The padded content is malformed.
    #[error("malformed padding")]
    Padding,
    /// A message accepted after its sender was removed (D-6).
    #[error("a message from a device that is no longer a member")]
    SenderGone(DeviceId),
    /// The library refused it.
    #[error("MLS: {0}")]
    Mls(String),
}

/// What the relay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayFault {
    /// The committer's signature does not verify: nobody is excluded for it (D-8).
    #[error("the signature beside the commit does not verify")]
    CommitSignature,
    /// The envelope names another committer than the commit has.
    #[error("the envelope names another committer")]
    Committer,
    /// The bytes are no MLS message, or more than the limits allow.
    #[error("not an MLS message")]
    Malformed,
    /// The message belongs to another group.
    #[error("an entry of another group")]
    WrongGroup,
    /// A second commit for an epoch that already has one (D-3).
    #[error("a second commit for a past epoch")]
    SecondCommit,
    /// The group info is older than what this device has seen.
    #[error("a group info older than one already seen")]
    OldGroupInfo,
    /// The key package is out of date (check 8).
    #[error("a key package out of date")]
    Expired,
    /// The key package or welcome is not that of the device for which it was offered.
    #[error("a key package of another device")]
    WrongDevice,
}

/// Why a message can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The keys of its epoch are gone, or this device joined later.
    #[error("its epoch is too old")]
    EpochTooOld,
    /// Its key was used or is out of the tolerated window.
    #[error("its key is gone")]
    KeyGone,
    /// It does not decrypt.
    #[error("it does not decrypt")]
    Ciphertext,
    /// It was sent by this device: what was said stands in the outbox.
    #[error("it is this device's own")]
    Own,
}

/// What the caller did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// There are no records of this group.
    #[error("no such group")]
    NoSuchGroup,
    /// A commit of ours waits for the relay.
    #[error("a commit is pending")]
    CommitPending,
    /// No commit of ours waits for the relay.
    #[error("no commit is pending")]
    NoCommitPending,
    /// The entry is our own pending commit: merge that.
    #[error("the entry is the own pending commit")]
    OwnCommit,
    /// This device was removed from the group.
    #[error("not a member any more")]
    NotAMember,
    /// The device to remove is not in the group, or is this one.
    #[error("no such member to remove")]
    NoSuchMember,
    /// The keys at hand are not those of the group's own leaf.
    #[error("the keys of another device")]
    WrongKeys,
    /// The certificate and the leaf key do not belong together.
    #[error("the certificate does not fit the leaf key")]
    WrongCertificate,
    /// More than the limits allow.
    #[error("too large or too many")]
    TooLarge,
    /// The commit would break the rules of the group; every member would refuse it.
    #[error("every member would refuse it: {0}")]
    BreaksRules(Violation),
    /// The library refused what the caller asked for.
    #[error("the library refuses this operation")]
    Refused,
}
