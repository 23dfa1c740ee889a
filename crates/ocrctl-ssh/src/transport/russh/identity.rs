//! Keys to log in with: an agent's, and files.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PublicKey, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::UnixStream;

use super::route::Identities;

/// Keys to offer to a host, in order, and descriptions of those that can't be offered.
#[derive(Debug, Default)]
pub(super) struct Offers {
    pub(super) identities: Vec<Identity>,
    pub(super) unusable: Vec<String>,
}

/// A key to log in with.
#[derive(Debug)]
pub(super) enum Identity {
    Agent(AgentIdentity),
    File(KeyFile),
}

/// A file with a private key.
#[derive(Debug)]
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    public: PublicKey,
    /// The key's certificate by an authority: `FILE-cert.pub`.
    certificate: Option<Certificate>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Arc<PrivateKey>),
    /// It needs a passphrase.
    Locked(SecretString),
}

/// Why a file gives no key.
#[derive(Debug)]
enum Unusable {
    Absent,
    Because(String),
}

impl Offers {
    /// `agent`: its keys. Those of files that it holds, too, are offered by it alone: it asks for no passphrase.
    pub(super) fn of(identities: &Identities, agent: Vec<AgentIdentity>) -> Self {
        let mut offers = Self::default();
        let mut files = Vec::new();
        for path in &identities.files {
            match KeyFile::read(path) {
                Ok(file) => files.push(file),
                Err(Unusable::Absent) if !identities.named => {}
                Err(Unusable::Absent) => {
                    offers
                        .unusable
                        .push(format!("{} does not exist", path.display()));
                }
                Err(Unusable::Because(problem)) => {
                    offers
                        .unusable
                        .push(format!("{}: {problem}", path.display()));
                }
            }
        }
        let is = |held: &AgentIdentity, file: &KeyFile| {
            held.public_key().key_data() == file.public.key_data()
        };
        let (of_files, others): (Vec<_>, Vec<_>) = agent
            .into_iter()
            .partition(|held| files.iter().any(|file| is(held, file)));
        files.retain(|file| !of_files.iter().any(|held| is(held, file)));
        offers
            .identities
            .extend(of_files.into_iter().map(Identity::Agent));
        let files = files.into_iter().map(Identity::File);
        match (identities.named, identities.only_files) {
            (_, true) => offers.identities.extend(files),
            // Somebody chose the files; an agent may hold more keys than a host lets be tried.
            (true, false) => {
                offers.identities.extend(files);
                offers
                    .identities
                    .extend(others.into_iter().map(Identity::Agent));
            }
            (false, false) => {
                offers
                    .identities
                    .extend(others.into_iter().map(Identity::Agent));
                offers.identities.extend(files);
            }
        }
        offers
    }
}

impl Identity {
    pub(super) fn public(&self) -> PublicKey {
        match self {
            Self::Agent(held) => held.public_key().into_owned(),
            Self::File(file) => file.public.clone(),
        }
    }

    pub(super) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Agent(AgentIdentity::Certificate { certificate, .. }) => Some(certificate),
            Self::Agent(AgentIdentity::PublicKey { .. }) => None,
            Self::File(file) => file.certificate.as_ref(),
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent(held) => {
                let key = held.public_key();
                let kind = match held {
                    AgentIdentity::PublicKey { .. } => "key",
                    AgentIdentity::Certificate { .. } => "certificate",
                };
                write!(f, "the agent's {kind} {}", key.fingerprint(HashAlg::Sha256))?;
                match held.comment() {
                    "" => Ok(()),
                    comment => write!(f, " ({comment})"),
                }
            }
            Self::File(file) => write!(
                f,
                "{} ({} {})",
                file.path.display(),
                file.public.algorithm(),
                file.public.fingerprint(HashAlg::Sha256)
            ),
        }
    }
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self, Unusable> {
        let metadata = fs::metadata(path).map_err(Unusable::from)?;
        let mode = metadata.permissions().mode() & 0o777;
        // Like `ssh`, this refuses a key file that others can read: it proves nothing.
        if metadata.uid() == nix::unistd::getuid().as_raw() && mode & 0o077 != 0 {
            return Err(Unusable::Because(format!(
                "its permissions {mode:04o} are too open (`chmod 600` it)"
            )));
        }
        let text = SecretString::from(fs::read_to_string(path).map_err(Unusable::from)?);
        let (public, state) = parse(path, text)?;
        if matches!(
            public.algorithm(),
            Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256
        ) {
            return Err(Unusable::Because(
                "it belongs to a security key, which is used through an agent only".into(),
            ));
        }
        let certificate = fs::read_to_string(beside(path, "-cert.pub"))
            .ok()
            .and_then(|text| Certificate::from_openssh(text.trim()).ok())
            .filter(|certificate| certificate.public_key() == public.key_data());
        Ok(Self {
            path: path.to_owned(),
            public,
            certificate,
            state,
        })
    }

    /// The key, if no passphrase is needed.
    pub(super) fn open(&self) -> Option<&Arc<PrivateKey>> {
        match &self.state {
            State::Open(key) => Some(key),
            State::Locked(_) => None,
        }
    }

    pub(super) fn unlock(&self, passphrase: &SecretString) -> Option<Arc<PrivateKey>> {
        match &self.state {
            State::Open(key) => Some(Arc::clone(key)),
            State::Locked(text) => {
                decode_secret_key(text.expose_secret(), Some(passphrase.expose_secret()))
                    .ok()
                    .map(Arc::new)
            }
        }
    }
}

fn parse(path: &Path, text: SecretString) -> Result<(PublicKey, State), Unusable> {
    // This format has the public key in clear.
    if let Ok(key) = PrivateKey::from_openssh(text.expose_secret()) {
        let public = key.public_key().clone();
        return Ok(match key.is_encrypted() {
            true => (public, State::Locked(text)),
            false => (public, State::Open(Arc::new(key))),
        });
    }
    match decode_secret_key(text.expose_secret(), None) {
        Ok(key) => Ok((key.public_key().clone(), State::Open(Arc::new(key)))),
        Err(_) if text.expose_secret().contains("ENCRYPTED") => {
            let public = fs::read_to_string(beside(path, ".pub"))
                .ok()
                .and_then(|line| PublicKey::from_openssh(line.trim()).ok())
                .ok_or_else(|| {
                    Unusable::Because(
                        "it is encrypted in an old format and has no .pub file beside it; \
                         `ssh-keygen -p` gives it today's format"
                            .into(),
                    )
                })?;
            Ok((public, State::Locked(text)))
        }
        Err(error) => Err(Unusable::Because(format!("it is no private key ({error})"))),
    }
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Absent,
            _ => Self::Because(error.to_string()),
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// An agent and its keys, or why there are none. `binding`: the connection that they are for; an agent holds back a
/// key that is meant for other hosts (`ssh-add -h`).
pub(super) async fn agent(
    socket: &Path,
    binding: Option<&AgentSessionBinding>,
) -> Result<(AgentClient<UnixStream>, Vec<AgentIdentity>), String> {
    let problem = |error: russh::keys::Error| format!("the agent at {}: {error}", socket.display());
    let mut agent = AgentClient::connect_uds(socket).await.map_err(problem)?;
    if let Some(binding) = binding
        && let Err(error) = agent.bind_session(binding, false).await
    {
        // An agent that does not know the question has no such keys.
        tracing::debug!(%error, "the agent is not told which connection it is for");
    }
    let held = agent.request_identities().await.map_err(problem)?;
    Ok((agent, held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::sshd::keygen;

    fn offers(identities: &Identities, agent: Vec<AgentIdentity>) -> Vec<String> {
        Offers::of(identities, agent)
            .identities
            .iter()
            .map(|identity| match identity {
                Identity::Agent(held) => held.comment().to_owned(),
                Identity::File(file) => file.path.file_name().unwrap().to_str().unwrap().to_owned(),
            })
            .collect()
    }

    fn held(dir: &Path, name: &str) -> AgentIdentity {
        let line = fs::read_to_string(dir.join(name).with_extension("pub")).unwrap();
        AgentIdentity::PublicKey {
            key: PublicKey::from_openssh(line.trim()).unwrap(),
            comment: format!("agent:{name}"),
        }
    }

    fn identities(dir: &Path, names: &[&str]) -> Identities {
        Identities {
            files: names.iter().map(|name| dir.join(name)).collect(),
            named: true,
            only_files: false,
            agent: None,
        }
    }

    #[test]
    fn an_agent_comes_before_files_unless_somebody_named_them() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            keygen(&dir.path().join(name), &[]);
        }
        let agent = || vec![held(dir.path(), "b")];
        let mut identities = identities(dir.path(), &["a"]);
        assert_eq!(offers(&identities, agent()), ["a", "agent:b"]);
        identities.named = false;
        assert_eq!(offers(&identities, agent()), ["agent:b", "a"]);
        identities.only_files = true;
        assert_eq!(offers(&identities, agent()), ["a"]);
    }

    #[test]
    fn a_file_that_the_agent_holds_is_offered_once() {
        let dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("a"), &[]);
        let mut identities = identities(dir.path(), &["a"]);
        identities.only_files = true;
        assert_eq!(
            offers(&identities, vec![held(dir.path(), "a")]),
            ["agent:a"]
        );
    }

    #[test]
    fn keys_are_read_in_each_format_that_ssh_keygen_writes() {
        let dir = tempfile::tempdir().unwrap();
        for (name, options) in [
            ("ed25519", &["-t", "ed25519"][..]),
            ("ecdsa", &["-t", "ecdsa", "-b", "384"]),
            ("rsa", &["-t", "rsa", "-b", "2048"]),
            ("rsa-pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
            ("rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
        ] {
            let path = dir.path().join(name);
            keygen(&path, options);
            let file = KeyFile::read(&path).unwrap();
            assert!(file.open().is_some(), "{name}");
            let line = fs::read_to_string(beside(&path, ".pub")).unwrap();
            let public = PublicKey::from_openssh(line.trim()).unwrap();
            assert_eq!(file.public.key_data(), public.key_data(), "{name}");
        }
    }

    #[test]
    fn a_passphrase_opens_a_key_and_another_does_not() {
        let dir = tempfile::tempdir().unwrap();
        for (name, options) in [
            ("ed25519", &["-t", "ed25519", "-N", "open sesame"][..]),
            (
                "rsa-pkcs8",
                &[
                    "-t",
                    "rsa",
                    "-b",
                    "2048",
                    "-m",
                    "PKCS8",
                    "-N",
                    "open sesame",
                ],
            ),
        ] {
            let path = dir.path().join(name);
            keygen(&path, options);
            let file = KeyFile::read(&path).unwrap();
            assert!(file.open().is_none(), "{name}");
            assert!(file.unlock(&"wrong".to_owned().into()).is_none(), "{name}");
            let key = file.unlock(&"open sesame".to_owned().into()).unwrap();
            assert_eq!(
                key.public_key().key_data(),
                file.public.key_data(),
                "{name}"
            );
        }
    }

    #[test]
    fn reports_why_a_key_can_not_be_used() {
        let dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("open"), &[]);
        fs::set_permissions(dir.path().join("open"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(dir.path().join("nonsense"), "nonsense").unwrap();
        fs::set_permissions(
            dir.path().join("nonsense"),
            fs::Permissions::from_mode(0o600),
        )
        .unwrap();
        let found = Offers::of(
            &identities(dir.path(), &["open", "nonsense", "absent"]),
            Vec::new(),
        );
        assert!(found.identities.is_empty());
        let said = found.unusable.join("\n");
        for words in [
            "permissions 0644 are too open",
            "nonsense: it is no private key",
            "absent does not exist",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
}
