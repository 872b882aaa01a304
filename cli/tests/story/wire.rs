//! What lies between the clients and the relay: passes every request and frame on, keeps a record of all that it
//! sees, and tells a lie when asked to.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, client, header, server, service::service_fn};
use hyper_util::rt::TokioIo;
use protocol::socket::{RelayFrame, to_bytes};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    accept_hdr_async, client_async,
    tungstenite::{Message, client::IntoClientRequest as _, handshake::server as handshake},
};

/// Changes the body of the relay's answer to a path.
type Lie = Arc<dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A wire to one relay.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    relay: SocketAddr,
    /// Bodies of requests and answers.
    bodies: Mutex<Vec<u8>>,
    /// Frames of sockets, both ways, one after the other.
    frames: Mutex<Vec<u8>>,
    lie: Mutex<Option<Lie>>,
    /// The last answer to each path.
    answers: Mutex<BTreeMap<String, Bytes>>,
    injected: broadcast::Sender<Bytes>,
}

impl Wire {
    pub(crate) async fn to(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            relay,
            bodies: Mutex::default(),
            frames: Mutex::default(),
            lie: Mutex::default(),
            answers: Mutex::default(),
            injected: broadcast::channel(16).0,
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move {
                    // A connection that breaks is the ends' affair.
                    drop(shared.pass(stream).await);
                });
            }
        });
        Self { address, shared }
    }

    /// What clients take for the relay's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Bodies of requests and answers so far.
    pub(crate) fn bodies(&self) -> Vec<u8> {
        self.shared.bodies.lock().unwrap().clone()
    }

    /// Frames so far, both ways.
    pub(crate) fn frames(&self) -> Vec<u8> {
        self.shared.frames.lock().unwrap().clone()
    }

    /// The relay's own last answer to a path that `wanted` picks.
    pub(crate) fn last_answer(&self, wanted: impl Fn(&str) -> bool) -> Option<Bytes> {
        let answers = self.shared.answers.lock().unwrap();
        answers.iter().find(|(path, _)| wanted(path)).map(|(_, body)| body.clone())
    }

    /// From now on `lie` may give another body for the relay's answer to a path.
    pub(crate) fn lie(&self, lie: impl Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.shared.lie.lock().unwrap() = Some(Arc::new(lie));
    }

    /// Sends a frame to every open socket, as if the relay had.
    pub(crate) fn inject(&self, frame: &RelayFrame) {
        self.shared.injected.send(Bytes::from(to_bytes(frame))).unwrap();
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Shared {
    async fn pass(self: Arc<Self>, stream: TcpStream) -> Result<(), Broken> {
        let mut head = [0; 14];
        while stream.peek(&mut head).await? < head.len() {
            stream.readable().await?;
        }
        if &head == b"GET /v1/socket" {
            return self.pass_socket(stream).await;
        }
        let service = service_fn(move |request| {
            let shared = Arc::clone(&self);
            async move {
                let answer = shared.pass_request(request).await.unwrap_or_else(|_| {
                    let mut answer = Response::new(Full::default());
                    *answer.status_mut() = StatusCode::BAD_GATEWAY;
                    answer
                });
                Ok::<_, Infallible>(answer)
            }
        });
        server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
        Ok(())
    }

    async fn pass_request(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
        let path = request.uri().path().to_owned();
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        self.bodies.lock().unwrap().extend_from_slice(&body);
        let stream = TcpStream::connect(self.relay).await?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = sender.send_request(Request::from_parts(head, Full::<Bytes>::new(body))).await?;
        let (mut head, body) = answer.into_parts();
        let mut body = body.collect().await?.to_bytes();
        self.bodies.lock().unwrap().extend_from_slice(&body);
        self.answers.lock().unwrap().insert(path.clone(), body.clone());
        let lie = self.lie.lock().unwrap().clone();
        if let Some(lied) = lie.and_then(|lie| lie(&path, &body)) {
            body = Bytes::from(lied);
        }
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.insert(header::CONTENT_LENGTH, body.len().into());
        Ok(Response::from_parts(head, Full::new(body)))
    }

    async fn pass_socket(&self, stream: TcpStream) -> Result<(), Broken> {
        let mut authorization = None;
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let keep = |request: &handshake::Request, response: handshake::Response| {
            authorization = request.headers().get(header::AUTHORIZATION).cloned();
            Ok(response)
        };
        let mut near = accept_hdr_async(stream, keep).await?;
        let mut request = format!("ws://{}/v1/socket", self.relay).into_client_request()?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        let (mut far, _) = client_async(request, TcpStream::connect(self.relay).await?).await?;
        let mut injected = self.injected.subscribe();
        loop {
            let (message, to_relay) = tokio::select! {
                message = near.next() => (message, true),
                message = far.next() => (message, false),
                frame = injected.recv() => (Some(Ok(Message::Binary(frame?))), false),
            };
            let Some(message) = message else { return Ok(()) };
            let message = message?;
            if let Message::Binary(frame) = &message {
                self.frames.lock().unwrap().extend_from_slice(frame);
            }
            if to_relay {
                far.send(message).await?;
            } else {
                near.send(message).await?;
            }
        }
    }
}
