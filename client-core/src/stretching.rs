//! Password stretching: Argon2id (RFC 9106) with 64 MiB, three passes and one lane. Compiled in (O-3): nobody who hands
//! over a salt or a record can ask for less.

use argon2::{Algorithm, Argon2, Params, Version};

#[cfg(all(feature = "test-parameters", not(debug_assertions)))]
compile_error!("`test-parameters` weakens every password: it is for tests only");
#[cfg(all(feature = "test-parameters", target_arch = "wasm32"))]
compile_error!("`test-parameters` weakens every password: it is not for browsers");

/// Memory of the key stretching, KiB.
pub(crate) const MEMORY_KIB: u32 = if CHEAP { 64 } else { 64 * 1024 };
/// Passes over that memory.
pub(crate) const PASSES: u32 = if CHEAP { 1 } else { 3 };
/// Lanes of that memory.
pub(crate) const LANES: u32 = 1;
const CHEAP: bool = cfg!(feature = "test-parameters");

/// Stretches `input` to the length of `output`.
pub(crate) fn stretch(input: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(output.len()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(input, salt, output)
}
