//! Verifies that the target has the copy, digest for digest, by requesting each part anew.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Plan;
use ocrctl_registry::RegistryError;
use ocrctl_registry::repository::{Repository, Result};

const AT_ONCE: usize = 8;

pub(super) async fn all(target: &Repository, plan: &Plan) -> Result<()> {
    let wrong = |what: String| RegistryError::NotVerified {
        place: target.place.clone(),
        what,
    };
    // Its bytes are read and hashed.
    stream::iter(plan.manifests())
        .map(async |manifest| {
            let there = target.manifest(&manifest.digest).await?;
            if there.bytes == manifest.bytes {
                return Ok(());
            }
            Err(wrong(format!("the manifest {}", manifest.digest)))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    // Its bytes were hashed by the registry when it came.
    stream::iter(plan.blobs())
        .map(async |blob| match target.has_blob(&blob.digest).await? {
            true => Ok(()),
            false => Err(wrong(format!("the blob {}", blob.digest))),
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    for (tag, digest) in plan.tags() {
        if target.digest(tag).await?.as_deref() != Some(digest) {
            return Err(wrong(format!("the tag {tag} at {digest}")));
        }
    }
    Ok(())
}
