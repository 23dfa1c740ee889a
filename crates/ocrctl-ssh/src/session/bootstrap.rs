//! Bringing the agent to a host that does not have it, and reading what went wrong.

use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::Progress;
use super::agent_file::AgentFile;
use super::error::SessionError;
use super::lines::{Lines, TooLong};
use super::stderr::{PROMPT, Tail};
use super::sudo::{self, Entry};
use crate::transport::{Channel, Exit, Transport};

const START: &str = include_str!("start.sh");
const AS_ROOT: &str = include_str!("as_root.sh");
const UPLOAD: &str = include_str!("upload.sh");

const NO_AGENT: i32 = 97;
const NO_SUDO: i32 = 98;

/// Bytes between two reports of progress.
const CHUNK: usize = 64 << 10;
/// Without a byte taken for so long, an upload is given up.
const STALL: Duration = Duration::from_secs(60);
/// sudo may ask a directory service before anything starts.
pub(super) const START_LIMIT: Duration = Duration::from_secs(30);
/// For the host to write the file to its disk.
const STORE: Duration = Duration::from_secs(120);

/// A host, as the start of an agent needs to know it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    /// The login name, for messages.
    pub(super) user: String,
    /// For sudo, where it asks. `None` if it must not ask.
    pub(super) sudo_password: Option<SecretString>,
    /// Where agents are.
    pub(super) directory: String,
}

/// Reasons why an agent did not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// No agent is there yet.
    Missing(Wanted),
    Failed(SessionError),
}

/// The agent that a host needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) architecture: String,
    /// True if the host can unpack xz.
    pub(super) xz: bool,
}

impl Host {
    /// Start the first of the agents `names` that is there.
    pub(super) async fn start(
        &self,
        transport: &dyn Transport,
        names: impl Iterator<Item = String>,
    ) -> Result<Channel, SessionError> {
        let places: Vec<String> = names
            .map(|name| format!("{}/{name}", self.directory))
            .collect();
        let mut argv = vec!["sh", "-c", START, "ocrctl", self.prompt()];
        argv.extend(places.iter().map(String::as_str));
        Ok(transport.exec(&argv).await?)
    }

    /// Returns sudo's prompt; empty if sudo must not ask.
    fn prompt(&self) -> &'static str {
        self.sudo_password.as_ref().map_or("", |_| PROMPT)
    }

    /// Why there was no answer from the agent.
    pub(super) fn not_started(&self, exit: Exit, stderr: Vec<String>) -> NotStarted {
        if exit == Exit::Code(NO_AGENT)
            && let Some(architecture) = stderr
                .iter()
                .find_map(|line| line.strip_prefix("ocrctl: no agent for "))
        {
            return NotStarted::Missing(Wanted {
                architecture: architecture.to_owned(),
                xz: stderr.iter().any(|line| line == "ocrctl: xz is welcome"),
            });
        }
        let text = stderr.join("\n");
        NotStarted::Failed(match self.not_root(exit, &text) {
            Some(error) => error,
            None if self.not_executed(exit, &text) => SessionError::NoExec {
                host: self.name.clone(),
                directory: self.directory.clone(),
            },
            None => SessionError::AgentDied {
                host: self.name.clone(),
                exit,
                stderr,
            },
        })
    }

    /// Send the agent over; afterwards it is there, whole, or there is an error and no trace.
    pub(super) async fn upload(
        &self,
        transport: &dyn Transport,
        agent: &AgentFile,
        xz: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), SessionError> {
        let sha256 = &agent.payload().await?.sha256;
        let (packing, packed) = agent.packed(xz).await?;
        let name = agent.name();
        let channel = transport
            .exec(&[
                "sh",
                "-c",
                AS_ROOT,
                "ocrctl",
                self.prompt(),
                UPLOAD,
                "ocrctl",
                &self.directory,
                &name,
                sha256,
                packing.name(),
            ])
            .await?;
        let Channel {
            mut stdin,
            stdout,
            stderr,
            exit,
        } = channel;
        let (mut stdout, mut stderr) = (Lines::of(stdout), Tail::of(stderr));
        if let Some(password) = &self.sudo_password {
            let entry = sudo::pass(password, &mut *stdin, &mut stdout, &mut stderr);
            match timeout(START_LIMIT, entry).await {
                // The reason of an early end is read below.
                Ok(Ok(Entry::In | Entry::Ended)) => {}
                Ok(Ok(Entry::Refused)) => return Err(self.wrong_password()),
                Ok(Err(TooLong(_))) | Err(_) => {
                    return Err(self.silent("sudo for the upload", START_LIMIT));
                }
            }
        }
        let feed = async {
            let mut sent = 0;
            for chunk in packed.chunks(CHUNK) {
                match timeout(STALL, stdin.write_all(chunk)).await {
                    Ok(Ok(())) => {}
                    // The script has ended; it says why.
                    Ok(Err(_)) => break,
                    Err(_) => return Err(self.silent("upload of the agent", STALL)),
                }
                sent += chunk.len() as u64;
                progress(Progress::Uploading {
                    sent,
                    total: packed.len() as u64,
                });
            }
            drop(stdin);
            Ok(())
        };
        let listen = async {
            stdout.drain().await;
            let said = stderr.lines().await.join("\n");
            Ok::<_, SessionError>((exit.await?, said))
        };
        tokio::pin!(listen);
        let ended = tokio::select! {
            fed = feed => {
                fed?;
                timeout(STORE, &mut listen)
                    .await
                    .map_err(|_| self.silent("storing the agent", STORE))?
            }
            ended = &mut listen => ended,
        };
        let (exit, stderr) = ended?;
        self.uploaded(exit, &stderr)
    }

    fn uploaded(&self, exit: Exit, stderr: &str) -> Result<(), SessionError> {
        if exit == Exit::Code(0) {
            return Ok(());
        }
        if let Some(error) = self.not_root(exit, stderr) {
            return Err(error);
        }
        let host = self.name.clone();
        let message = stderr.trim().to_owned();
        let says = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
        // gzip's words, ours, xz's and apt's.
        let damage = [
            "unexpected end of file",
            "crc error",
            "arrived damaged",
            "Unexpected end of input",
            "data is corrupt",
            "lzma_read",
        ];
        Err(
            if says(&["No space left on device", "Disk quota exceeded"]) {
                SessionError::DiskFull {
                    host,
                    directory: self.directory.clone(),
                }
            } else if says(&damage) {
                SessionError::UploadCut { host, message }
            } else {
                SessionError::Upload { host, message }
            },
        )
    }

    /// Errors of becoming root. Under `LC_ALL=C.UTF-8` sudo does not translate its messages.
    fn not_root(&self, exit: Exit, stderr: &str) -> Option<SessionError> {
        let (host, user) = (self.name.clone(), self.user.clone());
        if exit == Exit::Code(NO_SUDO) {
            return Some(SessionError::NoSudo { host, user });
        }
        let line = |words: &[&str]| {
            stderr
                .lines()
                .find(|line| words.iter().any(|word| line.contains(word)))
        };
        if line(&["a password is required", "a terminal is required"]).is_some() {
            return Some(SessionError::SudoPassword { host, user });
        }
        if line(&[
            "incorrect password attempt",
            "incorrect authentication attempt",
        ])
        .is_some()
        {
            return Some(self.wrong_password());
        }
        let message = line(&[
            "not in the sudoers file",
            "may not run sudo",
            "is not allowed to ",
            "no new privileges",
            "must be setuid root",
            "must be owned by uid 0",
            "you must have a tty",
            "account validation failure",
        ])?;
        Some(SessionError::SudoRefused {
            host,
            user,
            message: message.trim_start_matches("sudo: ").to_owned(),
        })
    }

    /// The shell says so with code 126, sudo with a message.
    fn not_executed(&self, exit: Exit, stderr: &str) -> bool {
        let said = stderr
            .lines()
            .any(|line| line.contains(&self.directory) && line.ends_with("Permission denied"));
        said && matches!(exit, Exit::Code(126 | 1))
    }

    pub(super) fn wrong_password(&self) -> SessionError {
        SessionError::WrongSudoPassword {
            host: self.name.clone(),
            user: self.user.clone(),
        }
    }

    pub(super) fn silent(&self, what: &'static str, after: Duration) -> SessionError {
        SessionError::Silent {
            host: self.name.clone(),
            what,
            seconds: after.as_secs(),
        }
    }
}
