//! Devices, disks and a member without our checks, for the tests of this folder.

mod attacks;
mod external;
mod groups;
mod joins;
mod key_packages;
mod kill;

use super::{
    Change, Changes, CheckedKeyPackage, CommitBundle, Error, ExpectedDevice, Group, GroupStore,
    KeyPackageKind, Merged, OwnLeaf, check_key_package,
    checks::all_of_time,
    group::hash,
    join_from_welcome,
    leaf::{CERTIFICATE_EXTENSION, capabilities, suite},
    make_key_packages,
};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::{
    group::{CommitBuilder, CommitMessageBundle, Initial, MlsGroup},
    prelude::{
        CredentialWithKey, Extension, Extensions, KeyPackage, LeafNode, MlsMessageIn, MlsMessageOut,
        StagedWelcome, UnknownExtension,
        tls_codec::{Deserialize as _, Serialize as _},
    },
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider as _;
use protocol::{
    AccountId, DeviceId, GroupId, MessageId, Role, UnixMillis,
    certificate::{Certificate, CertificateBody},
    groups::CommitEnvelope,
    limits::SUITE,
    public_keys::{DeviceAuthKey, IdentityKey, LeafKey, Signature},
    signed,
    values::{Bytes, Exactly},
};
use std::collections::BTreeMap;

pub(super) const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
pub(super) const GROUP: GroupId = GroupId::from_bytes([9; 16]);

fn key(kind: u8, account: u8, device: u8) -> SigningKey {
    let mut seed = [kind; 32];
    seed[1] = account;
    seed[2] = device;
    SigningKey::from_bytes(&seed)
}

pub(super) fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

pub(super) fn device_id(account: u8, device: u8) -> DeviceId {
    let mut bytes = [device; 16];
    bytes[0] = account;
    DeviceId::from_bytes(bytes)
}

/// A certificate for the leaf key `leaf`, signed by `identity`.
pub(super) fn certify(number: u8, device: DeviceId, leaf: &SigningKey, identity: &SigningKey) -> Certificate {
    let body = CertificateBody {
        account: account(number),
        device,
        leaf_key: LeafKey::from_bytes(leaf.verifying_key().to_bytes()),
        device_auth_key: DeviceAuthKey::from_bytes(key(3, number, 0).verifying_key().to_bytes()),
        created_at: NOW,
        suite: SUITE,
        identity_key: IdentityKey::from_bytes(identity.verifying_key().to_bytes()),
    };
    let signature = Signature::from_bytes(identity.sign(&body.signed_bytes()).to_bytes());
    Certificate { body, signature }
}

/// A device with its keys and its disk: all that outlives a process.
pub(super) struct Device {
    pub(super) own: OwnLeaf,
    account_number: u8,
    pub(super) disk: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Device {
    pub(super) fn new(account: u8, device: u8) -> Self {
        let (identity, leaf) = (key(1, account, 0), key(2, account, device));
        let certificate = certify(account, device_id(account, device), &leaf, &identity);
        let own = OwnLeaf::new(certificate, leaf).unwrap();
        Self { own, account_number: account, disk: BTreeMap::new() }
    }

    pub(super) fn save(&mut self, changes: Vec<Change>) {
        for (key, value) in changes {
            match value {
                Some(value) => self.disk.insert(key, value.to_vec()),
                None => self.disk.remove(&key),
            };
        }
    }

    pub(super) fn store(&self) -> GroupStore {
        GroupStore::load(self.disk.clone())
    }

    pub(super) fn load(&self) -> Group {
        Group::load(self.store(), GROUP).unwrap()
    }

    pub(super) fn expected(&self) -> ExpectedDevice {
        let body = &self.own.certificate().body;
        ExpectedDevice {
            account: body.account,
            device: body.device,
            identity_key: body.identity_key,
            leaf_key: body.leaf_key,
        }
    }

    pub(super) fn key_package(&mut self) -> CheckedKeyPackage {
        let mut store = self.store();
        let made = make_key_packages(&mut store, &self.own, KeyPackageKind::OneUse, 1, NOW).unwrap();
        self.save(store.take_changes());
        check_key_package(&made[0].bytes, &self.expected(), NOW).unwrap()
    }

    /// The envelope that the relay would hand out for this device's commit.
    pub(super) fn envelope(&self, epoch: u64, commit: &[u8], deltas: &[u8]) -> CommitEnvelope {
        let message_id = MessageId::from_bytes([5; 16]);
        let bytes = signed::commit(GROUP, epoch, message_id, &hash(commit), &hash(deltas));
        CommitEnvelope {
            account_id: self.own.account(),
            device_id: self.own.device(),
            message_id,
            deltas: Bytes::new(deltas).unwrap(),
            signature: Exactly(key(3, self.account_number, 0).sign(&bytes).to_bytes()),
        }
    }

    pub(super) fn envelope_of(&self, bundle: &CommitBundle) -> CommitEnvelope {
        self.envelope(bundle.epoch, &bundle.commit, &bundle.deltas_bytes)
    }
}

/// A group of the given devices, made by the first; all have saved it.
pub(super) fn group_of(devices: &mut [Device], roles: &[(AccountId, Role)]) -> Vec<Group> {
    let (creator, others) = devices.split_first_mut().unwrap();
    let mut groups = vec![Group::create(&creator.own, GROUP).unwrap()];
    let add = others.iter_mut().map(Device::key_package).collect();
    let changes = Changes { add, roles: roles.to_vec(), ..Changes::default() };
    let bundle = groups[0].commit(&creator.own, changes).unwrap();
    groups[0].merge_pending().unwrap();
    for device in others {
        let (group, _) =
            join_from_welcome(device.store(), &device.own, bundle.welcome.as_ref().unwrap()).unwrap();
        groups.push(group);
    }
    for (device, group) in devices.iter_mut().zip(&mut groups) {
        device.save(group.take_changes());
    }
    groups
}

pub(super) fn two() -> ([Device; 2], [Group; 2]) {
    let mut devices = [Device::new(1, 1), Device::new(2, 1)];
    let groups = group_of(&mut devices, &[]);
    (devices, groups.try_into().unwrap())
}

pub(super) fn same_state(groups: &[Group]) {
    for group in groups {
        assert_eq!(group.epoch_authenticator(), groups[0].epoch_authenticator());
        assert_eq!(group.rules(), groups[0].rules());
        assert_eq!(group.members(), groups[0].members());
    }
}

/// A member with valid keys whose client has none of our checks: OpenMLS on RustCrypto, as it comes.
pub(super) struct Raw {
    pub(super) device: Device,
    pub(super) provider: OpenMlsRustCrypto,
    pub(super) mls: Option<MlsGroup>,
}

impl Raw {
    pub(super) fn new(account: u8, device: u8) -> Self {
        Self { device: Device::new(account, device), provider: OpenMlsRustCrypto::default(), mls: None }
    }

    pub(super) fn key_package(&self) -> CheckedKeyPackage {
        let bytes = self.key_package_with(|builder| builder);
        check_key_package(&bytes, &self.device.expected(), NOW).unwrap()
    }

    pub(super) fn key_package_with(
        &self,
        change: impl FnOnce(openmls::prelude::KeyPackageBuilder) -> openmls::prelude::KeyPackageBuilder,
    ) -> Vec<u8> {
        let dates = [NOW.0.to_be_bytes(), NOW.plus_seconds(30 * 86_400).0.to_be_bytes()].concat();
        let builder = KeyPackage::builder()
            .key_package_lifetime(all_of_time())
            .key_package_extensions(
                Extensions::single(Extension::Unknown(0xF503, UnknownExtension(dates))).unwrap(),
            )
            .leaf_node_capabilities(capabilities())
            .leaf_node_extensions(self.device.own.extensions().unwrap());
        let bundle = change(builder)
            .build(suite(), &self.provider, &self.device.own, self.device.own.credential())
            .unwrap();
        MlsMessageOut::from(bundle.into_key_package()).tls_serialize_detached().unwrap()
    }

    pub(super) fn join(&mut self, welcome: &[u8]) {
        let message = MlsMessageIn::tls_deserialize_exact(welcome).unwrap();
        let openmls::prelude::MlsMessageBodyIn::Welcome(welcome) = message.extract() else { panic!() };
        let config = super::group::join_config();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None).unwrap();
        self.mls = Some(staged.into_group(&self.provider).unwrap());
    }

    /// A commit as this member pleases, with the deltas that it pleases, signed for the relay.
    pub(super) fn commit_with(
        &mut self,
        deltas: &protocol::Deltas,
        shape: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
    ) -> (Vec<u8>, CommitEnvelope) {
        let deltas = deltas.encode().unwrap();
        let mls = self.mls.as_mut().unwrap();
        mls.clear_pending_commit(self.provider.storage()).unwrap();
        let epoch = mls.epoch().as_u64();
        mls.set_aad(deltas.clone());
        let bundle = shape(mls.commit_builder())
            .load_psks(self.provider.storage())
            .unwrap()
            .build(self.provider.rand(), self.provider.crypto(), &self.device.own, |_| true)
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap();
        self.pack(epoch, bundle, &deltas)
    }

    pub(super) fn pack(
        &self,
        epoch: u64,
        bundle: CommitMessageBundle,
        deltas: &[u8],
    ) -> (Vec<u8>, CommitEnvelope) {
        let commit = bundle.into_commit().tls_serialize_detached().unwrap();
        let envelope = self.device.envelope(epoch, &commit, deltas);
        (commit, envelope)
    }
}

/// Alice with our client (admin), Mallory without it.
pub(super) fn alice_and_mallory(role: Role) -> (Device, Group, Raw) {
    let alice = Device::new(1, 1);
    let mut mallory = Raw::new(2, 1);
    let mut group = Group::create(&alice.own, GROUP).unwrap();
    let add = vec![mallory.key_package()];
    let changes = Changes { add, roles: vec![(account(2), role)], ..Changes::default() };
    let bundle = group.commit(&alice.own, changes).unwrap();
    group.merge_pending().unwrap();
    mallory.join(bundle.welcome.as_ref().unwrap());
    (alice, group, mallory)
}

pub(super) fn certificate_extension(certificate: &Certificate) -> Extensions<LeafNode> {
    Extensions::single(Extension::Unknown(CERTIFICATE_EXTENSION, UnknownExtension(certificate.encode())))
        .unwrap()
}

pub(super) fn credential_of(number: u8, device: DeviceId, key: &SigningKey) -> CredentialWithKey {
    CredentialWithKey {
        credential: super::leaf::credential(account(number), device),
        signature_key: key.verifying_key().to_bytes().to_vec().into(),
    }
}

pub(super) fn refused(group: &mut Group, commit: &[u8], envelope: &CommitEnvelope) -> Error {
    let (epoch, members) = (group.epoch(), group.members().to_vec());
    let before = group.epoch_authenticator();

    let error = group.process_commit(commit, envelope).unwrap_err();

    assert_eq!((group.epoch(), group.members()), (epoch, members.as_slice()), "a refusal changed the group");
    assert_eq!(group.epoch_authenticator(), before);
    error
}

pub(super) fn accepted(group: &mut Group, device: &Device, bundle: &CommitBundle) -> Merged {
    group.process_commit(&bundle.commit, &device.envelope_of(bundle)).unwrap()
}
