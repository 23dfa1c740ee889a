//! E-mail through the organization's relay: one short text, in one dialogue. Names are looked up by hickory, as everywhere in a
//! static executable.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_resolver::TokioResolver;

use super::message::Message;
use super::smtp::{self, Relay};
use ocrctl_protocol::alerts::Email;
use ocrctl_protocol::causes::chain;

const TIMEOUT: Duration = Duration::from_secs(30);
/// RFC 2047, 2: an encoded word has at most 75 characters, of which `=?utf-8?B??=` takes 12.
const ENCODED_BYTES: usize = 45;
/// RFC 2045, 6.8.
const BASE64_LINE: usize = 76;

pub(super) async fn send(email: &Email, message: &Message) -> Result<(), String> {
    let sending = async {
        let address = SocketAddr::new(address(&email.relay).await?, email.port);
        let relay = Relay::new(email, address, &message.host);
        let (from, to, letter) = (
            email.from.clone(),
            email.to.clone(),
            compose(email, message),
        );
        let sent = tokio::task::spawn_blocking(move || smtp::send(&relay, &from, &to, &letter));
        sent.await.map_err(|error| error.to_string())?
    };
    let sent = tokio::time::timeout(TIMEOUT, sending).await;
    sent.unwrap_or_else(|_| {
        Err(format!(
            "the relay was not done within {} s",
            TIMEOUT.as_secs()
        ))
    })
}

async fn address(relay: &str) -> Result<IpAddr, String> {
    if let Ok(address) = relay.parse() {
        return Ok(address);
    }
    let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build());
    let resolver = resolver.map_err(|error| chain(&error))?;
    let found = resolver.lookup_ip(relay).await;
    let found = found.map_err(|error| format!("looking up {relay}: {error}"))?;
    let first = found.iter().next();
    first.ok_or_else(|| format!("{relay} has no address"))
}

/// With CRLF ends, and in ASCII whatever the message says.
fn compose(email: &Email, message: &Message) -> String {
    let body = STANDARD.encode(message.body());
    let lines: Vec<&str> = (0..body.len())
        .step_by(BASE64_LINE)
        .filter_map(|start| body.get(start..body.len().min(start + BASE64_LINE)))
        .collect();
    let headers = [
        ("From", email.from.clone()),
        ("To", email.to.join(",\r\n ")),
        ("Subject", words(&message.text())),
        (
            "Date",
            message
                .at
                .strftime("%a, %d %b %Y %H:%M:%S +0000")
                .to_string(),
        ),
        // The same however often it is sent again.
        ("Message-ID", format!("<{}>", message.id())),
        // RFC 3834: nobody's absence is told to it.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ];
    let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n"));
    format!("{}\r\n{}\r\n", headers.concat(), lines.join("\r\n"))
}

/// A header's text, in encoded words where it has to be.
fn words(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    // RFC 5322, 2.1.1, less the header's name.
    if text.chars().all(plain) && text.len() <= 900 {
        return text.to_owned();
    }
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match parts.last_mut() {
            Some(last) if last.len() + c.len_utf8() <= ENCODED_BYTES => last.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    let encoded = parts
        .into_iter()
        .map(|part| format!("=?utf-8?B?{}?=", STANDARD.encode(part)));
    encoded.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_beyond_ascii_is_in_encoded_words() {
        assert_eq!(words("PROBLEM ocr1: 95 % full"), "PROBLEM ocr1: 95 % full");
        let long = words(&"ü".repeat(100));
        for line in long.split("\r\n ") {
            assert!(line.len() <= 75 && line.is_ascii(), "{line}");
        }
        let decoded: String = long
            .split("\r\n ")
            .map(|word| {
                let word = word.strip_prefix("=?utf-8?B?").unwrap();
                let bytes = STANDARD.decode(word.strip_suffix("?=").unwrap()).unwrap();
                String::from_utf8(bytes).unwrap()
            })
            .collect();
        assert_eq!(decoded, "ü".repeat(100));
        assert!(!words("a\r\nBcc: x@example.org").contains("\r\nBcc"));
    }
}
