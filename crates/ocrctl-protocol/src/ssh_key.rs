//! Public SSH keys: lines of `authorized_keys` (sshd(8)) and of `.pub` files.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// A key, and who its comment says that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The fingerprint in the form of `ssh-keygen -l`: `SHA256:…`.
    pub fingerprint: String,
    /// The key itself, in base64.
    pub blob: String,
    pub comment: String,
}

/// The key of a line, which may begin with options. `None` if there is none in it, and sshd passes it over too.
pub fn parse(line: &str) -> Option<PublicKey> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let words = words(line);
    words.windows(2).take(2).find_map(|pair| {
        let [kind, encoded] = *pair else { return None };
        let blob = STANDARD.decode(encoded).ok()?;
        // RFC 4253, 6.6: the blob begins with its type's name and the length of that.
        let length = u32::try_from(kind.len()).ok()?.to_be_bytes();
        let rest = blob.strip_prefix(&length)?.strip_prefix(kind.as_bytes())?;
        if rest.is_empty() {
            return None;
        }
        let end = encoded.as_ptr() as usize - line.as_ptr() as usize + encoded.len();
        Some(PublicKey {
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob))),
            blob: encoded.to_owned(),
            comment: line[end..].trim().to_owned(),
        })
    })
}

/// Parted by blanks, except within the quotes that options may have.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut escaped) = (None, false, false);
    for (at, c) in line.char_indices() {
        let blank = c.is_whitespace() && !quoted;
        match start {
            Some(from) if blank => {
                words.push(&line[from..at]);
                start = None;
            }
            None if !blank => start = Some(at),
            _ => {}
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
    }
    words.extend(start.map(|from| &line[from..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC";

    #[test]
    fn separates_options_and_comments_from_the_key() {
        let plain = parse(KEY).unwrap();
        assert_eq!(plain.comment, "");
        let full = format!("command=\"echo \\\"a b\\\" ssh-rsa\",no-pty {KEY} ann@desk at home");
        let full = parse(&full).unwrap();
        assert_eq!(full.fingerprint, plain.fingerprint);
        assert_eq!(full.comment, "ann@desk at home");
        for line in [
            "",
            "# ssh-ed25519 AAAA",
            "ssh-ed25519",
            "ssh-rsa nonsense",
            &format!("#{KEY}"),
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
