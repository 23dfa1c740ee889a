//! The operator's credentials, for connections that `ocrctl` makes by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::PrivateKey;
use secrecy::SecretString;
use tokio::sync::OwnedMutexGuard;

/// Asks the operator; `None` without a terminal or an answer. Blocks its thread.
type Ask = dyn Fn(&str) -> Option<SecretString> + Send + Sync;

/// Where keys are found.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The socket of an SSH agent.
    pub agent: Option<PathBuf>,
    /// The operator's `~/.ssh`: `known_hosts`, and keys under their default names.
    pub directory: Option<PathBuf>,
    pub passphrases: Passphrases,
}

/// Asks for what opens a key file, and remembers the keys that were opened: each is asked for once, however many
/// connections are made.
#[derive(Clone, Default)]
pub struct Passphrases {
    ask: Option<Arc<Ask>>,
    opened: Arc<Mutex<HashMap<PathBuf, Arc<PrivateKey>>>>,
    /// One question at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Credentials {
    /// Of whoever runs this process.
    #[allow(
        clippy::disallowed_methods,
        reason = "an agent tells where it is by SSH_AUTH_SOCK, and no flag repeats it"
    )]
    pub fn of_process() -> Self {
        Self {
            agent: std::env::var("SSH_AUTH_SOCK")
                .ok()
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            directory: std::env::home_dir().map(|home| home.join(".ssh")),
            passphrases: Passphrases::default(),
        }
    }
}

impl Passphrases {
    /// `ask` is given the question, such as `Passphrase for /home/ann/.ssh/id_ed25519`.
    pub fn asked_by(ask: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        Self {
            ask: Some(Arc::new(ask)),
            ..Self::default()
        }
    }

    /// The turn to ask; whoever has it looks first whether the key was opened meanwhile.
    pub(super) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Ask without holding up other connections.
    pub(super) async fn ask(&self, question: String) -> Option<SecretString> {
        let ask = Arc::clone(self.ask.as_ref()?);
        tokio::task::spawn_blocking(move || ask(&question))
            .await
            .ok()?
    }

    pub(super) fn opened(&self, path: &Path) -> Option<Arc<PrivateKey>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.get(path).cloned()
    }

    pub(super) fn remember(&self, path: &Path, key: Arc<PrivateKey>) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.insert(path.to_owned(), key);
    }
}

impl std::fmt::Debug for Passphrases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passphrases")
            .field("asked", &self.ask.is_some())
            .finish_non_exhaustive()
    }
}
