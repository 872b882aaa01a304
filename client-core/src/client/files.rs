//! Files in conversations. The host seals and moves the container ([`crate::container`]); this room makes its key,
//! holds the message until the container is stored, and gives the key back to open it (F-9).

use protocol::{BlobId, GroupId, MessageId};
use zeroize::Zeroizing;

use super::{
    Client, CommandError, CommandErrorCode, CommandId, Content, Context, Delivery, Event, FileAccess,
    ImageSize,
    content::{
        ApplicationContent, Body, FILE_NAME_BYTES_MAX, FileBody, MIME_TYPE_BYTES_MAX, TEXT_BYTES_MAX,
        clean_name,
    },
    history::LoadPurpose,
    outbox::Draft,
    pending::{Ask, Purpose},
    random,
    stored::{self, FileRecord, StoredSecret},
};

/// Bytes of the largest plaintext whose container the relay takes: Padmé adds at most 12 %, chunks 0.03 %.
pub(crate) const FILE_BYTES_MAX: u64 = 88 * 1024 * 1024;

/// What the person wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDraft {
    /// As on the sender's disk.
    pub name: String,
    /// As the sender's system says.
    pub mime_type: String,
    /// Bytes of the plaintext.
    pub size_bytes: u64,
    /// May be empty.
    pub caption: String,
    /// Pixels, of pictures.
    pub image: Option<ImageSize>,
}

/// What the host needs to seal and store the container.
#[derive(Clone)]
pub struct FileUpload {
    /// The message that waits for it.
    pub message_id: MessageId,
    /// Where it goes; bound into its keys.
    pub blob_id: BlobId,
    /// Seals it; for this one content only.
    pub file_key: Zeroizing<[u8; 32]>,
}

impl core::fmt::Debug for FileUpload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FileUpload({})", self.blob_id)
    }
}

impl Client {
    /// Puts a file into the outbox; it is sent after [`Self::finish_file`].
    ///
    /// # Errors
    /// [`CommandErrorCode::FileTooLarge`], [`CommandErrorCode::TextTooLong`] for the caption, and those of
    /// [`Self::send_text`].
    pub fn begin_file(
        &mut self,
        group: GroupId,
        draft: FileDraft,
        cx: &mut Context<'_>,
    ) -> Result<FileUpload, CommandError> {
        if draft.size_bytes > FILE_BYTES_MAX {
            return Err(CommandErrorCode::FileTooLarge.into());
        }
        if draft.caption.len() > TEXT_BYTES_MAX {
            return Err(CommandErrorCode::TextTooLong.into());
        }
        let message_id = MessageId::from_bytes(random(cx.rng));
        let file = FileBody {
            blob_id: BlobId::from_bytes(random(cx.rng)),
            key: StoredSecret(random(cx.rng)),
            size_bytes: draft.size_bytes,
            name: shortened(clean_name(&draft.name), FILE_NAME_BYTES_MAX, "file"),
            mime_type: shortened(draft.mime_type, MIME_TYPE_BYTES_MAX, "application/octet-stream"),
            caption: draft.caption,
            image: draft.image,
        };
        let upload = FileUpload { message_id, blob_id: file.blob_id, file_key: Zeroizing::new(file.key.0) };
        let view = Some(Content::File(file.view()));
        let body = Body::File(file.clone());
        self.put_outbox(group, Draft { message_id, body, view, awaits_upload: true }, cx)?;
        self.put_file(group, message_id, &file, cx);
        self.session_tick(cx);
        Ok(upload)
    }

    /// The container is stored: the message goes.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when the message was cancelled.
    pub fn finish_file(&mut self, message: MessageId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let (group, order) = self.find_upload(message)?;
        if let Some(item) = self.outbox.get_mut(&(group, order)) {
            item.awaits_upload = false;
        }
        self.save_item(group, order, cx);
        self.flush(group, cx);
        self.session_tick(cx);
        Ok(())
    }

    /// The container could not be stored.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when the message was cancelled.
    pub fn fail_file(
        &mut self,
        message: MessageId,
        code: CommandErrorCode,
        cx: &mut Context<'_>,
    ) -> Result<(), CommandError> {
        let (group, order) = self.find_upload(message)?;
        self.fail_item(group, order, code, cx);
        self.session_tick(cx);
        Ok(())
    }

    /// What failed is tried again: the host still has the sealed bytes.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when the message was cancelled.
    pub fn resume_file(&mut self, message: MessageId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let (group, order) = self.find_upload(message)?;
        if let Some(item) = self.outbox.get_mut(&(group, order)) {
            item.delivery = Delivery::Queued;
        }
        self.save_item(group, order, cx);
        self.show_item(group, order, cx);
        self.session_tick(cx);
        Ok(())
    }

    /// The person gave the file up: its message goes, and whatever of its container has reached the relay.
    ///
    /// # Errors
    /// [`CommandErrorCode::NotFound`] when it is on its way already.
    pub fn cancel_file(&mut self, message: MessageId, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let (group, order) = self.find_upload(message)?;
        let content = self.outbox.get(&(group, order)).map(|item| ApplicationContent::decode(&item.content));
        if let Some(Ok(ApplicationContent { body: Body::File(file), .. })) = content {
            self.ask(Ask::delete(format!("/v1/blobs/{}", file.blob_id)), Purpose::DeleteBlob(file.blob_id));
        }
        self.remove_item(group, order);
        self.journal.delete(stored::file_key(group, message));
        self.emit(Event::MessageRemoved { group_id: group, message_id: message });
        self.session_tick(cx);
        Ok(())
    }

    fn find_upload(&self, message: MessageId) -> Result<(GroupId, u64), CommandError> {
        let waits = self.outbox.iter().find(|(_, item)| item.message_id == message && item.awaits_upload);
        waits.map(|(key, _)| *key).ok_or_else(|| CommandErrorCode::NotFound.into())
    }

    pub(super) fn put_file(
        &mut self,
        group: GroupId,
        message: MessageId,
        file: &FileBody,
        cx: &mut Context<'_>,
    ) {
        let record = FileRecord {
            blob_id: file.blob_id,
            key: file.key.clone(),
            size_bytes: file.size_bytes,
            view: file.view(),
        };
        self.journal.put(stored::file_key(group, message), &record, cx.rng);
    }

    /// What opens the file of a message.
    pub fn open_file(&mut self, group: GroupId, message: MessageId, cx: &mut Context<'_>) -> CommandId {
        let command = self.command();
        self.load(stored::file_key(group, message), None, 1, LoadPurpose::File(command));
        self.session_tick(cx);
        command
    }

    pub(super) fn file_access(&self, records: &[(String, Vec<u8>)]) -> Result<FileAccess, CommandError> {
        let (key, sealed) = records.first().ok_or(CommandErrorCode::NotFound)?;
        let record: FileRecord = self.journal.open(key, sealed).map_err(|_| CommandErrorCode::StoreFailed)?;
        Ok(FileAccess {
            blob_id: record.blob_id,
            size_bytes: record.size_bytes,
            file_key: Zeroizing::new(record.key.0),
        })
    }
}

/// At most `bytes_max` bytes of a text, at a character's border; `empty` stands for nothing.
fn shortened(mut text: String, bytes_max: usize, empty: &str) -> String {
    while text.len() > bytes_max {
        text.pop();
    }
    if text.is_empty() { empty.to_owned() } else { text }
}
