//! Groups: create, commit, post, read, acknowledge. Whoever has no business with a group finds none.

use axum::extract::State;
use axum::http::StatusCode;
use protocol::groups::{
    Acknowledge, CommitBundle, CreateGroup, EntriesPage, GroupsPage, Posted, StoredGroupInfo, WelcomesPage,
};
use protocol::limits::ENTRIES_PAGE_MAX;
use protocol::messages::PostMessage;
use protocol::values::List;
use protocol::{ErrorCode, GroupId, WelcomeId};
use serde::Deserialize;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Cbor;
use crate::error::ApiError;
use crate::path::{Path, Query};
use crate::storage::{StorageError, batch, entries, groups, welcomes};

/// `?after=`: the last `seq` that the caller has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterSeq {
    #[serde(default)]
    after: u64,
}

/// `?after=`: the last group of the page before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterGroup {
    after: Option<GroupId>,
}

/// `POST /v1/groups`
pub(crate) async fn create(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<CreateGroup>,
) -> Result<Cbor<Posted>, ApiError> {
    app.create_group(device, request).await.map(Cbor)
}

/// `POST /v1/groups/{group_id}/commits`
pub(crate) async fn commit(
    State(app): State<App>,
    device: CallingDevice,
    Path(group): Path<GroupId>,
    Cbor(bundle): Cbor<CommitBundle>,
) -> Result<Cbor<Posted>, ApiError> {
    same_group(group, bundle.group_id)?;
    app.commit(device, bundle).await.map(Cbor)
}

/// `POST /v1/groups/{group_id}/messages`
pub(crate) async fn post(
    State(app): State<App>,
    device: CallingDevice,
    Path(group): Path<GroupId>,
    Cbor(message): Cbor<PostMessage>,
) -> Result<Cbor<Posted>, ApiError> {
    same_group(group, message.group_id)?;
    app.post(device, message).await.map(Cbor)
}

/// `GET /v1/groups/{group_id}/entries?after={seq}`
pub(crate) async fn entries(
    State(app): State<App>,
    device: CallingDevice,
    Path(group): Path<GroupId>,
    Query(query): Query<AfterSeq>,
) -> Result<Cbor<EntriesPage>, ApiError> {
    let (stretch, head) = app
        .db
        .read(async move |conn| {
            let place =
                groups::find_place(conn, device.device_id, group).await?.ok_or(StorageError::NotFound)?;
            // What came before the device's own time is nobody's loss: it never had the keys (D-6).
            let after = query.after.max(place.joined_seq.saturating_sub(1)).min(place.last);
            let stretch = entries::list(conn, group, after, place.last, ENTRIES_PAGE_MAX).await?;
            Ok::<_, StorageError>((stretch, place.last))
        })
        .await?;
    let entries = List::new(stretch.entries).map_err(ApiError::internal)?;
    Ok(Cbor(EntriesPage { entries, head, gap: stretch.gap }))
}

/// `POST /v1/groups/acknowledgements`
pub(crate) async fn acknowledge(
    State(app): State<App>,
    device: CallingDevice,
    Cbor(request): Cbor<Acknowledge>,
) -> Result<StatusCode, ApiError> {
    let mut cursors: Vec<_> =
        request.cursors.iter().map(|cursor| (device.device_id, cursor.group_id, cursor.seq)).collect();
    // One cursor per group, in order of id: the order in which everything locks groups.
    cursors.sort_unstable_by_key(|(_, group, seq)| (*group, std::cmp::Reverse(*seq)));
    cursors.dedup_by_key(|(_, group, _)| *group);
    app.db.write(async move |conn| batch::update_acknowledged(conn, &cursors).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/groups/{group_id}/info`
pub(crate) async fn info(
    State(app): State<App>,
    device: CallingDevice,
    Path(group): Path<GroupId>,
) -> Result<Cbor<StoredGroupInfo>, ApiError> {
    let info = app.db.read(async move |conn| groups::get_info(conn, device.account_id, group).await).await?;
    Ok(Cbor(info))
}

/// `GET /v1/groups?after={group_id}`
pub(crate) async fn list(
    State(app): State<App>,
    device: CallingDevice,
    Query(query): Query<AfterGroup>,
) -> Result<Cbor<GroupsPage>, ApiError> {
    let groups = app
        .db
        .read(async move |conn| {
            groups::list_of_account(conn, device.account_id, device.device_id, query.after).await
        })
        .await?;
    Ok(Cbor(GroupsPage { groups: List::new(groups).map_err(ApiError::internal)? }))
}

/// `GET /v1/welcomes`
pub(crate) async fn welcomes(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Cbor<WelcomesPage>, ApiError> {
    let welcomes = app.db.read(async move |conn| welcomes::list(conn, device.device_id).await).await?;
    Ok(Cbor(WelcomesPage { welcomes: List::new(welcomes).map_err(ApiError::internal)? }))
}

/// `DELETE /v1/welcomes/{welcome_id}`
pub(crate) async fn take_welcome(
    State(app): State<App>,
    device: CallingDevice,
    Path(welcome): Path<WelcomeId>,
) -> Result<StatusCode, ApiError> {
    let taken =
        app.db.write(async move |conn| welcomes::delete(conn, device.device_id, welcome).await).await?;
    if taken { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found()) }
}

fn same_group(path: GroupId, body: GroupId) -> Result<(), ApiError> {
    if path == body {
        Ok(())
    } else {
        Err(ApiError::detailed(ErrorCode::Malformed, "path and body name different groups"))
    }
}
