//! Conversions between JavaScript's values and the core's types.

use std::str::FromStr;

use client_core::client::{CommandError, CommandErrorCode};
use js_sys::{Array, JSON, Reflect, Uint8Array};
use protocol::UnixMillis;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsValue, UnwrapThrowExt};

/// A value as plain data. Through JSON, so that numbers are numbers whatever their width, and what is absent is null.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    let text = serde_json::to_string(value).expect_throw("the core's values are plain data");
    JSON::parse(&text).expect_throw("JSON that was just written")
}

/// What a refused command throws.
pub(crate) fn refused(error: CommandError) -> JsValue {
    to_js(&error)
}

/// The host passed something that is no value of that kind: a fault of ours, never of a person.
pub(crate) fn misuse() -> JsValue {
    refused(CommandErrorCode::Misuse.into())
}

/// Plain data that the core has a type for.
pub(crate) fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, JsValue> {
    let text = JSON::stringify(value).ok().and_then(|text| text.as_string());
    text.and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(misuse)
}

/// An id in its text form.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T, JsValue> {
    text.parse().map_err(|_| misuse())
}

/// A text in an object; texts that may be passwords take this way, which leaves no copy in between.
pub(crate) fn text(object: &JsValue, name: &str) -> Result<String, JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(name)).map_err(|_| misuse())?;
    value.as_string().ok_or_else(misuse)
}

/// A whole number in an object.
pub(crate) fn number(object: &JsValue, name: &str) -> Result<u64, JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(name)).map_err(|_| misuse())?;
    value.as_f64().map(whole).ok_or_else(misuse)
}

/// Numbers of JavaScript are exact up to 2^53, which holds every number of ours.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a number out of range is refused by the core like any other wrong one"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

/// A number on its way to JavaScript.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

/// A time of the host.
pub(crate) fn time(now: f64) -> UnixMillis {
    UnixMillis(whole(now))
}

/// Records of the store: an array of `[key, Uint8Array]`.
pub(crate) fn records(records: &Array) -> Result<Vec<(String, Vec<u8>)>, JsValue> {
    let record = |record: JsValue| {
        let record = Array::from(&record);
        let key = record.get(0).as_string().ok_or_else(misuse)?;
        Ok((key, Uint8Array::new(&record.get(1)).to_vec()))
    };
    records.iter().map(record).collect()
}

/// An object of named values.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &JsValue::from_str(name), value)
            .expect_throw("a plain object takes every field");
    }
    object.into()
}

/// Bytes, copied out of wasm's memory.
pub(crate) fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}
