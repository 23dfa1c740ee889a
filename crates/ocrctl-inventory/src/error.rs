//! Messages about an inventory that can't be used: the place, the line, what is wrong, what would be right.

use std::path::PathBuf;

use ocrctl_protocol::Diagnostic;

use super::problem::{Place, Problem};
use super::secret::SecretError;
use super::suggestion;

/// Why an inventory can't be used (exit code 64).
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("the inventory {} can't be read: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the inventory {} has {} problem(s)", path.display(), problems.len())]
    Invalid {
        path: PathBuf,
        text: String,
        problems: Vec<Problem>,
    },
    #[error("the inventory {} has no environment `{name}`", path.display())]
    UnknownEnvironment {
        path: PathBuf,
        name: String,
        known: Vec<String>,
    },
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{field} can't be read from {}: {reason}", path.display())]
    File {
        field: String,
        path: PathBuf,
        reason: String,
    },
}

impl InventoryError {
    /// Each thing that is wrong, in the order of the file.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let message = Diagnostic::new(self.to_string());
        match self {
            Self::Unreadable { .. } => {
                vec![message.hint("`ocrctl init` writes one; --inventory names another file")]
            }
            Self::Invalid {
                path,
                text,
                problems,
            } => problems
                .iter()
                .map(|problem| diagnostic(problem, problems, &path.display().to_string(), text))
                .collect(),
            Self::UnknownEnvironment { name, known, .. } => vec![message.hint(suggestion::hint(
                name,
                "the environments here are",
                known.iter().map(String::as_str),
            ))],
            Self::Secret(error) => vec![match &error.hint {
                Some(hint) => message.hint(hint),
                None => message,
            }],
            Self::File { .. } => {
                vec![message.hint("the path starts at the inventory and names a PEM file")]
            }
        }
    }
}

/// `all` problems count, because another one may know of a secret in the same line.
fn diagnostic(problem: &Problem, all: &[Problem], path: &str, text: &str) -> Diagnostic {
    let message = &problem.message;
    let mut diagnostic = match problem.place {
        Some(place) => {
            let secret_from = all
                .iter()
                .filter(|other| other.place.is_some_and(|p| p.line == place.line))
                .filter_map(|other| other.secret_from)
                .min();
            Diagnostic::new(format!("{path}:{}:{}: {message}", place.line, place.column))
                .excerpt(excerpt(place, secret_from, text))
        }
        None => Diagnostic::new(format!("{path}: {message}")),
    };
    diagnostic.hint = problem.hint.clone();
    diagnostic
}

/// The line, up to where a secret may begin, with a caret under what is meant.
fn excerpt(place: Place, secret_from: Option<usize>, text: &str) -> String {
    let line = text.lines().nth(place.line - 1).unwrap_or_default();
    let length = line.chars().count();
    let shown = secret_from.map_or(length, |column| column.saturating_sub(1));
    let mut visible: String = line
        .chars()
        .take(shown)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().skip(shown).any(|c| !c.is_whitespace()) {
        visible.push('…');
    }
    let start = place.column.saturating_sub(1);
    // A secret's length must not be shown either.
    let end = (start + place.width).min(shown.min(length));
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(start);
    let carets = "^".repeat(end.saturating_sub(start).max(1));
    format!("{margin} |\n{number} | {visible}\n{margin} | {indent}{carets}")
}
