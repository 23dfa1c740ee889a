//! An image from the operator's archive. Docker is given the layers that it lacks, and then pulls it by its digest from
//! this agent, over loopback: so a release is known by the same digest as one from a registry, and Docker checks all of
//! it and leaves nothing half. Layers come over the agent's own connection, in pieces, when they are asked for.

mod load;
mod pieces;
mod registry;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::docker::{ARCHIVE, Engine, archived};
use crate::host::{Emitter, Operation};
use ocrctl_protocol::{ArchivedImage, ArchivedPlatform, Context, ImageRef, Result, refused};
use pieces::Pieces;
use registry::Registry;

/// Returns Docker's name for an `image` of the inventory; an error if the archive is for other machines.
pub(super) fn reference(archive: &ArchivedImage, image: &ImageRef) -> Result<ImageRef> {
    platform(archive)?;
    Ok(archived(image, archive.digest.clone()))
}

/// The image for this machine.
pub(super) fn platform(archive: &ArchivedImage) -> Result<&ArchivedPlatform> {
    let own = match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        "aarch64" => "linux/arm64",
        other => return Err(refused(format!("no image is for {other}"))),
    };
    let found = archive.platforms.iter().find(|it| it.name == own);
    found.ok_or_else(|| {
        let names: Vec<&str> = archive
            .platforms
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        refused(format!(
            "the archive's image is for {}, and this host is {own}; nothing was changed",
            names.join(", ")
        ))
    })
}

/// Describes the part of the archive that has to be sent.
pub(super) async fn lacking(archive: &ArchivedImage, engine: &Engine) -> Result<String> {
    let platform = platform(archive)?;
    let (bytes, layers) = load::lacking(platform, &engine.images_layers().await?);
    Ok(format!(
        "{layers} of {} to send, {:.1} MB",
        platform.diff_ids.len(),
        bytes as f64 / 1e6
    ))
}

/// Brings it here.
pub(super) async fn bring(
    archive: &ArchivedImage,
    engine: &Engine,
    image: &str,
    operation: &mut Operation,
) -> Result<()> {
    let platform = platform(archive)?;
    let (pieces, asked) = Pieces::new();
    let (events, incoming) = operation.split();
    let work = async {
        // containerd knows layers as they are packed, and has to be given all of an archive: it pulls those it lacks.
        if !engine.is_containerd().await? && engine.image_id(&platform.config).await?.is_none() {
            load::load(platform, engine, &pieces, events).await?;
        }
        pull(archive, engine, image, (pieces, events)).await?;
        let id = engine.image_id(image).await?;
        if !engine.is_containerd().await? && id.as_ref() != Some(&platform.config) {
            return Err(load::other(platform, id.as_deref()));
        }
        Ok(())
    };
    pieces::supplied(work, asked, events, incoming).await
}

/// Has Docker pull it from here. What it has already it does not ask for.
async fn pull(
    archive: &ArchivedImage,
    engine: &Engine,
    image: &str,
    (pieces, events): (Pieces, &Emitter),
) -> Result<()> {
    let listener = TcpListener::bind(ARCHIVE)
        .await
        .context(format_args!("giving Docker the archive at {ARCHIVE}"))?;
    let registry = Arc::new(Registry::new(archive, pieces));
    let mut connections = JoinSet::new();
    let progress = |status: &str, part| events.progress("image", status, part);
    let mut pulled = std::pin::pin!(engine.pull(image, ARCHIVE, None, progress));
    loop {
        tokio::select! {
            ended = &mut pulled => return ended,
            Ok((stream, _)) = listener.accept() => {
                let registry = registry.clone();
                connections.spawn(async move { registry.answer(stream).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests;
