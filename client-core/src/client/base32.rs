//! Base 32, as authenticator apps take seeds.

use zeroize::Zeroizing;

use super::views::SecretText;

/// RFC 4648's base 32, as authenticator apps take seeds.
const BASE32: [char; 32] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U',
    'V', 'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
];

/// The text of a seed.
pub(super) fn base32(bytes: &[u8]) -> SecretText {
    let mut text = Zeroizing::new(String::new());
    for chunk in bytes.chunks(5) {
        let mut five = [0; 8];
        for (to, from) in five.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let number = u64::from_be_bytes(five);
        let digits = (chunk.len() * 8).div_ceil(5);
        for place in 0..digits {
            let index = usize::try_from((number >> (35 - 5 * place)) & 31).unwrap_or_default();
            text.extend(BASE32.get(index));
        }
    }
    SecretText::new(&text)
}

#[cfg(test)]
mod tests {
    use super::base32;

    /// RFC 4648 §10, without the padding.
    #[test]
    fn base32_is_the_rfcs() {
        let vectors = [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")];
        for (plain, text) in vectors {
            assert_eq!(base32(plain.as_bytes()).expose(), text);
        }
        assert_eq!(format!("{:?}", base32(b"foobar")), "***");
    }
}
