//! NGINX's TLS, seen by a client that shares no code with us: `openssl s_client`.

use std::collections::BTreeSet;

use super::certificates;
use crate::client::{NAME, send};
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

/// Mozilla's intermediate list, as far as it goes with an ECDSA certificate.
const CIPHERS: [&str; 3] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
];
/// Every cipher that openssl can offer, and no lower bound of security.
const ALL: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";
/// Half a year, in seconds: what scanners ask of HSTS at least.
const HSTS_AT_LEAST: u64 = 15_768_000;

/// The outcome of one handshake.
struct Handshake {
    /// `None` if it failed.
    protocol_and_cipher: Option<(String, String)>,
    output: String,
}

async fn handshake(port: u16, name: &str, arguments: &[&str]) -> Result<Handshake, ProofError> {
    let connect = format!("127.0.0.1:{port}");
    let output = Program::new("openssl")
        .args(["s_client", "-connect", &connect, "-servername", name])
        .args(arguments)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "New, TLSv1.2, Cipher is ECDHE-…"; of a failed one, "(NONE)".
    let line = text.lines().find_map(|line| line.strip_prefix("New, "));
    let found = line.and_then(|line| line.split_once(", Cipher is "));
    Ok(Handshake {
        protocol_and_cipher: found
            .filter(|(_, cipher)| !cipher.contains("NONE"))
            .map(|(protocol, cipher)| (protocol.to_owned(), cipher.trim().to_owned())),
        output: text,
    })
}

/// Checks that a handshake succeeds at all, so that failures are due to the tested property.
async fn succeeds(port: u16, arguments: &[&str]) -> Result<bool, ProofError> {
    let handshake = handshake(port, NAME, arguments).await?;
    Ok(handshake.protocol_and_cipher.is_some())
}

pub(super) async fn scan(rehearsal: &mut Rehearsal) -> Seen {
    let port = rehearsal.machines()?.prod1.https_port;
    for version in ["-tls1", "-tls1_1"] {
        if succeeds(port, &[version, "-cipher", ALL]).await? {
            return wrong(format!("{version} is accepted"));
        }
    }
    let mut accepted = BTreeSet::new();
    let offered = ciphers().await?;
    for cipher in &offered {
        let only = format!("{cipher}:@SECLEVEL=0");
        if succeeds(port, &["-tls1_2", "-cipher", &only]).await? {
            accepted.insert(cipher.as_str());
        }
    }
    if accepted != BTreeSet::from(CIPHERS) {
        return wrong(format!("TLS 1.2 ciphers: {accepted:?}"));
    }
    if !succeeds(port, &["-tls1_3"]).await? {
        return wrong("TLS 1.3 is refused".to_owned());
    }
    let tls12 = handshake(port, NAME, &["-tls1_2"]).await?.output;
    if tls12.contains("TLS session ticket:") {
        return wrong("session tickets are handed out".to_owned());
    }

    let root = rehearsal.settings.state.join("acme-root.pem");
    std::fs::write(&root, certificates::root(rehearsal).await?).map_err(|source| {
        ProofError::File {
            path: root.clone(),
            source,
        }
    })?;
    let path = root.display().to_string();
    let verify = [
        "-CAfile",
        &path,
        "-verify_return_error",
        "-verify_hostname",
        NAME,
    ];
    let verified = handshake(port, NAME, &verify).await?.output;
    if !verified.contains("Verify return code: 0 (ok)") {
        return wrong(format!("openssl does not verify the chain: {verified}"));
    }
    let stranger = handshake(port, "someone.else.test", &[]).await?.output;
    let nobody = Program::new("openssl")
        .args(["s_client", "-noservername", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .output()
        .await?;
    let nobody = String::from_utf8_lossy(&nobody.stdout);
    if stranger.contains("BEGIN CERTIFICATE") || nobody.contains("BEGIN CERTIFICATE") {
        return wrong("an unknown name is shown a certificate".to_owned());
    }
    let answer = send("GET /healthz", rehearsal.client()?.get("/healthz")).await?;
    let hsts = answer
        .headers()
        .get("strict-transport-security")
        .and_then(|value| {
            value
                .to_str()
                .ok()?
                .strip_prefix("max-age=")?
                .parse::<u64>()
                .ok()
        });
    if hsts.is_none_or(|seconds| seconds < HSTS_AT_LEAST) {
        return wrong(format!("HSTS: {hsts:?}"));
    }
    Ok(format!(
        "TLS 1.0 and 1.1 off, {} of {} ciphers of TLS 1.2, TLS 1.3, no tickets, HSTS, nothing for strangers",
        accepted.len(),
        offered.len()
    ))
}

/// All of TLS 1.2 and before that the local openssl can offer.
async fn ciphers() -> Result<Vec<String>, ProofError> {
    let output = Program::new("openssl")
        .args(["ciphers", "-s", "-tls1_2", ALL])
        .run()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let all: Vec<String> = text
        .trim()
        .split(':')
        .filter(|name| !name.starts_with("TLS_"))
        .map(str::to_owned)
        .collect();
    if all.len() < CIPHERS.len() {
        return wrong(format!("openssl offers only {all:?}"));
    }
    Ok(all)
}
