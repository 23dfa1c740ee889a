//! An image in a file, for hosts that reach no registry: what `docker save`, `skopeo` and buildx write. The whole of it is
//! checked before anything else happens.

mod error;
mod layout;
mod members;
mod saved;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

pub use error::ArchiveError;

use crate::{LANGUAGES, VERSION};
use members::{GZIP, Members, Place, ZSTD};
use ocrctl_protocol::{ArchivedImage, ArchivedPlatform, ImageRef, PIECE};

/// An image of an archive, whole.
#[derive(Debug)]
pub struct Archive {
    members: Members,
    /// By digest.
    blobs: HashMap<String, Blob>,
    pub image: ArchivedImage,
    /// Notes for the operator before a deploy.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Blob {
    place: Place,
    /// It would not become smaller.
    packed: bool,
}

/// One of the images of an archive.
#[derive(Debug)]
struct Candidate<T> {
    /// References or tags, as the archive has them.
    names: Vec<String>,
    /// Of its manifests.
    digests: Vec<String>,
    what: T,
}

impl Archive {
    /// Finds the image that the inventory names, or the only one; reads all of it.
    pub fn open(path: &Path, wanted: &ImageRef) -> Result<Self, ArchiveError> {
        let members = Members::open(path)?;
        let damaged = |error: io::Error| ArchiveError::damaged(path, error.to_string());
        let text = |name: &str| members.text(name).map_err(damaged);
        let (found, image, blobs) = if let Some(index) = text("index.json")? {
            let found = layout::candidates(&members, &index).map_err(damaged)?;
            let found = choose(path, found, wanted)?;
            let (image, blobs) = layout::read(&members, &found.what).map_err(damaged)?;
            (found.and(()), image, blobs)
        } else if let Some(list) = text("manifest.json")? {
            let found = choose(path, saved::candidates(&list).map_err(damaged)?, wanted)?;
            let (image, blobs) = saved::read(&members, &found.what).map_err(damaged)?;
            (found.and(()), image, blobs)
        } else {
            return Err(ArchiveError::NoImage(path.to_owned()));
        };
        let mut described = HashMap::new();
        for (digest, place) in blobs {
            let magic = members.read(place, 0, 4).map_err(damaged)?;
            let packed = magic.starts_with(GZIP) || magic.starts_with(ZSTD);
            described.insert(digest, Blob { place, packed });
        }
        Ok(Self {
            notes: found.compared_with(wanted, &image),
            members,
            blobs: described,
            image,
        })
    }

    /// A piece of a blob, as it travels: whether it is packed by gzip, and the bytes. `None` if there is no such blob.
    pub fn piece(
        &self,
        digest: &str,
        offset: u64,
        length: u64,
    ) -> io::Result<Option<(bool, Vec<u8>)>> {
        let Some(blob) = self.blobs.get(digest) else {
            return Ok(None);
        };
        let bytes = self.members.read(blob.place, offset, length.min(PIECE))?;
        if blob.packed {
            return Ok(Some((false, bytes)));
        }
        let mut packed = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
        packed.write_all(&bytes)?;
        let packed = packed.finish()?;
        if packed.len() < bytes.len() {
            Ok(Some((true, packed)))
        } else {
            Ok(Some((false, bytes)))
        }
    }

    /// Bytes of all its blobs.
    pub fn size(&self) -> u64 {
        self.blobs.values().map(|blob| blob.place.size).sum()
    }
}

impl<T> Candidate<T> {
    fn and<U>(self, what: U) -> Candidate<U> {
        Candidate {
            names: self.names,
            digests: self.digests,
            what,
        }
    }

    /// Compares the archive's name of the image, if it has one, with the inventory's.
    fn compared_with(&self, wanted: &ImageRef, image: &ArchivedImage) -> Vec<String> {
        if let Some(digest) = &wanted.digest {
            return match self.digests.contains(digest) {
                true => vec![],
                false => vec![format!(
                    "the archive has no image by the inventory's {digest}; this one is {}. \
                     `docker save` leaves digests of registries out, `skopeo copy` keeps them",
                    image.digest
                )],
            };
        }
        if self.names.is_empty() || self.is_named(wanted) {
            return vec![];
        }
        vec![format!(
            "the archive calls its image {}, the inventory {wanted}",
            self.names.join(", ")
        )]
    }

    fn is_named(&self, wanted: &ImageRef) -> bool {
        let Some(tag) = &wanted.tag else {
            return false;
        };
        let whole = format!("{}/{}:{tag}", wanted.registry, wanted.repository);
        let short = whole.strip_prefix("docker.io/").unwrap_or(&whole);
        let names =
            |name: &String| name.strip_prefix("docker.io/").unwrap_or(name) == short || name == tag;
        self.names.iter().any(names)
    }
}

/// By digest, by name, or the only one.
fn choose<T>(
    path: &Path,
    mut all: Vec<Candidate<T>>,
    wanted: &ImageRef,
) -> Result<Candidate<T>, ArchiveError> {
    let by_digest = |candidate: &Candidate<T>| {
        let digest = wanted.digest.as_ref();
        digest.is_some_and(|digest| candidate.digests.contains(digest))
    };
    let found = all.iter().position(by_digest);
    let found = found.or_else(|| all.iter().position(|it| it.is_named(wanted)));
    let found = found.or((all.len() == 1).then_some(0));
    match found {
        Some(found) => Ok(all.swap_remove(found)),
        None if all.is_empty() => Err(ArchiveError::NoImage(path.to_owned())),
        None => Err(ArchiveError::Several {
            path: path.to_owned(),
            wanted: wanted.to_string(),
            names: all.into_iter().flat_map(|it| it.names).collect(),
        }),
    }
}

/// An image's configuration, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Configuration {
    os: String,
    architecture: String,
    #[serde(default)]
    config: Settings,
    rootfs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    #[serde(rename = "Labels")]
    labels: Option<HashMap<String, String>>,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Configuration {
    fn platform(&self, config: String, blobs: Vec<(String, u64)>) -> ArchivedPlatform {
        let label = |name: &str| self.config.labels.as_ref()?.get(name).cloned();
        ArchivedPlatform {
            name: format!("{}/{}", self.os, self.architecture),
            config,
            version: label(VERSION),
            languages: label(LANGUAGES),
            diff_ids: self.rootfs.diff_ids.clone(),
            blobs,
        }
    }
}

fn unfit(what: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what} can't be read: {error}"))
}
