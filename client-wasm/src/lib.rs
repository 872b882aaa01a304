//! The browser's door to the client core. It converts between JavaScript's values and the core's
//! types and decides nothing.

use wasm_bindgen::prelude::wasm_bindgen;

/// Says which version of the client this is, as `major.minor.patch`.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
