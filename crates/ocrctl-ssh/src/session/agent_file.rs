//! The executable that becomes the agent on a host: ours, or one built for another architecture.

mod elf;
mod payload;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::error::SessionError;
pub(super) use payload::{Packing, Payload};

/// Where the headers of an executable are, and its build ID.
const HEAD: u64 = 64 << 10;

/// A static Linux executable, of which no more is read than it takes to name it, until a host wants it.
#[derive(Debug, Clone)]
pub(super) struct AgentFile {
    pub(super) path: PathBuf,
    /// The architecture in the words of `uname -m`.
    pub(super) architecture: String,
    /// Of its content: the linker's, or the beginning of its SHA-256.
    id: String,
    payload: OnceCell<Payload>,
}

/// Every agent that we could upload: read when the first host asks, for all of them.
#[derive(Debug, Default)]
pub struct Agents {
    named: Option<PathBuf>,
    files: OnceCell<Vec<AgentFile>>,
}

impl Agents {
    /// The file that is named, or this executable and the `ocrctl-agent-<architecture>` beside it.
    pub fn new(named: Option<PathBuf>) -> Self {
        Self {
            named,
            files: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn given(files: Vec<AgentFile>) -> Self {
        Self {
            named: None,
            files: OnceCell::new_with(Some(files)),
        }
    }

    /// One whose bytes are at hand, for hosts of this architecture.
    pub fn of(path: &str, architecture: &str, bytes: impl Into<Bytes>) -> Self {
        let file = AgentFile::new(path.into(), architecture.into(), bytes);
        Self {
            named: None,
            files: OnceCell::new_with(Some(vec![file])),
        }
    }

    pub(super) async fn files(&self) -> Result<&[AgentFile], SessionError> {
        let load = async || {
            let named = self.named.clone();
            let loaded = tokio::task::spawn_blocking(move || load(named.as_deref())).await;
            loaded.unwrap_or_else(|error| Err(unreadable("ocrctl", io::Error::other(error))))
        };
        Ok(self.files.get_or_try_init(load).await?)
    }
}

fn load(named: Option<&Path>) -> Result<Vec<AgentFile>, SessionError> {
    if let Some(path) = named {
        return Ok(vec![AgentFile::load(path)?]);
    }
    let path = std::env::current_exe().map_err(|source| unreadable("ocrctl", source))?;
    let mut files = beside(&path)?;
    match AgentFile::load(&path) {
        Ok(file) => files.insert(0, file),
        // Such as on macOS: the others will do.
        Err(SessionError::AgentUnfit { .. }) if !files.is_empty() => {}
        Err(error) => return Err(error),
    }
    Ok(files)
}

/// The agent for a host of this architecture.
pub(super) fn fitting<'a>(
    files: &'a [AgentFile],
    host: &str,
    architecture: &str,
) -> Result<&'a AgentFile, SessionError> {
    let fits = files.iter().find(|file| file.architecture == architecture);
    fits.ok_or_else(|| SessionError::WrongArchitecture {
        host: host.to_owned(),
        expected: architecture.to_owned(),
        found: files
            .iter()
            .map(|f| format!("{} ({})", f.path.display(), f.architecture))
            .collect(),
    })
}

fn unreadable(path: impl Into<PathBuf>, source: io::Error) -> SessionError {
    SessionError::AgentUnreadable {
        path: path.into(),
        source,
    }
}

impl AgentFile {
    fn load(path: &Path) -> Result<Self, SessionError> {
        let mut head = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(HEAD).read_to_end(&mut head))
            .map_err(|source| unreadable(path, source))?;
        let headers = elf::read(&head).map_err(|problem| SessionError::AgentUnfit {
            path: path.to_owned(),
            problem,
        })?;
        let architecture = headers.architecture;
        Ok(match headers.build_id {
            Some(id) => Self {
                path: path.to_owned(),
                architecture,
                id,
                payload: OnceCell::new(),
            },
            None => {
                let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
                Self::new(path.to_owned(), architecture, bytes)
            }
        })
    }

    /// A file whose content is this.
    pub(super) fn new(path: PathBuf, architecture: String, bytes: impl Into<Bytes>) -> Self {
        let payload = Payload::of(bytes);
        Self {
            path,
            architecture,
            id: payload.sha256.clone(),
            payload: OnceCell::new_with(Some(payload)),
        }
    }

    #[cfg(test)]
    pub(super) fn with(self, change: impl FnOnce(Payload) -> Payload) -> Self {
        let payload = self.payload.into_inner().map(change);
        Self {
            payload: OnceCell::new_with(payload),
            ..self
        }
    }

    /// Returns the agent's file name on a host: another content has another name.
    pub(super) fn name(&self) -> String {
        format!("ocrctl-{:.16}", self.id)
    }

    pub(super) async fn payload(&self) -> Result<&Payload, SessionError> {
        let read = async || {
            let (path, id) = (self.path.clone(), self.id.clone());
            tokio::task::spawn_blocking(move || {
                let bytes = fs::read(path)?;
                match elf::read(&bytes) {
                    Ok(now) if now.build_id.as_ref() == Some(&id) => Ok(Payload::of(bytes)),
                    _ => Err(io::Error::other("it has just been replaced by another")),
                }
            })
            .await
            .map_err(io::Error::other)
            .flatten()
        };
        let payload = self.payload.get_or_try_init(read).await;
        payload.map_err(|source| unreadable(&self.path, source))
    }

    /// Returns the bytes to send to a host that can unpack xz, or only gzip.
    pub(super) async fn packed(&self, xz: bool) -> Result<(Packing, Bytes), SessionError> {
        let packed = self.payload().await?.packed(xz).await;
        packed.map_err(|source| unreadable(&self.path, source))
    }
}

fn beside(executable: &Path) -> Result<Vec<AgentFile>, SessionError> {
    let Some(Ok(entries)) = executable.parent().map(fs::read_dir) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("ocrctl-agent-"))
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| AgentFile::load(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_themselves_are_static_as_ocrctl_is() {
        let agents = load(None).unwrap();
        let fitting = fitting(&agents, "prod1", std::env::consts::ARCH).unwrap();
        assert_eq!(fitting.name().len(), "ocrctl-".len() + 16);
    }

    #[test]
    fn another_architecture_is_an_error_that_names_both() {
        let file = AgentFile::new("/usr/bin/ocrctl".into(), "x86_64".into(), Vec::new());
        let error = fitting(&[file], "prod1", "aarch64").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("aarch64") && text.contains("x86_64"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn rejects_an_executable_replaced_since_it_was_read() {
        let own = std::env::current_exe().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("ocrctl");
        fs::copy(&own, &copy).unwrap();
        let file = AgentFile::load(&copy).unwrap();
        assert_eq!(file.name(), AgentFile::load(&own).unwrap().name());
        // An upgrade in the meantime.
        fs::remove_file(&copy).unwrap();
        fs::copy("/bin/sh", &copy).unwrap();
        let error = file.payload().await.unwrap_err();
        assert!(
            matches!(error, SessionError::AgentUnreadable { .. }),
            "{error:?}"
        );
        fs::remove_file(&copy).unwrap();
        fs::copy(&own, &copy).unwrap();
        assert_eq!(file.payload().await.unwrap().bytes, fs::read(&own).unwrap());
    }
}
