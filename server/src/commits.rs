//! Commit bundles: everything that a commit changes, in one transaction (D-3), then told to whoever is online.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use protocol::deltas::Deltas;
use protocol::groups::{CommitBundle, CommitEnvelope, CreateGroup, Entry, EntryKind, GroupKind, Posted};
use protocol::limits::GROUPS_PER_ACCOUNT_MAX;
use protocol::socket::RelayFrame;
use protocol::values::Bytes;
use protocol::{AccountId, DeviceAuthKey, DeviceId, ErrorCode, Facts, GroupId, UnixMillis, WelcomeId};
use std::collections::{BTreeMap, BTreeSet};

use crate::app::App;
use crate::auth::CallingDevice;
use crate::error::ApiError;
use crate::membership::{Committer, DeltasError, Membership};
use crate::posts::{message_conflict, stale_epoch};
use crate::secrets::{random, sha256};
use crate::storage::entries::{self, NewCommit, PostMark};
use crate::storage::groups::{self, GroupState};
use crate::storage::{Connection, StorageError, devices, key_packages, tombstones, welcomes};
use crate::tombstones::Mark;

/// A commit with its deltas read and its mark made.
struct Bundle {
    bundle: CommitBundle,
    deltas: Deltas,
    mark: PostMark,
    committer: Committer,
    /// What a deleted account among those named would have left behind.
    tombstones: BTreeMap<AccountId, Mark>,
    now: UnixMillis,
}

/// What a transaction did.
enum Committed {
    /// The same bundle again: it is in the log.
    Before(Posted),
    Now(Box<Accepted>),
}

/// A commit that is on disk, and who must hear of it.
struct Accepted {
    posted: Posted,
    entry: Entry,
    welcomes: Vec<(DeviceId, WelcomeId)>,
    deltas: Deltas,
}

impl App {
    /// Creates a group with its first commit (epoch 0 → 1).
    pub async fn create_group(
        &self,
        device: CallingDevice,
        request: CreateGroup,
    ) -> Result<Posted, ApiError> {
        let (kind, peer) = (request.kind, request.peer);
        let bundle = self.read_bundle(device, request.bundle)?;
        if bundle.bundle.epoch != 0 || bundle.bundle.kind != EntryKind::Commit {
            return Err(ApiError::detailed(ErrorCode::Malformed, "a group begins with a commit of epoch 0"));
        }
        let after = Membership::created(kind, peer, bundle.committer, &bundle.deltas).map_err(refused)?;
        let committed =
            self.db.write(async move |conn| create(conn, bundle, kind, peer, after).await).await?;
        Ok(self.told(committed))
    }

    /// Applies a commit to a group by compare-and-set over its epoch.
    pub async fn commit(&self, device: CallingDevice, bundle: CommitBundle) -> Result<Posted, ApiError> {
        let bundle = self.read_bundle(device, bundle)?;
        if bundle.bundle.kind == EntryKind::Message {
            return Err(ApiError::detailed(ErrorCode::Malformed, "a bundle holds a commit"));
        }
        let grace_ms = self.config.timers.epoch_grace_ms;
        let committed = self.db.write(async move |conn| apply(conn, bundle, grace_ms).await).await?;
        Ok(self.told(committed))
    }

    fn read_bundle(&self, device: CallingDevice, bundle: CommitBundle) -> Result<Bundle, ApiError> {
        let deltas = Deltas::decode(&bundle.deltas)
            .map_err(|error| ApiError::detailed(ErrorCode::Malformed, format!("the deltas: {error}")))?;
        let mark = self.post_marks.mark(bundle.group_id, device.device_id, bundle.message_id, &bundle.commit);
        let committer = Committer { account_id: device.account_id, device_id: device.device_id };
        let named = deltas.added.iter().chain(&deltas.removed).map(|leaf| leaf.0);
        let named = named.chain(deltas.roles.iter().map(|role| role.0));
        let tombstones =
            named.map(|account| (account, self.credentials.tombstones.account(account))).collect();
        Ok(Bundle { bundle, deltas, mark, committer, tombstones, now: self.clock.now() })
    }

    /// After the transaction: the members that are online get the entry, newcomers their welcome.
    fn told(&self, committed: Committed) -> Posted {
        let accepted = match committed {
            Committed::Before(posted) => return posted,
            Committed::Now(accepted) => accepted,
        };
        let (group, seq) = (accepted.posted.group_id, accepted.posted.seq);
        self.hub.publish(group, &accepted.entry);
        for (_, device) in &accepted.deltas.removed {
            self.hub.leave(group, *device);
        }
        for (_, device) in &accepted.deltas.added {
            self.hub.join(group, *device, seq);
        }
        for (device, welcome_id) in accepted.welcomes {
            self.hub.send(device, &RelayFrame::WelcomeWaiting { welcome_id, group_id: group });
        }
        accepted.posted
    }
}

async fn create(
    conn: &mut Connection,
    bundle: Bundle,
    kind: GroupKind,
    peer: Option<AccountId>,
    after: Membership,
) -> Result<Committed, ApiError> {
    if let Some(posted) = find_before(conn, &bundle).await? {
        return Ok(Committed::Before(posted));
    }
    verify_signature(conn, &bundle).await?;
    let pair = peer.map(|peer| [bundle.committer.account_id, peer]);
    if let Some(pair) = pair
        && let Some(group_id) = groups::find_direct(conn, pair).await?
    {
        return Err(group_exists(Some(group_id)));
    }
    let group = bundle.bundle.group_id;
    // Two creators at once meet at the unique constraint, and the second one asks again.
    if let Err(error) = groups::insert(conn, group, kind, pair, bundle.now).await {
        return Err(if error.is_unique_violation() { group_exists(None) } else { error.into() });
    }
    check_added(conn, &Membership::default(), &bundle).await?;
    let seq = groups::update_epoch(conn, group, 0, UnixMillis(0)).await?.ok_or(StorageError::NotFound)?;
    debug_assert!(!after.devices.is_empty(), "a created group has its creator");
    store(conn, bundle, seq).await.map(Box::new).map(Committed::Now)
}

async fn apply(conn: &mut Connection, bundle: Bundle, grace_ms: u64) -> Result<Committed, ApiError> {
    let group = bundle.bundle.group_id;
    let state = groups::find_locked(conn, group).await?.ok_or(ErrorCode::NotFound)?;
    if let Some(posted) = find_before(conn, &bundle).await? {
        return Ok(Committed::Before(posted));
    }
    let before = groups::membership(conn, group).await?;
    let committer = bundle.committer;
    if !before.roles.contains_key(&committer.account_id) {
        return Err(ErrorCode::NotFound.into());
    }
    if state.closed {
        return Err(ErrorCode::AccountGone.into());
    }
    if state.epoch != bundle.bundle.epoch {
        return Err(stale_epoch(state.epoch, state.head));
    }
    check_deltas(conn, state, &before, &bundle).await?;
    verify_signature(conn, &bundle).await?;
    check_added(conn, &before, &bundle).await?;
    // After a removal the removed device's last messages must not slip in behind it (D-6).
    let removes = bundle.deltas.removed.iter().any(|leaf| !bundle.deltas.added.contains(leaf));
    let grace_until = if removes { UnixMillis(0) } else { UnixMillis(bundle.now.0.saturating_add(grace_ms)) };
    let Some(seq) = groups::update_epoch(conn, group, bundle.bundle.epoch, grace_until).await? else {
        return Err(stale_epoch(state.epoch, state.head));
    };
    store(conn, bundle, seq).await.map(Box::new).map(Committed::Now)
}

/// The same id again answers with the same seq; with other content it is a conflict (D-4).
async fn find_before(conn: &mut Connection, bundle: &Bundle) -> Result<Option<Posted>, ApiError> {
    let Some(double) = entries::find_double(conn, bundle.mark.tag).await? else {
        return Ok(None);
    };
    let (seq, received_at) = double.answer(bundle.mark).map_err(|_| message_conflict(double.seq))?;
    let CommitBundle { message_id, group_id, .. } = bundle.bundle;
    Ok(Some(Posted { message_id, group_id, seq, received_at }))
}

async fn check_deltas(
    conn: &mut Connection,
    state: GroupState,
    before: &Membership,
    bundle: &Bundle,
) -> Result<(), ApiError> {
    let (committer, deltas) = (bundle.committer, &bundle.deltas);
    if bundle.bundle.kind == EntryKind::ExternalCommit {
        before.joined(committer, deltas).map_err(refused)?;
        return Ok(());
    }
    let mut revoked = BTreeSet::new();
    let mut counted = deltas.clone();
    for (account, device) in &deltas.removed {
        // The leaves of a deleted account stay in the tree until somebody takes them out; here they are gone already.
        if is_gone(conn, bundle, *account).await? {
            counted.removed.retain(|leaf| leaf.0 != *account);
            counted.roles.retain(|role| role.0 != *account);
        } else if !devices::is_live(conn, *device).await? {
            revoked.insert(*device);
        }
    }
    before.committed(state.kind, committer, &counted, &revoked).map_err(refused)?;
    Ok(())
}

async fn is_gone(conn: &mut Connection, bundle: &Bundle, account: AccountId) -> Result<bool, StorageError> {
    match bundle.tombstones.get(&account) {
        Some(mark) => tombstones::exist(conn, &[*mark]).await,
        None => Ok(false),
    }
}

/// Added devices are live devices of the account named; an account comes in with all that can be claimed (D-7).
async fn check_added(conn: &mut Connection, before: &Membership, bundle: &Bundle) -> Result<(), ApiError> {
    let own = bundle.committer.account_id;
    let accounts: BTreeSet<AccountId> = bundle.deltas.added.iter().map(|(account, _)| *account).collect();
    for account in accounts {
        let live = devices::list_live(conn, account).await?;
        let added = |device: &DeviceId| bundle.deltas.added.contains(&(account, *device));
        let of_account = bundle.deltas.added.iter().filter(|leaf| leaf.0 == account);
        if !of_account.clone().all(|(_, device)| live.contains(device)) {
            if is_gone(conn, bundle, account).await? {
                return Err(ErrorCode::AccountGone.into());
            }
            return Err(ApiError::detailed(
                ErrorCode::DeltasRefused,
                "an added device is not live in its account",
            ));
        }
        if account == own || before.roles.contains_key(&account) {
            continue;
        }
        if !groups::list_claimable(conn, account, bundle.now).await?.iter().all(added) {
            return Err(ErrorCode::IncompleteMembers.into());
        }
    }
    for (account, _) in bundle.deltas.roles.iter().filter(|(_, role)| role.is_some()) {
        if groups::count_of_account(conn, *account).await? >= GROUPS_PER_ACCOUNT_MAX as u64 {
            return Err(ApiError::detailed(
                ErrorCode::LimitReached,
                "an account is in as many groups as it may be",
            ));
        }
    }
    check_welcome(bundle)
}

/// Whoever is added gets the welcome: all but the committer itself.
fn check_welcome(bundle: &Bundle) -> Result<(), ApiError> {
    let newcomers: BTreeSet<DeviceId> = bundle
        .deltas
        .added
        .iter()
        .map(|(_, device)| *device)
        .filter(|device| *device != bundle.committer.device_id)
        .collect();
    let welcomed: BTreeSet<DeviceId> = bundle.bundle.welcome_devices.iter().copied().collect();
    let fits = newcomers == welcomed && bundle.bundle.welcome.is_some() != newcomers.is_empty();
    if fits {
        Ok(())
    } else {
        Err(ApiError::detailed(
            ErrorCode::DeltasRefused,
            "the welcome is for the added devices, all and only",
        ))
    }
}

async fn verify_signature(conn: &mut Connection, bundle: &Bundle) -> Result<(), ApiError> {
    let Committer { account_id, device_id } = bundle.committer;
    let key = devices::find_auth_key(conn, account_id, device_id).await?.ok_or(ErrorCode::DeviceRevoked)?;
    if key.revoked {
        return Err(ErrorCode::DeviceRevoked.into());
    }
    let signed = &bundle.bundle;
    let bytes = protocol::signed::commit(
        signed.group_id,
        signed.epoch,
        signed.message_id,
        &sha256(&signed.commit),
        &sha256(&signed.deltas),
    );
    verify(key.key, &bytes, signed.signature.as_slice())
}

fn verify(key: DeviceAuthKey, bytes: &[u8], signature: &[u8]) -> Result<(), ApiError> {
    UnparsedPublicKey::new(&ED25519, key.as_bytes())
        .verify(bytes, signature)
        .map_err(|_| ErrorCode::SignatureInvalid.into())
}

/// Writes everything that belongs to an accepted commit.
async fn store(conn: &mut Connection, bundle: Bundle, seq: u64) -> Result<Accepted, ApiError> {
    let Bundle { bundle, deltas, mark, committer, now, .. } = bundle;
    let (group, message_id) = (bundle.group_id, bundle.message_id);
    let envelope = CommitEnvelope {
        account_id: committer.account_id,
        device_id: committer.device_id,
        message_id,
        deltas: bundle.deltas,
        signature: bundle.signature,
    };
    let (kind, epoch) = (bundle.kind, bundle.epoch);
    let row = NewCommit { group, seq, kind, epoch, mark, content: &bundle.commit, envelope: &envelope };
    entries::insert_commit(conn, &row, now).await?;
    groups::put_info(conn, group, epoch + 1, seq, &bundle.group_info).await?;
    for (_, device) in &deltas.removed {
        groups::update_removed(conn, group, *device, seq).await?;
        welcomes::delete_of_group(conn, *device, group).await?;
    }
    for leaf in &deltas.added {
        groups::insert_device(conn, group, *leaf, seq).await?;
    }
    for (account, role) in &deltas.roles {
        groups::update_role(conn, group, *account, *role).await?;
    }
    for claim in bundle.claims.iter() {
        key_packages::close_claim(conn, committer.account_id, *claim, now).await?;
    }
    let inbox = Inbox { group, seq, welcome: bundle.welcome.as_deref(), devices: &bundle.welcome_devices };
    let inboxes = inbox.fill(conn, now).await?;
    let content = Bytes::new(bundle.commit.into_vec()).map_err(ApiError::internal)?;
    let entry = Entry { seq, kind, epoch, received_at: now, content, commit: Some(envelope) };
    let posted = Posted { message_id, group_id: group, seq, received_at: now };
    Ok(Accepted { posted, entry, welcomes: inboxes, deltas })
}

/// The welcome of a commit, on its way into the inboxes of the added devices.
struct Inbox<'b> {
    group: GroupId,
    seq: u64,
    welcome: Option<&'b [u8]>,
    devices: &'b [DeviceId],
}

impl Inbox<'_> {
    async fn fill(
        self,
        conn: &mut Connection,
        now: UnixMillis,
    ) -> Result<Vec<(DeviceId, WelcomeId)>, ApiError> {
        let Some(welcome) = self.welcome else {
            return Ok(Vec::new());
        };
        welcomes::insert_content(conn, self.group, self.seq, welcome).await?;
        let mut filled = Vec::with_capacity(self.devices.len());
        for device in self.devices {
            let id = WelcomeId::from_bytes(random().map_err(ApiError::internal)?);
            welcomes::insert(conn, *device, id, (self.group, self.seq), now).await?;
            filled.push((*device, id));
        }
        Ok(filled)
    }
}

fn group_exists(group_id: Option<GroupId>) -> ApiError {
    ApiError::with(ErrorCode::GroupExists, Facts { group_id, ..Facts::default() })
}

fn refused(error: DeltasError) -> ApiError {
    match error {
        DeltasError::NotAMember => ApiError::not_found(),
        DeltasError::Forbidden => ErrorCode::Forbidden.into(),
        DeltasError::Unfit(what) => ApiError::detailed(ErrorCode::DeltasRefused, what),
        DeltasError::TooLarge => {
            ApiError::detailed(ErrorCode::LimitReached, "the group would become too large")
        }
    }
}
