//! Starting programs. Only this file does, so that each has a deadline, ends with all its children,
//! stays clear of the terminal's Ctrl-C, and never sees a secret in its arguments.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

/// The default time limit of a program.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A program to be started. Secrets go in by [`Program::input`], never as an argument or a variable.
pub struct Program {
    name: String,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    timeout: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("the program `{program}` is not installed")]
    Missing { program: String },
    #[error("the program `{program}` could not be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("`{program}` did not end within {} s and was stopped", after.as_secs())]
    Timeout { program: String, after: Duration },
    #[error("`{program}` ended with {status}{}", last_words(stderr))]
    Failed {
        program: String,
        status: ExitStatus,
        stderr: String,
    },
    #[error("the streams of `{program}` broke: {source}")]
    Stream { program: String, source: io::Error },
}

impl CommandError {
    /// Suggests a fix.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { program } => {
                format!("install `{program}`, or put it where PATH leads to")
            }
            Self::Start { program, .. } => {
                format!("`{program} --help` by hand shows whether it can be run here")
            }
            Self::Timeout { program, .. } => {
                format!("find out what `{program}` waits for: a network, a lock, or a disk")
            }
            Self::Failed { program, .. } => {
                format!("`{program}` printed this; fix it, and run this again")
            }
            Self::Stream { .. } => "run this again".to_owned(),
        }
    }
}

/// A program's output and exit status.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// A program that runs, with its streams in our hands.
#[derive(Debug)]
pub struct Running {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
    pub child: Child,
}

impl Program {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            input: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the standard input of [`Program::output`] and [`Program::run`], which is empty otherwise.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Run to the end, whatever the end is.
    pub async fn output(self) -> Result<Output, CommandError> {
        let program = self.name.clone();
        let after = self.timeout;
        match tokio::time::timeout(after, self.capture()).await {
            Ok(output) => output,
            Err(_) => Err(CommandError::Timeout { program, after }),
        }
    }

    /// Run to the end, and any status but 0 is an error that shows the last of standard error.
    pub async fn run(self) -> Result<Output, CommandError> {
        let program = self.name.clone();
        let output = self.output().await?;
        if output.status.success() {
            return Ok(output);
        }
        Err(CommandError::Failed {
            program,
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Start with piped streams. Dropping the result leaves the program running, with its streams closed.
    pub fn start(self) -> Result<Running, CommandError> {
        let mut command = self.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.spawn(&mut command)?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(CommandError::Start {
                program: self.name,
                source: io::Error::other("its streams are not piped"),
            });
        };
        Ok(Running {
            stdin,
            stdout,
            stderr,
            child,
        })
    }

    /// Run a program that leaves a process of its own behind, its errors going to `log`.
    /// Pipes would not do: they end only when the process left behind does.
    pub async fn launch(self, log: File) -> Result<ExitStatus, CommandError> {
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        let mut group = Group(self.spawn(&mut command)?);
        match tokio::time::timeout(self.timeout, group.0.wait()).await {
            Ok(status) => status.map_err(|source| CommandError::Stream {
                program: self.name,
                source,
            }),
            Err(_) => Err(CommandError::Timeout {
                program: self.name,
                after: self.timeout,
            }),
        }
    }

    /// Becomes the program: same process, same streams. What comes back is why not.
    pub fn replace(self) -> CommandError {
        let mut command = self.command();
        // In the foreground of its terminal, as this process is.
        command.process_group(nix::unistd::getpgrp().as_raw());
        let source = std::os::unix::process::CommandExt::exec(command.as_std_mut());
        self.not_started(source)
    }

    async fn capture(self) -> Result<Output, CommandError> {
        let mut command = self.command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut group = Group(self.spawn(&mut command)?);
        let child = &mut group.0;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A program that reads no input has not failed by that.
                let _ = stdin.write_all(&self.input).await;
            }
        };
        let (_, stdout, stderr) = tokio::join!(feed, read_all(stdout), read_all(stderr));
        let stream = |source| CommandError::Stream {
            program: self.name.clone(),
            source,
        };
        let (stdout, stderr) = (stdout.map_err(stream)?, stderr.map_err(stream)?);
        let status = child.wait().await.map_err(stream)?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "this is the one place that starts programs"
    )]
    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.name);
        command.args(&self.arguments).process_group(0);
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    fn spawn(&self, command: &mut tokio::process::Command) -> Result<Child, CommandError> {
        command.spawn().map_err(|source| self.not_started(source))
    }

    fn not_started(&self, source: io::Error) -> CommandError {
        let program = self.name.clone();
        match source.kind() {
            io::ErrorKind::NotFound => CommandError::Missing { program },
            _ => CommandError::Start { program, source },
        }
    }
}

impl std::fmt::Debug for Program {
    /// Without variables and input: that is where a secret would be.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A program and what it started: all end together when it is given up.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // No id once it has been waited for; until then the kernel does not reuse the number.
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

async fn read_all(stream: Option<impl AsyncReadExt + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn last_words(stderr: &str) -> String {
    match last_lines(stderr, 10).as_slice() {
        [] => String::new(),
        [line] => format!(": {line}"),
        lines => format!(":\n{}", lines.join("\n")),
    }
}

/// The last lines of a program's output, without empty ones.
pub fn last_lines(output: &str, count: usize) -> Vec<&str> {
    let lines = output.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// A word of a command line, quoted where a POSIX shell would take it for more than that. `csh` looks for `!`, its
/// history, between quotes, too.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@=%,".contains(c);
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let assigns = word
        .split_once('=')
        .is_some_and(|(name, _)| name.chars().all(in_name));
    if !word.is_empty() && word.chars().all(plain) && !assigns {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''").replace('!', r"'\!'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Program {
        Program::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn input_goes_in_and_output_comes_out() {
        let big = vec![b'x'; 1 << 20];
        let output = Program::new("cat").input(big.clone()).run().await.unwrap();
        assert!(output.stdout == big);
    }

    #[tokio::test]
    async fn a_failure_shows_its_last_words() {
        let error = sh("echo disk on fire >&2; exit 3").run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh` ended with exit status: 3: disk on fire"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = Program::new("no-such-program").run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the program `no-such-program` is not installed"
        );
    }

    #[tokio::test]
    async fn a_deadline_ends_the_children_too() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("survived");
        let script = format!("(sleep 1; touch {}) & sleep 30", mark.display());
        let error = sh(&script)
            .timeout(Duration::from_millis(200))
            .run()
            .await
            .unwrap_err();
        assert!(matches!(error, CommandError::Timeout { .. }), "{error}");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!mark.exists());
    }

    #[test]
    fn debug_shows_neither_input_nor_variables() {
        let shown = format!(
            "{:?}",
            sh("true").input("hunter2").env("PASSWORD", "hunter2")
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(quoted("/home/ann/.docker"), "/home/ann/.docker");
        assert_eq!(quoted("it's $(id)"), "'it'\\''s $(id)'");
    }
}
