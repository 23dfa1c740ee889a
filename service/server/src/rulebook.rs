//! The rules in force. They are reloaded whenever their file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocr_api::health::Rules;
use ocr_codes::rules::{MAX_BYTES, Rule, RuleFile};

use crate::reloaded::{Content, Reloaded};

/// Most problems of a file that are reported. `ocr-service rules check` reports all.
const MOST_REPORTED: usize = 5;

/// The rules that were last loaded. Without a file, there are none. An invalid file changes nothing but the report of
/// `/readyz`.
#[derive(Debug)]
pub struct Rulebook(Reloaded<Vec<Rule>>);

impl Content for Vec<Rule> {
    const MAX_BYTES: u64 = MAX_BYTES;
    /// An operator who removes the file wants no rules.
    const OPTIONAL: bool = true;

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        RuleFile::parse(bytes)
            .map(|file| file.rules)
            .map_err(|problems| {
                let reported = problems.iter().take(MOST_REPORTED);
                let reported: Vec<String> = reported.map(ToString::to_string).collect();
                reported.join("; ")
            })
    }

    fn log_loaded(&self, path: &Path) {
        tracing::info!(rules = self.len(), path = %path.display(), "rules loaded");
    }

    fn log_failed(&self, error: &str) {
        tracing::error!(error, in_force = self.len(), "rules not loaded");
    }

    fn log_removed(path: &Path) {
        tracing::info!(path = %path.display(), "the rules file was removed; no rules are in force");
    }
}

impl Rulebook {
    pub async fn open(path: PathBuf) -> Arc<Self> {
        Arc::new(Self(Reloaded::open(path).await))
    }

    /// Watches the file. Never ends.
    pub async fn watch(self: Arc<Self>) {
        self.0.watch().await;
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Vec<Rule>> {
        self.0.content()
    }

    /// State of the rules for `/readyz`.
    pub fn status(&self) -> Rules {
        let (rules, error) = self.0.status();
        Rules {
            loaded: u32::try_from(rules.len()).unwrap_or(u32::MAX),
            error,
        }
    }
}
