//! The controller's end of a connection to a host: it finds the agent there or brings it, then
//! sends requests and receives events.
//!
//! A command on a host that has its agent costs one SSH handshake and one exec.

mod agent;
mod agent_file;
mod bootstrap;
mod error;
mod lines;
mod stderr;
mod sudo;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use secrecy::SecretString;

pub use self::agent_file::Agents;
pub use self::error::SessionError;

use self::agent::Agent;
use self::bootstrap::{Host, NotStarted};
use crate::transport::{self, Transport};
use ocrctl_inventory::Target;
use ocrctl_protocol::{Event, Request};

/// Options of a session.
#[derive(Debug, Clone)]
pub struct Options {
    /// The agents to upload; read once for all hosts.
    pub agents: Arc<Agents>,
    /// Directory on the host that is ours.
    pub base: String,
    /// For sudo on the host, where it asks for one.
    pub sudo_password: Option<SecretString>,
    pub transport: transport::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            agents: Arc::default(),
            base: "/opt/ocrctl".into(),
            sudo_password: None,
            transport: transport::Options::default(),
        }
    }
}

/// The progress of opening a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Connecting,
    /// Bytes on the wire.
    Uploading {
        sent: u64,
        total: u64,
    },
    Starting,
}

/// A conversation with the agent on a host.
pub struct Session {
    target: Target,
    options: transport::Options,
    transport: Box<dyn Transport>,
    agent: Agent,
    notices: Vec<String>,
}

impl Session {
    /// Connect to a host and greet its agent, which is uploaded if it is not there.
    /// `operator` is who the host's lock and journal will name.
    pub async fn open(
        target: &Target,
        operator: &str,
        options: &Options,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Self, SessionError> {
        progress(Progress::Connecting);
        let connecting = transport::connect(target, &options.transport);
        // While the handshake goes on: reading and hashing take longer than nothing.
        let (transport, agents) = tokio::join!(connecting, options.agents.files());
        let (transport, agents) = (transport?, agents?);
        let host = || Host {
            name: target.name.clone(),
            user: target
                .user
                .clone()
                .unwrap_or_else(|| "the login user".into()),
            sudo_password: options.sudo_password.clone(),
            directory: format!("{}/bin", options.base),
        };
        progress(Progress::Starting);
        let started = match Agent::start(host(), &*transport, agents, operator).await {
            Err(NotStarted::Missing(wanted)) => {
                let agent = agent_file::fitting(agents, &target.name, &wanted.architecture)?;
                host()
                    .upload(&*transport, agent, wanted.xz, progress)
                    .await?;
                progress(Progress::Starting);
                Agent::start(host(), &*transport, agents, operator).await
            }
            started => started,
        };
        let (agent, notices) = started.map_err(|error| match error {
            NotStarted::Failed(error) => error,
            NotStarted::Missing(_) => SessionError::Upload {
                host: target.name.clone(),
                message: "it is not there although it was stored".into(),
            },
        })?;
        Ok(Self {
            target: target.clone(),
            options: options.transport.clone(),
            transport,
            agent,
            notices,
        })
    }

    /// Returns the host's news since the last connection.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    pub async fn send(&mut self, request: &Request) -> Result<(), SessionError> {
        self.agent.send(request).await
    }

    /// The next event. Safe to give up and call again, as `select!` does.
    pub async fn next(&mut self) -> Result<Event, SessionError> {
        self.agent.next().await
    }

    /// Prove that the host can be reached anew, over a connection that shares nothing with this one.
    /// Borrows nothing, so that events can be awaited meanwhile.
    pub fn reconnect_probe(&self) -> impl Future<Output = Result<(), SessionError>> + Send + use<> {
        let (target, options) = (self.target.clone(), self.options.clone());
        async move { Ok(transport::probe(&target, &options).await?) }
    }

    /// Let the agent end, then the connection.
    pub async fn close(self) {
        self.agent.farewell().await;
        self.transport.close().await;
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("target", &self.target.name)
            .finish_non_exhaustive()
    }
}
