//! The browser's door to the client core. It converts between JavaScript's values and the core's types and decides
//! nothing: [`Core`] in the families of `client_core::client` (questions, commands, inputs, outputs), [`FileSealer`]
//! and [`FileOpener`] over its container. Structured values have exactly the shapes of `web/src/core/calls.ts`.
//!
//! A panic is a trap in wasm, seen from JavaScript as a `RuntimeError`; the host then drops the whole instance.

#![warn(missing_docs)]

mod commands;
mod core;
mod files;
mod flow;
mod lock;
mod values;

pub use crate::core::Core;
pub use crate::files::{FileOpener, FileSealer};
pub use crate::lock::{lock_store, reseal_records, unlock_store};

use client_core::client::{BOOT_PREFIXES, Client, CommandError, CommandErrorCode};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// Gives the prefixes of the records that [`Core::open`] wants.
#[wasm_bindgen(js_name = bootPrefixes)]
#[must_use]
pub fn boot_prefixes() -> Vec<String> {
    BOOT_PREFIXES.map(str::to_owned).to_vec()
}

/// Gives `Limits`.
#[wasm_bindgen]
#[must_use]
pub fn limits() -> JsValue {
    values::to_js(&Client::limits())
}

/// Says what the relay's refusal of a transfer means to a person, as a `CommandError`: its problem document decides,
/// else its status.
#[wasm_bindgen]
#[must_use]
pub fn refusal(status: u16, body: &[u8]) -> JsValue {
    let error = match serde_json::from_slice::<protocol::Problem>(body) {
        Ok(problem) => CommandError::from(&problem),
        Err(_) if status >= 500 => CommandErrorCode::RelayUnavailable.into(),
        Err(_) => CommandErrorCode::RelayMisbehaved.into(),
    };
    values::to_js(&error)
}
