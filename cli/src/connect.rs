//! Connections to the relay: TCP, under TLS unless the relay is on this machine.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

use crate::address::RelayAddress;

/// A connection, encrypted or not.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Opens connections to one relay.
#[derive(Clone)]
pub(crate) struct Connector {
    relay: RelayAddress,
    tls: Option<TlsConnector>,
}

impl Connector {
    /// Loads the system's certificates where the relay needs TLS.
    pub(crate) fn new(relay: RelayAddress) -> io::Result<Self> {
        let tls = relay.tls.then(tls).transpose()?;
        Ok(Self { relay, tls })
    }

    pub(crate) fn relay(&self) -> &RelayAddress {
        &self.relay
    }

    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        let stream = TcpStream::connect((self.relay.name(), self.relay.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(self.relay.name().to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

fn tls() -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(io::Error::other("this system trusts no certificates"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
