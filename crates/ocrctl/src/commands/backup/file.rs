//! The file that an operator keeps: a line of JSON that says what it is, then a line for each host with an
//! age file in it. Without `ocrctl`, a host's part is read by
//!
//! ```sh
//! jq -r 'select(.host == "ocr1").age' FILE | age -d -i IDENTITY
//! ```

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use ocrctl_protocol::backup::{Contents, Identities, OpenError};
use ocrctl_protocol::replace;

const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    pub environment: String,
    pub at: Timestamp,
    pub parts: Vec<Part>,
}

/// The part of a backup for one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub host: String,
    /// ASCII-armoured age file.
    pub age: String,
}

#[derive(Serialize, Deserialize)]
struct Header {
    r#type: String,
    version: u32,
    environment: String,
    at: Timestamp,
    hosts: usize,
}

const TYPE: &str = "ocrctl-backup";

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path} can't be read: {source}", path = path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} can't be written: {source}", path = path.display())]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not a backup of ocrctl", path = path.display())]
    Foreign { path: PathBuf },
    #[error("{path} is a backup of version {version}, this ocrctl knows {VERSION}", path = path.display())]
    Version { path: PathBuf, version: u32 },
    #[error("{path} is cut off: it has {whole} of {hosts} hosts", path = path.display())]
    Truncated {
        path: PathBuf,
        whole: usize,
        hosts: usize,
    },
    #[error("{path} is a backup of `{theirs}`, not of `{ours}`", path = path.display())]
    OtherEnvironment {
        path: PathBuf,
        theirs: String,
        ours: String,
    },
    #[error("the part of {host} in {path}: {source}", path = path.display())]
    Sealed {
        path: PathBuf,
        host: String,
        source: OpenError,
    },
    #[error("the part of {host} in {path} is not what the file says: {what}", path = path.display())]
    Mixed {
        path: PathBuf,
        host: String,
        what: String,
    },
}

impl FileError {
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => "name the file that `ocrctl backup` wrote",
            Self::Unwritable { .. } => {
                "name a file in a directory that you may write to; the backup before, if there was one, is untouched"
            }
            Self::Foreign { .. } => "name the file that `ocrctl backup --to FILE` wrote",
            Self::Version { .. } => "use the ocrctl that made it, or a newer one",
            Self::Truncated { .. } => {
                "take another copy of it; `ocrctl backup` never leaves half a file behind"
            }
            Self::OtherEnvironment { theirs, .. } => {
                return Some(format!(
                    "name that environment, or a backup made by `ocrctl backup` of this one; keys of `{theirs}` open nothing else"
                ));
            }
            Self::Sealed { source, .. } => source.hint(),
            Self::Mixed { .. } => "someone has put this file together: take another copy of it",
        };
        Some(hint.to_owned())
    }
}

impl BackupFile {
    /// Writes all of it or nothing, readable by its owner alone.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let write = || replace(path, self.to_lines()?.as_bytes(), |_| Ok(()));
        write().map_err(|source| FileError::Unwritable {
            path: path.to_owned(),
            source,
        })
    }

    fn to_lines(&self) -> std::io::Result<String> {
        let mut text = serde_json::to_string(&Header {
            r#type: TYPE.to_owned(),
            version: VERSION,
            environment: self.environment.clone(),
            at: self.at,
            hosts: self.parts.len(),
        })?;
        text.push('\n');
        for part in &self.parts {
            text.push_str(&serde_json::to_string(part)?);
            text.push('\n');
        }
        Ok(text)
    }

    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read(path).map_err(|source| FileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&String::from_utf8_lossy(&text), path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let path = || path.to_owned();
        let mut lines = text.lines();
        let header: Header = lines
            .next()
            .and_then(|line| serde_json::from_str(line).ok())
            .filter(|header: &Header| header.r#type == TYPE)
            .ok_or_else(|| FileError::Foreign { path: path() })?;
        if header.version != VERSION {
            return Err(FileError::Version {
                path: path(),
                version: header.version,
            });
        }
        let parts: Vec<Part> = lines
            .map_while(|line| serde_json::from_str(line).ok())
            .collect();
        if parts.len() != header.hosts {
            return Err(FileError::Truncated {
                path: path(),
                whole: parts.len(),
                hosts: header.hosts,
            });
        }
        Ok(Self {
            environment: header.environment,
            at: header.at,
            parts,
        })
    }

    /// Opens every part, and checks that it is of this environment and of the host that it stands under.
    pub fn open(
        &self,
        path: &Path,
        environment: &str,
        identities: &Identities,
    ) -> Result<Vec<Opened>, FileError> {
        let other = |theirs: &str| FileError::OtherEnvironment {
            path: path.to_owned(),
            theirs: theirs.to_owned(),
            ours: environment.to_owned(),
        };
        if self.environment != environment {
            return Err(other(&self.environment));
        }
        self.parts
            .iter()
            .map(|part| {
                let text = identities
                    .open(&part.age)
                    .map_err(|source| FileError::Sealed {
                        path: path.to_owned(),
                        host: part.host.clone(),
                        source,
                    })?;
                let mixed = |what: String| FileError::Mixed {
                    path: path.to_owned(),
                    host: part.host.clone(),
                    what,
                };
                // serde's message can quote what it read.
                let contents: Contents = serde_json::from_str(text.expose_secret())
                    .map_err(|_| mixed("it holds something else".to_owned()))?;
                if contents.environment != environment {
                    return Err(other(&contents.environment));
                }
                if contents.host != part.host {
                    return Err(mixed(format!("it is of the host {}", contents.host)));
                }
                Ok(Opened { text, contents })
            })
            .collect()
    }
}

/// A part in the clear.
#[derive(Debug)]
pub struct Opened {
    /// The host's part, still encrypted.
    pub text: SecretString,
    pub contents: Contents,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use ocrctl_protocol::backup::{Recipient, VERSION as CONTENTS, seal};

    struct Keys {
        _dir: tempfile::TempDir,
        identities: Identities,
        recipient: Recipient,
    }

    fn keys() -> Keys {
        use age::secrecy::ExposeSecret as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        let identity = age::x25519::Identity::generate();
        std::fs::write(&path, identity.to_string().expose_secret()).unwrap();
        Keys {
            identities: Identities::read(&path).unwrap(),
            recipient: Recipient::parse(&identity.to_public().to_string()).unwrap(),
            _dir: dir,
        }
    }

    fn part(keys: &Keys, environment: &str, host: &str, label: &str) -> Part {
        let contents = Contents {
            version: CONTENTS,
            environment: environment.into(),
            host: host.into(),
            at: Timestamp::now(),
            entries: Default::default(),
        };
        let text = serde_json::to_string(&contents).unwrap();
        Part {
            host: label.into(),
            age: seal(&text, std::slice::from_ref(&keys.recipient)).unwrap(),
        }
    }

    fn file(parts: Vec<Part>) -> BackupFile {
        BackupFile {
            environment: "prod".into(),
            at: Timestamp::now(),
            parts,
        }
    }

    #[test]
    fn several_hosts_are_in_one_file_that_only_its_owner_reads() {
        let keys = keys();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prod.backup");
        let made = file(vec![
            part(&keys, "prod", "ocr1", "ocr1"),
            part(&keys, "prod", "ocr2", "ocr2"),
        ]);
        made.write(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let read = BackupFile::read(&path).unwrap();
        assert_eq!(read, made);
        let opened = read.open(&path, "prod", &keys.identities).unwrap();
        assert_eq!(opened[1].contents.host, "ocr2");
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file"
        );
    }

    #[test]
    fn a_failed_write_leaves_the_backup_before_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        let error = file(vec![]).write(&path).unwrap_err();
        assert!(matches!(error, FileError::Unwritable { .. }));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_way_of_being_wrong_has_its_own_words() {
        let (ann, eve) = (keys(), keys());
        let path = Path::new("prod.backup");
        let parts = || {
            vec![
                part(&ann, "prod", "ocr1", "ocr1"),
                part(&ann, "prod", "ocr2", "ocr2"),
            ]
        };
        let whole = file(parts()).to_lines().unwrap();
        let open = |text: &str, environment: &str, keys: &Keys| {
            BackupFile::parse(text, path)
                .and_then(|file| file.open(path, environment, &keys.identities))
                .map(|_| ())
        };
        let said = |text: &str, environment: &str, keys: &Keys| {
            let error = open(text, environment, keys).unwrap_err();
            assert!(error.hint().is_some());
            error.to_string()
        };
        open(&whole, "prod", &ann).unwrap();
        assert!(said(&whole, "prod", &eve).contains("for someone else"));
        assert!(said(&whole, "staging", &ann).contains("of `prod`, not of `staging`"));
        assert!(said(&whole[..whole.len() - 50], "prod", &ann).contains("1 of 2 hosts"));
        assert!(said("{}", "prod", &ann).contains("not a backup"));
        assert!(said("", "prod", &ann).contains("not a backup"));
        let newer = whole.replacen("\"version\":1", "\"version\":2", 1);
        assert!(said(&newer, "prod", &ann).contains("version 2"));
        // Someone has changed what stands outside of the encryption.
        let renamed = whole.replacen("\"prod\"", "\"staging\"", 1);
        assert!(said(&renamed, "staging", &ann).contains("of `prod`, not of `staging`"));
        let swapped = file(vec![part(&ann, "prod", "ocr1", "ocr2")])
            .to_lines()
            .unwrap();
        assert!(said(&swapped, "prod", &ann).contains("of the host ocr1"));
        let flipped = whole.replacen("-----BEGIN AGE", "-----BEGIN EGA", 1);
        assert!(said(&flipped, "prod", &ann).contains("damaged"));
    }
}
