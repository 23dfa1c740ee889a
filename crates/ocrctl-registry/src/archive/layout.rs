//! An OCI image layout, as `skopeo`, buildx and newer versions of `docker save` write it. Its manifests are those of
//! a registry, byte for byte, where the image was in one.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md>

use std::collections::HashMap;
use std::io;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::members::{Members, Place};
use super::{Candidate, Configuration, unfit};
use crate::INDEX;
use ocrctl_protocol::{ArchivedImage, ArchivedManifest, ArchivedPlatform, hex};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The name as containerd and Docker have it; and a tag alone, or a reference of skopeo's.
const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];
/// Indices within indices.
const DEEPEST: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: Option<String>,
    digest: String,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// An index or an image's manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: Option<String>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// Those that the layout names, and below an index those of its platforms too, which the inventory may name by digest.
pub(super) fn candidates(
    members: &Members,
    index: &[u8],
) -> io::Result<Vec<Candidate<Descriptor>>> {
    let index: Manifest =
        serde_json::from_slice(index).map_err(|error| unfit("index.json", error))?;
    let mut all: Vec<Candidate<Descriptor>> = Vec::new();
    for descriptor in index.manifests.unwrap_or_default() {
        let names = NAMES
            .iter()
            .filter_map(|name| descriptor.annotations.get(*name));
        let names: Vec<String> = names.cloned().collect();
        // One image by several names is there once for each.
        if let Some(known) = all
            .iter_mut()
            .find(|it| it.what.digest == descriptor.digest)
        {
            known.names.extend(names);
            continue;
        }
        let Some(text) = blob(members, &descriptor.digest)? else {
            return Err(missing(&descriptor.digest));
        };
        let manifest = parse(&descriptor.digest, &text)?;
        if manifest.manifests.is_none() && platform(members, &manifest)?.is_none() {
            continue; // a signature or the like
        }
        all.push(Candidate {
            names,
            digests: vec![descriptor.digest.clone()],
            what: descriptor,
        });
    }
    Ok(all)
}

/// The image, and every blob of it, checked.
pub(super) fn read(
    members: &Members,
    top: &Descriptor,
) -> io::Result<(ArchivedImage, Vec<(String, Place)>)> {
    let mut image = ArchivedImage {
        digest: top.digest.clone(),
        manifests: vec![],
        platforms: vec![],
    };
    let mut not_there = None;
    let mut below = vec![(top.clone(), 0)];
    while let Some((descriptor, depth)) = below.pop() {
        // Of a platform that was not saved.
        let Some(text) = blob(members, &descriptor.digest)? else {
            not_there.get_or_insert(descriptor.digest);
            continue;
        };
        if format!("sha256:{}", hex(&Sha256::digest(&text))) != descriptor.digest {
            return Err(damaged(&descriptor.digest));
        }
        let manifest = parse(&descriptor.digest, &text)?;
        if let Some(children) = manifest.manifests.clone() {
            if depth < DEEPEST {
                below.extend(children.into_iter().map(|child| (child, depth + 1)));
            }
        } else {
            match platform(members, &manifest) {
                Ok(Some(platform)) => image.platforms.push(platform),
                Ok(None) => continue,
                // One layer that is not there costs an index one platform.
                Err(error) if depth > 0 => {
                    not_there.get_or_insert(error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        let is_index = manifest.manifests.is_some();
        let media_type = manifest.media_type.or(descriptor.media_type);
        let default = if is_index { INDEX } else { MANIFEST };
        image.manifests.push(ArchivedManifest {
            media_type: media_type.unwrap_or_else(|| default.to_owned()),
            text: String::from_utf8(text).map_err(|error| unfit(&descriptor.digest, error))?,
        });
    }
    if image.platforms.is_empty() {
        let what = not_there.unwrap_or_else(|| top.digest.clone());
        return Err(missing(&what));
    }
    let mut blobs: Vec<(String, Place)> = Vec::new();
    for (digest, _) in image.platforms.iter().flat_map(|it| &it.blobs) {
        if blobs.iter().any(|(known, _)| known == digest) {
            continue;
        }
        let place = members
            .place(&path(digest))
            .ok_or_else(|| missing(digest))?;
        if members.digest(place)? != *digest {
            return Err(damaged(digest));
        }
        blobs.push((digest.clone(), place));
    }
    Ok((image, blobs))
}

/// Returns the platform of an image's manifest; `None` if it is no image that runs (an attestation, a signature).
fn platform(members: &Members, manifest: &Manifest) -> io::Result<Option<ArchivedPlatform>> {
    let Some(config) = &manifest.config else {
        return Ok(None);
    };
    let kind = config.media_type.as_deref().unwrap_or_default();
    if !kind.contains("image.config.v1") && !kind.contains("container.image.v1") {
        return Ok(None);
    }
    let text = blob(members, &config.digest)?.ok_or_else(|| missing(&config.digest))?;
    let parsed: Configuration =
        serde_json::from_slice(&text).map_err(|error| unfit(&config.digest, error))?;
    if parsed.os == "unknown" {
        return Ok(None);
    }
    let mut blobs = Vec::new();
    for descriptor in std::iter::once(config).chain(&manifest.layers) {
        let place = members.place(&path(&descriptor.digest));
        let place = place.ok_or_else(|| missing(&descriptor.digest))?;
        blobs.push((descriptor.digest.clone(), place.size));
    }
    if parsed.rootfs.diff_ids.len() != manifest.layers.len() {
        return Err(damaged(&config.digest));
    }
    Ok(Some(parsed.platform(config.digest.clone(), blobs)))
}

fn parse(digest: &str, text: &[u8]) -> io::Result<Manifest> {
    serde_json::from_slice(text).map_err(|error| unfit(digest, error))
}

fn blob(members: &Members, digest: &str) -> io::Result<Option<Vec<u8>>> {
    members.text(&path(digest))
}

fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("{what} is not in it"))
}

fn damaged(digest: &str) -> io::Error {
    io::Error::other(format!("{digest} is not what its digest says"))
}
