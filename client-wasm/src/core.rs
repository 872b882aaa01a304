//! [`Core`]: one open client, and the questions about it.

use std::collections::BTreeMap;

use client_core::client::{Client, CommandErrorCode, Context, FileAccess, HostKind};
use client_core::rand_core::UnwrapErr;
use getrandom::SysRng;
use js_sys::Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

use crate::values::{id, misuse, records, refused, time, to_js};

/// Answered `openFile` commands whose opener nobody has taken.
const OPENERS_MAX: usize = 64;

/// One open client. After every call the host drains the outputs in this order: saves, loads, requests, transmits,
/// events. `now` is milliseconds since 1970. What is thrown is a `CommandError` as plain data.
#[wasm_bindgen]
pub struct Core {
    pub(crate) client: Client,
    /// By number of the command that asked for it.
    pub(crate) accesses: BTreeMap<u64, FileAccess>,
}

impl Core {
    /// Calls the client with the time of the host and the browser's randomness.
    pub(crate) fn with<T>(&mut self, now: f64, work: impl FnOnce(&mut Client, &mut Context<'_>) -> T) -> T {
        let mut rng = UnwrapErr(SysRng);
        work(&mut self.client, &mut Context { now: time(now), rng: &mut rng })
    }

    /// Keeps what opens a file until the host takes it.
    pub(crate) fn keep(&mut self, command: u64, access: FileAccess) {
        self.accesses.insert(command, access);
        while self.accesses.len() > OPENERS_MAX {
            self.accesses.pop_first();
        }
    }
}

#[wasm_bindgen]
impl Core {
    /// Opens the client over every record under the boot prefixes. `store_key` is 32 bytes.
    ///
    /// # Errors
    /// `storeFailed` when a record does not open or does not read.
    pub fn open(store_key: Vec<u8>, boot_records: &Array, now: f64) -> Result<Self, JsValue> {
        let store_key = Zeroizing::new(store_key);
        let store_key = Zeroizing::new(<[u8; 32]>::try_from(store_key.as_slice()).map_err(|_| misuse())?);
        let mut rng = UnwrapErr(SysRng);
        let mut context = Context { now: time(now), rng: &mut rng };
        let client = Client::open(store_key, records(boot_records)?, HostKind::Browser, &mut context)
            .map_err(|_| refused(CommandErrorCode::StoreFailed.into()))?;
        Ok(Self { client, accesses: BTreeMap::new() })
    }

    /// Gives `OwnProfile`, or null without an account.
    #[must_use]
    pub fn profile(&self) -> JsValue {
        to_js(&self.client.profile())
    }

    /// Gives the access token for `Authorization: Bearer`, if there is one.
    #[wasm_bindgen(js_name = accessToken)]
    #[must_use]
    pub fn access_token(&self) -> Option<String> {
        self.client.access_token().map(str::to_owned)
    }

    /// Gives `Connection`.
    #[must_use]
    pub fn connection(&self) -> JsValue {
        to_js(&self.client.connection())
    }

    /// Gives `Conversation[]`.
    #[must_use]
    pub fn conversations(&self) -> JsValue {
        to_js(&self.client.conversations())
    }

    /// Gives `Device[]`.
    #[must_use]
    pub fn devices(&self) -> JsValue {
        to_js(&self.client.devices())
    }

    /// Gives `PersonSettings`.
    #[must_use]
    pub fn settings(&self) -> JsValue {
        to_js(&self.client.settings())
    }

    /// Gives the nine groups of the recovery key, or null once it was confirmed.
    #[wasm_bindgen(js_name = recoveryKey)]
    #[must_use]
    pub fn recovery_key(&self) -> JsValue {
        to_js(&self.client.recovery_key())
    }

    /// Gives `ContactDetails`.
    ///
    /// # Errors
    /// As `Client::contact_details`.
    #[wasm_bindgen(js_name = contactDetails)]
    pub fn contact_details(&self, account_id: &str) -> Result<JsValue, JsValue> {
        self.client.contact_details(id(account_id)?).map(|details| to_js(&details)).map_err(refused)
    }
}
