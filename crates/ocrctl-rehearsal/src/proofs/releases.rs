//! Proofs of releases: switched, broken, rolled back, pulled, started again after a reboot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::documents::read;
use super::{LETTER, SCAN};
use crate::load::Load;
use crate::machine::{BOOT, Switch};
use crate::machines::Machines;
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocr_api::answer::Method;

pub(super) async fn switch(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.next)?;
    let before = rehearsal.client()?.release().await?;
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
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
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
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
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
    let rolled = rehearsal.ocrctl(&["rollback", "rehearsal", "--yes"]).await;
    let served = load.stop().await?;
    rolled?.expect(0)?;
    let after = rehearsal.client()?.release().await?;
    // There is no release before the first, and the one that was left is still there by its name.
    rehearsal
        .ocrctl(&["rollback", "rehearsal", "--yes"])
        .await?
        .expect(1)?
        .expect_said(&["no good release before", &before])?;
    rehearsal
        .ocrctl(&["rollback", "rehearsal", "--yes", "--to", &before])
        .await?
        .expect(0)?;
    rehearsal
        .ocrctl(&["rollback", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!("{before} → {after}, {served}"))
}

/// A release that is ready and fails its clients is rolled back automatically, and later rollbacks skip it.
pub(super) async fn failing(rehearsal: &mut Rehearsal) -> Seen {
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.failing)?;
    let (client, key) = (rehearsal.client()?.clone(), rehearsal.key.clone());
    let stopping = Arc::new(AtomicBool::new(false));
    let stop = stopping.clone();
    let clients = tokio::spawn(async move {
        let mut failed = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            failed += u32::from(client.ocr(&key, LETTER).await.is_err());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        failed
    });
    // The host must see that there are clients.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    stopping.store(true, Ordering::Relaxed);
    let failed = clients.await.unwrap_or_default();
    deployed?
        .expect(1)?
        .expect_said(&["the new release failed", "the switch was undone"])?;
    let after = rehearsal.client()?.release().await?;
    if after != before {
        return wrong(format!("release {after} answers, not {before}"));
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.write_inventory(&rehearsal.next)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "taken back after {failed} failed requests; {before} serves"
    ))
}

/// Two deploys at once: one reports who holds the lock; one that waits finds nothing left to do.
pub(super) async fn two_at_once(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    let deploy = ["deploy", "rehearsal", "--yes"];
    let (one, other) = tokio::join!(rehearsal.ocrctl(&deploy), rehearsal.ocrctl(&deploy));
    let (one, other) = (one?, other?);
    let (done, refused) = if one.code == 0 {
        (one, other)
    } else {
        (other, one)
    };
    done.expect(0)?;
    refused
        .expect(75)?
        .expect_said(&["locked: deploy by", "--lock-wait"])?;
    rehearsal.write_inventory(&rehearsal.next)?;
    let wait = ["deploy", "rehearsal", "--yes", "--lock-wait", "60s"];
    let (one, other) = tokio::join!(rehearsal.ocrctl(&wait), rehearsal.ocrctl(&wait));
    one?.expect(0)?;
    other?.expect(0)?;
    Ok(
        "the second was told who holds the lock; one that waited found nothing left to do"
            .to_owned(),
    )
}

pub(super) async fn history(rehearsal: &mut Rehearsal) -> Seen {
    let shown = rehearsal
        .ocrctl(&["history", "rehearsal"])
        .await?
        .expect(0)?;
    for words in [
        " -> ",
        "rollback",
        "failed: release: the new release",
        "done",
    ] {
        if !shown.stdout.contains(words) {
            return wrong(format!("the history has no \"{words}\":\n{}", shown.stdout));
        }
    }
    Ok(format!("{} operations", shown.stdout.lines().count() - 2))
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
    let prod1 = rehearsal.prod1()?;
    let before = rehearsal.client()?.release().await?;
    rehearsal.write_inventory(&rehearsal.large)?;
    // Docker puts what it downloads there first.
    let fill = "mkdir -p /var/lib/docker/tmp && mount -t tmpfs -o size=1m full /var/lib/docker/tmp";
    prod1.run(fill).await?;
    let deployed = rehearsal.ocrctl(&["deploy", "rehearsal", "--yes"]).await;
    prod1.run("umount /var/lib/docker/tmp").await?;
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
    let infra = rehearsal.infra()?;
    infra.switch(Switch::Off).await?;
    let seen = boot(rehearsal).await;
    infra.switch(Switch::On).await?;
    // The registry must be there again for what comes after.
    Machines::up(&rehearsal.settings).await?;
    seen
}

/// Boots the host anew; it serves without anyone's help.
pub(super) async fn boot(rehearsal: &Rehearsal) -> Seen {
    rehearsal.prod1()?.switch(Switch::Reboot).await?;
    let began = Instant::now();
    let client = rehearsal.client()?;
    let answer = loop {
        match client.ocr(&rehearsal.key, SCAN).await {
            Ok(answer) => break answer,
            Err(error) if began.elapsed() > BOOT => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    };
    let took = began.elapsed();
    read(&answer, Method::Ocr)
        .map(|_| format!("the same page again {:.1} s after boot", took.as_secs_f64()))
}
