//! People of the load: registered with OPAQUE, certified and listed as every account is. Their MLS bytes are opaque
//! filler, since the relay can't tell; so is their password stretching.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use opaque_ke::{ClientRegistration, ClientRegistrationFinishParameters, RegistrationResponse};
use protocol::{
    AccountId, ClaimId, DeviceAuthKey, DeviceId, GroupId, Handle, IdempotencyId, IdentityKey, LeafKey,
    MessageId, RecordId, Role, Signature, UnixMillis,
    accounts::{NewVault, RegisterFinish, RegisterStart, RegisterStarted, Wrap, WrapKind},
    certificate::{Certificate, CertificateBody},
    deltas::Deltas,
    device_list::{
        DeviceList, DeviceListBody, DeviceListEntry, FIRST_ROOT_GENERATION, FIRST_VERSION, NO_PREVIOUS,
    },
    devices::NewDevice,
    groups::{CommitBundle, CreateGroup, EntryKind, GroupKind, Posted},
    key_packages::{ClaimKeyPackages, ClaimedKeyPackages},
    limits::SUITE,
    sessions::SessionTokens,
    signed,
    socket::{from_bytes, to_bytes},
    values::{Bytes, Exactly, List},
};
use rand_opaque::{RngCore as _, rngs::OsRng};

use crate::{
    failure::Failure,
    http::{Call, Http, read_json},
};

/// Bytes of a key package in the suite of the protocol, measured.
const KEY_PACKAGE_BYTES: usize = 2_700;
/// Bytes of the first commit, welcome and group info of a group of two, measured.
const BUNDLE_PART_BYTES: usize = 4_000;
/// Everybody's.
pub(crate) const PASSWORD: &[u8] = b"the password of a load generator";
const CBOR: &str = "application/cbor";

/// A registered person with one device.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) token: String,
    device_auth_key: Ed25519KeyPair,
}

impl Account {
    /// Registers a person whose handle is `handle`.
    pub(crate) async fn register(http: &mut Http, handle: &str) -> Result<Self, Failure> {
        let handle: Handle = handle.parse().map_err(|_| Failure::Unreadable("a handle of ours"))?;
        let opaque = ClientRegistration::<Suite>::start(&mut OsRng, PASSWORD)
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
        let start = RegisterStart {
            handle,
            registration_request: filler(opaque.message.serialize().as_slice())?,
            invite: None,
        };
        let started: RegisterStarted = http.json("/v1/accounts/register/start", &start).await?;
        let response = RegistrationResponse::deserialize(&started.registration_response)
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
        let upload = opaque
            .state
            .finish(&mut OsRng, PASSWORD, response, ClientRegistrationFinishParameters::default())
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?
            .message
            .serialize();

        let id = AccountId::from_bytes(random());
        let identity_key = generate_key()?;
        let device_auth_key = generate_key()?;
        let device =
            NewIdentity { account: id, identity_key: &identity_key, device_auth_key: &device_auth_key };
        let (device, device_list) = device.certified()?;
        let device_id = device.device_id;
        let finish = RegisterFinish {
            idempotency_id: IdempotencyId::from_bytes(random()),
            ticket: started.ticket,
            account_id: id,
            registration_upload: filler(upload.as_slice())?,
            wraps: wraps()?,
            recovery_auth_hash: Exactly(random()),
            vault: NewVault { record_id: RecordId::from_bytes(random()), ciphertext: filler(&[0x5a; 512])? },
            device,
            device_list: filler(&device_list)?,
        };
        let answer = http.call(post("/v1/accounts/register/finish", None, to_bytes(&finish))).await?;
        let tokens: SessionTokens = read_json(&answer)?;
        Ok(Self { id, device: device_id, token: tokens.access_token.0, device_auth_key })
    }

    /// Makes the direct group with `peer`, with everything that a commit bundle carries.
    pub(crate) async fn create_group(&self, http: &mut Http, peer: &Self) -> Result<Posted, Failure> {
        let claim = ClaimKeyPackages { claim_id: ClaimId::from_bytes(random()), account_id: peer.id };
        let answer = http.call(post("/v1/key-packages/claim", Some(&self.token), to_bytes(&claim))).await?;
        let claimed: ClaimedKeyPackages =
            from_bytes(&answer).map_err(|_| Failure::Unreadable("claimed key packages"))?;
        let devices: Vec<DeviceId> = claimed.key_packages.iter().map(|package| package.device_id).collect();
        let create = CreateGroup {
            kind: GroupKind::Direct,
            peer: Some(peer.id),
            bundle: self.first_commit(peer, claim.claim_id, devices)?,
        };
        let answer = http.call(post("/v1/groups", Some(&self.token), to_bytes(&create))).await?;
        from_bytes(&answer).map_err(|_| Failure::Unreadable("the answer to a new group"))
    }

    fn first_commit(
        &self,
        peer: &Self,
        claim: ClaimId,
        devices: Vec<DeviceId>,
    ) -> Result<CommitBundle, Failure> {
        let too_long = |_| Failure::Unreadable("a bundle of ours");
        let added =
            std::iter::once((self.id, self.device)).chain(devices.iter().map(|device| (peer.id, *device)));
        let deltas = Deltas {
            added: added.collect(),
            removed: Vec::new(),
            roles: vec![(self.id, Some(Role::Admin)), (peer.id, Some(Role::Admin))],
            revocations: Vec::new(),
        };
        let deltas = deltas.encode().map_err(too_long)?;
        let (group_id, message_id) = (GroupId::from_bytes(random()), MessageId::from_bytes(random()));
        let commit = vec![0x5a; BUNDLE_PART_BYTES];
        let message = signed::commit(group_id, 0, message_id, &sha256(&commit), &sha256(&deltas));
        Ok(CommitBundle {
            message_id,
            group_id,
            epoch: 0,
            kind: EntryKind::Commit,
            commit: filler(&commit)?,
            deltas: filler(&deltas)?,
            group_info: filler(&[0x5a; BUNDLE_PART_BYTES])?,
            welcome: Some(filler(&[0x5a; BUNDLE_PART_BYTES])?),
            welcome_devices: List::new(devices).map_err(too_long)?,
            claims: List::new(vec![claim]).map_err(too_long)?,
            signature: Exactly(*sign(&self.device_auth_key, &message)?.as_bytes()),
        })
    }
}

/// What certifies a first device.
struct NewIdentity<'a> {
    account: AccountId,
    identity_key: &'a Ed25519KeyPair,
    device_auth_key: &'a Ed25519KeyPair,
}

impl NewIdentity<'_> {
    /// The device with its certificate and key packages, and the signed list that names it.
    fn certified(&self) -> Result<(NewDevice, Vec<u8>), Failure> {
        let identity_key = IdentityKey::from_bytes(public(self.identity_key)?);
        let entry = DeviceListEntry {
            device: DeviceId::from_bytes(random()),
            leaf_key: LeafKey::from_bytes(public(&generate_key()?)?),
            device_auth_key: DeviceAuthKey::from_bytes(public(self.device_auth_key)?),
            created_at: now(),
            revoked_at: None,
        };
        let certificate = CertificateBody {
            account: self.account,
            device: entry.device,
            leaf_key: entry.leaf_key,
            device_auth_key: entry.device_auth_key,
            created_at: entry.created_at,
            suite: SUITE,
            identity_key,
        };
        let certificate = Certificate {
            signature: sign(self.identity_key, &certificate.signed_bytes())?,
            body: certificate,
        };
        let list = DeviceListBody {
            account: self.account,
            identity_key,
            version: FIRST_VERSION,
            previous_hash: NO_PREVIOUS,
            root_generation: FIRST_ROOT_GENERATION,
            root_commitment: random(),
            vault_head: 0,
            records_head: 0,
            sealing_key: Vec::new(),
            entries: vec![entry],
        };
        let unencodable = |_| Failure::Unreadable("a device list of ours");
        let list = DeviceList {
            signature: sign(self.identity_key, &list.signed_bytes().map_err(unencodable)?)?,
            body: list,
        };
        let mut key_package = vec![0x5a; KEY_PACKAGE_BYTES];
        key_package.extend(random::<16>());
        let device = NewDevice {
            device_id: entry.device,
            certificate: filler(&certificate.encode())?,
            key_packages: List::new(vec![filler(&key_package)?])
                .map_err(|_| Failure::Unreadable("a list of ours"))?,
            last_resort: filler(&[0x5a; KEY_PACKAGE_BYTES])?,
        };
        Ok((device, list.encode().map_err(unencodable)?))
    }
}

/// The suite of the protocol, without stretching: the relay takes no part in it.
pub(crate) struct Suite;

impl opaque_ke::CipherSuite for Suite {
    type OprfCs = opaque_ke::Ristretto255;
    type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, sha2_opaque::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// `N` bytes of the system's randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn wraps<const MAX: usize>() -> Result<List<Wrap, MAX>, Failure> {
    let wrap = |kind, generation| Ok(Wrap { kind, generation, bytes: filler(&[0x5a; 160])? });
    let wraps = vec![
        wrap(WrapKind::Password, 0)?,
        wrap(WrapKind::Recovery, 0)?,
        wrap(WrapKind::Root, FIRST_ROOT_GENERATION)?,
    ];
    List::new(wraps).map_err(|_| Failure::Unreadable("a list of ours"))
}

fn post<'a>(path: &'a str, token: Option<&'a str>, body: Vec<u8>) -> Call<'a> {
    Call { method: hyper::Method::POST, path, token, body: Some((CBOR, body)) }
}

fn filler<const MAX: usize>(bytes: &[u8]) -> Result<Bytes<MAX>, Failure> {
    Bytes::new(bytes).map_err(|_| Failure::Unreadable("a value of ours"))
}

fn generate_key() -> Result<Ed25519KeyPair, Failure> {
    Ed25519KeyPair::generate().map_err(|_| Failure::Unreadable("a fresh key"))
}

fn public(key: &Ed25519KeyPair) -> Result<[u8; 32], Failure> {
    let bytes = key.public_key().as_ref();
    bytes.try_into().map_err(|_| Failure::Unreadable("a public key of ours"))
}

fn sign(key: &Ed25519KeyPair, message: &[u8]) -> Result<Signature, Failure> {
    let signature = key.sign(message);
    let bytes = signature.as_ref().try_into();
    bytes.map(Signature::from_bytes).map_err(|_| Failure::Unreadable("a signature of ours"))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    let digest = digest::digest(&digest::SHA256, bytes);
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

#[expect(clippy::disallowed_methods, reason = "the one clock of the load generator")]
fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
