//! Asking the operator before something changes.

use ocrctl_protocol::Diagnostic;

/// There is no terminal to ask at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{question} can't be asked: standard input is not a terminal, and --yes is not given")]
pub struct NobodyToAsk {
    pub(super) question: String,
}

impl From<&NobodyToAsk> for Diagnostic {
    fn from(error: &NobodyToAsk) -> Self {
        Self::new(error.to_string())
            .hint("look at the plan (`ocrctl plan`), then run this again with --yes")
    }
}

/// Only a clear yes is one.
pub(super) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::is_yes;

    #[test]
    fn everything_but_yes_is_no() {
        assert!(["y\n", "Y", "yes", " YES \n"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "yess", "j"].into_iter().any(is_yes));
    }
}
