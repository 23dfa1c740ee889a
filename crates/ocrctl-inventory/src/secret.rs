//! References to secrets. The value is fetched only when it is needed, and no error shows it.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::problem::Checks;
use super::schema;

/// A password manager may ask its user to unlock it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// Where a secret is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// The field that it is for, such as `environments.prod.registry.password`.
    field: String,
    source: Source,
    /// Where a command starts.
    base: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
}

/// Why a secret is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("{field} can't be read from {reference}: {reason}")]
pub struct SecretError {
    field: String,
    reference: String,
    reason: String,
    pub hint: Option<String>,
}

impl SecretError {
    pub(super) fn new(field: &str, reference: &str, reason: String, hint: String) -> Self {
        Self {
            field: field.to_owned(),
            reference: reference.to_owned(),
            reason,
            hint: Some(hint),
        }
    }
}

impl SecretRef {
    pub(super) fn read(
        raw: &schema::Secret,
        field: String,
        checks: &mut Checks<'_>,
    ) -> Option<Self> {
        let at = raw.referenced;
        let schema::SecretRef::Reference(raw) = &raw.value else {
            let problem = checks.refuse(at, "a secret is not written into the inventory");
            problem.secret_from = problem.place.map(|place| place.column);
            problem.hint("say where it is: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`");
            return None;
        };
        let source = match (&raw.env, &raw.file, &raw.command) {
            (Some(name), None, None) => {
                if name.value.is_empty() || name.value.contains(['=', '\0']) {
                    checks
                        .refuse(
                            name.referenced,
                            "this is not the name of an environment variable",
                        )
                        .hint("write its name alone, without `$` and value: `{env: OCR_REGISTRY_PASSWORD}`");
                }
                Source::Env(name.value.clone())
            }
            (None, Some(path), None) => Source::File(checks.path(path)),
            (None, None, Some(argv)) => {
                if argv
                    .value
                    .first()
                    .is_none_or(|program| program.value.is_empty())
                {
                    checks
                        .refuse(argv.referenced, "the command is empty")
                        .hint("write the program and its arguments: `[pass, show, ocr/registry]`");
                }
                Source::Command(argv.value.iter().map(|word| word.value.clone()).collect())
            }
            _ => {
                checks
                    .refuse(at, "a secret comes from exactly one place")
                    .hint("write one of `env`, `file` and `command`");
                return None;
            }
        };
        Some(Self {
            field,
            source,
            base: checks.base().to_owned(),
        })
    }

    /// Returns whether both have the same source, whatever field they are for.
    pub fn same_source(&self, other: &Self) -> bool {
        (&self.source, &self.base) == (&other.source, &other.base)
    }

    /// Fetches the secret: its text without one line end at its end.
    pub async fn resolve(&self) -> Result<SecretString, SecretError> {
        let value = match &self.source {
            Source::Env(name) => variable(name),
            Source::File(path) => std::fs::read(path).map_err(|error| error.to_string()),
            Source::Command(argv) => run(argv, &self.base, None).await,
        };
        let text = value
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()))
            .map(SecretString::from)
            .map_err(|reason| self.error(reason))?;
        let trimmed = text.expose_secret();
        let trimmed = trimmed.strip_suffix('\n').unwrap_or(trimmed);
        let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
        if trimmed.is_empty() {
            return Err(self.error("it is empty".to_owned()));
        }
        Ok(SecretString::from(trimmed))
    }

    /// The same, where it has to be the URL of an HTTP server.
    pub async fn resolve_url(&self) -> Result<SecretString, SecretError> {
        let text = self.resolve().await?;
        let url = reqwest::Url::parse(text.expose_secret());
        if url.is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host()) {
            return Ok(text);
        }
        Err(self.error("it is not a URL that begins with https:// or http://".to_owned()))
    }

    fn error(&self, reason: String) -> SecretError {
        let hint = match &self.source {
            Source::Env(name) => format!("set {name} in the environment of this command"),
            Source::File(_) => "put the secret there, readable by you alone".to_owned(),
            Source::Command(_) => "the command must print the secret and nothing else".to_owned(),
        };
        SecretError::new(&self.field, &self.source.to_string(), reason, hint)
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Command(argv) => write!(f, "the command `{}`", argv.join(" ")),
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "an `{env: …}` reference names a variable"
)]
fn variable(name: &str) -> Result<Vec<u8>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(value.into_bytes()),
        Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
        Err(std::env::VarError::NotUnicode(_)) => Err("it is not UTF-8".to_owned()),
    }
}

/// Returns a program's output. Its standard error and terminal are the operator's: it may have to ask something. So
/// is its standard input, unless it is given one.
#[allow(
    clippy::disallowed_methods,
    reason = "a `{command: …}` reference names a program, which needs the operator's terminal"
)]
pub(super) async fn run(
    argv: &[String],
    directory: &Path,
    input: Option<&str>,
) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err("it is empty".to_owned());
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(match input {
            Some(_) => Stdio::piped(),
            None => Stdio::inherit(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("the program `{program}` is not installed"),
            _ => error.to_string(),
        })?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that reads no input has not failed by that.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = tokio::time::timeout(COMMAND_TIMEOUT, child.wait_with_output())
        .await
        .map_err(|_| format!("it did not end within {} s", COMMAND_TIMEOUT.as_secs()))?
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(source: Source) -> SecretRef {
        SecretRef {
            field: "environments.prod.registry.password".into(),
            source,
            base: "/".into(),
        }
    }

    fn command(words: &[&str]) -> SecretRef {
        reference(Source::Command(
            words.iter().map(|w| (*w).to_owned()).collect(),
        ))
    }

    #[tokio::test]
    async fn each_source_gives_the_text_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "hunter2\r\n").unwrap();
        let sources = [
            (reference(Source::File(path)), "hunter2"),
            (command(&["printf", " hunter2 \n\n"]), " hunter2 \n"),
            // Set by cargo for its tests.
            (
                reference(Source::Env("CARGO_PKG_NAME".into())),
                env!("CARGO_PKG_NAME"),
            ),
        ];
        for (secret, value) in sources {
            assert_eq!(secret.resolve().await.unwrap().expose_secret(), value);
        }
    }

    #[tokio::test]
    async fn an_error_names_the_field_and_the_reference() {
        let cases = [
            (
                reference(Source::Env("OCRCTL_NO_SUCH_VARIABLE".into())),
                "the environment variable OCRCTL_NO_SUCH_VARIABLE: it is not set",
            ),
            (
                reference(Source::File("/no/such/file".into())),
                "the file /no/such/file: No such file or directory (os error 2)",
            ),
            (command(&["true"]), "the command `true`: it is empty"),
            (
                command(&["no-such-program"]),
                "the command `no-such-program`: the program `no-such-program` is not installed",
            ),
        ];
        for (secret, reason) in cases {
            assert_eq!(
                secret.resolve().await.unwrap_err().to_string(),
                format!("environments.prod.registry.password can't be read from {reason}")
            );
        }
    }

    #[tokio::test]
    async fn an_error_never_shows_what_was_read() {
        let failing = command(&["sh", "-c", "echo hunter2; exit 3"]);
        let binary = command(&["printf", "hunter2\\377"]);
        for secret in [failing, binary] {
            let error = secret.resolve().await.unwrap_err();
            assert!(
                !format!("{error:?} {error}")
                    .replace("echo hunter2", "")
                    .replace("printf hunter2", "")
                    .contains("hunter2")
            );
        }
    }
}
