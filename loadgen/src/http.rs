//! A kept-alive HTTP/1.1 connection to the relay.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpStream;

use crate::failure::Failure;

const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One connection; requests go one after the other.
pub(crate) struct Http {
    sender: http1::SendRequest<Full<Bytes>>,
    relay: SocketAddr,
}

/// An answer, whatever it says.
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// Names, in order; of those whose value never changes by itself, the value too.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Bytes,
}

/// One request in the relay's words.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    /// The access token.
    pub(crate) token: Option<&'a str>,
    /// Media type and bytes.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
}

impl Http {
    pub(crate) async fn connect(relay: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(relay).await.map_err(Failure::io("connect to the relay"))?;
        stream.set_nodelay(true).map_err(Failure::io("set TCP_NODELAY"))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::Connection(error.to_string()))?;
        tokio::spawn(connection);
        Ok(Self { sender, relay })
    }

    /// Posts JSON, reads JSON.
    pub(crate) async fn json<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        path: &str,
        question: &Q,
    ) -> Result<A, Failure> {
        let body = serde_json::to_vec(question).map_err(|_| Failure::Unreadable("a question of ours"))?;
        let call = Call { method: Method::POST, path, token: None, body: Some(("application/json", body)) };
        read_json(&self.call(call).await?)
    }

    /// Posts JSON, and gives the answer as it is.
    pub(crate) async fn answer<Q: Serialize>(
        &mut self,
        path: &str,
        question: &Q,
    ) -> Result<Answered, Failure> {
        let body = serde_json::to_vec(question).map_err(|_| Failure::Unreadable("a question of ours"))?;
        self.send(Call { method: Method::POST, path, token: None, body: Some(("application/json", body)) })
            .await
    }

    /// Sends the call and gives the body of a success.
    pub(crate) async fn call(&mut self, call: Call<'_>) -> Result<Bytes, Failure> {
        let what = format!("{} {}", call.method, call.path);
        let answer = self.send(call).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Err(Failure::Refused { what, status: answer.status, body })
    }

    async fn send(&mut self, call: Call<'_>) -> Result<Answered, Failure> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(call.path)
            .header(header::HOST, self.relay.to_string());
        if let Some(token) = call.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((kind, _)) = &call.body {
            request = request.header(header::CONTENT_TYPE, *kind);
        }
        let body = call.body.map(|(_, bytes)| bytes).unwrap_or_default();
        let broken = |error: &dyn std::fmt::Display| Failure::Connection(error.to_string());
        let request = request.body(Full::from(body)).map_err(|error| broken(&error))?;
        self.sender.ready().await.map_err(|error| broken(&error))?;
        let answer = self.sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status().as_u16();
        let own_words = |name: &header::HeaderName| *name == header::DATE;
        let headers = answer.headers().iter().map(|(name, value)| {
            let value = value.to_str().unwrap_or_default();
            if own_words(name) { name.to_string() } else { format!("{name}: {value}") }
        });
        let headers = headers.collect();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| broken(&error))?
            .to_bytes();
        Ok(Answered { status, headers, body })
    }
}

/// Reads a JSON answer.
pub(crate) fn read_json<A: DeserializeOwned>(body: &[u8]) -> Result<A, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::Unreadable("an answer of the relay"))
}
