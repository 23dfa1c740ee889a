//! Public host keys as inventory and `known_hosts` have them, and their fingerprints.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::TransportError;
use ocrctl_inventory::Target;

/// A public host key and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// The key's line for the inventory: `ssh-ed25519 AAAA…`.
    pub line: String,
    /// `SHA256:…`, as ssh shows it.
    pub fingerprint: String,
}

impl HostKey {
    /// `type base64 [comment]`, as in a `.pub` file.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (kind, encoded) = (words.next()?, words.next()?);
        let blob = STANDARD.decode(encoded).ok()?;
        // The blob begins with its type again, after a length of four bytes (RFC 4253, section 6.6).
        let length = u32::from_be_bytes(*blob.first_chunk()?) as usize;
        if blob.get(4..4 + length)? != kind.as_bytes() {
            return None;
        }
        Some(Self {
            line: format!("{kind} {encoded}"),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob))),
        })
    }

    /// Such as `ssh-ed25519`.
    pub(super) fn kind(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

/// The keys that the inventory pins for a host.
pub(super) fn pinned(target: &Target) -> Result<Vec<HostKey>, TransportError> {
    target
        .host_keys
        .iter()
        .map(|line| {
            HostKey::parse(line).ok_or_else(|| TransportError::Setting {
                host: target.name.clone(),
                what: "host key",
                value: line.clone(),
                problem: "expected a public key, such as `ssh-ed25519 AAAA…`",
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// GitHub's, whose fingerprint is published.
    pub(in crate::transport) const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    pub(in crate::transport) const FINGERPRINT: &str =
        "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

    #[test]
    fn the_fingerprint_is_the_published_one() {
        let key = HostKey::parse(&format!("{LINE} a comment")).unwrap();
        assert_eq!(key.fingerprint, FINGERPRINT);
        assert_eq!(key.line, LINE);
        assert_eq!(key.kind(), "ssh-ed25519");
    }

    #[test]
    fn rejects_text_that_is_no_key() {
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 !!!",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            FINGERPRINT,
        ] {
            assert_eq!(HostKey::parse(line), None, "{line}");
        }
    }
}
