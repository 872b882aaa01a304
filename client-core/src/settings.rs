//! What a person has chosen for all devices. What only one device can know (whether its browser may notify at all)
//! is not in here. `{0: version, 1: appearance, 2: name shown, 3: text shown}`; absent: never chosen.

use minicbor::{Decode, Encode};
use protocol::UnixMillis;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    dated::{Dated, merge_optional},
    records::{RecordError, decode, encode},
};

/// The version of the format. A device that meets a higher one leaves the record as it is.
pub const SETTINGS_VERSION: u32 = 1;

/// How the app looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "camelCase")]
pub enum Appearance {
    /// As the device says.
    #[n(0)]
    System,
    /// By day.
    #[n(1)]
    Light,
    /// By night.
    #[n(2)]
    Dark,
}

/// Each choice apart, as it stands or as it is to be; `None`: never chosen, or not to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Choices {
    /// How the app looks.
    pub appearance: Option<Appearance>,
    /// Notifications say who wrote.
    pub notify_shows_name: Option<bool>,
    /// Notifications say what was written.
    pub notify_shows_text: Option<bool>,
}

/// The choices with the times of their last changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    appearance: Option<Dated<Appearance>>,
    notify_shows_name: Option<Dated<bool>>,
    notify_shows_text: Option<Dated<bool>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Content {
    #[n(0)]
    version: u32,
    #[n(1)]
    appearance: Option<Dated<Appearance>>,
    #[n(2)]
    notify_shows_name: Option<Dated<bool>>,
    #[n(3)]
    notify_shows_text: Option<Dated<bool>>,
}

impl Settings {
    /// Reads the content of the record.
    ///
    /// # Errors
    /// [`RecordError::NewerVersion`], [`RecordError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let Content { version: _, appearance, notify_shows_name, notify_shows_text } =
            decode(bytes, SETTINGS_VERSION)?;
        Ok(Self { appearance, notify_shows_name, notify_shows_text })
    }

    /// The content of the record.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let Self { appearance, notify_shows_name, notify_shows_text } = *self;
        encode(Content { version: SETTINGS_VERSION, appearance, notify_shows_name, notify_shows_text })
    }

    /// Makes the choices that are given; tells whether anything is another now.
    pub fn choose(&mut self, choices: Choices, now: UnixMillis) -> bool {
        let Choices { appearance, notify_shows_name, notify_shows_text } = choices;
        let appearance = choose(&mut self.appearance, appearance, now);
        let name = choose(&mut self.notify_shows_name, notify_shows_name, now);
        let text = choose(&mut self.notify_shows_text, notify_shows_text, now);
        appearance || name || text
    }

    /// Takes in what another device wrote. The order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        merge_optional(&mut self.appearance, other.appearance);
        merge_optional(&mut self.notify_shows_name, other.notify_shows_name);
        merge_optional(&mut self.notify_shows_text, other.notify_shows_text);
    }

    /// The choices as they stand.
    pub fn choices(&self) -> Choices {
        Choices {
            appearance: self.appearance.map(|dated| dated.value),
            notify_shows_name: self.notify_shows_name.map(|dated| dated.value),
            notify_shows_text: self.notify_shows_text.map(|dated| dated.value),
        }
    }
}

fn choose<T: Ord>(place: &mut Option<Dated<T>>, choice: Option<T>, now: UnixMillis) -> bool {
    match (place.as_mut(), choice) {
        (Some(dated), Some(value)) => dated.set(value, now),
        (None, Some(value)) => {
            *place = Some(Dated::at(value, now));
            true
        }
        (_, None) => false,
    }
}

#[cfg(test)]
mod tests;
