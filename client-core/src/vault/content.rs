//! The vault's bytes: `{0: version, 1: profile, 2: names of devices, 3: relay key, 4: key of record ids}`.

use minicbor::{Decode, Encode};
use protocol::{
    DeviceId,
    values::{Exactly, List},
};

use super::{DEVICE_NAMES_MAX, Profile, VAULT_VERSION, Vault};
use crate::{
    dated::Dated,
    records::{RecordIdKey, texts_fit},
};

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Content {
    #[n(0)]
    version: u32,
    #[n(1)]
    profile: Dated<Profile>,
    #[n(2)]
    device_names: List<Named, DEVICE_NAMES_MAX>,
    #[n(3)]
    relay_key: Option<Dated<Exactly<32>>>,
    #[n(4)]
    record_id_key: Exactly<32>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Named {
    #[n(0)]
    device: DeviceId,
    #[n(1)]
    name: Dated<String>,
}

impl Content {
    pub(super) fn texts_fit(&self) -> bool {
        let names = self.device_names.iter().map(|item| &item.name.value);
        texts_fit(core::iter::once(&self.profile.value.display_name).chain(names))
    }
}

impl From<&Vault> for Content {
    fn from(vault: &Vault) -> Self {
        let names = vault.device_names.iter();
        let names = names.map(|(&device, name)| Named { device, name: name.clone() });
        Self {
            version: VAULT_VERSION,
            profile: vault.profile.clone(),
            // A vault never holds more than its limits; should it, the excess is not written.
            device_names: List::new(names.take(DEVICE_NAMES_MAX).collect()).unwrap_or_default(),
            relay_key: vault
                .relay_key
                .map(|pinned| Dated { changed_at: pinned.changed_at, value: Exactly(pinned.value) }),
            record_id_key: Exactly(*vault.record_id_key.expose()),
        }
    }
}

impl From<Content> for Vault {
    fn from(content: Content) -> Self {
        let names = content.device_names.into_vec().into_iter();
        Self {
            profile: content.profile,
            device_names: names.map(|item| (item.device, item.name)).collect(),
            relay_key: content
                .relay_key
                .map(|pinned| Dated { changed_at: pinned.changed_at, value: pinned.value.0 }),
            record_id_key: RecordIdKey::from_bytes(content.record_id_key.0),
        }
    }
}
