//! HTTP to the relay: a few kept-alive connections.

use std::{io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited, combinators::UnsyncBoxBody};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{sync::Mutex, time::timeout};

use crate::connect::Connector;

/// Idle connections that are kept.
const IDLE_MAX: usize = 4;
/// Bytes of the largest answer that is read whole: a page of the log or a group info.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// For an answer to come in whole. Uploads and downloads have no such bound, only the peer's silence.
const ANSWER: Duration = Duration::from_secs(60);
/// For a connection to open.
const CONNECT: Duration = Duration::from_secs(15);

/// A body that may come in pieces.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(crate) struct Http {
    connector: Connector,
    idle: Mutex<Vec<http1::SendRequest<Body>>>,
}

impl Http {
    pub(crate) fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::new(Vec::new()) }
    }

    /// Sends the request and reads its whole answer: status and body.
    pub(crate) async fn exchange(&self, request: Request<Body>) -> io::Result<(u16, Vec<u8>)> {
        let answer = async {
            let answer = self.send(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(io::Error::other)?;
            Ok((status, body.to_bytes().into()))
        };
        timeout(ANSWER, answer).await.map_err(io::Error::from)?
    }

    /// Sends the request and gives the answer as its head arrives.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> io::Result<Response<Incoming>> {
        let authority = self.connector.relay().authority();
        let authority = authority.parse().map_err(io::Error::other)?;
        request.headers_mut().insert(header::HOST, authority);
        let mut sender = self.sender().await?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let mut idle = self.idle.lock().await;
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
        Ok(answer)
    }

    /// An idle connection, or a new one.
    async fn sender(&self) -> io::Result<http1::SendRequest<Body>> {
        let ready = {
            let mut idle = self.idle.lock().await;
            idle.retain(|sender| !sender.is_closed());
            let place = idle.iter().position(http1::SendRequest::is_ready);
            place.map(|place| idle.swap_remove(place))
        };
        if let Some(sender) = ready {
            return Ok(sender);
        }
        let stream = timeout(CONNECT, self.connector.connect()).await??;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with its last request; what went wrong is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(sender)
    }
}
