//! Host keys that `ssh` is about: asking a host for its own, and what a `known_hosts` file has.

use std::fs;

use super::invocation::Invocation;
use crate::transport::HostKey;

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

/// `[@marker] hosts type base64 [comment]`, as in `known_hosts`.
fn parse_known_host(line: &str) -> Option<HostKey> {
    let line = match line.strip_prefix('@') {
        Some(marked) => marked.split_once(' ')?.1,
        None => line,
    };
    HostKey::parse(line.split_once(' ')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::host_key::tests::{FINGERPRINT, LINE};

    #[test]
    fn known_hosts_lines_are_read() {
        for line in [
            format!("github.com,[127.0.0.1]:22 {LINE}"),
            format!("@cert-authority *.example.org {LINE} comment"),
        ] {
            assert_eq!(parse_known_host(&line).unwrap().fingerprint, FINGERPRINT);
        }
    }
}
