//! Files: [`FileSealer`] and [`FileOpener`] over the core's container, four chunks per step. Keys stay in here; the
//! host passes bytes as they come from a file or from the relay.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use client_core::client::{CommandErrorCode, FileAccess, FileDraft, FileUpload, ImageSize};
use client_core::container::{ContainerError, FileKey, HEADER_BYTES, Opener, Sealer, container_bytes};
use client_core::rand_core::UnwrapErr;
use getrandom::SysRng;
use js_sys::Reflect;
use protocol::BlobId;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::core::Core;
use crate::values::{float, from_js, id, misuse, number, refused, text, whole};

/// Chunks per step: 256 KiB of plaintext.
const STEP_CHUNKS: u32 = 4;

/// Seals one file into its container.
#[wasm_bindgen]
pub struct FileSealer {
    message_id: String,
    path: String,
    capability_hash: String,
    sealer: Sealer,
    header_given: bool,
    /// Content that is not a whole step yet.
    waiting: Vec<u8>,
}

#[wasm_bindgen]
impl FileSealer {
    /// The message that waits for the file.
    #[wasm_bindgen(getter, js_name = messageId)]
    #[must_use]
    pub fn message_id(&self) -> String {
        self.message_id.clone()
    }

    /// Where the container goes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn path(&self) -> String {
        self.path.clone()
    }

    /// Value of the upload's header `sotto-capability-hash` (F-9).
    #[wasm_bindgen(getter, js_name = capabilityHash)]
    #[must_use]
    pub fn capability_hash(&self) -> String {
        self.capability_hash.clone()
    }

    /// Takes the next bytes of the file and gives what is sealed so far, opened again for a check (F-5).
    ///
    /// # Errors
    /// `fileUnreadable` when the file is not as long as announced, `fileDamaged` when the check fails.
    pub fn seal(&mut self, content: &[u8]) -> Result<Vec<u8>, JsValue> {
        let mut sealed = self.header();
        self.waiting.extend_from_slice(content);
        while let Some(wanted @ 1..) = self.sealer.content_wanted(STEP_CHUNKS)
            && wanted <= self.waiting.len()
        {
            sealed.extend(self.step(wanted)?);
        }
        Ok(sealed)
    }

    /// Gives the rest with the padding.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn finish(&mut self) -> Result<Vec<u8>, JsValue> {
        let mut sealed = self.header();
        while let Some(wanted) = self.sealer.content_wanted(STEP_CHUNKS) {
            sealed.extend(self.step(wanted.min(self.waiting.len()))?);
        }
        if self.waiting.is_empty() {
            Ok(sealed)
        } else {
            Err(refused(CommandErrorCode::FileUnreadable.into()))
        }
    }
}

impl FileSealer {
    fn new(upload: &FileUpload, content_bytes: u64) -> Result<Self, JsValue> {
        let key = FileKey::from_bytes(*upload.file_key);
        let capability_hash = URL_SAFE_NO_PAD.encode(key.read_capability(upload.blob_id).hash());
        let sealer =
            Sealer::new(&key, upload.blob_id, content_bytes, &mut UnwrapErr(SysRng)).map_err(not_sealed)?;
        let (message_id, path) = (upload.message_id.to_string(), path(upload.blob_id));
        Ok(Self { message_id, path, capability_hash, sealer, header_given: false, waiting: Vec::new() })
    }

    fn header(&mut self) -> Vec<u8> {
        if core::mem::replace(&mut self.header_given, true) {
            Vec::new()
        } else {
            self.sealer.header().to_vec()
        }
    }

    fn step(&mut self, content_bytes: usize) -> Result<Vec<u8>, JsValue> {
        let content: Vec<u8> = self.waiting.drain(..content_bytes).collect();
        self.sealer.seal_chunks(STEP_CHUNKS, &content).map_err(not_sealed)
    }
}

/// Opens one container from its first byte to its last.
#[wasm_bindgen]
pub struct FileOpener {
    access: FileAccess,
    sealed_bytes: u64,
    /// From the moment that the header is complete.
    opener: Option<Opener>,
    /// Bytes of the container that are not a whole step yet.
    waiting: Vec<u8>,
}

#[wasm_bindgen]
impl FileOpener {
    /// Where the container lies.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn path(&self) -> String {
        path(self.access.blob_id)
    }

    /// Value of the download's header `sotto-capability` (F-9).
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn capability(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key().read_capability(self.access.blob_id).expose())
    }

    /// Bytes of the whole container.
    #[wasm_bindgen(getter, js_name = sealedBytes)]
    #[must_use]
    pub fn sealed_bytes(&self) -> f64 {
        float(self.sealed_bytes)
    }

    /// Takes the next bytes of the container and gives what is opened so far.
    ///
    /// # Errors
    /// `fileDamaged` (F-2, F-3).
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, JsValue> {
        self.waiting.extend_from_slice(sealed);
        self.open_waiting().map_err(damaged)
    }

    /// Says that the container came whole.
    ///
    /// # Errors
    /// `fileDamaged` when it did not.
    pub fn finish(&mut self) -> Result<(), JsValue> {
        let whole = self.opener.take().map(Opener::finish);
        if matches!(whole, Some(Ok(()))) && self.waiting.is_empty() {
            Ok(())
        } else {
            Err(damaged(ContainerError::WrongLength))
        }
    }
}

impl FileOpener {
    fn key(&self) -> FileKey {
        FileKey::from_bytes(*self.access.file_key)
    }

    fn open_waiting(&mut self) -> Result<Vec<u8>, ContainerError> {
        if self.opener.is_none() && self.waiting.len() >= HEADER_BYTES {
            let header: Vec<u8> = self.waiting.drain(..HEADER_BYTES).collect();
            let (key, blob) = (self.key(), self.access.blob_id);
            self.opener = Some(Opener::for_content(&key, blob, &header, self.access.size_bytes)?);
        }
        let Some(opener) = &mut self.opener else { return Ok(Vec::new()) };
        let mut content = Vec::new();
        while let Some(wanted) = opener.sealed_wanted(STEP_CHUNKS)
            && wanted <= self.waiting.len()
        {
            let step: Vec<u8> = self.waiting.drain(..wanted).collect();
            content.extend(opener.open_chunks(&step)?);
        }
        Ok(content)
    }
}

#[wasm_bindgen]
impl Core {
    /// Puts a file (`{ name, mimeType, sizeBytes, caption, image }`) into the outbox and gives its sealer.
    ///
    /// # Errors
    /// As `Client::begin_file`.
    #[wasm_bindgen(js_name = beginFile)]
    pub fn begin_file(&mut self, group_id: &str, draft: &JsValue, now: f64) -> Result<FileSealer, JsValue> {
        let group = id(group_id)?;
        let draft = file_draft(draft)?;
        let size_bytes = draft.size_bytes;
        let upload = self.with(now, |client, cx| client.begin_file(group, draft, cx)).map_err(refused)?;
        FileSealer::new(&upload, size_bytes)
    }

    /// The container is stored: its message goes.
    ///
    /// # Errors
    /// As `Client::finish_file`.
    #[wasm_bindgen(js_name = finishFile)]
    pub fn finish_file(&mut self, message_id: &str, now: f64) -> Result<(), JsValue> {
        let message = id(message_id)?;
        self.with(now, |client, cx| client.finish_file(message, cx)).map_err(refused)
    }

    /// The container could not be stored.
    ///
    /// # Errors
    /// As `Client::fail_file`.
    #[wasm_bindgen(js_name = failFile)]
    pub fn fail_file(&mut self, message_id: &str, code: &JsValue, now: f64) -> Result<(), JsValue> {
        let (message, code) = (id(message_id)?, from_js(code)?);
        self.with(now, |client, cx| client.fail_file(message, code, cx)).map_err(refused)
    }

    /// What failed is tried again: the sealed bytes are still at hand.
    ///
    /// # Errors
    /// As `Client::resume_file`.
    #[wasm_bindgen(js_name = resumeFile)]
    pub fn resume_file(&mut self, message_id: &str, now: f64) -> Result<(), JsValue> {
        let message = id(message_id)?;
        self.with(now, |client, cx| client.resume_file(message, cx)).map_err(refused)
    }

    /// The person gave the file up: its message goes away.
    ///
    /// # Errors
    /// As `Client::cancel_file`.
    #[wasm_bindgen(js_name = cancelFile)]
    pub fn cancel_file(&mut self, message_id: &str, now: f64) -> Result<(), JsValue> {
        let message = id(message_id)?;
        self.with(now, |client, cx| client.cancel_file(message, cx)).map_err(refused)
    }

    /// Gives the opener that an `openFile` has made; once.
    ///
    /// # Errors
    /// `misuse` when that command made none, `fileDamaged` when no container is that long.
    #[wasm_bindgen(js_name = takeFile)]
    pub fn take_file(&mut self, command: f64) -> Result<FileOpener, JsValue> {
        let access = self.accesses.remove(&whole(command)).ok_or_else(misuse)?;
        let sealed_bytes = container_bytes(access.size_bytes).map_err(damaged)?;
        Ok(FileOpener { access, sealed_bytes, opener: None, waiting: Vec::new() })
    }
}

fn file_draft(draft: &JsValue) -> Result<FileDraft, JsValue> {
    let image = Reflect::get(draft, &JsValue::from_str("image")).map_err(|_| misuse())?;
    Ok(FileDraft {
        name: text(draft, "name")?,
        mime_type: text(draft, "mimeType")?,
        size_bytes: number(draft, "sizeBytes")?,
        caption: text(draft, "caption")?,
        image: if image.is_null() { None } else { Some(image_size(&image)?) },
    })
}

fn image_size(image: &JsValue) -> Result<ImageSize, JsValue> {
    let pixels = |name| u32::try_from(number(image, name)?).map_err(|_| misuse());
    Ok(ImageSize { width: pixels("width")?, height: pixels("height")? })
}

fn path(blob: BlobId) -> String {
    format!("/v1/blobs/{blob}")
}

fn not_sealed(error: ContainerError) -> JsValue {
    let code = match error {
        ContainerError::TooLarge => CommandErrorCode::FileTooLarge,
        ContainerError::Verification => CommandErrorCode::FileDamaged,
        _ => CommandErrorCode::FileUnreadable,
    };
    refused(code.into())
}

fn damaged(_: ContainerError) -> JsValue {
    refused(CommandErrorCode::FileDamaged.into())
}
