//! The plan of a copy: everything that belongs to the wanted images, and the part that the target lacks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::{self, Display};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use ocrctl_registry::RegistryError;
use ocrctl_registry::manifest::{Blob, Descriptor, Manifest, tag_of};
use ocrctl_registry::repository::{Repository, Result};

/// Questions on their way at once.
const AT_ONCE: usize = 8;

/// An image by its tag, or by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Tag(String),
    /// With the tag that it shall have, if any.
    Digest(String, Option<String>),
}

#[derive(Debug)]
pub struct Plan {
    source: String,
    target: String,
    mounts: bool,
    /// In the order in which they are pushed: what is named comes before what names it.
    manifests: Vec<Manifest>,
    blobs: BTreeSet<Blob>,
    /// Tag → digest.
    tags: BTreeMap<String, String>,
    /// Of them, tags of signatures and the like.
    attached: BTreeSet<String>,
    /// Subject → what refers to it.
    referrers: BTreeMap<String, Vec<String>>,
    absent: Absent,
}

/// Content that is missing in the target.
#[derive(Debug, Default)]
struct Absent {
    manifests: HashSet<String>,
    blobs: HashSet<String>,
    tags: HashSet<String>,
    listed: bool,
}

impl Plan {
    /// Reads both repositories and changes nothing. A tag of the target that is another image is an error.
    pub async fn make(source: &Repository, target: &Repository, wanted: &[Wanted]) -> Result<Self> {
        let mut plan = Self {
            source: source.place.clone(),
            target: target.place.clone(),
            mounts: target.beside(source),
            manifests: Vec::new(),
            blobs: BTreeSet::new(),
            tags: BTreeMap::new(),
            attached: BTreeSet::new(),
            referrers: BTreeMap::new(),
            absent: Absent::default(),
        };
        let mut roots = Vec::new();
        for image in wanted {
            let (digest, tag) = match image {
                Wanted::Tag(tag) => {
                    let digest =
                        source
                            .digest(tag)
                            .await?
                            .ok_or_else(|| RegistryError::Missing {
                                place: source.place.clone(),
                                what: format!("tag {tag}"),
                            })?;
                    (digest, Some(tag))
                }
                Wanted::Digest(digest, tag) => (digest.clone(), tag.as_ref()),
            };
            if let Some(tag) = tag {
                plan.tags.insert(tag.clone(), digest.clone());
            }
            roots.push(digest);
        }
        plan.collect(source, roots).await?;
        plan.compare(target).await?;
        Ok(plan)
    }

    /// Walks from the roots to all that they name, and to what is attached to any of it.
    async fn collect(&mut self, source: &Repository, roots: Vec<String>) -> Result<()> {
        let all_tags = source.tags().await?;
        let mut seen: HashSet<String> = HashSet::new();
        let mut roots = roots;
        while let Some(root) = roots.pop() {
            let mut stack = vec![(root, None)];
            while let Some((digest, read)) = stack.pop() {
                if let Some(manifest) = read {
                    self.manifests.push(manifest);
                    continue;
                }
                if !seen.insert(digest.clone()) {
                    continue;
                }
                let manifest = source.manifest(&digest).await?;
                self.blobs.extend(manifest.blobs.iter().cloned());
                let children: Vec<String> = manifest
                    .children
                    .iter()
                    .map(|it| it.digest.clone())
                    .collect();
                let prefix = format!("{}.", tag_of(&digest));
                for tag in all_tags.iter().filter(|tag| tag.starts_with(&prefix)) {
                    if let Some(attached) = source.digest(tag).await? {
                        self.tags.insert(tag.clone(), attached.clone());
                        self.attached.insert(tag.clone());
                        roots.push(attached);
                    }
                }
                let referrers = source.referrers(&digest).await?;
                if !referrers.is_empty() {
                    roots.extend(referrers.iter().cloned());
                    self.referrers.insert(digest.clone(), referrers);
                }
                stack.push((digest, Some(manifest)));
                stack.extend(children.into_iter().map(|child| (child, None)));
            }
        }
        Ok(())
    }

    async fn compare(&mut self, target: &Repository) -> Result<()> {
        for (tag, digest) in &self.tags {
            if !check_tag(target, tag, digest).await? {
                self.absent.tags.insert(tag.clone());
            }
        }
        let blobs: Vec<String> = self.blobs.iter().map(|blob| blob.digest.clone()).collect();
        let blobs = lacking(blobs, async |digest: &str| target.has_blob(digest).await);
        let manifests = self.manifests.iter().map(|it| it.digest.clone()).collect();
        let manifests = lacking(manifests, async |digest: &str| {
            Ok(target.digest(digest).await?.is_some())
        });
        (self.absent.blobs, self.absent.manifests) = tokio::try_join!(blobs, manifests)?;
        self.absent.listed = true;
        for (subject, referrers) in &self.referrers {
            let listed = target.referrers(subject).await?;
            self.absent.listed &= referrers.iter().all(|it| listed.contains(it));
        }
        Ok(())
    }

    /// Returns whether the target has everything.
    pub fn is_done(&self) -> bool {
        let absent = &self.absent;
        absent.blobs.is_empty()
            && absent.manifests.is_empty()
            && absent.tags.is_empty()
            && absent.listed
    }

    /// Bytes of the blobs that the target lacks; mounted ones are among them.
    pub fn bytes_to_send(&self) -> u64 {
        self.absent_blobs().map(|blob| blob.size).sum()
    }

    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.blobs.iter()
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.iter()
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags
            .iter()
            .map(|(tag, digest)| (tag.as_str(), digest.as_str()))
    }

    pub(super) fn absent_blobs(&self) -> impl Iterator<Item = &Blob> {
        let absent = |blob: &&Blob| self.absent.blobs.contains(&blob.digest);
        self.blobs.iter().filter(absent)
    }

    pub(super) fn absent_manifests(&self) -> impl Iterator<Item = &Manifest> {
        let absent = |it: &&Manifest| self.absent.manifests.contains(&it.digest);
        self.manifests.iter().filter(absent)
    }

    pub(super) fn absent_tags(&self) -> impl Iterator<Item = (&str, &Manifest)> {
        self.tags
            .iter()
            .filter(|(tag, _)| self.absent.tags.contains(*tag))
            .filter_map(|(tag, digest)| {
                let manifest = self.manifests.iter().find(|it| it.digest == *digest)?;
                Some((tag.as_str(), manifest))
            })
    }

    /// Each manifest that is referred to, with what refers to it.
    pub(super) fn referrers(&self) -> impl Iterator<Item = (&str, Vec<&Descriptor>)> {
        self.referrers.iter().map(|(subject, digests)| {
            let named = |it: &&Manifest| digests.contains(&it.digest);
            let found = self.manifests.iter().filter(named);
            (subject.as_str(), found.map(|it| &it.as_referrer).collect())
        })
    }
}

/// Those of `digests` that the target does not have.
async fn lacking(
    digests: Vec<String>,
    has: impl AsyncFn(&str) -> Result<bool>,
) -> Result<HashSet<String>> {
    let has = &has;
    stream::iter(digests)
        .map(|digest| async move { Ok((!has(&digest).await?).then_some(digest)) })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|absent| async move { Ok(absent) })
        .try_collect()
        .await
}

/// Returns whether the tag exists. A tag of another image is an error: it is never overwritten.
pub(super) async fn check_tag(target: &Repository, tag: &str, digest: &str) -> Result<bool> {
    match target.digest(tag).await? {
        None => Ok(false),
        Some(there) if there == digest => Ok(true),
        Some(there) => Err(RegistryError::TagDiffers {
            place: target.place.clone(),
            tag: tag.to_owned(),
            there,
            here: digest.to_owned(),
        }),
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "copy {} to {}", self.source, self.target)?;
        let platforms: BTreeSet<&str> = self
            .manifests
            .iter()
            .flat_map(Manifest::platforms)
            .collect();
        if !platforms.is_empty() {
            let platforms: Vec<&str> = platforms.into_iter().collect();
            writeln!(f, "  platforms  {}", platforms.join(", "))?;
        }
        let tags: Vec<&str> = self
            .tags()
            .map(|(tag, _)| tag)
            .filter(|tag| !self.attached.contains(*tag))
            .collect();
        match tags.as_slice() {
            [] => writeln!(
                f,
                "  tags       none: the image will be there by its digest alone"
            )?,
            tags => writeln!(f, "  tags       {}", tags.join(", "))?,
        }
        let referrers: usize = self.referrers.values().map(Vec::len).sum();
        if self.attached.len() + referrers > 0 {
            writeln!(
                f,
                "  with it    {} signatures, {referrers} referrers",
                self.attached.len()
            )?;
        }
        let how = if self.mounts { "mount" } else { "send" };
        writeln!(
            f,
            "  to {how:<7} {} of {} blobs, {} bytes; {} of {} manifests",
            self.absent.blobs.len(),
            self.blobs.len(),
            self.bytes_to_send(),
            self.absent.manifests.len(),
            self.manifests.len(),
        )
    }
}
