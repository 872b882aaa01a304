//! Devices for the stories of groups: rows, a session and a device-auth key, without the ceremony of a registration.
//! Ciphertext is opaque to the relay, so any bytes stand in for it; deltas and signatures are real.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use protocol::deltas::{Deltas, Role};
use protocol::groups::{
    Acknowledge, CommitBundle, CreateGroup, Cursor, EntriesPage, EntryKind, GroupKind, Posted,
};
use protocol::messages::PostMessage;
use protocol::values::{Bytes, Exactly, List};
use protocol::{AccountId, DeviceId, GroupId, MessageId, SessionId};
use sotto::secrets::{random, sha256};
use sotto::storage::{Connection, StorageError, query};

use crate::relay::{Answer, Call, TestRelay};

/// A device with a live session.
pub(crate) struct Member {
    pub(crate) account_id: AccountId,
    pub(crate) device_id: DeviceId,
    pub(crate) session_id: SessionId,
    pub(crate) token: String,
    key: Ed25519KeyPair,
}

pub(crate) fn fresh<const N: usize>() -> [u8; N] {
    random().unwrap()
}

/// A new account with its first device.
pub(crate) async fn person(relay: &TestRelay) -> Member {
    let account = AccountId::from_bytes(fresh());
    let handle = format!("h{}", account.to_string().to_lowercase().replace('_', "."));
    relay
        .app
        .db
        .write(async move |conn| {
            query(
                "insert into accounts (account_id, handle, credential_id, opaque_setup_id, opaque_record,
                 recovery_auth_hash, identity_key, device_list, device_list_version, vault_record_id, created_at)
                 values ($1, $2, $3, $3, $3, $3, $3, $3, 1, $3, 0)",
            )
            .bind(account)
            .bind(handle)
            .bind(fresh::<16>())
            .execute(conn)
            .await
        })
        .await
        .unwrap();
    device_of(relay, account).await
}

/// Another device of an account, with one key package to claim.
pub(crate) async fn device_of(relay: &TestRelay, account_id: AccountId) -> Member {
    let key = Ed25519KeyPair::from_seed_unchecked(&fresh::<32>()).unwrap();
    let device_id = DeviceId::from_bytes(fresh());
    let session_id = SessionId::from_bytes(fresh());
    let public = key.public_key().as_ref().to_vec();
    let written =
        relay.app.db.write(async move |conn| insert(conn, account_id, device_id, session_id, public).await);
    written.await.unwrap();
    relay.app.sessions.insert(session_id, device_id);
    let token = token(relay, account_id, device_id, session_id);
    Member { account_id, device_id, session_id, token, key }
}

fn token(relay: &TestRelay, account: AccountId, device: DeviceId, session: SessionId) -> String {
    relay.app.access_tokens.issue(account, device, session, relay.now()).unwrap().0.0
}

async fn insert(
    conn: &mut Connection,
    account: AccountId,
    device: DeviceId,
    session: SessionId,
    public: Vec<u8>,
) -> Result<(), StorageError> {
    query(
        "insert into devices (device_id, account_id, certificate, device_auth_key, created_at, last_seen_at)
         values ($1, $2, $3, $3, 0, 0)",
    )
    .bind(device)
    .bind(account)
    .bind(public)
    .execute(conn)
    .await?;
    query("insert into sessions (session_id, device_id, account_id, created_at) values ($1, $2, $3, 0)")
        .bind(session)
        .bind(device)
        .bind(account)
        .execute(conn)
        .await?;
    query("insert into key_packages (device_id, last_resort, bytes, expires_at) values ($1, 1, $2, $3)")
        .bind(device)
        .bind(fresh::<8>())
        .bind(i64::MAX)
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks the device revoked, as log-out and removal do.
pub(crate) async fn revoke(relay: &TestRelay, member: &Member) {
    let (device, session) = (member.device_id, member.session_id);
    let revoked = relay.app.db.write(async move |conn| {
        query("update devices set revoked_at = 1 where device_id = $1").bind(device).execute(conn).await
    });
    revoked.await.unwrap();
    relay.app.sessions.remove(session);
}

impl Member {
    /// The same device with a token of now.
    pub(crate) fn renewed(self, relay: &TestRelay) -> Self {
        let token = token(relay, self.account_id, self.device_id, self.session_id);
        Self { token, ..self }
    }

    pub(crate) fn leaf(&self) -> (AccountId, DeviceId) {
        (self.account_id, self.device_id)
    }

    pub(crate) async fn send(&self, relay: &TestRelay, call: Call) -> Answer {
        relay.send(call.bearer(&self.token)).await
    }

    /// A signed bundle; whoever it adds, the sender excepted, is welcomed.
    pub(crate) fn bundle(
        &self,
        group_id: GroupId,
        epoch: u64,
        kind: EntryKind,
        deltas: Deltas,
    ) -> CommitBundle {
        let welcome_devices: Vec<DeviceId> = match kind {
            EntryKind::Commit => {
                deltas.added.iter().map(|leaf| leaf.1).filter(|device| *device != self.device_id).collect()
            }
            EntryKind::ExternalCommit | EntryKind::Message => Vec::new(),
        };
        let welcome = (!welcome_devices.is_empty()).then(|| Bytes::new(b"a welcome".to_vec()).unwrap());
        let bundle = CommitBundle {
            message_id: MessageId::from_bytes(fresh()),
            group_id,
            epoch,
            kind,
            commit: Bytes::new(fresh::<32>()).unwrap(),
            deltas: Bytes::new(deltas.encode().unwrap()).unwrap(),
            group_info: Bytes::new(format!("info of epoch {}", epoch + 1)).unwrap(),
            welcome,
            welcome_devices: List::new(welcome_devices).unwrap(),
            claims: List::default(),
            signature: Exactly([0; 64]),
        };
        self.sign(bundle)
    }

    pub(crate) fn sign(&self, mut bundle: CommitBundle) -> CommitBundle {
        let bytes = protocol::signed::commit(
            bundle.group_id,
            bundle.epoch,
            bundle.message_id,
            &sha256(&bundle.commit),
            &sha256(&bundle.deltas),
        );
        bundle.signature = Exactly(self.key.sign(&bytes).as_ref().try_into().unwrap());
        bundle
    }

    /// The bundle that makes a group of the sender (admin) and the others (members).
    pub(crate) fn creation(&self, others: &[&Self]) -> CreateGroup {
        let mut added: Vec<_> = others.iter().map(|member| member.leaf()).collect();
        added.push(self.leaf());
        let mut roles = vec![(self.account_id, Some(Role::Admin))];
        for member in others {
            if !roles.iter().any(|(account, _)| *account == member.account_id) {
                roles.push((member.account_id, Some(Role::Member)));
            }
        }
        let deltas = Deltas { added, roles, ..Deltas::default() };
        let bundle = self.bundle(GroupId::from_bytes(fresh()), 0, EntryKind::Commit, deltas);
        CreateGroup { kind: GroupKind::Many, peer: None, bundle }
    }

    pub(crate) async fn create(&self, relay: &TestRelay, others: &[&Self]) -> GroupId {
        let request = self.creation(others);
        let posted: Posted = self.send(relay, Call::post("/v1/groups").cbor(&request)).await.cbor();
        assert_eq!(posted.seq, 1);
        posted.group_id
    }

    pub(crate) async fn commit(&self, relay: &TestRelay, bundle: &CommitBundle) -> Answer {
        self.send(relay, Call::post(format!("/v1/groups/{}/commits", bundle.group_id)).cbor(bundle)).await
    }

    pub(crate) fn message(&self, group_id: GroupId, epoch: u64, text: &str) -> PostMessage {
        let ciphertext = Bytes::new(text.as_bytes()).unwrap();
        PostMessage { message_id: MessageId::from_bytes(fresh()), group_id, epoch, ciphertext }
    }

    pub(crate) async fn post(&self, relay: &TestRelay, message: &PostMessage) -> Answer {
        self.send(relay, Call::post(format!("/v1/groups/{}/messages", message.group_id)).cbor(message)).await
    }

    pub(crate) async fn page(&self, relay: &TestRelay, group: GroupId, after: u64) -> EntriesPage {
        self.send(relay, Call::get(format!("/v1/groups/{group}/entries?after={after}"))).await.cbor()
    }

    pub(crate) async fn acknowledge(&self, relay: &TestRelay, group_id: GroupId, seq: u64) {
        let request = Acknowledge { cursors: List::new(vec![Cursor { group_id, seq }]).unwrap() };
        let answer = self.send(relay, Call::post("/v1/groups/acknowledgements").cbor(&request)).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}

pub(crate) fn texts(page: &EntriesPage) -> Vec<String> {
    page.entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Message)
        .map(|entry| String::from_utf8_lossy(&entry.content).into_owned())
        .collect()
}

/// Deltas that change the members: added, removed, roles.
pub(crate) fn deltas(
    added: &[&Member],
    removed: &[&Member],
    roles: Vec<(AccountId, Option<Role>)>,
) -> Deltas {
    let leaves = |members: &[&Member]| members.iter().map(|member| member.leaf()).collect();
    Deltas { added: leaves(added), removed: leaves(removed), roles, revocations: Vec::new() }
}
