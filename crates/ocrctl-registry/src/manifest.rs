//! Manifests, as far as a copy must understand them: what they name. Their bytes are never changed.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md>, image-index.md

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Every kind that a registry may be asked for.
pub const ACCEPTED: [&str; 5] = [
    IMAGE,
    INDEX,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];

/// A manifest and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub digest: String,
    pub media_type: String,
    pub bytes: Bytes,
    /// Of an index: the manifests of its platforms.
    pub children: Vec<Child>,
    /// Configuration and layers.
    pub blobs: Vec<Blob>,
    /// The descriptor by which its subject's referrers list it.
    pub as_referrer: Descriptor,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub digest: String,
    /// Such as `linux/arm64`; `None` for an attestation or the like.
    pub platform: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob {
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<serde_json::Value>,
}

/// The referrers of a manifest, from the registry's list or the tag `sha256-…`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrers {
    pub schema_version: u32,
    pub media_type: String,
    pub manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    #[serde(default)]
    layers: Vec<RawDescriptor>,
    /// Of an artifact manifest.
    #[serde(default)]
    blobs: Vec<RawDescriptor>,
    annotations: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: Option<String>,
    digest: String,
    size: u64,
    platform: Option<RawPlatform>,
    #[serde(default)]
    urls: Vec<String>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Manifest {
    /// `None` if it is of no kind that can be copied.
    pub fn parse(digest: &str, bytes: Bytes) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(&bytes).ok()?;
        if raw.schema_version > 2 || (raw.schema_version < 2 && raw.media_type.is_none()) {
            return None;
        }
        let index = raw.manifests.is_some();
        let media_type = raw
            .media_type
            .unwrap_or_else(|| if index { INDEX } else { IMAGE }.to_owned());
        let children = raw.manifests.unwrap_or_default();
        let config_type = raw.config.as_ref().and_then(|c| c.media_type.clone());
        let blobs = raw
            .config
            .into_iter()
            .chain(raw.layers)
            .chain(raw.blobs)
            // A layer that lies elsewhere on purpose (Windows' base layers) is not the registry's.
            .filter(|it| it.urls.is_empty())
            .map(|it| Blob {
                digest: it.digest,
                size: it.size,
            })
            .collect();
        Some(Self {
            digest: digest.to_owned(),
            as_referrer: Descriptor {
                media_type: media_type.clone(),
                digest: digest.to_owned(),
                size: bytes.len() as u64,
                artifact_type: raw.artifact_type.or(config_type),
                annotations: raw.annotations,
            },
            media_type,
            bytes,
            children: children.into_iter().map(Child::from).collect(),
            blobs,
        })
    }

    /// Such as `linux/amd64`.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.children
            .iter()
            .filter_map(|child| child.platform.as_deref())
    }
}

impl From<RawDescriptor> for Child {
    fn from(raw: RawDescriptor) -> Self {
        let known = raw.platform.filter(|platform| platform.os != "unknown");
        Self {
            digest: raw.digest,
            platform: known.map(|it| match it.variant {
                Some(variant) => format!("{}/{}/{variant}", it.os, it.architecture),
                None => format!("{}/{}", it.os, it.architecture),
            }),
        }
    }
}

/// The tag that begins with this names a signature (`.sig`), an attestation (`.att`) or the like of a manifest:
/// cosign's scheme. Without an ending it is the fallback of OCI's referrers.
pub fn tag_of(digest: &str) -> String {
    digest.replacen(':', "-", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Option<Manifest> {
        Manifest::parse("sha256:0", Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn an_index_names_its_platforms_and_an_image_its_blobs() {
        let index = parse(
            r#"{"schemaVersion": 2, "manifests": [
                {"digest": "sha256:a", "size": 1, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
                {"digest": "sha256:b", "size": 1, "platform": {"os": "unknown", "architecture": "unknown"}}]}"#,
        )
        .unwrap();
        assert_eq!(index.media_type, INDEX);
        assert_eq!(index.platforms().collect::<Vec<_>>(), ["linux/arm64/v8"]);
        assert_eq!(index.children.len(), 2);
        let image = parse(
            r#"{"schemaVersion": 2, "config": {"mediaType": "application/vnd.example.sbom", "digest": "sha256:c", "size": 2},
                "layers": [{"digest": "sha256:d", "size": 3}, {"digest": "sha256:e", "size": 4, "urls": ["https://x"]}]}"#,
        )
        .unwrap();
        assert_eq!(image.media_type, IMAGE);
        let blobs: Vec<_> = image
            .blobs
            .iter()
            .map(|b| (b.digest.as_str(), b.size))
            .collect();
        assert_eq!(blobs, [("sha256:c", 2), ("sha256:d", 3)]);
        // Image specification 1.1: a referrer without a type of its own is of its configuration's.
        assert_eq!(
            image.as_referrer.artifact_type.as_deref(),
            Some("application/vnd.example.sbom")
        );
    }

    #[test]
    fn parses_no_manifest_of_another_kind() {
        assert_eq!(parse(r#"{"schemaVersion": 1, "fsLayers": []}"#), None);
        assert_eq!(parse("<html>"), None);
    }
}
