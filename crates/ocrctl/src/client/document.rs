//! The document to send: a file, which is read as it is sent, or bytes.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::Body;

use super::ClientError;

#[derive(Debug)]
pub struct Document {
    /// The file's name as given by the user.
    pub name: String,
    content: Content,
    size: u64,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    Bytes(Bytes),
}

impl Document {
    /// # Errors
    /// It is no file that can be read.
    pub fn file(path: &Path) -> Result<Self, ClientError> {
        let unreadable = |source| ClientError::File {
            path: path.to_owned(),
            source,
        };
        let mut file = std::fs::File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if about.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let (content, size) = if about.is_file() {
            (Content::File(path.to_owned()), about.len())
        } else {
            // A pipe has no length, and is read once.
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(unreadable)?;
            let size = bytes.len() as u64;
            (Content::Bytes(bytes.into()), size)
        };
        Ok(Self {
            name: path.display().to_string(),
            content,
            size,
        })
    }

    pub fn bytes(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            size: bytes.len() as u64,
            content: Content::Bytes(bytes.into()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) async fn body(&self) -> Result<Body, ClientError> {
        match &self.content {
            Content::Bytes(bytes) => Ok(bytes.clone().into()),
            Content::File(path) => {
                let file = tokio::fs::File::open(path).await;
                file.map(Body::from).map_err(|source| ClientError::File {
                    path: path.clone(),
                    source,
                })
            }
        }
    }
}
