//! Host keys: reading them, their fingerprints, and asking a host for its own.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::invocation::Invocation;
use crate::inventory::Target;
use crate::transport::{HostKey, TransportError};

/// The keys that the inventory pins for a host.
pub(super) fn pinned(target: &Target) -> Result<Vec<HostKey>, TransportError> {
    target
        .host_keys
        .iter()
        .map(|line| {
            parse(line).ok_or_else(|| TransportError::Setting {
                host: target.name.clone(),
                what: "host key",
                value: line.clone(),
                problem: "expected a public key, such as `ssh-ed25519 AAAA…`",
            })
        })
        .collect()
}

/// The key that the host presents. It is trusted for nothing: the connection ends before a login.
pub(super) async fn presented(ssh: &Invocation) -> Option<HostKey> {
    let file = ssh.file("presented");
    // Its end says nothing: without a login it always fails.
    ssh.ask_for_key(&file).output().await.ok()?;
    let text = fs::read_to_string(file).ok()?;
    parse_known_host(text.lines().next()?)
}

/// Fingerprint of the key in line `place` (`file:line`) of a `known_hosts` file.
pub(super) fn recorded(place: &str) -> Option<String> {
    let (file, number) = place.rsplit_once(':')?;
    let number: usize = number.parse().ok()?;
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().nth(number.checked_sub(1)?)?;
    parse_known_host(line).map(|key| key.fingerprint)
}

/// `type base64 [comment]`, as in a `.pub` file.
fn parse(line: &str) -> Option<HostKey> {
    let mut words = line.split_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    let blob = STANDARD.decode(encoded).ok()?;
    // The blob begins with its type again, after a length of four bytes (RFC 4253, section 6.6).
    let length = u32::from_be_bytes(*blob.first_chunk()?) as usize;
    if blob.get(4..4 + length)? != kind.as_bytes() {
        return None;
    }
    Some(HostKey {
        line: format!("{kind} {encoded}"),
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob))),
    })
}

/// `[@marker] hosts type base64 [comment]`, as in `known_hosts`.
fn parse_known_host(line: &str) -> Option<HostKey> {
    let line = match line.strip_prefix('@') {
        Some(marked) => marked.split_once(' ')?.1,
        None => line,
    };
    parse(line.split_once(' ')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub's, whose fingerprint is published.
    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

    #[test]
    fn the_fingerprint_is_the_published_one() {
        let key = parse(&format!("{LINE} a comment")).unwrap();
        assert_eq!(key.fingerprint, FINGERPRINT);
        assert_eq!(key.line, LINE);
    }

    #[test]
    fn known_hosts_lines_are_read() {
        for line in [
            format!("github.com,[127.0.0.1]:22 {LINE}"),
            format!("@cert-authority *.example.org {LINE} comment"),
        ] {
            assert_eq!(parse_known_host(&line).unwrap().fingerprint, FINGERPRINT);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 !!!",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            FINGERPRINT,
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
