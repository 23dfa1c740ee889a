//! The one place that starts programs: with a deadline, their output captured, and ended when whoever
//! waits for them stops waiting.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

#[derive(Debug)]
pub struct Command {
    inner: tokio::process::Command,
    timeout: Duration,
}

#[derive(Debug)]
pub struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

impl Command {
    pub fn new(program: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let mut inner = tokio::process::Command::new(program);
        inner.stdin(Stdio::null()).kill_on_drop(true);
        Self { inner, timeout: DEFAULT_TIMEOUT }
    }

    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.inner.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Runs to the end and captures what it writes.
    ///
    /// # Errors
    /// The program is not there, or it took too long and was killed.
    pub async fn output(mut self) -> std::io::Result<Output> {
        let output = tokio::time::timeout(self.timeout, self.inner.output())
            .await
            .map_err(|_| std::io::Error::other(format!("no end within {:?}; killed", self.timeout)))??;
        Ok(Output {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

impl Output {
    pub fn success(&self) -> bool {
        self.status.success()
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// `exit status: 3`, or the signal.
    pub fn status_text(&self) -> String {
        self.status.to_string()
    }

    /// The last lines written to standard error, or to standard output where there are none.
    pub fn last_words(&self, lines: usize) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr);
        let text = if stderr.trim().is_empty() { self.stdout_text() } else { stderr.into_owned() };
        let all: Vec<&str> = text.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}
