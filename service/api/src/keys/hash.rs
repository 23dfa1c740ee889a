//! Hash of an API key.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// SHA-256 of a key's whole text, as 64 hex digits in JSON. A slow password hash would add nothing: the secret has 256
/// random bits, so there is no list of candidates to try.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub fn of(key_text: &str) -> Self {
        Self(Sha256::digest(key_text.as_bytes()).into())
    }
}

/// Compares in constant time, so that the time does not reveal where hashes differ.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({self})")
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).ok_or_else(|| {
            de::Error::custom("`sha256` must be 64 hex digits, the SHA-256 of the whole key")
        })
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same as `printf %s abc | sha256sum`, so that a hash can be made and checked without this program.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn equals_the_plain_sha256_in_hex() {
        assert_eq!(KeyHash::of("abc").to_string(), ABC);
        let read: KeyHash = serde_json::from_str(&format!("\"{ABC}\"")).unwrap();
        assert_eq!(read, KeyHash::of("abc"));
        assert_ne!(read, KeyHash::of("abd"));
    }

    #[test]
    fn rejects_anything_but_64_hex_digits() {
        for wrong in ["", "00", &ABC[1..], &ABC.replace('b', "g"), &"ü".repeat(32)] {
            assert!(serde_json::from_str::<KeyHash>(&format!("\"{wrong}\"")).is_err());
        }
    }
}
