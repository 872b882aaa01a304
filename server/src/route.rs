//! A route and what guards it: who may call, how often, with how large a body.

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::net::{IpAddr, Ipv4Addr};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::app::App;
use crate::auth::bearer;
use crate::body::BodyMax;
use crate::error::ApiError;
use crate::rates::{AddressKey, RateClass};

/// The client's address: the other end of the connection, or what trusted proxies say of it; put into each request by
/// the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever has a live session; the handler finds its [`crate::auth::CallingDevice`] in the request.
    Device,
    /// Everybody; the short list is in a test.
    Open,
}

/// One line of the table in `lib.rs`.
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub class: RateClass,
    /// Bytes of the body that the route takes.
    pub body_max: usize,
    handler: MethodRouter<App>,
}

impl Route {
    pub fn get<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::GET, path, RateClass::Read, on(MethodFilter::GET, handler))
    }

    pub fn post<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::POST, path, RateClass::Write, on(MethodFilter::POST, handler))
    }

    pub fn put<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::PUT, path, RateClass::Write, on(MethodFilter::PUT, handler))
    }

    pub fn delete<H: Handler<T, App>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self::new(Method::DELETE, path, RateClass::Write, on(MethodFilter::DELETE, handler))
    }

    fn new(method: Method, path: &'static str, class: RateClass, handler: MethodRouter<App>) -> Self {
        Self { method, path, access: Access::Device, class, body_max: 0, handler }
    }

    /// Everybody may call it, within the budget of `class` for their address.
    #[must_use]
    pub fn open(self, class: RateClass) -> Self {
        Self { access: Access::Open, class, ..self }
    }

    #[must_use]
    pub fn class(self, class: RateClass) -> Self {
        Self { class, ..self }
    }

    /// Takes a body of at most `body_max` bytes.
    #[must_use]
    pub fn body(self, body_max: usize) -> Self {
        Self { body_max, ..self }
    }

    /// Takes a body of whatever length its handler allows, piece by piece.
    #[must_use]
    pub fn streamed(self) -> Self {
        self.body(0)
    }

    /// The route behind its guard.
    pub(crate) fn mount(self, app: &App) -> Router<App> {
        let guard =
            Guard { app: app.clone(), access: self.access, class: self.class, body_max: self.body_max };
        let handler = self
            .handler
            .layer(RequestBodyTimeoutLayer::new(app.config.timers.idle()))
            .layer(middleware::from_fn_with_state(guard, stand_guard));
        Router::new().route(self.path, handler)
    }
}

#[derive(Clone)]
struct Guard {
    app: App,
    access: Access,
    class: RateClass,
    body_max: usize,
}

/// Runs before every handler, so that a route can't forget it.
async fn stand_guard(
    State(guard): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let app = &guard.app;
    let peer =
        request.extensions().get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    app.rates.check_address(guard.class, AddressKey::from(peer))?;
    if guard.access == Access::Device {
        let device = app.authenticate(bearer(request.headers())?)?;
        app.rates.check_account(guard.class, device.account_id)?;
        request.extensions_mut().insert(device);
    }
    request.extensions_mut().insert(BodyMax(guard.body_max));
    Ok(next.run(request).await)
}
