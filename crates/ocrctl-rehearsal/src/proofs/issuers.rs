//! Proofs of moving from one issuer of certificates to another, without a gap.

use super::LETTER;
use super::certificates::{adopt_root, by_certbot, certificate, on_host, serial, trusting};
use crate::client::NAME;
use crate::load::Load;
use crate::{ProofError, Rehearsal, Seen, wrong};

pub(super) async fn certbot(rehearsal: &mut Rehearsal) -> Seen {
    let password = rehearsal.machines()?.registry.password_file.clone();
    rehearsal.write_inventory_with(&rehearsal.first, &password, &rehearsal.tls("certbot")?)?;
    let load = Load::start(&rehearsal.client()?.fresh()?, &rehearsal.key)?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?.expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    let (status, code) = certificate(rehearsal).await?;
    if code != 0
        || !status["issuer"]
            .as_str()
            .unwrap_or_default()
            .contains("certbot")
    {
        return wrong(format!("exit code {code}: {status}"));
    }
    // certbot's timer does the same once it is due; its deploy hook reloads NGINX.
    on_host(rehearsal, "systemctl is-active certbot.timer").await?;
    let renew = by_certbot("renew --quiet --force-renewal --no-random-sleep-on-renew");
    on_host(rehearsal, &renew).await?;
    let renewed = serial(rehearsal).await?;
    if status["serial"] == *renewed {
        return wrong("what certbot has renewed is not served".to_owned());
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    back_to_acme(rehearsal).await?;
    let left = on_host(
        rehearsal,
        "ls /etc/letsencrypt/renewal /etc/letsencrypt/renewal-hooks/deploy",
    )
    .await?;
    if left.contains("ocrctl") {
        return wrong(format!("certbot goes on renewing: {left}"));
    }
    Ok(format!(
        "{served} while it took over; its renewal was served; then back"
    ))
}

/// Deploys with `issuer: acme` under load.
pub(super) async fn back_to_acme(rehearsal: &mut Rehearsal) -> Result<(), ProofError> {
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    // The new certificate is of the root that the server has since it was started last.
    adopt_root(rehearsal).await?;
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    Ok(())
}

pub(super) async fn issuers(rehearsal: &mut Rehearsal) -> Seen {
    let password = rehearsal.machines()?.registry.password_file.clone();
    let authority = by_files(rehearsal, None).await?;
    trusting(rehearsal, &authority)?
        .ocr(&rehearsal.key, LETTER)
        .await?;
    // And the environment's own authority.
    rehearsal.write_inventory_with(&rehearsal.first, &password, "{issuer: self_signed}")?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let own = rehearsal
        .ocrctl(&["cert", "ca", "rehearsal"])
        .await?
        .expect(0)?;
    trusting(rehearsal, &own.stdout)?
        .ocr(&rehearsal.key, LETTER)
        .await?;
    rehearsal
        .ocrctl(&["cert", "status", "rehearsal"])
        .await?
        .expect(0)?;
    back_to_acme(rehearsal).await?;
    Ok("the operator's files, the environment's own authority, the ACME server: each served and verified".to_owned())
}

/// A certificate of the operator's own that ends in two days, of a hundred.
pub(super) async fn nearly_over(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let now = time::OffsetDateTime::now_utc();
    let life = (
        now - time::Duration::days(98),
        now + time::Duration::days(2),
    );
    by_files(rehearsal, Some(life)).await.map(|_| ())
}

/// Deploys with `issuer: files`, and gives the authority of these.
async fn by_files(
    rehearsal: &Rehearsal,
    life: Option<(time::OffsetDateTime, time::OffsetDateTime)>,
) -> Result<String, ProofError> {
    let chain = rehearsal.settings.state.join("own-chain.pem");
    let key = rehearsal.settings.state.join("own-key.pem");
    let (authority, pem, signing_key) =
        issue(life).map_err(|error| ProofError::Wrong(error.to_string()))?;
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
    for path in [chain, key] {
        let _ = std::fs::remove_file(path);
    }
    Ok(authority)
}

/// An authority of the operator's, a chain from it, and the chain's key.
fn issue(
    life: Option<(time::OffsetDateTime, time::OffsetDateTime)>,
) -> Result<(String, String, String), rcgen::Error> {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    // Of another name than the leaf, or a path from one to the other could not be built.
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, "the operator's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new([NAME.to_owned()])?;
    if let Some((not_before, not_after)) = life {
        (leaf.not_before, leaf.not_after) = (not_before, not_after);
    }
    let leaf = leaf.signed_by(&key, &authority)?;
    Ok((
        authority.pem(),
        leaf.pem() + &authority.pem(),
        key.serialize_pem(),
    ))
}
