//! Proofs of certificates: issued, renewed, kept while the authority is down.

use serde_json::{Value, json};

use super::LETTER;
use crate::client::{Client, NAME};
use crate::load::Load;
use crate::{ProofError, Rehearsal, Seen, wrong};

const STATE: &str = "/var/lib/ocrctl/renewal.json";
const RENEW: &str = "ocrctl-renew.service";
/// Connections that idle while NGINX reloads.
const IDLE: usize = 50;

/// The root that the ACME server signs under, which is another at each of its starts.
pub(crate) async fn root(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let machines = rehearsal.machines()?;
    let url = format!(
        "https://127.0.0.1:{}/roots/0",
        machines.infra.acme_management_port
    );
    let ca = std::fs::read(&machines.acme.ca_file).map_err(|source| ProofError::File {
        path: machines.acme.ca_file.clone(),
        source,
    })?;
    let failed = |source| ProofError::Request {
        doing: "asking the ACME server for its root",
        source,
    };
    let authority = reqwest::Certificate::from_pem_bundle(&ca).map_err(failed)?;
    let client = reqwest::Client::builder()
        .tls_certs_only(authority)
        .build()
        .map_err(failed)?;
    let answer = client.get(url).send().await.map_err(failed)?;
    answer.text().await.map_err(failed)
}

/// A client that trusts this authority.
pub(super) fn trusting(rehearsal: &Rehearsal, authority: &str) -> Result<Client, ProofError> {
    let prod1 = &rehearsal.machines()?.prod1;
    Client::new(authority, prod1.http_port, prod1.https_port)
}

pub(super) async fn on_host(rehearsal: &Rehearsal, command: &str) -> Result<String, ProofError> {
    rehearsal.prod1()?.run(command).await
}

async fn on_infra(rehearsal: &Rehearsal, command: &str) -> Result<String, ProofError> {
    rehearsal.infra()?.run(command).await
}

/// Runs `cert status --json` and returns its output and exit code.
pub(super) async fn certificate(rehearsal: &Rehearsal) -> Result<(Value, i32), ProofError> {
    let ran = rehearsal
        .ocrctl(&["cert", "status", "rehearsal", "--json"])
        .await?;
    Ok((ran.line("certificate")?, ran.code))
}

pub(super) async fn serial(rehearsal: &Rehearsal) -> Result<String, ProofError> {
    let (status, _) = certificate(rehearsal).await?;
    Ok(status["serial"].as_str().unwrap_or_default().to_owned())
}

/// Has the host believe that the renewal is due and that renewal information may be asked for: as time would.
async fn make_due(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let past = "2020-01-01T00:00:00Z";
    let edit = format!(
        "sed -i -E 's/\"at\": \"[^\"]*\"/\"at\": \"{past}\"/' {STATE} && grep -q {past} {STATE}"
    );
    on_host(rehearsal, &edit).await.map(|_| ())
}

/// A command of certbot's for the host's shell. It tries only once more when its nonce is rejected, and Pebble rejects
/// one in twenty on purpose.
pub(super) fn by_certbot(arguments: &str) -> String {
    format!(
        "for attempt in 1 2 3; do \
         REQUESTS_CA_BUNDLE=/etc/ocrctl/directory-ca.pem certbot {arguments} && exit; done; exit 1"
    )
}

pub(super) async fn status(rehearsal: &mut Rehearsal) -> Seen {
    let (status, code) = certificate(rehearsal).await?;
    if code != 0 || status["problems"] != json!([]) {
        return wrong(format!("exit code {code}: {status}"));
    }
    let by = status["issued_by"].as_str().unwrap_or_default();
    if !by.contains("Pebble") || status["names"] != json!([NAME]) {
        return wrong(format!("not what was ordered: {status}"));
    }
    let why = status["next_renewal"]["why"].as_str().unwrap_or_default();
    if !why.contains("the authority suggests") {
        return wrong(format!("renewal information is not used: {status}"));
    }
    let timer = on_host(rehearsal, "systemctl is-active ocrctl-renew.timer").await?;
    on_host(
        rehearsal,
        "systemd-analyze verify /etc/systemd/system/ocrctl-renew.service /etc/systemd/system/ocrctl-renew.timer",
    )
    .await?;
    let modes = "stat -c '%U %a' /etc/ocrctl/acme /etc/ocrctl/acme/*/account.json /etc/ocrctl/tls/live/key.pem";
    let modes = on_host(rehearsal, modes).await?;
    if modes != "root 700\nroot 600\nroot 600" {
        return wrong(format!("account or key is not root's alone: {modes}"));
    }
    Ok(format!(
        "signed by {by}, next renewal {}, timer {timer}",
        status["next_renewal"]["at"].as_str().unwrap_or_default()
    ))
}

pub(super) async fn renewal_under_load(rehearsal: &mut Rehearsal) -> Seen {
    let before = serial(rehearsal).await?;
    let client = rehearsal.client()?.clone();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut connection = client.connection()?;
        connection
            .get()
            .map_err(|error| ProofError::Wrong(format!("a first request: {error}")))?;
        idle.push(connection);
    }
    let load = Load::start(&client.fresh()?, &rehearsal.key)?;
    let renewed = rehearsal
        .ocrctl(&["cert", "renew", "rehearsal", "--force"])
        .await;
    let served = load.stop().await?;
    renewed?.expect(0)?;
    let after = serial(rehearsal).await?;
    if after == before {
        return wrong(format!("{before} is still served"));
    }
    let closed = idle
        .iter_mut()
        .filter_map(|connection| connection.get().err())
        .count();
    Ok(format!(
        "{} → {}; fresh connections and in flight: {served}; {closed} of {IDLE} idle keep-alive connections were closed",
        short(&before),
        short(&after)
    ))
}

pub(super) async fn authority_down(rehearsal: &mut Rehearsal) -> Seen {
    let before = serial(rehearsal).await?;
    on_infra(rehearsal, "systemctl stop pebble").await?;
    make_due(rehearsal).await?;
    let run = format!("systemctl start {RENEW}; systemctl show -P Result {RENEW}");
    let result = on_host(rehearsal, &run).await?;
    if result != "exit-code" {
        return wrong(format!("systemd does not show it as failed: {result}"));
    }
    let log = on_host(rehearsal, &format!("journalctl -o cat -u {RENEW} -n 20")).await?;
    if !log.contains("asking https://acme.rehearsal.test:14000/dir") {
        return wrong(format!("the log does not say what failed: {log}"));
    }
    let again = on_host(rehearsal, "systemctl is-active ocrctl-renew-again.timer").await?;
    let (status, code) = certificate(rehearsal).await?;
    let failed = status["last_failure"]["message"]
        .as_str()
        .unwrap_or_default();
    if code != 0 || !failed.contains("acme.rehearsal.test") || status["serial"] != *before {
        return wrong(format!("exit code {code}: {status}"));
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.start_on_infra("pebble").await?;
    // The authority, new at each start, has forgotten the account.
    rehearsal
        .ocrctl(&["cert", "renew", "rehearsal"])
        .await?
        .expect(0)?;
    adopt_root(rehearsal).await?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    Ok(format!(
        "the old one served on, the log said why, {again} retry timer; then a new account and a new certificate"
    ))
}

/// After the ACME server was started again.
pub(super) async fn adopt_root(rehearsal: &mut Rehearsal) -> Result<(), ProofError> {
    let root = root(rehearsal).await?;
    rehearsal.client = Some(trusting(rehearsal, &root)?);
    Ok(())
}

pub(super) async fn wrong_record(rehearsal: &mut Rehearsal) -> Seen {
    let (infra, host) = rehearsal.addresses().await?;
    let dns = async |call: &str, body: Value| {
        let port = rehearsal.machines()?.infra.challtestsrv_port;
        let failed = |source| ProofError::Request {
            doing: "changing what DNS says",
            source,
        };
        let url = format!("http://127.0.0.1:{port}/{call}");
        let request = reqwest::Client::new().post(url).json(&body);
        let answer = request.send().await.map_err(failed)?;
        answer.error_for_status().map(|_| ()).map_err(failed)
    };
    let name = format!("{NAME}.");
    dns(
        "add-a",
        json!({"host": "acme.rehearsal.test.", "addresses": [infra]}),
    )
    .await?;
    dns("add-a", json!({"host": name, "addresses": [host, infra]})).await?;
    // Docker binds the file: it can be written, not replaced.
    let ask = format!(
        "cp /etc/resolv.conf /run/resolv.conf.before && echo 'nameserver {infra}' > /etc/resolv.conf"
    );
    on_host(rehearsal, &ask).await?;
    let refused = rehearsal
        .ocrctl(&["cert", "renew", "rehearsal", "--force"])
        .await;
    dns("clear-a", json!({"host": name})).await?;
    let right = rehearsal
        .ocrctl(&["cert", "renew", "rehearsal", "--force"])
        .await;
    on_host(rehearsal, "cat /run/resolv.conf.before > /etc/resolv.conf").await?;
    dns("clear-a", json!({"host": "acme.rehearsal.test."})).await?;
    let record = format!("the A record of {NAME} is {infra}");
    refused?
        .expect(1)?
        .expect_said(&["no order was made", &record])?;
    right?.expect(0)?;
    Ok(format!("\"{record}\"; corrected, it renewed at once"))
}

pub(super) async fn temporary(rehearsal: &mut Rehearsal) -> Seen {
    // The same happens on a host that is provisioned again without a backup.
    on_infra(rehearsal, "systemctl stop pebble").await?;
    on_host(
        rehearsal,
        &format!("rm -r /etc/ocrctl/tls /etc/ocrctl/acme {STATE}"),
    )
    .await?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await?;
    let (status, code) = certificate(rehearsal).await?;
    let plain = reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .resolve(NAME, ([127, 0, 0, 1], 0).into())
        .build();
    let port = rehearsal.machines()?.prod1.https_port;
    let failed = |source| ProofError::Request {
        doing: "asking behind the temporary certificate",
        source,
    };
    let health = plain
        .map_err(failed)?
        .get(format!("https://{NAME}:{port}/healthz"))
        .send()
        .await
        .map_err(failed)?
        .status();
    let again = on_host(rehearsal, "systemctl is-active ocrctl-renew-again.timer").await;
    rehearsal.start_on_infra("pebble").await?;
    deployed
        .expect(1)?
        .expect_said(&["temporary self-signed", "acme.rehearsal.test"])?;
    if code != 2 || !status["problems"].to_string().contains("temporary") || health != 200 {
        return wrong(format!("exit code {code}, /healthz {health}: {status}"));
    }
    again?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    adopt_root(rehearsal).await?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(
        "exit code 1, service up, `cert status` 2; the authority back, the next deploy got one"
            .to_owned(),
    )
}

pub(super) async fn suggested(rehearsal: &mut Rehearsal) -> Seen {
    let before = serial(rehearsal).await?;
    // An authority suggests a window in the past for a certificate that is revoked. Whoever holds the key may do that.
    let revoke = by_certbot(
        "revoke --non-interactive --no-delete-after-revoke --server https://acme.rehearsal.test:14000/dir \
         --cert-path /etc/ocrctl/tls/live/fullchain.pem --key-path /etc/ocrctl/tls/live/key.pem",
    );
    on_host(rehearsal, &revoke).await?;
    // The authority asked not to be asked for six hours.
    let later = format!(
        "sed -i -E 's/\"ask_after\": \"[^\"]*\"/\"ask_after\": \"2020-01-01T00:00:00Z\"/' {STATE}"
    );
    on_host(rehearsal, &later).await?;
    // With no controller anywhere: what the timer does.
    on_host(rehearsal, &format!("systemctl start {RENEW}")).await?;
    let after = serial(rehearsal).await?;
    if after == before {
        return wrong(format!("{before} is still served"));
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    let log = on_host(rehearsal, &format!("journalctl -o cat -u {RENEW} -n 20")).await?;
    let Some(line) = log.lines().rfind(|line| line.contains("is served")) else {
        return wrong(format!("the log does not say so: {log}"));
    };
    Ok(format!("revoked {}, then \"{line}\"", short(&before)))
}

fn short(serial: &str) -> &str {
    serial.get(..8).unwrap_or(serial)
}
