//! What the host does for the core: saves, loads, requests, frames. The host drains them after every call in this
//! order: **save before send, send before show** (`architecture.md`, "The client core").

use zeroize::Zeroizing;

/// Changes of the local store that belong together: the host writes them in one transaction, all or nothing.
/// Keys are ASCII text; values are sealed with the local store's key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// Key and new value; `None` deletes.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
}

/// A wish to read from the local store; answered by [`super::Client::handle_loaded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Goes back with the answer.
    pub id: u64,
    /// Records whose key begins with this.
    pub prefix: String,
    /// Only keys below this one, the highest first: how a screen pages back through messages.
    /// `None`: all of the prefix in ascending order.
    pub before: Option<String>,
    /// At most so many records.
    pub limit: u32,
}

/// Who a request is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// An open route.
    None,
    /// `Authorization: Bearer` with [`super::Client::access_token`].
    Bearer,
}

/// HTTP methods that the relay knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Ends.
    Delete,
}

impl Method {
    /// The method's name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The type of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// `application/json`.
    Json,
    /// `application/cbor`.
    Cbor,
}

impl BodyKind {
    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Cbor => "application/cbor",
        }
    }
}

/// An HTTP request to the relay, answered by [`super::Client::handle_response`]. It is handed out once per attempt;
/// after a lost connection the core offers it again.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Goes back with the answer.
    pub id: u64,
    /// The method.
    pub method: Method,
    /// Path and query, from `/v1/`.
    pub path: String,
    /// Whether the access token goes along.
    pub authorization: Authorization,
    /// Type and bytes of the body.
    pub body: Option<(BodyKind, Zeroizing<Vec<u8>>)>,
}

impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Request({} {} {})", self.id, self.method.as_str(), self.path)
    }
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Response {
    /// The relay answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// The whole body.
        body: Vec<u8>,
    },
    /// No answer: whether the relay did it is unknown.
    Lost,
}

/// What the socket is to do; frames are for an open one only.
#[derive(Clone, PartialEq, Eq)]
pub enum Transmit {
    /// Open a socket to `/v1/socket`; the host answers with [`super::Client::handle_socket_opened`] or
    /// [`super::Client::handle_socket_closed`].
    Open,
    /// Send this binary frame.
    Frame(Vec<u8>),
    /// Close the socket.
    Close,
}
