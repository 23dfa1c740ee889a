//! Why an archive can't be deployed.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },

    #[error("{} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },

    #[error("{} is packed by zstd", .0.display())]
    Zstd(PathBuf),

    #[error("the archive can't be unpacked to a temporary file: {0}")]
    NoRoom(io::Error),

    #[error("there is no image in {}", .0.display())]
    NoImage(PathBuf),

    #[error("{} has several images and none by the name of {wanted}: {}", path.display(), names.join(", "))]
    Several {
        path: PathBuf,
        wanted: String,
        names: Vec<String>,
    },
}

impl ArchiveError {
    pub(super) fn damaged(path: &Path, reason: String) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason,
        }
    }

    /// Suggests a fix.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => {
                "name the file that holds the image, and one that you may read".to_owned()
            }
            Self::Damaged { .. } => {
                "copy or write it again; nothing was changed".to_owned()
            }
            Self::Zstd(path) => format!("unpack it first: `unzstd {}`", path.display()),
            Self::NoRoom(_) => "TMPDIR names another place for it; or unpack it by `gunzip` yourself".into(),
            Self::NoImage(_) => {
                "an archive is written by `docker save IMAGE -o image.tar`, or by `skopeo copy docker://IMAGE oci-archive:image.tar`".into()
            }
            Self::Several { .. } => {
                "name one of them as `image` in the inventory, or write an archive with one image".into()
            }
        };
        Some(hint)
    }
}
