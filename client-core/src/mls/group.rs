//! One MLS group at this device.
//!
//! | state ↓ / operation → | `commit` | `merge_pending`, `discard_pending` | `process_commit` | `encrypt` | `decrypt` |
//! |---|---|---|---|---|---|
//! | operational | → commit pending | `NoCommitPending` | → operational or removed | yes | yes |
//! | commit pending | `CommitPending` | → operational | → operational or removed; ours is dropped; `OwnCommit` for our own | yes | yes |
//! | removed | `NotAMember` | `NotAMember` | `NotAMember` | `NotAMember` | `NotAMember` |
//!
//! A commit changes nothing until the relay accepted it (RFC 9420 §14). Whatever fails leaves the group as it was.

use super::{
    checks::{Before, all_of_time, check_2_tree},
    commit::{Pending, pending_key},
    error::{Error, Misuse, RelayFault, Unreadable, Violation},
    leaf::{Member, OwnLeaf, capabilities, suite},
    padding::{pad, unpad},
    provider::Provider,
    rules::Rules,
    storage::{Change, GroupStore, StoreError, group_prefix},
};
use openmls::{
    framing::errors::MessageDecryptionError,
    prelude::{
        BasicCredential, ContentType, Credential, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
        MlsMessageIn, MlsMessageOut, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PastEpochDeletion,
        ProcessMessageError, ProcessedMessageContent, ProtocolMessage, SenderRatchetConfiguration,
        ValidationError, WireFormat,
        tls_codec::{Deserialize as _, Serialize as _},
    },
};
use protocol::{
    AccountId, DeviceId, GroupId, Role,
    layout::Reader,
    limits::{CLIENT_VERSION, MESSAGE_BYTES_MAX},
};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use zeroize::Zeroizing;

/// Handshakes are padded to multiples of this, bytes (D-9).
const HANDSHAKE_PADDING: usize = 256;
/// Messages that may arrive out of order, per sender.
const OUT_OF_ORDER: u32 = 16;
/// Messages that may be skipped, per sender.
const FORWARD_DISTANCE: u32 = 2_000;
/// Epochs whose messages can still be read.
const PAST_EPOCHS: usize = 2;
/// And for how long at most.
const PAST_EPOCH_TIME: Duration = Duration::from_secs(48 * 3600);
/// An application message. Its author is the sender's leaf (check 10), whatever the content says.
#[derive(Debug)]
pub struct Decrypted {
    /// The author's account.
    pub account: AccountId,
    /// The author's device.
    pub device: DeviceId,
    /// The epoch in which it was sent.
    pub epoch: u64,
    /// The content without its padding.
    pub content: Zeroizing<Vec<u8>>,
    /// What travelled in clear beside it.
    pub authenticated_data: Vec<u8>,
}

/// One group at this device, rebuilt from its records by [`Group::load`].
pub struct Group {
    pub(super) id: GroupId,
    pub(super) provider: Provider,
    pub(super) state: State,
}

/// What is derived from the records.
pub(super) struct State {
    pub(super) mls: MlsGroup,
    pub(super) rules: Rules,
    pub(super) members: Vec<Member>,
    pub(super) pending: Option<Pending>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({:?}, epoch {}, ***)", self.id, self.epoch())
    }
}

impl State {
    fn read(provider: &Provider, id: GroupId, known: &[Member]) -> Result<Self, Error> {
        let mls = MlsGroup::load(&provider.store, &mls_group_id(id))?.ok_or(Misuse::NoSuchGroup)?;
        let (rules, members) = read_tree(&mls, known)?;
        let pending = Pending::read(&provider.store, &pending_key(id))?;
        if pending.is_some() != mls.pending_commit().is_some() {
            return Err(StoreError::Inconsistent.into());
        }
        Ok(Self { mls, rules, members, pending })
    }
}

/// Check 2 for the tree of a group: rules and members.
pub(crate) fn read_tree(mls: &MlsGroup, known: &[Member]) -> Result<(Rules, Vec<Member>), Violation> {
    let rules = Rules::from_context(mls.public_group().group_context())?;
    let members = check_2_tree(mls.public_group(), &rules, known)?;
    Ok((rules, members))
}

impl Group {
    /// Makes a group in which this device is alone, at epoch 0. The first commit brings the others in.
    ///
    /// # Errors
    /// [`Error::Store`] when the library fails.
    pub fn create(own: &OwnLeaf, id: GroupId) -> Result<Self, Error> {
        let provider = Provider::new(GroupStore::default())?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite())
            .capabilities(capabilities())
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .padding_size(HANDSHAKE_PADDING)
            .lifetime(all_of_time())
            .max_past_epochs(PAST_EPOCHS)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD_DISTANCE))
            .use_ratchet_tree_extension(true)
            .with_group_context_extensions(Rules::of_creator(own.account()).to_extensions()?)
            .with_leaf_node_extensions(own.extensions()?)
            .map_err(|_| Misuse::Refused)?
            .build();
        MlsGroup::new_with_group_id(&provider, own, &config, mls_group_id(id), own.credential())
            .map_err(|_| Misuse::Refused)?;
        let state = State::read(&provider, id, &[])?;
        Ok(Self { id, provider, state })
    }

    /// Rebuilds a group from the records under [`group_prefix`]. The whole tree passes check 2 again.
    ///
    /// # Errors
    /// [`Misuse::NoSuchGroup`] without records, [`Error::Store`] or [`Error::PeerMisbehaved`] when they are corrupt.
    pub fn load(store: GroupStore, id: GroupId) -> Result<Self, Error> {
        let provider = Provider::new(store)?;
        let state = State::read(&provider, id, &[])?;
        Ok(Self { id, provider, state })
    }

    /// What the operations since the last call have written, for one transaction.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let changes = self.provider.store.take_changes();
        self.provider.store.keep_only(&group_prefix(self.id));
        changes
    }

    /// The change set that deletes all records of the group.
    pub fn delete(self) -> Vec<Change> {
        let mut store = self.provider.store;
        store.delete_group(self.id);
        store.take_changes()
    }

    /// The store, to prepare a rejoin of the same group ([`super::PendingJoin::prepare`]).
    pub fn into_store(self) -> GroupStore {
        self.provider.store
    }

    /// Encrypts content for all members, padded to a bucket (D-9). `authenticated_data` travels in clear.
    ///
    /// # Errors
    /// [`Misuse::TooLarge`], [`Misuse::NotAMember`], [`Misuse::WrongKeys`], [`Error::NewerClientNeeded`].
    pub fn encrypt(
        &mut self,
        own: &OwnLeaf,
        content: &[u8],
        authenticated_data: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.require_ready()?;
        self.require_own(own)?;
        let padded = pad(content)?;
        self.attempt(|group| {
            group.state.mls.set_aad(authenticated_data.to_vec());
            let message = group.state.mls.create_message(&group.provider, own, &padded).map_err(library)?;
            let bytes = serialize(&message)?;
            if bytes.len() > MESSAGE_BYTES_MAX { Err(Misuse::TooLarge.into()) } else { Ok(bytes) }
        })
    }

    /// Decrypts an application message. Its key is used up, in the change set too, so a second time fails.
    ///
    /// # Errors
    /// [`Error::Unreadable`] by the reasons of R-5, [`Error::OutOfSync`] for a later epoch,
    /// [`Error::PeerMisbehaved`] for malformed padding or a sender that was removed (D-6).
    pub fn decrypt(&mut self, ciphertext: &[u8]) -> Result<Decrypted, Error> {
        self.require_ready()?;
        let message = self.parse(ciphertext, MESSAGE_BYTES_MAX)?;
        let encrypted = message.wire_format() == WireFormat::PrivateMessage;
        if !encrypted || message.content_type() != ContentType::Application {
            return Err(Violation::WrongKind.into());
        }
        let epoch = message.epoch().as_u64();
        if epoch > self.epoch() {
            return Err(Error::OutOfSync { epoch: self.epoch(), offered: epoch });
        }
        if epoch.saturating_add(PAST_EPOCHS as u64) < self.epoch() {
            return Err(Unreadable::EpochTooOld.into());
        }
        let processed = self.state.mls.process_message(&self.provider, message).map_err(refusal)?;
        let (account, device) = author(processed.credential())?;
        let authenticated_data = processed.aad().to_vec();
        let plaintext = match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => Zeroizing::new(message.into_bytes()),
            ProcessedMessageContent::OwnPrivateMessage => return Err(Unreadable::Own.into()),
            _ => return Err(Violation::WrongKind.into()),
        };
        // Entries come in order, so this one was accepted after everything merged so far.
        if !self.state.members.iter().any(|member| (member.account(), member.device()) == (account, device)) {
            return Err(Violation::SenderGone(device).into());
        }
        Ok(Decrypted { account, device, epoch, content: unpad(&plaintext)?, authenticated_data })
    }

    /// Deletes the keys of past epochs that are older than 48 hours. To be called now and then, and on loading.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn forget_past_epochs(&mut self) -> Result<(), Error> {
        let policy = PastEpochDeletion::older_than_duration(PAST_EPOCH_TIME).max_past_epochs(PAST_EPOCHS);
        self.attempt(|group| {
            group.state.mls.delete_past_epoch_secrets(&group.provider, policy).map_err(library)
        })
    }

    /// The group's id.
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// The current epoch.
    pub fn epoch(&self) -> u64 {
        self.state.mls.epoch().as_u64()
    }

    /// Whether this device is still a member.
    pub fn is_active(&self) -> bool {
        self.state.mls.is_active()
    }

    /// All leaves, by leaf index.
    pub fn members(&self) -> &[Member] {
        &self.state.members
    }

    /// Roles, revoked devices, minimum client version.
    pub const fn rules(&self) -> &Rules {
        &self.state.rules
    }

    /// The account's role; `None` when it is no member.
    pub fn role(&self, account: AccountId) -> Option<Role> {
        self.state.rules.role(account)
    }

    /// Derives a secret from the epoch (RFC 9420 §8.5).
    ///
    /// # Errors
    /// [`Misuse::NotAMember`] after removal, [`Misuse::TooLarge`] above 65,535 bytes.
    pub fn export_secret(
        &self,
        label: &str,
        context: &[u8],
        bytes: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        use openmls_traits::OpenMlsProvider as _;
        self.require_active()?;
        let secret = self.state.mls.export_secret(self.provider.crypto(), label, context, bytes);
        Ok(secret.map(Zeroizing::new).map_err(|_| Misuse::TooLarge)?)
    }

    /// Equal at two devices exactly when they are in the same state (RFC 9420 §8.7).
    pub fn epoch_authenticator(&self) -> Vec<u8> {
        self.state.mls.epoch_authenticator().as_slice().to_vec()
    }

    /// Runs `operation` as a whole: if it fails, its writes are dropped and the state is read again.
    pub(super) fn attempt<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.provider.store.begin();
        match operation(self) {
            Ok(value) => {
                self.provider.store.adopt_attempt();
                Ok(value)
            }
            Err(error) => {
                self.provider.store.drop_attempt();
                self.state = State::read(&self.provider, self.id, &self.state.members)?;
                Err(error)
            }
        }
    }

    pub(super) fn before(&self) -> Before<'_> {
        Before { epoch: self.epoch(), members: &self.state.members, rules: &self.state.rules }
    }

    pub(super) fn parse(&self, bytes: &[u8], bytes_max: usize) -> Result<ProtocolMessage, Error> {
        if bytes.len() > bytes_max {
            return Err(RelayFault::Malformed.into());
        }
        let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| RelayFault::Malformed)?;
        let message = message.try_into_protocol_message().map_err(|_| RelayFault::Malformed)?;
        if message.group_id().as_slice() != self.id.as_bytes() {
            return Err(RelayFault::WrongGroup.into());
        }
        Ok(message)
    }

    pub(super) fn require_epoch(&self, offered: u64) -> Result<(), Error> {
        let epoch = self.epoch();
        match offered.cmp(&epoch) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(Error::OutOfSync { epoch, offered }),
            std::cmp::Ordering::Less => Err(RelayFault::SecondCommit.into()),
        }
    }

    pub(super) fn require_active(&self) -> Result<(), Error> {
        if self.is_active() { Ok(()) } else { Err(Misuse::NotAMember.into()) }
    }

    pub(super) fn require_ready(&self) -> Result<(), Error> {
        self.require_active()?;
        require_version(&self.state.rules)
    }

    pub(super) fn require_own(&self, own: &OwnLeaf) -> Result<(), Error> {
        let leaf = self.state.mls.own_leaf_node().map(|leaf| leaf.signature_key().as_slice().to_vec());
        let same = leaf.is_some_and(|key| key == own.certificate().body.leaf_key.as_bytes());
        if same { Ok(()) } else { Err(Misuse::WrongKeys.into()) }
    }
}

/// How a group that was joined behaves, as one that was created.
pub(crate) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .padding_size(HANDSHAKE_PADDING)
        .max_past_epochs(PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, FORWARD_DISTANCE))
        .use_ratchet_tree_extension(true)
        .build()
}

pub(crate) fn mls_group_id(id: GroupId) -> openmls::group::GroupId {
    openmls::group::GroupId::from_slice(id.as_bytes())
}

pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(crate) fn serialize(message: &MlsMessageOut) -> Result<Vec<u8>, Error> {
    message.tls_serialize_detached().map_err(|_| StoreError::Encode.into())
}

/// An older client stops at its cursor.
pub(crate) fn require_version(rules: &Rules) -> Result<(), Error> {
    let minimum = rules.minimum_client_version;
    if minimum > CLIENT_VERSION { Err(Error::NewerClientNeeded { minimum }) } else { Ok(()) }
}

/// Account and device of a credential that passed check 1 when its leaf came in.
fn author(credential: &Credential) -> Result<(AccountId, DeviceId), Violation> {
    let credential = BasicCredential::try_from(credential.clone()).map_err(|_| Violation::Credential)?;
    let mut reader = Reader::new(credential.identity());
    let (Ok(account), Ok(device)) = (reader.array(), reader.array()) else {
        return Err(Violation::Credential);
    };
    Ok((AccountId::from_bytes(account), DeviceId::from_bytes(device)))
}

/// A failure of the library where our own request is at fault, or our own state.
pub(crate) fn library(_: impl std::error::Error) -> Error {
    Misuse::Refused.into()
}

/// A failure of the library on what came from outside.
pub(super) fn refusal(error: ProcessMessageError<StoreError>) -> Error {
    match error {
        ProcessMessageError::StorageError(error) => error.into(),
        ProcessMessageError::ValidationError(error) => validation_refusal(error),
        other => Violation::Mls(other.to_string()).into(),
    }
}

fn validation_refusal(error: ValidationError) -> Error {
    match error {
        ValidationError::NoPastEpochData => Unreadable::EpochTooOld.into(),
        ValidationError::UnableToDecrypt(
            MessageDecryptionError::GenerationOutOfBound | MessageDecryptionError::SecretTreeError(_),
        ) => Unreadable::KeyGone.into(),
        ValidationError::UnableToDecrypt(_) => Unreadable::Ciphertext.into(),
        ValidationError::WrongGroupId => RelayFault::WrongGroup.into(),
        other => Violation::Mls(other.to_string()).into(),
    }
}
