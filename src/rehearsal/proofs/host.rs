//! Proofs of the host: bare, as it should be, drifted, and what is left behind on it.

use std::time::{Duration, Instant};

use super::LETTER;
use crate::command::Program;
use crate::rehearsal::client::{Client, NAME};
use crate::rehearsal::machines::{self, Machines, docker};
use crate::rehearsal::{ProofError, Rehearsal, Seen, images, wrong};

pub(super) async fn up(rehearsal: &mut Rehearsal) -> Seen {
    // A rehearsal begins with a bare host, whatever the one before has left.
    if rehearsal.settings.state.join("machines.json").exists() {
        rehearsal.down().await?;
    }
    let machines = Machines::up(&rehearsal.settings).await?;
    let settings = &rehearsal.settings;
    rehearsal.first = machines::push(settings, &settings.image, "1").await?;
    let next = images::next(&settings.image).await?;
    rehearsal.next = machines::push(settings, &next, "2").await?;
    let broken = images::broken(&settings.image).await?;
    rehearsal.broken = machines::push(settings, &broken, "3").await?;
    let large = images::large(&settings.image).await?;
    rehearsal.large = machines::push(settings, &large, "4").await?;
    let seen = format!("prod1 is {}, infra has four images", machines.release);
    rehearsal.machines = Some(machines);
    Ok(seen)
}

pub(super) async fn deploy(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    let planned = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let ca = rehearsal
        .ocrctl(&["cert", "ca", "rehearsal"])
        .await?
        .expect(0)?;
    let prod1 = &rehearsal.machines()?.prod1;
    let client = Client::new(&ca.stdout, prod1.http_port, prod1.https_port)?;
    let release = client.release().await?;
    rehearsal.client = Some(client);
    let summary = planned
        .stdout
        .lines()
        .rfind(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned();
    Ok(format!("{summary}; release {release} answers"))
}

pub(super) async fn no_op(rehearsal: &mut Rehearsal) -> Seen {
    let began = Instant::now();
    rehearsal
        .ocrctl(&["deploy", "rehearsal"])
        .await?
        .expect(0)?;
    let took = began.elapsed();
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("no changes, in {:.2} s", took.as_secs_f64()))
}

pub(super) async fn drift(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    let by_hand = "echo '# by hand' >> /etc/nginx/conf.d/ocr.conf; ufw allow 8080/tcp; \
                   chmod 777 /etc/ocr; systemctl disable docker";
    docker(&["exec", &container, "sh", "-c", by_hand]).await?;
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(2)?;
    for words in ["# by hand", "8080/tcp", "/etc/ocr", "docker.service"] {
        if !plan.stdout.contains(words) {
            return wrong(format!("the plan does not name {words}:\n{}", plan.stdout));
        }
    }
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok("an edited file, a rule, a mode and a unit".to_owned())
}

pub(super) async fn bad_nginx(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    // Someone's own file is wrong, and ours has drifted, so that a deploy must reload.
    let by_hand = "echo 'nonsense here;' > /etc/nginx/conf.d/by-hand.conf; echo '#' >> /etc/nginx/conf.d/ocr.conf";
    docker(&["exec", &container, "sh", "-c", by_hand]).await?;
    let deployed = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    deployed.expect_said(&["the old one is back", "nonsense"])?;
    let kept = docker(&[
        "exec",
        &container,
        "tail",
        "-n",
        "1",
        "/etc/nginx/conf.d/ocr.conf",
    ])
    .await?;
    if kept != "#" {
        return wrong("the configuration before is not back".to_owned());
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    docker(&["exec", &container, "rm", "/etc/nginx/conf.d/by-hand.conf"]).await?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok("`nginx -t` was quoted, the file before came back, requests were served".to_owned())
}

pub(super) async fn own_certificate(rehearsal: &mut Rehearsal) -> Seen {
    let chain = rehearsal.settings.state.join("own-chain.pem");
    let key = rehearsal.settings.state.join("own-key.pem");
    let (authority, pem, signing_key) =
        issue().map_err(|error| ProofError::Wrong(error.to_string()))?;
    for (path, text) in [(&chain, &pem), (&key, &signing_key)] {
        std::fs::write(path, text).map_err(|source| ProofError::File {
            path: path.clone(),
            source,
        })?;
    }
    let tls = format!(
        "{{issuer: files, chain: {}, key: {{file: {}}}}}",
        chain.display(),
        key.display()
    );
    let password = rehearsal.machines()?.registry.password_file.clone();
    rehearsal.write_inventory_with(&rehearsal.first, &password, &tls)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    let prod1 = &rehearsal.machines()?.prod1;
    let client = Client::new(&authority, prod1.http_port, prod1.https_port)?;
    client.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    for path in [chain, key] {
        let _ = std::fs::remove_file(path);
    }
    Ok("served and verified; then back to the environment's authority".to_owned())
}

/// An authority of the operator's, a chain from it, and the chain's key.
pub(super) fn issue() -> Result<(String, String, String), rcgen::Error> {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    // Of another name than the leaf, or a path from one to the other could not be built.
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, "the operator's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new([NAME.to_owned()])?.signed_by(&key, &authority)?;
    Ok((
        authority.pem(),
        leaf.pem() + &authority.pem(),
        key.serialize_pem(),
    ))
}

pub(super) async fn secrets(rehearsal: &mut Rehearsal) -> Seen {
    let machines = rehearsal.machines()?;
    let mut secrets = vec![rehearsal.key.clone()];
    for registry in [&machines.registry, &machines.org_registry] {
        let path = registry.password_file.clone();
        let password =
            std::fs::read_to_string(&path).map_err(|source| ProofError::File { path, source })?;
        secrets.push(password.trim().to_owned());
    }
    // By standard input: in its arguments the search would find itself.
    let search = "grep -rlsaF -f - /etc /var /opt /root /home /run /tmp /usr/local";
    let output = Program::new("docker")
        .args(["exec", "-i", &machines.containers.prod1, "sh", "-c", search])
        .input(secrets.join("\n") + "\n")
        .timeout(Duration::from_secs(120))
        .output()
        .await?;
    // 1: nothing found; 2: some files, such as sockets, can't be read.
    if !matches!(output.status.code(), Some(0..=2)) {
        return wrong(format!("the search ended with {}", output.status));
    }
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    if found.trim().is_empty() {
        return Ok(
            "neither a registry's password nor the API key is in any file of the host".to_owned(),
        );
    }
    wrong(format!("a secret is in: {found}"))
}
