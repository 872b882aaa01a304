//! One device's socket to the relay.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{
    groups::Cursor,
    limits::CLIENT_VERSION,
    sessions::AccessToken,
    socket::{ClientFrame, Received, RelayFrame, to_bytes},
    values::List,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest as _, http::header, protocol::WebSocketConfig},
};

use crate::failure::Failure;

/// Bytes of the read and write buffers of our side.
const BUFFER_BYTES: usize = 16 * 1024;

/// An authenticated socket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Connects from `source`, authenticates (S-1) and says hello (S-2).
    pub(crate) async fn open(relay: SocketAddr, source: IpAddr, token: &str) -> Result<Self, Failure> {
        let stream = connect_from(relay, source).await?;
        let broken = |error: tokio_tungstenite::tungstenite::Error| Failure::Connection(error.to_string());
        let mut request = format!("ws://{relay}/v1/socket").into_client_request().map_err(broken)?;
        let bearer = format!("Bearer {token}").parse().map_err(|_| Failure::Unreadable("an access token"))?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let config =
            WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let (stream, _) = client_async_with_config(request, stream, Some(config)).await.map_err(broken)?;
        let mut socket = Self(stream);
        let token = AccessToken(token.to_owned());
        socket.feed(&ClientFrame::Authenticate { token }).await?;
        socket.flush().await?;
        match socket.next().await? {
            RelayFrame::Authenticated { .. } => {}
            _ => return Err(Failure::Unreadable("the answer to a token")),
        }
        socket.feed(&ClientFrame::Hello { client_version: CLIENT_VERSION, cursors: List::default() }).await?;
        socket.flush().await?;
        Ok(socket)
    }

    /// Puts a frame into the write buffer.
    pub(crate) async fn feed(&mut self, frame: &ClientFrame) -> Result<(), Failure> {
        self.0
            .feed(Message::Binary(Bytes::from(to_bytes(frame))))
            .await
            .map_err(|error| Failure::Connection(error.to_string()))
    }

    /// Says that everything up to `cursor` is safe.
    pub(crate) async fn acknowledge(&mut self, cursor: Cursor) -> Result<(), Failure> {
        let cursors = List::new(vec![cursor]).unwrap_or_default();
        let acknowledge = protocol::groups::Acknowledge { cursors };
        self.feed(&ClientFrame::Acknowledge(acknowledge)).await
    }

    /// Sends what was fed.
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().await.map_err(|error| Failure::Connection(error.to_string()))
    }

    /// The next frame of the relay.
    pub(crate) async fn next(&mut self) -> Result<RelayFrame, Failure> {
        loop {
            let message = self.0.next().await;
            if let Some(frame) = read(message)? {
                return Ok(frame);
            }
        }
    }

    /// A frame that is already here.
    pub(crate) fn ready(&mut self) -> Result<Option<RelayFrame>, Failure> {
        loop {
            let Some(message) = self.0.next().now_or_never() else {
                return Ok(None);
            };
            if let Some(frame) = read(message)? {
                return Ok(Some(frame));
            }
        }
    }
}

type Arrived = Option<Result<Message, tokio_tungstenite::tungstenite::Error>>;

/// The frame in a message; none in a ping or a kind of a later version.
fn read(message: Arrived) -> Result<Option<RelayFrame>, Failure> {
    match message {
        Some(Ok(Message::Binary(bytes))) => match RelayFrame::from_bytes(&bytes) {
            Ok(Received::Known(frame)) => Ok(Some(frame)),
            Ok(Received::Unknown(_)) => Ok(None),
            Err(_) => Err(Failure::Unreadable("a frame of the relay")),
        },
        Some(Ok(Message::Close(reason))) => {
            let reason =
                reason.map_or_else(|| "closed".to_owned(), |reason| format!("closed with {}", reason.code));
            Err(Failure::Connection(reason))
        }
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(Failure::Connection(error.to_string())),
        None => Err(Failure::Connection("the relay hung up".into())),
    }
}

async fn connect_from(relay: SocketAddr, source: IpAddr) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4().map_err(Failure::io("open a socket"))?;
    socket.bind(SocketAddr::new(source, 0)).map_err(Failure::io("bind a loopback address"))?;
    let stream = socket.connect(relay).await.map_err(Failure::io("connect to the relay"))?;
    stream.set_nodelay(true).map_err(Failure::io("set TCP_NODELAY"))?;
    Ok(stream)
}
