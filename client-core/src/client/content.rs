//! What travels inside an MLS application message: CBOR with integer keys, padded by [`crate::mls`].
//! `{0: message id, 1: written at, 2: kind, 3: body}`; an unknown kind is kept as "needs a newer version".

use minicbor::{Decode, Encode};
use protocol::{BlobId, MessageId, UnixMillis, values::Bytes};

use super::{
    stored::StoredSecret,
    views::{FileView, ImageSize},
};

/// UTF-8 bytes of one text or caption.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// UTF-8 bytes of a display name.
pub const DISPLAY_NAME_BYTES_MAX: usize = 64;
/// UTF-8 bytes of a file's name.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// UTF-8 bytes of a media type.
pub(crate) const MIME_TYPE_BYTES_MAX: usize = 128;
/// Faces in the palette.
pub const COLOURS: u8 = 6;

/// The whole content.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationContent {
    pub(crate) message_id: MessageId,
    pub(crate) written_at: UnixMillis,
    pub(crate) body: Body,
}

/// What one says.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Profile(Profile),
    Text(String),
    File(FileBody),
    /// To one's own devices: root keys, each with its generation (K-8).
    RootKeys(Vec<(u32, StoredSecret)>),
    /// To one's own devices: the newest root key is missing here.
    RootWanted,
    /// A kind of a later version.
    Newer,
}

/// Who one is, told first; the handle is checked with the directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Profile {
    #[n(0)]
    pub(crate) handle: String,
    #[n(1)]
    pub(crate) display_name: String,
    #[n(2)]
    pub(crate) colour: u8,
    /// When its owner last changed it.
    #[n(3)]
    pub(crate) changed_at: Option<UnixMillis>,
}

/// A file: where its container lies and what opens it.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct FileBody {
    #[n(0)]
    pub(crate) blob_id: BlobId,
    #[n(1)]
    pub(crate) key: StoredSecret,
    #[n(2)]
    pub(crate) size_bytes: u64,
    #[n(3)]
    pub(crate) name: String,
    #[n(4)]
    pub(crate) mime_type: String,
    #[n(5)]
    pub(crate) caption: String,
    #[n(6)]
    pub(crate) image: Option<ImageSize>,
}

/// A content that is not what this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadContent;

const PROFILE: u32 = 1;
const TEXT: u32 = 2;
const FILE: u32 = 3;
const ROOT_KEYS: u32 = 4;
const ROOT_WANTED: u32 = 5;

/// Root keys in one message.
const ROOT_KEYS_MAX: usize = 64;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Outer {
    #[n(0)]
    message_id: MessageId,
    #[n(1)]
    written_at: UnixMillis,
    #[n(2)]
    kind: u32,
    #[n(3)]
    body: Bytes<{ 4 * TEXT_BYTES_MAX }>,
}

impl ApplicationContent {
    /// # Errors
    /// [`BadContent`] when the body is larger than any that this version writes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, BadContent> {
        let (kind, body) = match &self.body {
            Body::Profile(profile) => (PROFILE, minicbor::to_vec(profile)),
            Body::Text(text) => (TEXT, minicbor::to_vec(text)),
            Body::File(file) => (FILE, minicbor::to_vec(file)),
            Body::RootKeys(keys) => (ROOT_KEYS, minicbor::to_vec(keys)),
            Body::RootWanted => (ROOT_WANTED, Ok(Vec::new())),
            Body::Newer => return Err(BadContent),
        };
        let body = Bytes::new(body.map_err(|_| BadContent)?).map_err(|_| BadContent)?;
        let outer = Outer { message_id: self.message_id, written_at: self.written_at, kind, body };
        minicbor::to_vec(&outer).map_err(|_| BadContent)
    }

    /// Reads what a member wrote, within its limits.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadContent> {
        let outer: Outer = minicbor::decode(bytes).map_err(|_| BadContent)?;
        let body = match outer.kind {
            PROFILE => {
                Body::Profile(checked_profile(minicbor::decode(&outer.body).map_err(|_| BadContent)?)?)
            }
            TEXT => Body::Text(checked_text(minicbor::decode(&outer.body).map_err(|_| BadContent)?)?),
            FILE => Body::File(checked_file(minicbor::decode(&outer.body).map_err(|_| BadContent)?)?),
            ROOT_KEYS => {
                let keys: Vec<_> = minicbor::decode(&outer.body).map_err(|_| BadContent)?;
                if keys.len() > ROOT_KEYS_MAX {
                    return Err(BadContent);
                }
                Body::RootKeys(keys)
            }
            ROOT_WANTED => Body::RootWanted,
            _ => Body::Newer,
        };
        Ok(Self { message_id: outer.message_id, written_at: outer.written_at, body })
    }
}

fn checked_text(text: String) -> Result<String, BadContent> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX { Err(BadContent) } else { Ok(text) }
}

fn checked_profile(profile: Profile) -> Result<Profile, BadContent> {
    let name = clean_name(&profile.display_name);
    let fits = !name.is_empty() && name.len() <= DISPLAY_NAME_BYTES_MAX && profile.colour < COLOURS;
    if fits { Ok(Profile { display_name: name, ..profile }) } else { Err(BadContent) }
}

fn checked_file(file: FileBody) -> Result<FileBody, BadContent> {
    let name = clean_name(&file.name);
    let fits = !name.is_empty()
        && name.len() <= FILE_NAME_BYTES_MAX
        && file.mime_type.len() <= MIME_TYPE_BYTES_MAX
        && file.caption.len() <= TEXT_BYTES_MAX;
    if fits { Ok(FileBody { name, ..file }) } else { Err(BadContent) }
}

/// Names without path separators, control characters and marks that change the direction of text.
pub(crate) fn clean_name(name: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = name
        .chars()
        .map(|c| if matches!(c, '/' | '\\') { '_' } else { c })
        .filter(|&c| !c.is_control() && !turns(c))
        .collect();
    kept.trim().to_owned()
}

impl FileBody {
    /// What the screen shows.
    pub(crate) fn view(&self) -> FileView {
        FileView {
            name: self.name.clone(),
            mime_type: self.mime_type.clone(),
            size_bytes: self.size_bytes,
            caption: self.caption.clone(),
            image: self.image,
        }
    }
}
