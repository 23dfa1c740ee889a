//! Proof of a deploy without a registry: the image in a file, and only what the host lacks of it sent.

use std::path::Path;

use super::releases;
use crate::files::ARCHIVE;
use crate::load::Load;
use crate::{LIMIT, ProofError, Rehearsal, Seen, images, machines, wrong};
use ocrctl_command::Program;

/// The address that the agent gives Docker the image at. People read the inventory's name of it.
const LOOPBACK: &str = "127.111.99.114";
/// Megabytes of the layer that is new, with its configuration; SSH's own are not counted.
const NEW: f64 = 3.5;

pub(super) async fn archive(rehearsal: &mut Rehearsal) -> Seen {
    let image = images::archived(&rehearsal.settings.image).await?;
    let path = rehearsal.settings.state.join(ARCHIVE);
    save(&image, &path).await?;
    let stop = "systemctl stop docker-registry";
    rehearsal.infra()?.run(stop).await?;
    let seen = without_registry(rehearsal, &path).await;
    rehearsal.start_on_infra("docker-registry").await?;
    let seen = seen?;
    // The same image from the registry, where its layers are packed and its digest is another.
    let pushed = machines::push(&rehearsal.settings, &image, "6").await?;
    rehearsal.write_inventory(&pushed)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    Ok(format!(
        "{seen}; the same image from the registry is no change"
    ))
}

async fn without_registry(rehearsal: &mut Rehearsal, path: &Path) -> Seen {
    let before = rehearsal.client()?.release().await?;
    let (name, _) = rehearsal.first.split_once('@').unwrap_or_default();
    rehearsal.write_inventory(&format!("{name}:archived"))?;
    let file = path.to_string_lossy().into_owned();
    let deploy = ["deploy", "rehearsal", "--yes", "--archive", &file];

    let whole = std::fs::metadata(path).and_then(|it| {
        let half = path.with_extension("half");
        std::fs::copy(path, &half)?;
        std::fs::File::options()
            .write(true)
            .open(&half)?
            .set_len(it.len() / 2)?;
        Ok(half)
    });
    let half = whole.map_err(|source| ProofError::File {
        path: path.to_owned(),
        source,
    })?;
    let text = half.to_string_lossy();
    let refused = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes", "--archive", &text])
        .await;
    let _ = std::fs::remove_file(&half);
    refused?.expect(1)?.expect_said(&["is damaged"])?;

    let plan = rehearsal
        .ocrctl(&["plan", "rehearsal", "--archive", &file])
        .await?
        .expect(2)?
        .expect_without(LOOPBACK)?;
    if !plan.stdout.contains(&format!("-> {name}@sha256:")) {
        return wrong(format!("the plan does not name {name}:\n{}", plan.stdout));
    }
    let load = Load::start(rehearsal.client()?, &rehearsal.key)?;
    let deployed = rehearsal.ocrctl(&deploy).await;
    let served = load.stop().await?;
    let deployed = deployed?.expect(0)?.expect_without(LOOPBACK)?;
    let after = rehearsal.client()?.release().await?;
    if after == before {
        return wrong(format!("release {before} still answers"));
    }
    let said = deployed
        .stderr
        .lines()
        .find(|line| line.contains(" MB were sent "));
    let said = said.unwrap_or_default().to_owned();
    let megabytes = said
        .split_whitespace()
        .find_map(|word| word.parse::<f64>().ok());
    if !megabytes.is_some_and(|sent| sent < NEW) {
        return wrong(format!(
            "more than the new layer was sent: {}",
            deployed.stderr
        ));
    }
    rehearsal
        .ocrctl(&["plan", "rehearsal", "--archive", &file])
        .await?
        .expect(0)?;
    releases::boot(rehearsal).await?;
    for to in [&before, &after] {
        rehearsal
            .ocrctl(&["rollback", "rehearsal", "--yes", "--to", to])
            .await?
            .expect(0)?
            .expect_without(LOOPBACK)?;
    }
    for command in ["status", "history"] {
        let asked = ["--json", command, "rehearsal"];
        rehearsal.ocrctl(&asked).await?.expect_without(LOOPBACK)?;
    }
    let (_, sent) = said.split_once(": ").unwrap_or(("", &said));
    Ok(format!(
        "{before} → {after}, {sent}, {served}; rebooted, back and forth"
    ))
}

async fn save(image: &str, path: &Path) -> Result<(), ProofError> {
    Program::new("docker")
        .args(["save", "--output"])
        .arg(path)
        .arg(image)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(())
}
