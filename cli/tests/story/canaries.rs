//! Looks for strings that must not be where the relay can see them, raw and in seven encodings (`security.md`).

use std::io::Read as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use flate2::read::GzDecoder;
use memchr::memmem::{self, Finder};

/// Shorter ones turn up by chance.
const CANARY_BYTES_MIN: usize = 10;
/// A stream that unpacks to more is looked into no further.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Something that must not be found.
pub(crate) struct Canary {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Canary {
    pub(crate) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.into(), bytes.into());
        assert!(bytes.len() >= CANARY_BYTES_MIN, "{name} would be found by chance");
        Self { name, bytes }
    }
}

/// Somewhere the relay can look.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Trace {
    pub(crate) fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
    }
}

/// Every canary that was found, in which encoding and where.
pub(crate) fn find(canaries: &[Canary], traces: &[Trace]) -> Vec<String> {
    let unpacked: Vec<Trace> = traces.iter().flat_map(unpacked).collect();
    let traces: Vec<&Trace> = traces.iter().chain(&unpacked).collect();
    let mut found = Vec::new();
    for canary in canaries {
        for (encoding, pattern) in encodings(&canary.bytes) {
            let finder = Finder::new(&pattern);
            let hits = traces.iter().filter(|trace| finder.find(&trace.bytes).is_some());
            found.extend(hits.map(|trace| format!("{} in {}, {encoding}", canary.name, trace.name)));
        }
    }
    found
}

fn encodings(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let join = |separator: &str, word: &dyn Fn(&u8) -> String| {
        bytes.iter().map(word).collect::<Vec<_>>().join(separator).into_bytes()
    };
    let utf16 = |order: fn(u16) -> [u8; 2]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.encode_utf16().flat_map(order).collect::<Vec<u8>>()
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let mut forms = vec![
        ("raw".to_owned(), bytes.to_vec()),
        ("hex".to_owned(), join("", &|byte| format!("{byte:02x}"))),
        ("hex in capitals".to_owned(), join("", &|byte| format!("{byte:02X}"))),
        ("a decimal list".to_owned(), join(",", &u8::to_string)),
        ("a spaced decimal list".to_owned(), join(", ", &u8::to_string)),
        ("percent".to_owned(), join("", &|byte| format!("%{byte:02X}"))),
        ("percent in small letters".to_owned(), join("", &|byte| format!("%{byte:02x}"))),
        (
            "percent where needed".to_owned(),
            join("", &|byte| {
                if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
            }),
        ),
    ];
    if std::str::from_utf8(bytes).is_ok() {
        forms.push(("UTF-16".to_owned(), utf16(u16::to_le_bytes)));
        forms.push(("UTF-16, big end first".to_owned(), utf16(u16::to_be_bytes)));
    }
    for offset in 0..3 {
        forms.push((
            format!("base64 at {offset}"),
            base64_at(bytes, offset, |bytes| STANDARD_NO_PAD.encode(bytes)),
        ));
        forms.push((
            format!("base64url at {offset}"),
            base64_at(bytes, offset, |bytes| URL_SAFE_NO_PAD.encode(bytes)),
        ));
    }
    forms
}

/// Base64 depends on where in a longer text the canary stands: the characters that are its own alone.
fn base64_at(bytes: &[u8], offset: usize, encode: impl Fn(&[u8]) -> String) -> Vec<u8> {
    let whole = encode(&[&[0; 3][..offset], bytes].concat());
    let from = (offset * 8).div_ceil(6);
    let to = (offset + bytes.len()) * 8 / 6;
    whole.as_bytes()[from..to].to_vec()
}

/// Every gzip stream inside a trace, unpacked as far as it goes.
fn unpacked(trace: &Trace) -> Vec<Trace> {
    memmem::find_iter(&trace.bytes, b"\x1f\x8b\x08")
        .filter_map(|at| {
            let mut bytes = Vec::new();
            // A stream that breaks off has shown what came before; most are three bytes by chance.
            drop(GzDecoder::new(&trace.bytes[at..]).take(UNPACKED_BYTES_MAX).read_to_end(&mut bytes));
            let name = format!("{}, gzip at {at}", trace.name);
            (!bytes.is_empty()).then(|| Trace::new(name, bytes))
        })
        .collect()
}

#[test]
fn a_canary_is_found_in_every_encoding_wherever_it_stands() {
    use std::io::Write as _;

    let secret = "Ünder the föur oaks / at 9?";
    let canary = [Canary::new("the place", secret)];
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let around = |inside: &[u8], before: usize| [&b"xyz"[..before], inside, b"behind"].concat();
    let mut planted: Vec<(&str, Vec<u8>)> = vec![
        ("raw", around(secret.as_bytes(), 1)),
        ("gzip", around(&gzip(&around(secret.as_bytes(), 2)), 3)),
        ("UTF-16", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("hex", secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into()),
        ("decimal", secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ").into()),
        ("percent", secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into()),
    ];
    for before in 0..3 {
        planted.push(("base64", STANDARD_NO_PAD.encode(around(secret.as_bytes(), before)).into()));
        planted.push(("base64url", URL_SAFE_NO_PAD.encode(around(secret.as_bytes(), before)).into()));
    }

    for (encoding, bytes) in planted {
        let traces = [Trace::new("a trace", [&b"before"[..], &bytes].concat())];
        assert!(!find(&canary, &traces).is_empty(), "missed in {encoding}");
    }
    assert!(find(&canary, &[Trace::new("a trace", b"nothing to see here".to_vec())]).is_empty());
}
