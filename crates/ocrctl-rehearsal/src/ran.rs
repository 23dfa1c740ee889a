//! A command of ocrctl's that the rehearsal has run.

use super::{ProofError, wrong};

/// A command of ours that has run.
#[derive(Debug, Clone)]
pub(super) struct Ran {
    pub(super) command: String,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ran {
    /// An exit code other than this one fails the proof, with all that was printed: first what went wrong.
    pub(super) fn expect(self, code: i32) -> Result<Self, ProofError> {
        if self.code == code {
            return Ok(self);
        }
        wrong(format!(
            "`ocrctl {}` ended with {}, not {code}:\n{}\n{}",
            self.command,
            self.code,
            self.stderr.trim_end(),
            self.stdout
        ))
    }

    /// The JSON line of this type, of a command that ran with `--json`.
    pub(super) fn line(&self, kind: &str) -> Result<serde_json::Value, ProofError> {
        let lines = self.stdout.lines();
        let found = lines
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find(|line| line["type"] == kind);
        match found {
            Some(line) => Ok(line),
            None => wrong(format!("no {kind} in: {}{}", self.stdout, self.stderr)),
        }
    }

    /// Text that standard error must have.
    pub(super) fn expect_said(self, words: &[&str]) -> Result<Self, ProofError> {
        match words.iter().find(|words| !self.stderr.contains(**words)) {
            None => Ok(self),
            Some(missing) => wrong(format!(
                "`ocrctl {}` does not say \"{missing}\":\n{}",
                self.command, self.stderr
            )),
        }
    }

    /// Neither output has the `words`.
    pub(super) fn expect_without(self, words: &str) -> Result<Self, ProofError> {
        if !self.stderr.contains(words) && !self.stdout.contains(words) {
            return Ok(self);
        }
        wrong(format!(
            "`ocrctl {}` says \"{words}\":\n{}\n{}",
            self.command, self.stderr, self.stdout
        ))
    }
}
