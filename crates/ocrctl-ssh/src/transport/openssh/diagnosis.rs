//! Turns the messages of `ssh` into errors that a caller can distinguish.
//! The messages are from OpenSSH's sshconnect.c, packet.c, kex.c and channels.c.

use ocrctl_command::last_lines;

use super::host_key;
use super::invocation::Invocation;
use crate::transport::TransportError;
use crate::transport::error::Unreachable;

/// The reason that `ssh` printed before it gave up.
#[derive(Debug, PartialEq, Eq)]
enum Diagnosis {
    UnknownHostKey {
        /// The host as `ssh` calls it: ours, or a jump host.
        name: String,
    },
    ChangedHostKey {
        name: Option<String>,
        found: Option<String>,
        offending: Option<String>,
    },
    Authentication(String),
    Unreachable(Unreachable),
    Other(String),
}

/// The error behind what a master wrote. Of a jump host it only knows that it is gone: a master gives
/// the `ssh` that it starts for one no place to write to. So ask again, without a master.
pub(super) async fn explain_master(ssh: &Invocation, log: &str) -> TransportError {
    if !matches!(
        diagnose(log),
        Diagnosis::Unreachable(Unreachable::Closed(_))
    ) {
        return explain(ssh, log).await;
    }
    match ssh.single("true").output().await {
        Ok(output) if !output.status.success() => {
            explain(ssh, &String::from_utf8_lossy(&output.stderr)).await
        }
        _ => explain(ssh, log).await,
    }
}

/// The error behind what `ssh` wrote. Asks the host for its key where that is what it is about.
pub(super) async fn explain(ssh: &Invocation, text: &str) -> TransportError {
    let host = ssh.target.name.clone();
    match diagnose(text) {
        Diagnosis::UnknownHostKey { name } => match host_key::presented(ssh).await {
            // The host can't be asked: it is a jump host on the way to it that is not known.
            None => TransportError::UnknownHostKey {
                host: name,
                key: None,
            },
            // A key of another type than the pinned ones is unknown to ssh, and wrong to us.
            Some(key) if !ssh.pinned.is_empty() => TransportError::ChangedHostKey {
                host,
                expected: ssh.pinned.clone(),
                pinned: true,
                found: Some(key.fingerprint),
                offending: None,
            },
            key => TransportError::UnknownHostKey { host, key },
        },
        Diagnosis::ChangedHostKey {
            name,
            found,
            offending,
        } => {
            let known_hosts = ssh.file("known_hosts");
            let pinned = offending
                .as_deref()
                .is_some_and(|place| place.starts_with(&*known_hosts.to_string_lossy()));
            let expected = match offending.as_deref() {
                _ if pinned => ssh.pinned.clone(),
                Some(place) => host_key::recorded(place).into_iter().collect(),
                None => Vec::new(),
            };
            TransportError::ChangedHostKey {
                host: if pinned { host } else { name.unwrap_or(host) },
                expected,
                pinned,
                found,
                offending: offending.filter(|_| !pinned),
            }
        }
        Diagnosis::Authentication(reason) => TransportError::Authentication { host, reason },
        Diagnosis::Unreachable(reason) => TransportError::Unreachable { host, reason },
        Diagnosis::Other(message) => TransportError::Ssh { host, message },
    }
}

/// The end of what `ssh` wrote, on one line.
pub(super) fn last_words(text: &str) -> String {
    let lines = last_lines(text, 3).into_iter().map(str::trim);
    lines.collect::<Vec<_>>().join("; ")
}

fn diagnose(text: &str) -> Diagnosis {
    if let Some(found) = changed(text).or_else(|| unknown(text)) {
        return found;
    }
    if text.contains("Permission denied (") || text.contains("Too many authentication failures") {
        return Diagnosis::Authentication(login_problems(text));
    }
    if let Some(reason) = unreachable(text) {
        return Diagnosis::Unreachable(reason);
    }
    match last_words(text) {
        words if words.is_empty() => Diagnosis::Other("it gave no reason".into()),
        words => Diagnosis::Other(words),
    }
}

fn changed(text: &str) -> Option<Diagnosis> {
    let strict = "has changed and you have requested strict checking";
    if !text.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") && !text.contains(strict) {
        return None;
    }
    let word = |prefix: &str| {
        let line = text.lines().find(|line| line.starts_with(prefix))?;
        line.split_whitespace().last().map(str::to_owned)
    };
    Some(Diagnosis::ChangedHostKey {
        name: between(text, "Host key for ", " has changed"),
        found: word("SHA256:").map(|found| found.trim_end_matches('.').to_owned()),
        offending: word("Offending "),
    })
}

fn unknown(text: &str) -> Option<Diagnosis> {
    between(
        text,
        "host key is known for ",
        " and you have requested strict",
    )
    .map(|name| Diagnosis::UnknownHostKey { name })
}

fn login_problems(text: &str) -> String {
    let tells = [
        "Permission denied",
        "Too many authentication failures",
        "Load key",
        "are too open",
        "sign_and_send_pubkey",
        "agent refused",
        "no such identity",
        "no mutual signature",
    ];
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| tells.iter().any(|tell| line.contains(tell)))
        .collect();
    lines.join("; ")
}

fn unreachable(text: &str) -> Option<Unreachable> {
    if let Some(name) = between(text, "Could not resolve hostname ", ":") {
        return Some(Unreachable::Name(name));
    }
    let place = match between(text, "connect to host ", ":") {
        Some(place) => format!(" ({})", place.replace(" port ", ", port ")),
        None => String::new(),
    };
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["Name or service not known", "name resolution"]) {
        Some(Unreachable::Name("of the host".into()))
    } else if says(&["Connection refused"]) {
        Some(Unreachable::Refused(place))
    } else if says(&["timed out", "Timeout"]) {
        Some(Unreachable::Timeout(place))
    } else if says(&[
        "No route to host",
        "Network is unreachable",
        "Host is down",
        "administratively prohibited",
    ]) {
        Some(Unreachable::NoRoute(place))
    } else if says(&[
        "Connection closed by",
        "Connection reset by",
        "kex_exchange_identification",
        "banner line",
        "Bad remote protocol version",
        "Broken pipe",
    ]) {
        Some(Unreachable::Closed(place))
    } else {
        None
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains(before))?;
    let (_, rest) = line.split_once(before)?;
    let (found, _) = rest.split_once(after)?;
    Some(found.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(text: &str) -> Unreachable {
        match diagnose(text) {
            Diagnosis::Unreachable(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_connection_names_address_and_port() {
        let text = "ssh: connect to host 192.0.2.7 port 22: Connection refused\r\n";
        assert_eq!(
            closed(text),
            Unreachable::Refused(" (192.0.2.7, port 22)".into())
        );
    }

    #[test]
    fn a_refusal_behind_a_jump_host_is_one_too() {
        let text = "channel 0: open failed: connect failed: Connection refused\n\
                    stdio forwarding failed\n\
                    kex_exchange_identification: Connection closed by remote host\n\
                    Connection closed by UNKNOWN port 65535\n";
        assert_eq!(closed(text), Unreachable::Refused(String::new()));
    }

    #[test]
    fn names_times_and_routes() {
        let text = "ssh: Could not resolve hostname prod.example: Name or service not known";
        assert_eq!(closed(text), Unreachable::Name("prod.example".into()));
        let text = "Connection timed out during banner exchange\nConnection to 192.0.2.7 port 22 timed out";
        assert_eq!(closed(text), Unreachable::Timeout(String::new()));
        let text = "ssh: connect to host 192.0.2.7 port 22: No route to host";
        assert_eq!(
            closed(text),
            Unreachable::NoRoute(" (192.0.2.7, port 22)".into())
        );
        let text = "kex_exchange_identification: Connection closed by remote host";
        assert_eq!(closed(text), Unreachable::Closed(String::new()));
    }

    #[test]
    fn a_refused_login_keeps_what_was_wrong_with_the_key() {
        let text = "Load key \"/home/a/key\": error in libcrypto\r\n\
                    deploy@prod: Permission denied (publickey).\r\n";
        assert_eq!(
            diagnose(text),
            Diagnosis::Authentication(
                "Load key \"/home/a/key\": error in libcrypto; deploy@prod: Permission denied (publickey)."
                    .into()
            )
        );
    }

    #[test]
    fn an_unknown_key_names_the_host() {
        let text = "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\n\
                    Host key verification failed.\r\n";
        assert_eq!(
            diagnose(text),
            Diagnosis::UnknownHostKey {
                name: "[127.0.0.1]:2222".into()
            }
        );
    }

    #[test]
    fn a_changed_key_gives_both_places() {
        let text = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n\
                    The fingerprint for the ED25519 key sent by the remote host is\n\
                    SHA256:abc.\n\
                    Add correct host key in /root/.ssh/known_hosts to get rid of this message.\r\n\
                    Offending ED25519 key in /root/.ssh/known_hosts:3\r\n\
                    Host key for [127.0.0.1]:2222 has changed and you have requested strict checking.\r\n\
                    Host key verification failed.\r\n";
        assert_eq!(
            diagnose(text),
            Diagnosis::ChangedHostKey {
                name: Some("[127.0.0.1]:2222".into()),
                found: Some("SHA256:abc".into()),
                offending: Some("/root/.ssh/known_hosts:3".into()),
            }
        );
    }

    #[test]
    fn anything_else_keeps_its_words() {
        let text = "/tmp/config: line 4: Bad configuration option: foo";
        assert_eq!(diagnose(text), Diagnosis::Other(text.into()));
        assert_eq!(diagnose(""), Diagnosis::Other("it gave no reason".into()));
    }
}
