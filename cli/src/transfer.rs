//! Files: sealed while they are read and sent, opened while they arrive and are written. Nothing is held whole.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use client_core::{
    client::{CommandErrorCode, FileAccess, FileDraft, FileUpload, Outcome},
    container::{CHUNK_BYTES, ContainerError, FileKey, HEADER_BYTES, Opener, SEALED_CHUNK_BYTES, Sealer},
};
use http_body_util::{BodyExt as _, Channel, Empty, channel};
use hyper::{Request, header};
use protocol::{
    GroupId, MessageId, Problem,
    blobs::{CAPABILITY_HASH_HEADER, CAPABILITY_HEADER},
};
use tokio::{fs, io::AsyncWriteExt as _, runtime::Handle, task::spawn_blocking, time::timeout};

use crate::host::{Host, HostError, randomness};

/// Chunks that are sealed at once.
const CHUNKS: u32 = 8;
/// Pieces of that many chunks that wait to be sent.
const PIECES_WAITING: usize = 2;
/// How long the relay may take no byte and give none.
const STALL: Duration = Duration::from_secs(60);

/// Why a file was not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{path}: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("the connection to the relay broke: {0}")]
    Connection(io::Error),
    #[error("the relay did not take or give the file: {0}")]
    Refused(CommandErrorCode),
    #[error("the file is damaged: {0}")]
    Damaged(#[from] ContainerError),
}

impl TransferError {
    /// What the message says of it.
    fn code(&self) -> CommandErrorCode {
        match self {
            Self::Host(_) => CommandErrorCode::Misuse,
            Self::File { .. } => CommandErrorCode::FileUnreadable,
            Self::Connection(_) => CommandErrorCode::Offline,
            Self::Refused(code) => *code,
            Self::Damaged(_) => CommandErrorCode::FileDamaged,
        }
    }
}

/// Sends the file at `path` into the conversation: sealed and stored first, then told. Gives the message's id; its
/// tick follows as an event.
///
/// # Errors
/// See [`TransferError`]; the message is then shown as failed.
pub async fn send_file(host: &Host, group: GroupId, path: &Path) -> Result<MessageId, TransferError> {
    let at_path = |cause| TransferError::File { path: path.to_owned(), cause };
    let file = std::fs::File::open(path).map_err(at_path)?;
    let metadata = file.metadata().map_err(at_path)?;
    if !metadata.is_file() {
        return Err(at_path(io::Error::other("not a file")));
    }
    let size_bytes = metadata.len();
    let draft = FileDraft {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        mime_type: mime_type(path).to_owned(),
        size_bytes,
        caption: String::new(),
        image: None,
    };
    let upload =
        host.with(move |client, cx| client.begin_file(group, draft, cx)).await?.map_err(HostError::from)?;
    let message = upload.message_id;
    match put(host, &upload, file, size_bytes).await {
        Ok(()) => {
            host.with(move |client, cx| client.finish_file(message, cx)).await?.map_err(HostError::from)?;
            Ok(message)
        }
        Err(error) => {
            let code = error.code();
            host.with(move |client, cx| client.fail_file(message, code, cx))
                .await?
                .map_err(HostError::from)?;
            Err(error)
        }
    }
}

/// Saves the file of a message at `path`, where nothing may be yet. It appears there only when it is whole.
///
/// # Errors
/// See [`TransferError`]; nothing is left at `path` then.
pub async fn get_file(
    host: &Host,
    group: GroupId,
    message: MessageId,
    path: &Path,
) -> Result<(), TransferError> {
    let at_path = |cause| TransferError::File { path: path.to_owned(), cause };
    if path.exists() {
        return Err(at_path(io::ErrorKind::AlreadyExists.into()));
    }
    let opened = host.command(move |client, cx| client.open_file(group, message, cx)).await?;
    let Outcome::File(access) = opened else {
        return Err(HostError::Stopped.into());
    };
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let file =
        fs::OpenOptions::new().write(true).create_new(true).open(&unfinished).await.map_err(at_path)?;
    let outcome = match fetch(host, &access, file).await {
        Ok(()) => fs::rename(&unfinished, path).await.map_err(at_path),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        // The first failure is the one to tell.
        drop(fs::remove_file(&unfinished).await);
    }
    outcome
}

async fn put(
    host: &Host,
    upload: &FileUpload,
    file: std::fs::File,
    size_bytes: u64,
) -> Result<(), TransferError> {
    let key = FileKey::from_bytes(*upload.file_key);
    let capability_hash = key.read_capability(upload.blob_id).hash();
    let sealer = Sealer::new(&key, upload.blob_id, size_bytes, &mut randomness())?;
    let token = access_token(host).await?;
    let (pieces, body) = Channel::<Bytes, io::Error>::new(PIECES_WAITING);
    let request = Request::put(format!("/v1/blobs/{}", upload.blob_id))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, sealer.container_bytes())
        .header(CAPABILITY_HASH_HEADER, URL_SAFE_NO_PAD.encode(capability_hash))
        .body(body.boxed_unsync())
        .map_err(|error| TransferError::Connection(io::Error::other(error)))?;
    let runtime = Handle::current();
    let sealing = spawn_blocking(move || seal(file, sealer, pieces, &runtime));
    // An answer may come early: a refusal.
    let answer = host.http().send(request).await;
    let sealed = sealing.await.map_err(|_| HostError::Stopped)?;
    let answer = match (answer, sealed) {
        (_, Err(error @ (TransferError::File { .. } | TransferError::Damaged(_)))) => return Err(error),
        (Err(error), _) => return Err(TransferError::Connection(error)),
        (Ok(answer), _) => answer,
    };
    let status = answer.status();
    let body = timeout(STALL, answer.into_body().collect()).await;
    if status.is_success() {
        return Ok(());
    }
    let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
    Err(TransferError::Refused(refusal(&body.unwrap_or_default())))
}

/// Reads, seals and hands on, a few chunks at a time.
fn seal(
    mut file: std::fs::File,
    mut sealer: Sealer,
    mut pieces: channel::Sender<Bytes, io::Error>,
    runtime: &Handle,
) -> Result<(), TransferError> {
    let mut send = |piece: Vec<u8>| {
        let taken = runtime.block_on(timeout(STALL, pieces.send_data(Bytes::from(piece))));
        match taken {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(TransferError::Connection(io::ErrorKind::TimedOut.into())),
        }
    };
    send(sealer.header().to_vec())?;
    let mut content = vec![0; CHUNK_BYTES * CHUNKS as usize];
    while let Some(wanted) = sealer.content_wanted(CHUNKS) {
        let content = content.get_mut(..wanted).unwrap_or_default();
        file.read_exact(content)
            .map_err(|cause| TransferError::File { path: PathBuf::from("the file"), cause })?;
        send(sealer.seal_chunks(CHUNKS, content)?)?;
    }
    Ok(())
}

async fn fetch(host: &Host, access: &FileAccess, mut file: fs::File) -> Result<(), TransferError> {
    let key = FileKey::from_bytes(*access.file_key);
    let capability = key.read_capability(access.blob_id);
    let token = access_token(host).await?;
    let request = Request::get(format!("/v1/blobs/{}", access.blob_id))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(CAPABILITY_HEADER, URL_SAFE_NO_PAD.encode(capability.expose()))
        .body(Empty::new().map_err(|never| match never {}).boxed_unsync())
        .map_err(|error| TransferError::Connection(io::Error::other(error)))?;
    let answer = timeout(STALL, host.http().send(request)).await;
    let mut answer = answer.map_err(io::Error::from).flatten().map_err(TransferError::Connection)?;
    if !answer.status().is_success() {
        let body = timeout(STALL, answer.into_body().collect()).await;
        let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        return Err(TransferError::Refused(match refusal(&body.unwrap_or_default()) {
            CommandErrorCode::NotFound => CommandErrorCode::FileGone,
            code => code,
        }));
    }
    let to_disk = |cause| TransferError::File { path: PathBuf::from("the file"), cause };
    let mut arrived = Vec::new();
    let mut opener = None;
    loop {
        let frame = timeout(STALL, answer.body_mut().frame())
            .await
            .map_err(|_| TransferError::Connection(io::ErrorKind::TimedOut.into()))?;
        let ended = frame.is_none();
        if let Some(frame) = frame {
            let frame = frame.map_err(|error| TransferError::Connection(io::Error::other(error)))?;
            arrived.extend_from_slice(frame.data_ref().map_or(&[][..], |bytes| bytes));
        }
        if opener.is_none() && (arrived.len() >= HEADER_BYTES || ended) {
            let rest = arrived.split_off(HEADER_BYTES.min(arrived.len()));
            opener = Some(Opener::for_content(&key, access.blob_id, &arrived, access.size_bytes)?);
            arrived = rest;
        }
        let whole = arrived.len() - arrived.len() % SEALED_CHUNK_BYTES;
        let next = if ended { arrived.len() } else { whole };
        if let Some(opener) = &mut opener {
            let rest = arrived.split_off(next);
            let content = opener.open_chunks(&arrived)?;
            arrived = rest;
            file.write_all(&content).await.map_err(to_disk)?;
        }
        if ended {
            break;
        }
    }
    opener.ok_or(ContainerError::NotAContainer)?.finish()?;
    file.sync_all().await.map_err(to_disk)
}

/// What the relay's problem document means.
fn refusal(body: &[u8]) -> CommandErrorCode {
    serde_json::from_slice::<Problem>(body)
        .map_or(CommandErrorCode::RelayUnavailable, |problem| problem.code.into())
}

async fn access_token(host: &Host) -> Result<String, TransferError> {
    let token = host.with(|client, _| client.access_token().map(str::to_owned)).await?;
    token.ok_or(TransferError::Refused(CommandErrorCode::Offline))
}

/// What the recipient's system is told about the file; pictures are shown as such.
fn mime_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}
