//! The socket to the relay: one task that reads and writes frames and reports to the host.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::limits::FRAME_BYTES_MAX;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::header, protocol::WebSocketConfig},
};

use crate::{
    connect::{Connector, Duplex},
    host::Input,
};

/// Frames that may wait to be sent; a relay that takes fewer is as good as gone.
const FRAMES_WAITING_MAX: usize = 4096;
const OPEN: Duration = Duration::from_secs(15);

/// A socket that opens, is open or has ended.
pub(crate) struct Socket {
    /// Tells the reports of this socket from those of an earlier one.
    pub(crate) generation: u64,
    frames: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Socket {
    /// Starts to open one; `inputs` hears what becomes of it.
    pub(crate) fn open(
        connector: Connector,
        token: Option<String>,
        generation: u64,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let (frames, waiting) = mpsc::channel(FRAMES_WAITING_MAX);
        let task = tokio::spawn(async move {
            let code = match timeout(OPEN, handshake(&connector, token)).await {
                Ok(Ok(stream)) => {
                    let opened = Input::SocketOpened { generation };
                    if inputs.send(opened).await.is_err() {
                        return;
                    }
                    flow(stream, waiting, generation, &inputs).await
                }
                Ok(Err(_)) | Err(_) => None,
            };
            // The host may be gone; then nobody needs to know.
            drop(inputs.send(Input::SocketClosed { generation, code }).await);
        });
        Self { generation, frames, task }
    }

    /// Puts a frame behind those that wait. A full queue ends the socket: the core resumes from its cursors.
    pub(crate) fn send(&self, frame: Vec<u8>) -> Result<(), SocketFull> {
        self.frames.try_send(frame).map_err(|_| SocketFull)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// More frames wait than may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketFull;

async fn handshake(
    connector: &Connector,
    token: Option<String>,
) -> io::Result<WebSocketStream<Box<dyn Duplex>>> {
    let stream = connector.connect().await?;
    let mut request = format!("ws://{}/v1/socket", connector.relay().authority())
        .into_client_request()
        .map_err(io::Error::other)?;
    if let Some(token) = token {
        // Without an Origin the relay wants to see at once that this is no browser (S-1).
        let bearer = format!("Bearer {token}").parse().map_err(io::Error::other)?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let (stream, _) =
        client_async_with_config(request, stream, Some(config)).await.map_err(io::Error::other)?;
    Ok(stream)
}

/// Moves frames both ways until one side ends; gives the peer's close code.
async fn flow(
    mut stream: WebSocketStream<Box<dyn Duplex>>,
    mut waiting: mpsc::Receiver<Vec<u8>>,
    generation: u64,
    inputs: &mpsc::Sender<Input>,
) -> Option<u16> {
    loop {
        tokio::select! {
            message = stream.next() => {
                let bytes = match message? {
                    Ok(Message::Binary(bytes)) => bytes,
                    Ok(Message::Close(reason)) => return reason.map(|reason| reason.code.into()),
                    Ok(_) => continue,
                    Err(_) => return None,
                };
                let frame = Input::SocketFrame { generation, bytes };
                inputs.send(frame).await.ok()?;
            }
            frame = waiting.recv() => write(&mut stream, frame?, &mut waiting).await.ok()?,
        }
    }
}

/// Writes the frame and whatever waits behind it, then flushes once.
async fn write(
    stream: &mut WebSocketStream<Box<dyn Duplex>>,
    frame: Vec<u8>,
    waiting: &mut mpsc::Receiver<Vec<u8>>,
) -> Result<(), Error> {
    stream.feed(Message::Binary(Bytes::from(frame))).await?;
    while let Ok(frame) = waiting.try_recv() {
        stream.feed(Message::Binary(Bytes::from(frame))).await?;
    }
    stream.flush().await
}
