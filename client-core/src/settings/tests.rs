use protocol::UnixMillis;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::{Appearance, Choices, Settings};
use crate::records::RecordError;

fn at(now: u64) -> UnixMillis {
    UnixMillis(now)
}

fn dark() -> Choices {
    Choices { appearance: Some(Appearance::Dark), ..Choices::default() }
}

fn chosen() -> Settings {
    let mut settings = Settings::default();
    settings.choose(Choices { notify_shows_text: Some(true), ..dark() }, at(9));
    settings
}

fn merged(one: &Settings, other: &Settings) -> Settings {
    let mut merged = one.clone();
    merged.merge(other.clone());
    merged
}

/// A change of these bytes locks older devices out.
#[test]
fn settings_have_their_golden_bytes_and_read_back() {
    let golden = [
        0xa3, 0x00, 0x01, // three fields: what was never chosen is left out; version 1
        0x01, 0xa2, 0x00, 0x09, 0x01, 0x02, // appearance, changed at 9: dark
        0x03, 0xa2, 0x00, 0x09, 0x01, 0xf5, // notifications show the text
    ];

    assert_eq!(chosen().encode().as_slice(), golden);
    assert_eq!(Settings::decode(&golden), Ok(chosen()));
}

#[test]
fn settings_of_a_newer_version_are_refused_and_unknown_fields_are_skipped() {
    let mut with_unknown = chosen().encode().to_vec();
    with_unknown[0] = 0xa4;
    with_unknown.extend([0x18, 0x63, 0x01]);

    assert_eq!(Settings::decode(&[0xa1, 0x00, 0x02]), Err(RecordError::NewerVersion { version: 2 }));
    assert_eq!(Settings::decode(&with_unknown), Ok(chosen()));
}

#[test]
fn truncations_and_random_bytes_are_no_settings() {
    let bytes = chosen().encode();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for length in 0..bytes.len() {
        assert!(Settings::decode(&bytes[..length]).is_err(), "{length}");
    }
    for round in 0..5_000 {
        let mut random = vec![0; round % 60];
        rng.fill_bytes(&mut random);
        let _ = Settings::decode(&random);
        let mut damaged = bytes.to_vec();
        let place = usize::try_from(rng.next_u32()).unwrap() % damaged.len();
        damaged[place] = rng.next_u32().to_be_bytes()[0];
        let _ = Settings::decode(&damaged);
    }
}

#[test]
fn only_what_is_given_is_chosen() {
    let mut settings = chosen();

    assert!(!settings.choose(dark(), at(20)), "chosen already");
    assert!(settings.choose(Choices { notify_shows_name: Some(false), ..Choices::default() }, at(21)));

    let expected = Choices { notify_shows_name: Some(false), ..chosen().choices() };
    assert_eq!(settings.choices(), expected);
}

#[test]
fn choices_of_two_devices_are_both_kept_and_of_the_same_the_later() {
    let (mut one, mut other) = (chosen(), chosen());
    one.choose(Choices { notify_shows_name: Some(false), ..Choices::default() }, at(30));
    one.choose(Choices { appearance: Some(Appearance::Light), ..Choices::default() }, at(31));
    other.choose(Choices { appearance: Some(Appearance::System), ..Choices::default() }, at(32));

    let choices = merged(&one, &other).choices();

    assert_eq!(merged(&one, &other), merged(&other, &one));
    assert_eq!((choices.appearance, choices.notify_shows_name), (Some(Appearance::System), Some(false)));
}
