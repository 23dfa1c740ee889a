//! An image that comes from an archive of the operator's: what a host must know of it beforehand. Its layers travel as
//! [`super::Request::Piece`]s, when Docker asks for them.

use serde::{Deserialize, Serialize};

/// Bytes that one piece of a blob may have.
pub const PIECE: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedImage {
    /// Of the first of the manifests.
    pub digest: String,
    /// The image's own manifest; or an index, followed by the manifests of its platforms.
    pub manifests: Vec<ArchivedManifest>,
    pub platforms: Vec<ArchivedPlatform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedManifest {
    pub media_type: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedPlatform {
    /// Such as `linux/arm64`.
    pub name: String,
    /// Digest of its configuration, which is Docker's name of the image.
    pub config: String,
    /// The label `org.opencontainers.image.version`.
    pub version: Option<String>,
    /// The label `org.ocrctl.languages`.
    pub languages: Option<String>,
    /// Digests of what its layers hold, by which Docker knows them however they are packed.
    pub diff_ids: Vec<String>,
    /// Configuration, and layers in the same order: digests and bytes.
    pub blobs: Vec<(String, u64)>,
}

impl ArchivedPlatform {
    pub fn layers(&self) -> impl Iterator<Item = &(String, u64)> {
        self.blobs.iter().skip(1)
    }
}
