//! Proofs of releases: switched, broken, rolled back, pulled, started again after a reboot.

use std::time::{Duration, Instant};

use super::SCAN;
use super::documents::read;
use crate::rehearsal::load::Load;
use crate::rehearsal::machines::{Machines, docker};
use crate::rehearsal::{ProofError, Rehearsal, Seen, wrong};
use ocr_api::answer::Method;

pub(super) async fn switch(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.next)?;
    let before = rehearsal.client()?.release().await?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?.expect(0)?;
    let after = rehearsal.client()?.release().await?;
    if after == before {
        return wrong(format!("release {before} still answers"));
    }
    Ok(format!("{before} → {after}, {served}"))
}

pub(super) async fn broken(rehearsal: &mut Rehearsal) -> Seen {
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.broken)?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    deployed?
        .expect(1)?
        .expect_said(&["the model is damaged", "before it was ready"])?;
    let after = rehearsal.client()?.release().await?;
    if after != before {
        return wrong(format!("release {after} answers, not {before}"));
    }
    rehearsal.write_inventory(&rehearsal.next)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "its last words were shown, {before} went on: {served}"
    ))
}

pub(super) async fn rollback(rehearsal: &mut Rehearsal) -> Seen {
    let before = rehearsal.client()?.release().await?;
    let load = Load::start(rehearsal.client()?.clone(), &rehearsal.key);
    let rolled = rehearsal.ocrctl(&["rollback", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    rolled?.expect(0)?;
    let after = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("{before} → {after}, {served}"))
}

pub(super) async fn password(rehearsal: &mut Rehearsal) -> Seen {
    let path = rehearsal.settings.state.join("wrong-password");
    std::fs::write(&path, "not the password").map_err(|source| ProofError::File {
        path: path.clone(),
        source,
    })?;
    // By tag, so that the registry must be asked.
    let image = rehearsal
        .first
        .split('@')
        .next()
        .unwrap_or_default()
        .to_owned()
        + ":1";
    rehearsal.write_inventory_with(&image, &path, &rehearsal.tls("acme")?)?;
    let said = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(1)?;
    said.expect_said(&["registry.password"])?;
    let _ = std::fs::remove_file(&path);
    rehearsal.write_inventory(&image)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    rehearsal.write_inventory(&rehearsal.first)?;
    Ok(
        "refused with the field to look at; the right one resolves the tag to the same digest"
            .to_owned(),
    )
}

pub(super) async fn disk_full(rehearsal: &mut Rehearsal) -> Seen {
    let container = rehearsal.machines()?.containers.prod1.clone();
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.large)?;
    // Docker puts what it downloads there first.
    let fill = "mkdir -p /var/lib/docker/tmp && mount -t tmpfs -o size=1m full /var/lib/docker/tmp";
    docker(&["exec", &container, "sh", "-c", fill]).await?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    docker(&["exec", &container, "umount", "/var/lib/docker/tmp"]).await?;
    deployed?
        .expect(1)?
        .expect_said(&["no space left on device", "df -h", "was not touched"])?;
    let after = rehearsal.client()?.release().await?;
    if after != before {
        return wrong(format!("release {after} answers, not {before}"));
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("said so, and {before} went on"))
}

pub(super) async fn reboot(rehearsal: &mut Rehearsal) -> Seen {
    let infra = rehearsal.machines()?.containers.infra.clone();
    docker(&["stop", &infra]).await?;
    let seen = boot(rehearsal).await;
    docker(&["start", &infra]).await?;
    // The registry must be there again for what comes after.
    Machines::up(&rehearsal.settings).await?;
    seen
}

/// Boots the host anew; it serves without anyone's help.
pub(super) async fn boot(rehearsal: &Rehearsal) -> Seen {
    docker(&["restart", &rehearsal.machines()?.containers.prod1]).await?;
    let began = Instant::now();
    let client = rehearsal.client()?;
    let answer = loop {
        match client.ocr(&rehearsal.key, SCAN).await {
            Ok(answer) => break answer,
            Err(error) if began.elapsed() > Duration::from_secs(90) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    };
    let took = began.elapsed();
    read(&answer, Method::Ocr)
        .map(|_| format!("the same page again {:.1} s after boot", took.as_secs_f64()))
}
