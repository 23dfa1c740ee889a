//! Which uploads are half sent, on the operator's machine: the registry does not list them. Only an upload's address
//! is kept, which is of no use without the credentials.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use ocrctl_protocol::replace;
use ocrctl_registry::RegistryError;

#[derive(Debug)]
pub struct Noted {
    directory: PathBuf,
}

impl Noted {
    /// In a directory that is made when it is needed.
    pub fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// One small file a blob: uploads go on side by side.
    fn file(&self, place: &str, digest: &str) -> PathBuf {
        let name = ocrctl_protocol::hex(&Sha256::digest(format!("{place}@{digest}")));
        self.directory.join(name)
    }

    /// Where the upload of a blob goes on, if it was begun.
    pub(super) fn of(&self, place: &str, digest: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.file(place, digest)).ok()?;
        Some(text.trim().to_owned())
    }

    pub(super) fn remember(
        &self,
        place: &str,
        digest: &str,
        location: &str,
    ) -> Result<(), RegistryError> {
        let file = self.file(place, digest);
        std::fs::create_dir_all(&self.directory)
            .and_then(|()| replace(&file, location.as_bytes(), |_| Ok(())))
            .map_err(|source| self.error(source))
    }

    pub(super) fn forget(&self, place: &str, digest: &str) -> Result<(), RegistryError> {
        match std::fs::remove_file(self.file(place, digest)) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(self.error(source)),
            _ => Ok(()),
        }
    }

    fn error(&self, source: std::io::Error) -> RegistryError {
        RegistryError::State {
            path: self.directory.display().to_string(),
            source,
        }
    }
}
