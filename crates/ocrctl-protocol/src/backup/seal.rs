//! Encryption for recipients, in the age format (age-encryption.org/v1). X25519 only: `age-keygen` makes
//! such keys, and the `age` program opens what is sealed here.

use std::fmt::{self, Display};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, x25519};
use secrecy::SecretString;

/// A key that can open a backup: `age1…`.
#[derive(Clone)]
pub struct Recipient(x25519::Recipient);

#[derive(Debug, thiserror::Error)]
pub enum RecipientError {
    /// It is not quoted: it is a secret.
    #[error("this is an identity, which is secret, and not a recipient")]
    Identity,
    #[error("`{0}` is not a recipient")]
    Malformed(String),
}

/// Keys that open backups.
pub struct Identities(Vec<x25519::Identity>);

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} can't be read: {source}", path = path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} holds no identity", path = path.display())]
    NoIdentity { path: PathBuf },
    #[error("{path} is encrypted itself", path = path.display())]
    Encrypted { path: PathBuf },
    #[error("it is encrypted for someone else than this identity")]
    WrongIdentity,
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Recipient {
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(RecipientError::Identity);
        }
        x25519::Recipient::from_str(text)
            .map(Self)
            .map_err(|_| RecipientError::Malformed(text.to_owned()))
    }

    /// Those of a file, one a line; `#` begins a comment.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, RecipientError> {
        lines(text).map(Self::parse).collect()
    }
}

impl Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl RecipientError {
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Identity => {
                "name its public half, which `age-keygen -y FILE` prints; whoever saw the identity can read your backups"
            }
            Self::Malformed(_) => "`age-keygen -o FILE` makes a pair: `age1…` is the recipient",
        }
    }
}

impl Identities {
    /// From a file as `age-keygen` writes it.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let text = std::fs::read_to_string(path).map_err(|source| OpenError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED") {
            return Err(OpenError::Encrypted {
                path: path.to_owned(),
            });
        }
        let identities: Vec<_> = lines(&text)
            .filter_map(|line| x25519::Identity::from_str(line).ok())
            .collect();
        if identities.is_empty() {
            return Err(OpenError::NoIdentity {
                path: path.to_owned(),
            });
        }
        Ok(Self(identities))
    }

    /// Opens a sealed text that is whole and for one of these identities.
    pub fn open(&self, sealed: &str) -> Result<SecretString, OpenError> {
        let damaged = |error: &dyn Display| OpenError::Damaged(error.to_string());
        let decrypted = Decryptor::new_buffered(ArmoredReader::new(sealed.as_bytes()))
            .and_then(|decryptor| decryptor.decrypt(self.0.iter().map(|identity| identity as _)));
        let mut reader = decrypted.map_err(|error| match error {
            DecryptError::NoMatchingKeys => OpenError::WrongIdentity,
            other => damaged(&other),
        })?;
        let mut text = String::new();
        match reader.read_to_string(&mut text) {
            Ok(_) => Ok(SecretString::from(text)),
            Err(error) => {
                drop(SecretString::from(text));
                Err(damaged(&error))
            }
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

impl OpenError {
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name the file that `age-keygen` made: `--identity FILE`",
            Self::NoIdentity { .. } => {
                "an identity is a line that begins with AGE-SECRET-KEY-1, as `age-keygen` makes it"
            }
            Self::Encrypted { .. } => {
                "decrypt it on the way: `age -d FILE | ocrctl … --yes --identity /dev/stdin`"
            }
            Self::WrongIdentity => "take the identity of a recipient that the backup was made for",
            Self::Damaged(_) => "take another copy of the backup, or an older one",
        }
    }
}

/// `text` for these recipients, as an ASCII-armoured age file.
pub fn seal(text: &str, recipients: &[Recipient]) -> Result<String, std::io::Error> {
    let encryptor =
        Encryptor::with_recipients(recipients.iter().map(|recipient| &recipient.0 as _))
            .map_err(std::io::Error::other)?;
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    let sealed = writer.finish()?.finish()?;
    String::from_utf8(sealed).map_err(std::io::Error::other)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn pair() -> (Identities, Recipient) {
        let identity = x25519::Identity::generate();
        let recipient = Recipient(identity.to_public());
        (Identities(vec![identity]), recipient)
    }

    #[test]
    fn opens_for_each_recipient_only() {
        let ((ann, for_ann), (bob, for_bob), (eve, _)) = (pair(), pair(), pair());
        let sealed = seal("the keys", &[for_ann, for_bob]).unwrap();
        for identities in [ann, bob] {
            assert_eq!(
                identities.open(&sealed).unwrap().expose_secret(),
                "the keys"
            );
        }
        assert!(matches!(eve.open(&sealed), Err(OpenError::WrongIdentity)));
        assert!(seal("the keys", &[]).is_err(), "sealed for nobody");
    }

    #[test]
    fn a_changed_or_shortened_one_is_damaged() {
        let (ann, for_ann) = pair();
        let sealed = seal(&"the keys ".repeat(100), &[for_ann]).unwrap();
        let lines: Vec<&str> = sealed.lines().collect();
        let short = [&lines[..8], &lines[lines.len() - 1..]].concat().join("\n");
        let last = lines.len() - 3;
        let changed = sealed.replace(lines[last], &lines[last].chars().rev().collect::<String>());
        for broken in [
            short.as_str(),
            &changed,
            &sealed[..sealed.len() - 40],
            "",
            "nonsense",
        ] {
            assert!(
                matches!(ann.open(broken), Err(OpenError::Damaged(_))),
                "{broken}"
            );
        }
    }

    #[test]
    fn an_identity_in_place_of_a_recipient_is_not_quoted() {
        let error = Recipient::parse("AGE-SECRET-KEY-1QQQ").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("QQQ"));
        assert!(Recipient::parse("age1nonsense").is_err());
    }

    #[test]
    fn an_identity_file_is_read_as_age_keygen_writes_it() {
        use age::secrecy::ExposeSecret as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        let identity = x25519::Identity::generate();
        let text = format!(
            "# created: 2026-01-01\n# public key: {}\n{}\n",
            identity.to_public(),
            identity.to_string().expose_secret()
        );
        std::fs::write(&path, text).unwrap();
        let sealed = seal("x", &[Recipient(identity.to_public())]).unwrap();
        assert!(Identities::read(&path).unwrap().open(&sealed).is_ok());
        std::fs::write(&path, "# nothing\n").unwrap();
        assert!(matches!(
            Identities::read(&path),
            Err(OpenError::NoIdentity { .. })
        ));
        std::fs::write(&path, &sealed).unwrap();
        assert!(matches!(
            Identities::read(&path),
            Err(OpenError::Encrypted { .. })
        ));
    }
}
