//! The format of `docker save`: `manifest.json` names configuration and layers of each image. There is no manifest as
//! a registry has it, so one is made: of the same archive always the same.
//!
//! <https://github.com/moby/moby/blob/v25.0.0/image/spec/v1.2.md#combined-image-json--filesystem-changeset-format>

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::members::{GZIP, Members, Place};
use super::{Candidate, Configuration, unfit};
use ocrctl_protocol::{ArchivedImage, ArchivedManifest, hex};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const PACKED_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: u64,
}

pub(super) fn candidates(list: &[u8]) -> io::Result<Vec<Candidate<Saved>>> {
    let list: Vec<Saved> =
        serde_json::from_slice(list).map_err(|error| unfit("manifest.json", error))?;
    let candidate = |saved: Saved| Candidate {
        names: saved.repo_tags.clone().unwrap_or_default(),
        digests: vec![],
        what: saved,
    };
    Ok(list.into_iter().map(candidate).collect())
}

pub(super) fn read(
    members: &Members,
    saved: &Saved,
) -> io::Result<(ArchivedImage, Vec<(String, Place)>)> {
    let missing = |name: &str| io::Error::other(format!("{name} is not in it"));
    let config = members.text(&saved.config)?;
    let config = config.ok_or_else(|| missing(&saved.config))?;
    let parsed: Configuration =
        serde_json::from_slice(&config).map_err(|error| unfit(&saved.config, error))?;
    if parsed.rootfs.diff_ids.len() != saved.layers.len() {
        return Err(io::Error::other(format!(
            "{} layers, and a configuration of {}",
            saved.layers.len(),
            parsed.rootfs.diff_ids.len()
        )));
    }
    let id = format!("sha256:{}", hex(&Sha256::digest(&config)));
    // The name is made of it, in all versions of Docker.
    let hash = |c: &str| c.len() == 64 && c.bytes().all(|b| b.is_ascii_hexdigit());
    let stem = saved.config.rsplit('/').next().unwrap_or_default();
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    if hash(stem) && !id.ends_with(stem) {
        return Err(io::Error::other(format!(
            "{} is not what it was",
            saved.config
        )));
    }
    let mut blobs = Vec::new();
    if let Some(place) = members.place(&saved.config) {
        blobs.push((id.clone(), place));
    }
    let mut layers = Vec::new();
    for (name, diff_id) in saved.layers.iter().zip(&parsed.rootfs.diff_ids) {
        let place = members.place(name).ok_or_else(|| missing(name))?;
        let digest = members.digest(place)?;
        let packed = members.read(place, 0, 2)? == GZIP;
        let content = match packed {
            true => members.digest_of_content(place)?,
            false => digest.clone(),
        };
        if content != *diff_id {
            return Err(io::Error::other(format!(
                "{name} is not the layer {diff_id}"
            )));
        }
        layers.push(Descriptor {
            media_type: if packed { PACKED_LAYER } else { LAYER },
            digest: digest.clone(),
            size: place.size,
        });
        blobs.push((digest, place));
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: Descriptor {
            media_type: CONFIG,
            digest: id.clone(),
            size: config.len() as u64,
        },
        layers,
    };
    let text = serde_json::to_string(&manifest).map_err(io::Error::other)?;
    let sizes = blobs
        .iter()
        .map(|(digest, place)| (digest.clone(), place.size));
    let image = ArchivedImage {
        digest: format!("sha256:{}", hex(&Sha256::digest(&text))),
        platforms: vec![parsed.platform(id, sizes.collect())],
        manifests: vec![ArchivedManifest {
            media_type: MANIFEST.to_owned(),
            text,
        }],
    };
    Ok((image, blobs))
}
