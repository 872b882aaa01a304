use std::{collections::BTreeMap, convert::Infallible, fs, path::Path};

use protocol::BlobId;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use rand_core::{Rng as _, TryCryptoRng, TryRng};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    CHUNK_BYTES, ContainerError, FileKey, HEADER_BYTES, Opener, SEALED_CHUNK_BYTES, Sealer, container_bytes,
    sealer::PlaintextBytes,
};
use crate::labels::CONTENT;

const BLOB: BlobId = BlobId::from_bytes([2; 16]);

fn key() -> FileKey {
    FileKey::from_bytes([1; 32])
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

/// Byte i is i mod 251.
fn content(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn seal_all(mut sealer: Sealer, content: &[u8], chunks_per_call: u32) -> Vec<u8> {
    let mut container = sealer.header().to_vec();
    let mut rest = content;
    while let Some(wanted) = sealer.content_wanted(chunks_per_call) {
        let (next, behind) = rest.split_at(wanted);
        container.extend(sealer.seal_chunks(chunks_per_call, next).unwrap());
        rest = behind;
    }
    assert!(rest.is_empty());
    assert_eq!(container.len() as u64, sealer.container_bytes());
    container
}

fn sealed(content: &[u8]) -> Vec<u8> {
    let sealer = Sealer::new(&key(), BLOB, content.len() as u64, &mut rng()).unwrap();
    seal_all(sealer, content, 3)
}

fn open_with(mut opener: Opener, container: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let content = opener.open_chunks(&container[HEADER_BYTES..])?;
    opener.finish()?;
    Ok(content)
}

fn open_all(key: &FileKey, blob: BlobId, container: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let header = &container[..container.len().min(HEADER_BYTES)];
    open_with(Opener::new(key, blob, header, container.len() as u64)?, container)
}

fn open_content(container: &[u8], content_bytes: u64) -> Result<Vec<u8>, ContainerError> {
    let opener = Opener::for_content(&key(), BLOB, &container[..HEADER_BYTES], content_bytes)?;
    open_with(opener, container)
}

// ---- published vectors (F-7)

#[derive(Deserialize)]
struct Vector {
    file_key: String,
    blob_id: String,
    container_bytes: usize,
    container_sha256: String,
    expect: String,
    chunk: Option<u32>,
    #[serde(default)]
    salt: String,
    #[serde(default)]
    content_bytes: usize,
    #[serde(default)]
    plaintext_bytes: usize,
    #[serde(default)]
    header: String,
    container: Option<String>,
    #[serde(default)]
    base: String,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    replace: Vec<Replacement>,
}

#[derive(Deserialize)]
struct Part {
    of: Option<String>,
    from: usize,
    to: usize,
}

#[derive(Deserialize)]
struct Replacement {
    at: usize,
    with: String,
}

impl Vector {
    fn key(&self) -> FileKey {
        FileKey::from_bytes(hex(&self.file_key).try_into().unwrap())
    }

    fn blob(&self) -> BlobId {
        BlobId::try_from(hex(&self.blob_id).as_slice()).unwrap()
    }

    fn seal(&self) -> Vec<u8> {
        let lengths =
            PlaintextBytes { content: self.content_bytes as u64, padded: self.plaintext_bytes as u64 };
        let mut salt = GivenSalt(hex(&self.salt));
        let sealer = Sealer::padded(CONTENT, self.key().expose(), self.blob(), lengths, &mut salt).unwrap();
        seal_all(sealer, &content(self.content_bytes), 2)
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Randomness that is the salt of a vector.
struct GivenSalt(Vec<u8>);

impl TryRng for GivenSalt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a sealer draws its salt only")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a sealer draws its salt only")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for GivenSalt {}

fn vectors() -> BTreeMap<String, Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/container");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let vector = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            (name, vector)
        })
        .collect()
}

fn outcome_name(outcome: &Result<Vec<u8>, ContainerError>) -> (&'static str, Option<u32>) {
    match outcome {
        Ok(_) => ("ok", None),
        Err(ContainerError::NotAContainer) => ("not_a_container", None),
        Err(ContainerError::UnsupportedVersion) => ("unsupported_version", None),
        Err(ContainerError::WrongKey) => ("wrong_key", None),
        Err(ContainerError::WrongLength) => ("wrong_length", None),
        Err(ContainerError::BadChunk { index }) => ("bad_chunk", Some(*index)),
        Err(_) => ("another error", None),
    }
}

#[test]
fn good_vectors_seal_to_their_bytes_and_open() {
    let mut count = 0;
    for (name, vector) in vectors().iter().filter(|(_, vector)| vector.expect == "ok") {
        let container = vector.seal();

        assert_eq!(container.len(), vector.container_bytes, "{name}");
        assert_eq!(container[..HEADER_BYTES], hex(&vector.header), "{name}");
        assert_eq!(Sha256::digest(&container)[..], hex(&vector.container_sha256), "{name}");
        if let Some(given) = &vector.container {
            assert_eq!(container, hex(given), "{name}");
        }
        let mut plaintext = content(vector.content_bytes);
        plaintext.resize(vector.plaintext_bytes, 0);
        assert_eq!(open_all(&vector.key(), vector.blob(), &container), Ok(plaintext), "{name}");
        count += 1;
    }
    assert_eq!(count, 10);
}

#[test]
fn bad_vectors_fail_as_their_names_say() {
    let vectors = vectors();
    let mut count = 0;
    for (name, vector) in vectors.iter().filter(|(_, vector)| vector.expect != "ok") {
        let mut container = Vec::new();
        for part in &vector.parts {
            let base = vectors[part.of.as_ref().unwrap_or(&vector.base)].seal();
            container.extend_from_slice(&base[part.from..part.to]);
        }
        for replacement in &vector.replace {
            let with = hex(&replacement.with);
            container[replacement.at..replacement.at + with.len()].copy_from_slice(&with);
        }
        assert_eq!(container.len(), vector.container_bytes, "{name}");
        assert_eq!(Sha256::digest(&container)[..], hex(&vector.container_sha256), "{name}");

        let outcome = open_all(&vector.key(), vector.blob(), &container);

        assert_eq!(outcome_name(&outcome), (vector.expect.as_str(), vector.chunk), "{name}");
        count += 1;
    }
    assert_eq!(count, 28);
}

// ---- sealing

#[test]
fn content_of_every_length_around_a_chunk_reads_back() {
    for length in
        [0, 1, 4_095, 4_096, 4_097, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5]
    {
        let content = content(length);
        let container = sealed(&content);

        assert_eq!(container.len() as u64, container_bytes(length as u64).unwrap());
        assert_eq!(open_content(&container, length as u64), Ok(content), "{length}");
    }
}

#[test]
fn the_number_of_chunks_per_call_does_not_show() {
    let content = content(5 * CHUNK_BYTES + 77);
    let sealed_by = |chunks| {
        let sealer = Sealer::new(&key(), BLOB, content.len() as u64, &mut rng()).unwrap();
        seal_all(sealer, &content, chunks)
    };

    assert_eq!(sealed_by(1), sealed_by(4));
    assert_eq!(sealed_by(1), sealed_by(u32::MAX));
}

#[test]
fn two_containers_of_one_content_and_key_look_unrelated() {
    let mut rng = rng();
    let mut seal = || {
        let sealer = Sealer::new(&key(), BLOB, 10, &mut rng).unwrap();
        seal_all(sealer, &content(10), 1)
    };
    let (one, other) = (seal(), seal());

    assert_ne!(one[8..40], other[8..40]);
    assert_ne!(one[HEADER_BYTES..], other[HEADER_BYTES..]);
}

#[test]
fn a_sealer_takes_exactly_what_it_wants() {
    let mut sealer = Sealer::new(&key(), BLOB, CHUNK_BYTES as u64 + 9, &mut rng()).unwrap();
    let out_of_turn = Err(ContainerError::OutOfTurn);

    assert_eq!(sealer.seal_chunks(1, &content(CHUNK_BYTES - 1)), out_of_turn);
    assert_eq!(sealer.seal_chunks(1, &content(CHUNK_BYTES + 1)), out_of_turn);
    assert_eq!(sealer.seal_chunks(0, &[]), out_of_turn);
    sealer.seal_chunks(1, &content(CHUNK_BYTES)).unwrap();
    assert_eq!(sealer.seal_chunks(1, &content(10)), out_of_turn);
    sealer.seal_chunks(1, &content(9)).unwrap();
    assert_eq!(sealer.content_wanted(1), None);
    assert_eq!(sealer.seal_chunks(1, &[]), out_of_turn);
}

#[test]
fn sizes_that_no_container_has_are_refused() {
    assert_eq!(container_bytes(u64::MAX), Err(ContainerError::TooLarge));
    assert_eq!(Sealer::new(&key(), BLOB, 1 << 50, &mut rng()).err(), Some(ContainerError::TooLarge));
    let header = &sealed(&[])[..HEADER_BYTES];
    for length in [0, 71, 72, 87, u64::MAX] {
        let refused = Opener::new(&key(), BLOB, header, length).err();
        assert!(matches!(refused, Some(ContainerError::WrongLength | ContainerError::TooLarge)), "{length}");
    }
}

// ---- opening

#[test]
fn a_container_of_another_content_length_does_not_open() {
    let container = sealed(&content(CHUNK_BYTES + 9_000));

    for length in [CHUNK_BYTES as u64, 3 * CHUNK_BYTES as u64] {
        assert!(open_content(&container, length).is_err(), "{length}");
    }
}

#[test]
fn content_where_padding_should_be_is_refused() {
    let container = sealed(&content(4_000));

    assert_eq!(open_content(&container, 3_000), Err(ContainerError::BadPadding));
}

#[test]
fn an_opener_that_stops_early_says_so() {
    let container = sealed(&content(2 * CHUNK_BYTES));
    let mut opener = Opener::new(&key(), BLOB, &container[..HEADER_BYTES], container.len() as u64).unwrap();
    let wanted = opener.sealed_wanted(1).unwrap();

    opener.open_chunks(&container[HEADER_BYTES..HEADER_BYTES + wanted]).unwrap();

    assert_eq!(wanted, SEALED_CHUNK_BYTES);
    assert_eq!(opener.finish(), Err(ContainerError::OutOfTurn));
}

#[test]
fn parts_of_chunks_and_bytes_behind_the_end_are_out_of_turn() {
    let container = sealed(&content(2 * CHUNK_BYTES));
    let open = |bytes: &[u8]| {
        let header = &container[..HEADER_BYTES];
        let mut opener = Opener::new(&key(), BLOB, header, container.len() as u64).unwrap();
        opener.open_chunks(bytes).map(|_| ())
    };
    let chunks = &container[HEADER_BYTES..];

    assert_eq!(open(&chunks[..100]), Err(ContainerError::OutOfTurn));
    assert_eq!(open(&[chunks, &[0]].concat()), Err(ContainerError::OutOfTurn));
    assert_eq!(open(chunks), Ok(()));
}

#[test]
fn every_flipped_bit_of_a_small_container_and_every_truncation_is_refused() {
    let lengths = PlaintextBytes { content: 40, padded: 40 };
    let sealer = Sealer::padded(CONTENT, key().expose(), BLOB, lengths, &mut rng()).unwrap();
    let container = seal_all(sealer, &content(40), 1);
    for bit in 0..container.len() * 8 {
        let mut flipped = container.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open_all(&key(), BLOB, &flipped).is_err(), "bit {bit}");
    }
    for length in 0..container.len() {
        assert!(open_all(&key(), BLOB, &container[..length]).is_err());
    }
}

#[test]
fn random_bytes_are_no_container() {
    let mut rng = rng();
    for round in 0..2_000 {
        let mut random = vec![0; round % 200];
        rng.fill_bytes(&mut random);
        assert!(open_all(&key(), BLOB, &random).is_err());
    }
}

// ---- ranges

#[test]
fn any_range_reads_what_the_whole_reads() {
    let content = content(3 * CHUNK_BYTES + 500);
    let container = sealed(&content);
    let opener = Opener::new(&key(), BLOB, &container[..HEADER_BYTES], container.len() as u64).unwrap();
    let slice = |range: core::ops::Range<u64>| {
        &container[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    let last = slice(opener.last_chunk());
    let ranges = opener.into_ranges(last).unwrap();
    let chunk = CHUNK_BYTES as u64;

    for range in [
        0..1,
        0..chunk,
        chunk - 1..chunk + 1,
        chunk..2 * chunk,
        5..3 * chunk + 7,
        3 * chunk..3 * chunk + 500,
        7..7,
    ] {
        let opened = ranges.open_range(&range, slice(ranges.container_range(&range))).unwrap();
        let expected = &content[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert_eq!(opened, expected, "{range:?}");
    }
    let beyond = ranges.plaintext_bytes()..ranges.plaintext_bytes() + 10;
    assert!(ranges.container_range(&beyond).is_empty());
}

#[test]
fn a_range_reader_finds_a_cut_container_before_it_reads() {
    let container = sealed(&content(3 * CHUNK_BYTES));
    let cut = HEADER_BYTES + 2 * SEALED_CHUNK_BYTES;
    let opener = Opener::new(&key(), BLOB, &container[..HEADER_BYTES], cut as u64).unwrap();
    let claimed_last = &container[HEADER_BYTES + SEALED_CHUNK_BYTES..cut];

    assert_eq!(opener.into_ranges(claimed_last).err(), Some(ContainerError::BadChunk { index: 1 }));
}

#[test]
fn a_range_of_other_chunks_is_refused() {
    let container = sealed(&content(3 * CHUNK_BYTES));
    let header = &container[..HEADER_BYTES];
    let opener = Opener::new(&key(), BLOB, header, container.len() as u64).unwrap();
    let last = opener.last_chunk();
    let last = &container[usize::try_from(last.start).unwrap()..usize::try_from(last.end).unwrap()];
    let ranges = opener.into_ranges(last).unwrap();
    let first_chunk = &container[HEADER_BYTES..HEADER_BYTES + SEALED_CHUNK_BYTES];
    let second = CHUNK_BYTES as u64..CHUNK_BYTES as u64 + 1;

    assert_eq!(ranges.open_range(&second, first_chunk), Err(ContainerError::BadChunk { index: 1 }));
    assert_eq!(ranges.open_range(&second, &first_chunk[1..]), Err(ContainerError::OutOfTurn));
}

// ---- the capability to read (F-9)

#[test]
fn a_read_capability_is_of_one_key_and_blob() {
    let capability = key().read_capability(BLOB);

    assert_eq!(capability, key().read_capability(BLOB));
    assert_eq!(capability.expose()[..8], [0x1e, 0xc3, 0x16, 0x67, 0x57, 0xaa, 0xd1, 0x23]); // computed apart
    assert_ne!(capability, key().read_capability(BlobId::from_bytes([3; 16])));
    assert_ne!(capability, FileKey::from_bytes([9; 32]).read_capability(BLOB));
    assert_ne!(capability.hash(), *capability.expose());
}
