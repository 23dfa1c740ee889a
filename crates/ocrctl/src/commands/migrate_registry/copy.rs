//! An image copied from one repository to another, digest for digest, with all its platforms, its signatures and
//! what refers to it. Bytes pass through memory in parts; what the target has is not sent.

mod blob;
mod noted;
mod plan;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt};

pub use noted::Noted;
use ocrctl_registry::RegistryError;
use ocrctl_registry::manifest::{Descriptor, INDEX, Referrers, tag_of};
use ocrctl_registry::repository::{Repository, Result};
pub use plan::{Plan, Wanted};

/// Blobs on their way at once: two parts of each are in memory. As many may have to be sent anew after a cut that the
/// registry can't take up (docker-registry: one in the middle of a part), so they are few.
const AT_ONCE: usize = 2;

/// Ends a copy at the next part, so that it can be taken up there. Clones stand for the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A copy in progress.
pub struct Copy<'a> {
    pub source: &'a Repository,
    pub target: &'a Repository,
    /// Where half-sent uploads are noted.
    pub noted: &'a Noted,
    pub stop: &'a Stop,
    /// Told of bytes that were sent, out of those to be sent.
    pub progress: &'a dyn Fn(u64, u64),
    sent: AtomicU64,
}

impl<'a> Copy<'a> {
    pub fn new(
        source: &'a Repository,
        target: &'a Repository,
        noted: &'a Noted,
        stop: &'a Stop,
        progress: &'a dyn Fn(u64, u64),
    ) -> Self {
        Self {
            source,
            target,
            noted,
            stop,
            progress,
            sent: AtomicU64::new(0),
        }
    }

    /// Bytes of blobs that were sent so far, those of parts that were lost included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Carries out a plan: blobs, then the manifests that name them, then tags. An image is there under its tag when
    /// all of it is.
    /// Gives how many blobs were mounted.
    pub async fn run(&self, plan: &Plan) -> Result<usize> {
        let total = plan.bytes_to_send();
        let done = stream::iter(plan.absent_blobs())
            .map(|blob| self.blob(blob, total))
            .buffer_unordered(AT_ONCE);
        // One that fails lets the others end their parts, to be taken up there.
        let done: Vec<Result<bool>> = done
            .inspect(|ended| {
                if ended.is_err() {
                    self.stop.ask();
                }
            })
            .collect()
            .await;
        let mut mounted = 0;
        let mut stopped = None;
        for ended in done {
            match ended {
                Ok(by_mount) => mounted += usize::from(by_mount),
                Err(error @ RegistryError::Stopped { .. }) => stopped = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = stopped {
            return Err(error);
        }
        for manifest in plan.absent_manifests() {
            self.target
                .push_manifest(&manifest.digest, &manifest.media_type, &manifest.bytes)
                .await?;
        }
        for (subject, referrers) in plan.referrers() {
            self.list(subject, &referrers).await?;
        }
        for (tag, manifest) in plan.absent_tags() {
            // Asked again: someone else may have been here meanwhile.
            plan::check_tag(self.target, tag, &manifest.digest).await?;
            self.target
                .push_manifest(tag, &manifest.media_type, &manifest.bytes)
                .await?;
        }
        verify::all(self.target, plan).await?;
        Ok(mounted)
    }

    /// Sees to it that what refers to a manifest is listed. A registry of OCI 1.1 does so itself; for others there is
    /// a tag with an index, which lists what was there before as well.
    async fn list(&self, subject: &str, referrers: &[&Descriptor]) -> Result<()> {
        let listed = self.target.referrers(subject).await?;
        if referrers.iter().all(|it| listed.contains(&it.digest)) {
            return Ok(());
        }
        let mut manifests = Vec::new();
        for digest in &listed {
            manifests.push(self.target.manifest(digest).await?.as_referrer);
        }
        let new = referrers.iter().filter(|it| !listed.contains(&it.digest));
        manifests.extend(new.map(|it| (*it).clone()));
        let index = Referrers {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests,
        };
        let bytes = serde_json::to_vec(&index).unwrap_or_default().into();
        self.target
            .push_manifest(&tag_of(subject), INDEX, &bytes)
            .await
    }
}

impl std::fmt::Debug for Copy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy")
            .field("source", &self.source.place)
            .field("target", &self.target.place)
            .finish_non_exhaustive()
    }
}
