//! An API key: `ocrk_<id>_<secret><check>`.
//!
//! | part   | length | meaning                                                                  |
//! |--------|--------|--------------------------------------------------------------------------|
//! | id     | 8      | public; names the key in logs, in `keys.json` and in commands             |
//! | secret | 43     | base62, drawn uniformly: 43 × log2(62) = 256 bits                         |
//! | check  | 6      | CRC-32 of everything before it, base62; detects typos without a server    |

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::KeyHash;

const PREFIX: &str = "ocrk_";
const ID_LEN: usize = 8;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;
const LEN: usize = PREFIX.len() + ID_LEN + 1 + SECRET_LEN + CHECK_LEN;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Alphabet of ids: lower case without look-alikes (Crockford's base 32), because people read ids aloud and type them.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An API key. Only [`ApiKey::reveal`] returns its text; `Debug` shows only the public id.
#[derive(Clone)]
pub struct ApiKey {
    text: SecretString,
}

/// Reason for which a text is not an API key. No message repeats the text, because it may be nearly a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("an API key starts with `{PREFIX}`")]
    Prefix,
    #[error("an API key has {LEN} characters, but this text has {0}")]
    Length(usize),
    #[error(
        "an API key is `ocrk_`, 8 characters, `_`, 49 letters and digits; this text has another character"
    )]
    Alphabet,
    #[error("the check at the end of the API key does not match: the key has a typo or was cut")]
    Check,
    #[error("the operating system returned no random numbers: {0}")]
    Random(getrandom::Error),
}

impl ApiKey {
    /// Generates a key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`ApiKeyError::Random`] if there are none.
    pub fn generate() -> Result<Self, ApiKeyError> {
        let mut text = String::with_capacity(LEN);
        text.push_str(PREFIX);
        push_random(&mut text, BASE32, ID_LEN)?;
        text.push('_');
        push_random(&mut text, BASE62, SECRET_LEN)?;
        let check = check_of(text.as_bytes());
        text.push_str(&check);
        Ok(Self { text: text.into() })
    }

    /// Parses a key from a person or a client, without surrounding white space.
    ///
    /// # Errors
    /// Any error except for [`ApiKeyError::Random`]. A well-formed key need not be valid for a service.
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let text = text.trim();
        let rest = text.strip_prefix(PREFIX).ok_or(ApiKeyError::Prefix)?;
        if text.len() != LEN {
            return Err(ApiKeyError::Length(text.chars().count()));
        }
        let (id, tail) = rest
            .as_bytes()
            .split_at_checked(ID_LEN)
            .ok_or(ApiKeyError::Alphabet)?;
        let (separator, tail) = tail.split_first().ok_or(ApiKeyError::Alphabet)?;
        // Reads to the end in any case, so that the time does not reveal how much of a guess was right.
        let fits = |part: &[u8], in_alphabet: fn(u8) -> bool| {
            part.iter().fold(true, |good, &c| good & in_alphabet(c))
        };
        let well_formed = fits(id, |c| BASE32.contains(&c))
            & (*separator == b'_')
            & fits(tail, |c| c.is_ascii_alphanumeric());
        let (body, check) = text.as_bytes().split_at(LEN - CHECK_LEN);
        let checked = check_of(body).as_bytes() == check;
        if !well_formed {
            return Err(ApiKeyError::Alphabet);
        }
        if !checked {
            return Err(ApiKeyError::Check);
        }
        Ok(Self {
            text: text.to_owned().into(),
        })
    }

    /// True if a text has the form of an [`ApiKey::id`].
    pub fn is_id(text: &str) -> bool {
        text.len() == ID_LEN && text.bytes().all(|c| BASE32.contains(&c))
    }

    /// Public part that names this key: 8 characters.
    pub fn id(&self) -> &str {
        let text = self.text.expose_secret();
        text.get(PREFIX.len()..PREFIX.len() + ID_LEN)
            .unwrap_or_default()
    }

    /// Hash for `keys.json`.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.text.expose_secret())
    }

    /// Text of the key, to show it to its owner once, and to send it as `Authorization: Bearer`.
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, secret)", self.id())
    }
}

/// Appends `count` characters of `alphabet` with equal probability. Bytes that are too high are drawn again, which
/// avoids modulo bias.
fn push_random(text: &mut String, alphabet: &[u8], count: usize) -> Result<(), ApiKeyError> {
    let fair = 256 - 256 % alphabet.len();
    let mut left = count;
    let mut pool = [0u8; 64];
    while left > 0 {
        getrandom::fill(&mut pool).map_err(ApiKeyError::Random)?;
        for byte in pool.iter().copied().map(usize::from) {
            if left > 0 && byte < fair {
                text.push(char::from(alphabet[byte % alphabet.len()]));
                left -= 1;
            }
        }
    }
    Ok(())
}

/// CRC-32 (ISO-HDLC) of `body`, as 6 base62 characters, most significant first.
fn check_of(body: &[u8]) -> String {
    let mut value = crc32fast::hash(body) as usize;
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[value % 62];
        value /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_parses_from_its_text() {
        let key = ApiKey::generate().unwrap();
        let again = ApiKey::parse(&format!("  {}\n", key.reveal())).unwrap();
        assert_eq!(key.reveal().len(), LEN);
        assert_eq!(key.id(), again.id());
        assert!(ApiKey::is_id(key.id()) && !ApiKey::is_id("scanner"));
        assert_eq!(key.hash(), again.hash());
        assert_ne!(key.reveal(), ApiKey::generate().unwrap().reveal());
    }

    #[test]
    fn detects_every_typo_of_one_character() {
        let key = ApiKey::generate().unwrap();
        for at in PREFIX.len()..LEN {
            let mut typo = key.reveal().as_bytes().to_vec();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(ApiKey::parse(&typo).is_err(), "typo at {at} went unnoticed");
        }
    }

    #[test]
    fn reports_each_malformation() {
        let key = ApiKey::generate().unwrap();
        let text = key.reveal();
        assert_eq!(ApiKey::parse("").unwrap_err(), ApiKeyError::Prefix);
        assert_eq!(ApiKey::parse("sk_live_1").unwrap_err(), ApiKeyError::Prefix);
        assert_eq!(
            ApiKey::parse(&text[..LEN - 3]).unwrap_err(),
            ApiKeyError::Length(LEN - 3)
        );
        let dash = format!("{}-{}", &text[..20], &text[21..]);
        assert_eq!(ApiKey::parse(&dash).unwrap_err(), ApiKeyError::Alphabet);
        let umlaut = format!("{}ü{}", &text[..20], &text[22..]);
        assert_eq!(ApiKey::parse(&umlaut).unwrap_err(), ApiKeyError::Alphabet);
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        let key = ApiKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()));
        assert!(!shown.contains(&key.reveal()[14..]));
    }

    /// Fixed for ever, because existing keys have to stay valid.
    #[test]
    fn the_check_is_crc32_in_base62() {
        let body = "ocrk_00000000_0000000000000000000000000000000000000000000";
        assert_eq!(body.len(), LEN - CHECK_LEN);
        let text = format!("{body}{}", check_of(body.as_bytes()));
        assert_eq!(ApiKey::parse(&text).unwrap().id(), "00000000");
        assert_eq!(check_of(b"123456789"), "3jZRME");
    }
}
