//! The vault's bytes: `{0: version, 1: profile, 2: contacts, 3: names of devices, 4: relay key, 5: settings}`.

use minicbor::{Decode, Encode};
use protocol::{
    AccountId, DeviceId, UnixMillis,
    values::{Exactly, List},
};

use super::{
    CONTACTS_MAX, Contact, ContactNames, ContactTrust, DEVICE_NAMES_MAX, Dated, Profile, SETTINGS_MAX,
    VAULT_TEXT_BYTES_MAX, VAULT_VERSION, Vault,
};

/// The version alone, which every later content begins with.
#[derive(Decode)]
#[cbor(map)]
pub(super) struct VersionOnly {
    #[n(0)]
    pub(super) version: u32,
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Content {
    #[n(0)]
    version: u32,
    #[n(1)]
    profile: DatedItem<Profile>,
    #[n(2)]
    contacts: List<ContactItem, CONTACTS_MAX>,
    #[n(3)]
    device_names: List<Named<DeviceId>, DEVICE_NAMES_MAX>,
    #[n(4)]
    relay_key: Option<DatedItem<Exactly<32>>>,
    #[n(5)]
    settings: List<Named<String>, SETTINGS_MAX>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct DatedItem<T> {
    #[n(0)]
    changed_at: UnixMillis,
    #[n(1)]
    value: T,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct ContactItem {
    #[n(0)]
    account: AccountId,
    #[n(1)]
    names: DatedItem<ContactNames>,
    #[n(2)]
    trust: DatedItem<ContactTrust>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Named<K> {
    #[n(0)]
    key: K,
    #[n(1)]
    text: DatedItem<String>,
}

impl Content {
    pub(super) fn texts_fit(&self) -> bool {
        let contacts =
            self.contacts.iter().flat_map(|item| [&item.names.value.handle, &item.names.value.display_name]);
        let names = self.device_names.iter().map(|item| &item.text.value);
        let settings = self.settings.iter().flat_map(|item| [&item.key, &item.text.value]);
        core::iter::once(&self.profile.value.display_name)
            .chain(contacts)
            .chain(names)
            .chain(settings)
            .all(|text| text.len() <= VAULT_TEXT_BYTES_MAX)
    }
}

impl From<&Vault> for Content {
    fn from(vault: &Vault) -> Self {
        let contacts = vault.contacts.iter().map(|(&account, contact)| ContactItem {
            account,
            names: contact.names.clone().into(),
            trust: contact.trust.clone().into(),
        });
        let device_names =
            vault.device_names.iter().map(|(&key, text)| Named { key, text: text.clone().into() });
        let settings =
            vault.settings.iter().map(|(key, text)| Named { key: key.clone(), text: text.clone().into() });
        Self {
            version: VAULT_VERSION,
            profile: vault.profile.clone().into(),
            contacts: bounded(contacts),
            device_names: bounded(device_names),
            relay_key: vault
                .relay_key
                .as_ref()
                .map(|pinned| DatedItem { changed_at: pinned.changed_at, value: Exactly(pinned.value) }),
            settings: bounded(settings),
        }
    }
}

/// A vault never holds more than its limits; should it, the excess is not written.
fn bounded<T, const MAX: usize>(items: impl Iterator<Item = T>) -> List<T, MAX> {
    List::new(items.take(MAX).collect()).unwrap_or_default()
}

impl From<Content> for Vault {
    fn from(content: Content) -> Self {
        Self {
            profile: content.profile.into(),
            contacts: content
                .contacts
                .into_vec()
                .into_iter()
                .map(|item| {
                    let contact = Contact { names: item.names.into(), trust: item.trust.into() };
                    (item.account, contact)
                })
                .collect(),
            device_names: collect(content.device_names.into_vec()),
            relay_key: content
                .relay_key
                .map(|pinned| Dated { changed_at: pinned.changed_at, value: pinned.value.0 }),
            settings: collect(content.settings.into_vec()),
        }
    }
}

fn collect<K: Ord>(items: Vec<Named<K>>) -> std::collections::BTreeMap<K, Dated<String>> {
    items.into_iter().map(|item| (item.key, item.text.into())).collect()
}

impl<T> From<Dated<T>> for DatedItem<T> {
    fn from(dated: Dated<T>) -> Self {
        Self { changed_at: dated.changed_at, value: dated.value }
    }
}

impl<T> From<DatedItem<T>> for Dated<T> {
    fn from(item: DatedItem<T>) -> Self {
        Self { changed_at: item.changed_at, value: item.value }
    }
}
