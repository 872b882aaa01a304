//! A relay of its own for each test, called in process through its router.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use protocol::{ErrorCode, Problem, UnixMillis};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sotto::app::App;
use sotto::clock::Clock;
use sotto::config::{Config, Rate};
use sotto::storage::connection::DatabaseAddress;
use tower::ServiceExt as _;

use crate::{openapi, postgres};

pub(crate) struct TestRelay {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    router: Router,
    dir: tempfile::TempDir,
    config: Config,
}

/// Both databases that the relay runs on. Stories are told on each.
pub(crate) async fn on_both_engines(story: impl AsyncFn(TestRelay)) {
    story(TestRelay::start().await).await;
    story(TestRelay::on_postgres().await).await;
}

impl TestRelay {
    /// On SQLite, with address budgets that no story empties by accident.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn on_postgres() -> Self {
        let url = postgres::fresh_database().await;
        Self::with(|config| config.database = DatabaseAddress::Postgres(url)).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::from_sources(|_| Ok(None)).unwrap();
        config.data_dir = dir.path().join("data");
        config.database = DatabaseAddress::Sqlite(config.data_dir.join("sotto.sqlite"));
        let plenty = Rate { per_minute: 1_000_000, burst: 1_000_000 };
        config.limits.rates.any_address = plenty;
        config.limits.rates.login_address = plenty;
        config.limits.rates.registration_address = plenty;
        config.limits.rates.open_address = plenty;
        config.limits.rates.read_account = plenty;
        config.limits.rates.write_account = plenty;
        change(&mut config);
        Self::open(config, Clock::default(), dir).await
    }

    /// The same data directory, a new process.
    pub(crate) async fn restart(self) -> Self {
        self.close().await.open().await
    }

    /// Ends the process in order, and keeps the data.
    pub(crate) async fn close(self) -> Closed {
        let Self { app, clock, router, dir, config } = self;
        drop(router);
        app.close().await;
        drop(app);
        Closed { config, clock, dir }
    }

    async fn open(config: Config, clock: Clock, dir: tempfile::TempDir) -> Self {
        let app = Box::pin(App::open(config.clone(), clock.clone())).await.unwrap();
        Self { router: sotto::router(&app), app, clock, dir, config }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    pub(crate) fn advance_seconds(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.sending(call).await
    }

    /// A call on its own, to run beside others.
    pub(crate) fn sending(&self, call: Call) -> impl Future<Output = Answer> + Send + use<> {
        let router = self.router.clone();
        async move {
            let sent = call.clone();
            let response = router.oneshot(call.into_request()).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
            if parts.status.is_success() {
                openapi::check(sent.method.as_str(), &sent.path, &sent.body, &body);
            }
            Answer { status: parts.status, headers: parts.headers, body }
        }
    }

    /// Serves the relay on a free port through its own accept loop.
    pub(crate) async fn listen(&self) -> Port {
        let listener = sotto::edge::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        Port { address, task: tokio::spawn(sotto::edge::serve(self.app.clone(), listener)) }
    }
}

/// A relay that does not run: its configuration and its data.
pub(crate) struct Closed {
    pub(crate) config: Config,
    clock: Clock,
    dir: tempfile::TempDir,
}

impl Closed {
    pub(crate) async fn open(self) -> TestRelay {
        TestRelay::open(self.config, self.clock, self.dir).await
    }
}

/// A relay that listens.
pub(crate) struct Port {
    pub(crate) address: std::net::SocketAddr,
    /// Ends when the relay has drained.
    pub(crate) task: tokio::task::JoinHandle<()>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap();
        self.header("content-type", "application/json").bytes(bytes)
    }

    pub(crate) fn cbor(self, body: &impl minicbor::Encode<()>) -> Self {
        self.header("content-type", "application/cbor").bytes(protocol::socket::to_bytes(body))
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// As HTTP/1.1 writes it.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: relay\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.into_bytes(), self.body.clone()].concat()
    }

    fn into_request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body)).unwrap()
    }
}

/// One answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn cbor<T: for<'b> minicbor::Decode<'b, ()>>(&self) -> T {
        assert!(self.status.is_success(), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/cbor"));
        protocol::socket::from_bytes(&self.body).unwrap()
    }

    /// The problem document; its status is the answer's.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{} {}",
            self.status,
            self.text()
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        problem
    }

    #[track_caller]
    pub(crate) fn code(&self) -> ErrorCode {
        self.problem().code
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Name and value of the cookie that the answer sets.
    pub(crate) fn cookie(&self) -> Option<(String, String)> {
        let text = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
        Some((name.to_owned(), value.to_owned()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
