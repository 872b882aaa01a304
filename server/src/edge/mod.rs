//! The edge: our own accept loop over hyper, because `axum::serve` sets no timers and knows no caps.

pub(crate) mod addresses;
pub(crate) mod headers;
pub mod proxies;
mod stream;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::app::App;
use crate::rates::AddressKey;
use crate::route::PeerAddress;
use addresses::AddressCounts;
use stream::StallTimeout;

/// Bytes of a request's head at most.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// After an accept that failed for want of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` on `listener` until [`App::drain`] is called, then drains: nothing new is accepted, running requests
/// and sockets end, and whatever is left after the drain time is cut (S-7).
pub async fn serve(app: App, listener: TcpListener) {
    let limits = &app.config.limits;
    let counts = AddressCounts::new(limits.connections_max, limits.connections_per_address_max);
    let router = crate::router(&app);
    let mut draining = app.draining();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = begun(&mut draining) => break,
        };
        match accepted {
            Ok((stream, peer)) => accept(&app, &router, &counts, stream, peer),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let drain = Duration::from_millis(app.config.timers.drain_ms);
    if tokio::time::timeout(drain, counts.empty()).await.is_err() {
        tracing::warn!("connections were cut at the end of the drain time");
    }
}

/// Takes a connection if there is room for it, else closes it at once.
fn accept(app: &App, router: &Router, counts: &Arc<AddressCounts>, stream: TcpStream, peer: SocketAddr) {
    let proxies = app.config.trusted_proxies.clone();
    let address = AddressKey::from(peer.ip());
    // A proxy's connections carry many people's requests: only the cap in all holds for them.
    let seat = if proxies.trusts(peer.ip()) { counts.enter_proxy(address) } else { counts.enter(address) };
    let Some(seat) = seat.map(Arc::new) else {
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
    let timers = &app.config.timers;
    let router = router.clone();
    let service = tower::service_fn(move |mut request: Request<Incoming>| {
        let client = proxies.client_of(peer.ip(), request.headers());
        let fields = request.extensions_mut();
        fields.insert(PeerAddress(client));
        // A socket outlives the HTTP connection that it came on, and keeps its seat.
        fields.insert(Arc::clone(&seat));
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(timers.header_ms))
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(
            TokioIo::new(StallTimeout::new(stream, timers.idle())),
            TowerToHyperService::new(service),
        )
        .with_upgrades();
    let mut draining = app.draining();
    tokio::spawn(async move {
        let mut connection = Box::pin(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = begun(&mut draining) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // A peer that goes away or speaks no HTTP is everyday life; hyper's words hold nothing of the request.
            tracing::debug!(%error, "a connection ended");
        }
    });
}

/// Waits until the relay drains.
pub(crate) async fn begun(draining: &mut watch::Receiver<bool>) {
    // An error means that the relay is gone altogether.
    drop(draining.wait_for(|draining| *draining).await);
}

/// Binds the address of the configuration.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
