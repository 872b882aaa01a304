//! The lock of the host's store: what the host writes down in place of the store key.

use client_core::client::CommandErrorCode;
use client_core::rand_core::UnwrapErr;
use client_core::sealed::reseal_local;
use client_core::secret::LocalStoreKey;
use client_core::store_lock;
use client_core::wraps::WrapError;
use getrandom::SysRng;
use js_sys::Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

use crate::values::{bytes, misuse, records, refused};

/// Locks a store key of 32 bytes under a passphrase.
///
/// # Errors
/// `misuse` when either can't be used.
#[wasm_bindgen(js_name = lockStore)]
pub fn lock_store(store_key: Vec<u8>, passphrase: String) -> Result<Vec<u8>, JsValue> {
    let (key, passphrase) = (local_store_key(store_key)?, Zeroizing::new(passphrase));
    store_lock::lock_store(&key, &passphrase, &mut UnwrapErr(SysRng)).map_err(|_| misuse())
}

/// Gives the store key that a lock holds; nothing when it is another passphrase.
///
/// # Errors
/// `storeFailed` when these bytes are no lock of this version.
#[wasm_bindgen(js_name = unlockStore)]
pub fn unlock_store(lock: &[u8], passphrase: String) -> Result<Option<Vec<u8>>, JsValue> {
    let passphrase = Zeroizing::new(passphrase);
    match store_lock::unlock_store(lock, &passphrase) {
        Ok(key) => Ok(Some(key.expose().to_vec())),
        Err(WrapError::Refused) => Ok(None),
        Err(WrapError::Malformed | WrapError::Misplaced) => {
            Err(refused(CommandErrorCode::StoreFailed.into()))
        }
    }
}

/// Seals records of a store, `[key, Uint8Array][]`, under another store key. What doesn't open stays as it is.
///
/// # Errors
/// `misuse` when a key or a record is none.
#[wasm_bindgen(js_name = resealRecords)]
pub fn reseal_records(old_key: Vec<u8>, new_key: Vec<u8>, sealed: &Array) -> Result<Array, JsValue> {
    let (old, new) = (local_store_key(old_key)?, local_store_key(new_key)?);
    let mut rng = UnwrapErr(SysRng);
    let anew = records(sealed)?.into_iter().map(|(place, value)| {
        let value = reseal_local(&old, &new, &place, &value, &mut rng).unwrap_or(value);
        Array::of2(&JsValue::from_str(&place), &bytes(&value))
    });
    Ok(anew.collect())
}

fn local_store_key(key: Vec<u8>) -> Result<LocalStoreKey, JsValue> {
    let key = Zeroizing::new(key);
    let key = Zeroizing::new(<[u8; 32]>::try_from(key.as_slice()).map_err(|_| misuse())?);
    Ok(LocalStoreKey::from_bytes(*key))
}
