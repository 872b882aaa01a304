//! The inputs and outputs of [`Core`], one to one.

use client_core::client::{Authorization, Event, Outcome, Request, Response, Transmit};
use js_sys::Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::core::Core;
use crate::values::{bytes, float, object, records, to_js, whole};

#[wasm_bindgen]
impl Core {
    /// The relay answered a request.
    #[wasm_bindgen(js_name = handleAnswered)]
    pub fn handle_answered(&mut self, id: f64, status: u16, body: Vec<u8>, now: f64) {
        let response = Response::Answered { status, body };
        self.with(now, |client, cx| client.handle_response(whole(id), response, cx));
    }

    /// A request has no answer: whether the relay did it is unknown.
    #[wasm_bindgen(js_name = handleLost)]
    pub fn handle_lost(&mut self, id: f64, now: f64) {
        self.with(now, |client, cx| client.handle_response(whole(id), Response::Lost, cx));
    }

    /// The store was read: an array of `[key, Uint8Array]`.
    ///
    /// # Errors
    /// `misuse` when the records have another shape.
    #[wasm_bindgen(js_name = handleLoaded)]
    pub fn handle_loaded(&mut self, id: f64, loaded: &Array, now: f64) -> Result<(), JsValue> {
        let loaded = records(loaded)?;
        self.with(now, |client, cx| client.handle_loaded(whole(id), loaded, cx));
        Ok(())
    }

    /// The socket is open.
    #[wasm_bindgen(js_name = handleSocketOpened)]
    pub fn handle_socket_opened(&mut self, now: f64) {
        self.with(now, |client, cx| client.handle_socket_opened(cx));
    }

    /// The socket is closed; without a code: the connection was lost.
    #[wasm_bindgen(js_name = handleSocketClosed)]
    pub fn handle_socket_closed(&mut self, code: Option<u16>, now: f64) {
        self.with(now, |client, cx| client.handle_socket_closed(code, cx));
    }

    /// A frame came.
    #[wasm_bindgen(js_name = handleFrame)]
    pub fn handle_frame(&mut self, frame: &[u8], now: f64) {
        self.with(now, |client, cx| client.handle_frame(frame, cx));
    }

    /// The time of [`Core::poll_timeout`] has come.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now: f64) {
        self.with(now, |client, cx| client.handle_timeout(cx));
    }

    /// Gives the next change set: an array of `[key, Uint8Array | null]`.
    #[wasm_bindgen(js_name = pollSave)]
    pub fn poll_save(&mut self) -> Option<Array> {
        let change = |(key, value): &(String, Option<Vec<u8>>)| {
            Array::of2(&JsValue::from_str(key), &value.as_deref().map_or(JsValue::NULL, bytes))
        };
        self.client.poll_save().map(|set| set.changes.iter().map(change).collect())
    }

    /// Gives the next wish to read the store: `{ id, prefix, before, limit }`.
    #[wasm_bindgen(js_name = pollLoad)]
    pub fn poll_load(&mut self) -> JsValue {
        let Some(load) = self.client.poll_load() else { return JsValue::UNDEFINED };
        object(&[
            ("id", float(load.id).into()),
            ("prefix", load.prefix.into()),
            ("before", load.before.map_or(JsValue::NULL, JsValue::from)),
            ("limit", load.limit.into()),
        ])
    }

    /// Gives the next request: `{ id, method, path, bearer, contentType, body }`.
    #[wasm_bindgen(js_name = pollRequest)]
    pub fn poll_request(&mut self) -> JsValue {
        self.client.poll_request().as_ref().map_or(JsValue::UNDEFINED, request)
    }

    /// Gives the next wish to the socket: `'open'`, `'close'` or the bytes of a frame.
    #[wasm_bindgen(js_name = pollTransmit)]
    pub fn poll_transmit(&mut self) -> JsValue {
        match self.client.poll_transmit() {
            None => JsValue::UNDEFINED,
            Some(Transmit::Open) => JsValue::from_str("open"),
            Some(Transmit::Close) => JsValue::from_str("close"),
            Some(Transmit::Frame(frame)) => bytes(&frame),
        }
    }

    /// Gives the next event: a `CoreEvent`, or `{ type: 'commandDone', command, outcome }`.
    #[wasm_bindgen(js_name = pollEvent)]
    pub fn poll_event(&mut self) -> JsValue {
        let Some(event) = self.client.poll_event() else { return JsValue::UNDEFINED };
        if let Event::CommandDone { command, outcome: Ok(Outcome::File(access)) } = &event {
            self.keep(command.0, access.clone());
        }
        to_js(&event)
    }

    /// Says when [`Core::handle_timeout`] is due, milliseconds since 1970.
    #[wasm_bindgen(js_name = pollTimeout)]
    #[must_use]
    pub fn poll_timeout(&self) -> Option<f64> {
        self.client.poll_timeout().map(|time| float(time.0))
    }
}

fn request(request: &Request) -> JsValue {
    let body = request.body.as_ref();
    object(&[
        ("id", float(request.id).into()),
        ("method", request.method.as_str().into()),
        ("path", request.path.as_str().into()),
        ("bearer", (request.authorization == Authorization::Bearer).into()),
        ("contentType", body.map_or(JsValue::NULL, |(kind, _)| kind.as_str().into())),
        ("body", body.map_or(JsValue::NULL, |(_, content)| bytes(content))),
    ])
}
