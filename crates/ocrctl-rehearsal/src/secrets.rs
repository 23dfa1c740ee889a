//! The secrets that a rehearsal uses, and looking for them in what is left behind.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;
use ocr_api::keys::ApiKey;

use super::{ProofError, Rehearsal};

/// The one that stays on the host, in its file, as the watcher can do without its operator.
pub(super) const WEBHOOK: &str = "the URL of the alerts";

#[derive(Debug)]
pub(super) struct Secret {
    /// The secret's description for messages; never the secret itself.
    pub(super) what: &'static str,
    /// Every way that it could be written.
    pub(super) forms: Vec<String>,
    /// The file that it is kept in on the controller.
    pub(super) file: Option<PathBuf>,
}

impl Secret {
    pub(super) fn new(what: &'static str, text: &str) -> Self {
        let encoded = STANDARD_NO_PAD.encode(text);
        Self {
            what,
            forms: vec![text.to_owned(), encoded],
            file: None,
        }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(text, form))
    }
}

impl Rehearsal {
    /// Returns the secrets that no file of the host and no output may contain.
    pub(super) fn secrets(&self) -> Result<Vec<Secret>, ProofError> {
        let machines = self.machines()?;
        let mut secrets = Vec::new();
        for registry in [&machines.registry, &machines.org_registry] {
            let path = registry.password_file.clone();
            let password = std::fs::read_to_string(&path).map_err(|source| ProofError::File {
                path: path.clone(),
                source,
            })?;
            let password = password.trim();
            let mut secret = Secret::new("a registry's password", password);
            // `docker login` stores it in this form, and HTTP sends it.
            let both = format!("{}:{password}", registry.user);
            secret.forms.push(STANDARD_NO_PAD.encode(both));
            secret.file = Some(path);
            secrets.push(secret);
        }
        let path = self.settings.state.join(super::files::IDENTITY);
        if let Ok(identity) = std::fs::read_to_string(&path) {
            let mut secret = Secret::new("the identity that opens backups", identity.trim());
            secret.file = Some(path);
            secrets.push(secret);
        }
        if let Some(alerting) = &self.alerting {
            let path = alerting.webhook.clone();
            let url = std::fs::read_to_string(&path).map_err(|source| ProofError::File {
                path: path.clone(),
                source,
            })?;
            let word = url.rsplit('/').next().unwrap_or_default();
            let mut secret = Secret::new(WEBHOOK, word);
            secret.file = Some(path);
            secrets.push(secret);
        }
        secrets.extend(self.keys().iter().map(|key| Secret::new("an API key", key)));
        Ok(secrets)
    }

    /// Every API key that a command has printed.
    pub(super) fn keys(&self) -> Vec<String> {
        let said = self.said();
        let mut keys: Vec<String> = said.iter().flat_map(|said| keys_in(&said.stdout)).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

fn keys_in(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| ApiKey::parse(word).is_ok())
        .map(str::to_owned)
        .collect()
}

pub(super) fn contains(text: &[u8], part: &str) -> bool {
    memmem::find(text, part.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let secret = Secret::new("it", "hunter2");
        assert!(secret.is_in(b"x=hunter2\0") && secret.is_in(b"auth: aHVudGVyMg=="));
        assert!(!secret.is_in(b"hunter") && !secret.is_in(b""));
        let key = ApiKey::generate().unwrap();
        let text = format!("{{\"key\":\"{}\",\"id\":\"ocrk_x\"}}", key.reveal());
        assert_eq!(keys_in(&text), [key.reveal()]);
    }
}
