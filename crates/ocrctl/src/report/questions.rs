//! Questions to the operator. Each blocks its thread until the answer comes.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Inner, Report, lock, secret};
use ocrctl_protocol::Diagnostic;

/// There is no terminal to ask at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{question} can't be asked: standard input is not a terminal, and --yes is not given")]
pub struct CannotAsk {
    question: String,
}

impl From<&CannotAsk> for Diagnostic {
    fn from(error: &CannotAsk) -> Self {
        Self::new(error.to_string())
            .hint("look at the plan (`ocrctl plan`), then run this again with --yes")
    }
}

impl Report {
    /// Asks, such as `Apply these changes to prod?`, unless `yes` is the answer already.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<bool, CannotAsk> {
        if yes {
            return Ok(true);
        }
        let mut inner = self.lock();
        if !inner.streams.stdin_is_terminal {
            return Err(CannotAsk {
                question: format!("\"{question}\""),
            });
        }
        let answer = inner.line(&format!("{question} [y/N] "));
        // No answer is no.
        Ok(answer.is_some_and(|answer| is_yes(&answer)))
    }

    /// Returns whether there is a terminal to ask at.
    pub fn has_terminal(&self) -> bool {
        self.lock().streams.stdin_is_terminal
    }

    /// Asks for a line, such as `Server`. What is only Enter is the default. `None` if no answer comes.
    pub fn ask(&self, question: &str, default: Option<&str>) -> Option<String> {
        let offered = default.map(|it| format!(" [{it}]")).unwrap_or_default();
        let answer = self.lock().line(&format!("{question}{offered}: "))?;
        Some(match (answer.trim(), default) {
            ("", Some(default)) => default.to_owned(),
            (answer, _) => answer.to_owned(),
        })
    }

    /// Asks for what must not be seen, such as `Passphrase for ~/.ssh/id_ed25519`. The answer is `None` without a terminal.
    pub fn asks_for_secrets(&self) -> impl Fn(&str) -> Option<SecretString> + Send + Sync + use<> {
        let inner = Arc::clone(&self.inner);
        move |question| lock(&inner).secret(question)
    }
}

impl Inner {
    fn prompt(&mut self, text: &str) {
        if let Some(human) = &mut self.human {
            human.end_all();
        }
        self.streams.stderr(text);
    }

    /// `None` at the end of the input.
    fn line(&mut self, prompt: &str) -> Option<String> {
        self.prompt(prompt);
        let mut answer = String::new();
        match self.streams.stdin.read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer),
        }
    }

    fn secret(&mut self, question: &str) -> Option<SecretString> {
        if !self.streams.stdin_is_terminal {
            return None;
        }
        // Input that can't be hidden is not asked for.
        let hidden = (self.streams.hide)().ok()?;
        self.prompt(&format!("{question}: "));
        let answer = secret::read(&mut *self.streams.stdin, hidden);
        self.streams.stderr("\n");
        answer
    }
}

/// Only a clear yes is one.
fn is_yes(answer: &str) -> bool {
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
