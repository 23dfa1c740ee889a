//! The agent's process as the controller sees it: greeting, lines to and fro, and its end.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::agent_file::AgentFile;
use super::bootstrap::{Host, NotStarted, START_LIMIT};
use super::error::SessionError;
use super::lines::{Lines, TooLong};
use super::stderr::Tail;
use super::sudo::{self, Entry};
use crate::transport::{Channel, Exit, Transport, TransportError};
use ocrctl_protocol::{Event, Request, VERSION};

/// For the agent to end after we have closed its input.
const FAREWELL: Duration = Duration::from_secs(5);
/// Lines that a login shell may print before the agent speaks.
const CHATTER: usize = 100;

/// The agent's process.
pub(super) struct Agent {
    host: Host,
    stdin: Box<dyn AsyncWrite + Send + Unpin>,
    stdout: Lines,
    stderr: Tail,
    exit: Option<BoxFuture<'static, Result<Exit, TransportError>>>,
}

impl Agent {
    /// Start the agent and exchange greetings.
    pub(super) async fn start(
        host: Host,
        transport: &dyn Transport,
        agents: &[AgentFile],
        operator: &str,
    ) -> Result<(Self, Vec<String>), NotStarted> {
        let channel = host
            .start(transport, agents.iter().map(AgentFile::name))
            .await
            .map_err(NotStarted::Failed)?;
        let mut agent = Self::over(host, channel);
        let greeting = timeout(START_LIMIT, agent.greet(operator)).await;
        match greeting {
            Ok(Ok(notices)) => Ok((agent, notices)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NotStarted::Failed(
                agent.host.silent("start of the agent", START_LIMIT),
            )),
        }
    }

    fn over(host: Host, channel: Channel) -> Self {
        Self {
            host,
            stdin: channel.stdin,
            stdout: Lines::of(channel.stdout),
            stderr: Tail::of(channel.stderr),
            exit: Some(channel.exit),
        }
    }

    async fn greet(&mut self, operator: &str) -> Result<Vec<String>, NotStarted> {
        let hello = Request::Hello {
            version: VERSION,
            operator: operator.to_owned(),
        };
        self.enter().await?;
        // If the reader is gone, its output says why.
        let _ = self.write(&hello).await;
        for _ in 0..CHATTER {
            let Some(line) = self.line().await.map_err(NotStarted::Failed)? else {
                let ending = self.ending().await.map_err(NotStarted::Failed)?;
                return Err(self.host.not_started(ending.0, ending.1));
            };
            if !line.starts_with(b"{") {
                tracing::debug!(
                    host = self.host.name,
                    "the login shell prints to its output"
                );
                continue;
            }
            if line == sudo::UP {
                continue;
            }
            return self.greeted(&line).map_err(NotStarted::Failed);
        }
        Err(NotStarted::Failed(self.garbled(b"")))
    }

    /// Through sudo, where there is a password for it; without one, it asks for none.
    async fn enter(&mut self) -> Result<(), NotStarted> {
        let Some(password) = &self.host.sudo_password else {
            return Ok(());
        };
        let entry = sudo::pass(
            password,
            &mut *self.stdin,
            &mut self.stdout,
            &mut self.stderr,
        );
        match entry.await {
            // Why it has ended is found by whoever reads on.
            Ok(Entry::In | Entry::Ended) => Ok(()),
            Ok(Entry::Refused) => Err(NotStarted::Failed(self.host.wrong_password())),
            Err(TooLong(line)) => Err(NotStarted::Failed(self.garbled(&line))),
        }
    }

    fn greeted(&self, line: &[u8]) -> Result<Vec<String>, SessionError> {
        match self.event(line)? {
            Event::Hello { version, notices } if version == VERSION => Ok(notices),
            Event::Hello { version, .. } => Err(SessionError::Version {
                host: self.host.name.clone(),
                ours: VERSION,
                theirs: version,
            }),
            Event::Failed(failure) => Err(SessionError::Refused {
                message: failure.message,
                hint: failure.hint,
            }),
            _ => Err(self.garbled(line)),
        }
    }

    pub(super) async fn send(&mut self, request: &Request) -> Result<(), SessionError> {
        match self.write(request).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended().await),
        }
    }

    /// The next event. Nothing is lost if this is given up and called again.
    pub(super) async fn next(&mut self) -> Result<Event, SessionError> {
        match self.line().await? {
            Some(line) => self.event(&line),
            None => Err(self.ended().await),
        }
    }

    async fn write(&mut self, request: &Request) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stdin.write_all(&line).await?;
        if let Request::Piece { data, .. } = request {
            self.stdin.write_all(data).await?;
        }
        self.stdin.flush().await
    }

    async fn line(&mut self) -> Result<Option<Vec<u8>>, SessionError> {
        let line = self.stdout.next().await;
        line.map_err(|TooLong(line)| self.garbled(&line))
    }

    fn event(&self, line: &[u8]) -> Result<Event, SessionError> {
        serde_json::from_slice(line).map_err(|_| self.garbled(line))
    }

    fn garbled(&self, line: &[u8]) -> SessionError {
        let text = String::from_utf8_lossy(line);
        SessionError::Garbled {
            host: self.host.name.clone(),
            line: text.chars().take(200).collect(),
        }
    }

    /// Why there is nothing more to read.
    async fn ended(&mut self) -> SessionError {
        match self.ending().await {
            Ok((exit, stderr)) => SessionError::AgentDied {
                host: self.host.name.clone(),
                exit,
                stderr,
            },
            Err(error) => error,
        }
    }

    async fn ending(&mut self) -> Result<(Exit, Vec<String>), SessionError> {
        let stderr = self.stderr.lines().await;
        let exit = match self.exit.take() {
            Some(exit) => timeout(FAREWELL, exit)
                .await
                .map_err(|_| self.host.silent("end of the agent", FAREWELL))??,
            // It was reported before.
            None => Exit::Killed,
        };
        Ok((exit, stderr))
    }

    /// Close its input and give it a moment to end.
    pub(super) async fn farewell(mut self) {
        drop(self.stdin);
        let end = async {
            self.stdout.drain().await;
            if let Some(exit) = self.exit.take() {
                let _ = exit.await;
            }
        };
        let _ = timeout(FAREWELL, end).await;
    }
}
